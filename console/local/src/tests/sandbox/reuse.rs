//! Concurrent invocations, and idle sandboxes.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    limits::Limits,
    tests::{Reply, Server, eventually, quick},
};

/// Waits until a process has the state with this letter in `/proc`. A process that has ended counts
/// as a zombie.
pub(crate) async fn becomes(process: &str, wanted: char) {
    let stat = || {
        std::fs::read_to_string(format!("/proc/{process}/stat"))
            .unwrap_or_else(|_| "x) Z".to_owned())
    };
    let is_so = async || stat().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(wanted));
    eventually(&format!("{process} becomes {wanted}"), is_so).await;
}

#[tokio::test]
async fn several_functions_answer_several_hundred_requests_at_once_each_in_a_sandbox_of_its_own() {
    let server = Server::start_with(Limits { concurrency: 1000, ..quick() }).await;
    for name in ["a", "b", "c"] {
        server.create_native(name, json!({ "Timeout": 60 })).await;
    }
    let here = crate::tests::shared_dir();
    let payload = json!(here.path()).to_string();
    let names = ["a", "b", "c"].into_iter().cycle().take(210);
    let replies = join_all(names.map(|name| server.invoke(name, &payload)));
    // No request is answered before all of them have a sandbox.
    let all_there = async {
        let is_there = async || std::fs::read_dir(here.path()).unwrap().count() == 210;
        eventually("each has its sandbox", is_there).await;
        std::fs::write(here.path().join("go"), "").unwrap();
    };
    let (replies, ()) = tokio::join!(replies, all_there);
    let processes: HashSet<String> = replies.iter().map(Reply::text).collect();
    assert!(
        replies
            .iter()
            .all(|reply| reply.status == 200 && reply.header("x-amz-function-error").is_none())
    );
    assert_eq!(processes.len(), 210);
    let again = server.invoke("a", "0").await.text();
    assert!(processes.contains(&again), "a warm one is used again");
}

#[tokio::test]
async fn an_idle_sandbox_is_frozen_and_thawed_for_the_next_event() {
    let server = Server::start().await;
    // A thread that records the gaps in which it did not run.
    server.create("f", "notices_lost_time()").await;
    let process = server.invoke("f", "{}").await.json()[0].to_string();
    becomes(&process, 'T').await;
    // Time passes while it does not run.
    let frozen = Instant::now();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stood = frozen.elapsed();
    server.invoke("f", "{}").await;
    // The thread may only run after the answer: the next answer reports it.
    becomes(&process, 'T').await;
    let reply = server.invoke("f", "{}").await.json();
    assert_eq!(reply[0].to_string(), process, "it is the same one");
    assert!(reply[1].as_f64().unwrap() >= stood.as_secs_f64(), "{reply} after {stood:?}");
}

#[tokio::test]
async fn a_function_that_does_not_ask_for_the_next_event_yet_is_not_frozen() {
    let server = Server::start().await;
    server.create("late", "works_after_its_answer()").await;
    let reply = server.invoke("late", "{}").await;
    assert!(reply.tail().contains("done after the answer\n"), "{}", reply.tail());
    becomes(&reply.text(), 'T').await;
}

#[tokio::test]
async fn a_frozen_sandbox_is_killed_when_its_time_is_over_and_its_last_words_are_kept() {
    let server = Server::start_with(Limits { idle: Duration::from_millis(200), ..quick() }).await;
    server.create("f", "leaves_a_line_without_its_end()").await;
    let process = server.invoke("f", "{}").await.text();
    eventually("it is ended", async || {
        !(std::path::Path::new(&format!("/proc/{process}")).exists())
    })
    .await;
    let request = json!({ "logGroupName": "/aws/lambda/f", "filterPattern": "newline" });
    eventually("its last words are logged", async || {
        server.client.logs("FilterLogEvents", &request).await.json()["events"] != json!([])
    })
    .await;
    assert_ne!(server.invoke("f", "{}").await.text(), process);
}

#[tokio::test]
async fn a_functions_reservation_is_a_limit_for_it_and_a_share_that_others_do_not_have() {
    let server = Server::start_with(Limits { concurrency: 4, ..quick() }).await;
    for name in ["r", "a"] {
        server.create_native(name, json!({ "Timeout": 60 })).await;
    }
    let reserve = async |number: i64| {
        let path = "/2017-10-31/functions/r/concurrency";
        let body = json!({ "ReservedConcurrentExecutions": number });
        assert_eq!(server.client.lambda("PUT", path, &body).await.status, 200);
    };
    reserve(0).await;
    let throttled = server.invoke("r", "0").await;
    assert_eq!((throttled.status, throttled.code()), (429, "TooManyRequestsException"));
    assert_eq!(throttled.json()["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(throttled.json()["message"], "Rate Exceeded.");
    reserve(3).await;
    let here = crate::tests::shared_dir();
    let payload = json!(here.path()).to_string();
    let running = join_all(["r", "r", "r", "a"].map(|name| server.invoke(name, &payload)));
    let meanwhile = async {
        let is_there = async || std::fs::read_dir(here.path()).unwrap().count() == 4;
        eventually("all four run", is_there).await;
        let refused = [server.invoke("r", "0").await, server.invoke("a", "0").await];
        std::fs::write(here.path().join("go"), "").unwrap();
        refused.map(|reply| reply.json()["Reason"].clone())
    };
    let (replies, refused) = tokio::join!(running, meanwhile);
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(
        refused,
        ["ReservedFunctionConcurrentInvocationLimitExceeded", "ConcurrentInvocationLimitExceeded"]
            .map(|r| json!(r))
    );
}

#[tokio::test]
async fn when_all_places_are_taken_the_sandbox_that_was_idle_longest_gives_way() {
    let server = Server::start_with(Limits { concurrency: 2, ..quick() }).await;
    let mut processes = Vec::new();
    for name in ["a", "b", "c"] {
        server.create_native(name, json!({})).await;
        processes.push(server.invoke(name, "0").await.text());
    }
    eventually("the first one is ended", async || {
        !(std::path::Path::new(&format!("/proc/{}", processes[0])).exists())
    })
    .await;
    assert_eq!(server.invoke("c", "0").await.text(), processes[2]);
    assert_eq!(server.invoke("b", "0").await.text(), processes[1]);
}

#[tokio::test]
async fn events_wait_for_their_turn_while_callers_are_refused() {
    let server = Server::start_with(Limits { concurrency: 1, ..quick() }).await;
    server.create("f", "records_and_waits()").await;
    let (record, until) = (server.dir.path().join("record"), server.dir.path().join("until"));
    let payload = json!({ "record": record, "until": until }).to_string();
    let path = "/2015-03-31/functions/f/invocations";
    for _ in 0..5 {
        let headers = [("x-amz-invocation-type", "Event")];
        assert_eq!(
            server.client.send("POST", path, &headers, payload.as_bytes(), "lambda").await.status,
            202
        );
    }
    let lines = || std::fs::read_to_string(&record).unwrap_or_default().lines().count();
    eventually("the first event is delivered", async || lines() != 0).await;
    let refused = server.invoke("f", &payload).await;
    assert_eq!((refused.status, refused.code()), (429, "TooManyRequestsException"));
    assert_eq!(refused.json()["Reason"], "ConcurrentInvocationLimitExceeded");
    std::fs::write(until, "").unwrap();
    let queue = server.dir.path().join("queue");
    let is_done = async || lines() == 5 && std::fs::read_dir(&queue).unwrap().count() == 0;
    eventually("all events are worked off", is_done).await;
    assert_eq!(lines(), 5);
}

#[tokio::test]
async fn a_sandbox_that_has_answered_is_waited_for_and_one_that_goes_on_working_is_not() {
    let server = Server::start().await;
    server.create_with("f", "works_on_for_as_long()", json!({ "Timeout": 60 })).await;
    let path = "/2015-03-31/functions/f/invocations";
    // Without the tail of the log, for which a response would wait until all is done.
    let process = async |payload: &str| {
        server.client.send("POST", path, &[], payload.as_bytes(), "lambda").await.text()
    };
    let first = process("0.03").await;
    assert_eq!(process("30").await, first);
    assert_ne!(process("0").await, first);
}
