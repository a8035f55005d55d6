//! A server that is killed at random moments, and one that starts and ends many sandboxes.

use std::{collections::HashMap, path::Path, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::tests::{
    Client, eventually, native, request, sandbox::faults::Rng, second_process::SecondProcess,
};

/// Known functions: the description of each, or `None` if it does not exist.
type Known = HashMap<String, Option<String>>;

/// Changes functions until the server is gone. `known` has the acknowledged changes. Returns the
/// function of the last call and the change that it was about to make.
async fn work(
    client: &Client,
    dice: &mut Rng,
    known: &mut Known,
    reports: &mut usize,
) -> (String, Option<String>) {
    for n in 0.. {
        let name = format!("f{}", dice.below(4));
        let path = format!("/2015-03-31/functions/{name}");
        let before = known.get(&name).cloned().flatten();
        let fresh = format!("{n} {}", dice.below(1_000_000));
        let (method, path, body, after) = match (&before, dice.below(8)) {
            (None, _) => {
                let settings = json!({ "Description": fresh, "Runtime": "provided.al2023" });
                let create = request(&name, &native::bootstrap(), settings);
                ("POST", "/2015-03-31/functions".to_owned(), create, Some(fresh))
            }
            (Some(_), 0) => ("DELETE", path, Value::Null, None),
            (Some(_), 1..5) => (
                "PUT",
                format!("{path}/configuration"),
                json!({ "Description": fresh }),
                Some(fresh),
            ),
            (Some(_), _) => ("POST", format!("{path}/invocations"), json!(0), before.clone()),
        };
        let Some(reply) = client.try_lambda(method, &path, &body).await else {
            return (name, after);
        };
        match reply.status {
            // An update is still in progress; the invocation was too early.
            409 => {}
            200 if path.ends_with("/invocations") => *reports += 1,
            200..300 => drop(known.insert(name, after)),
            status => panic!("{method} {path}: {status} {}", reply.text()),
        }
    }
    unreachable!()
}

/// Compares the server's state with the acknowledged changes. The last call may or may not have
/// completed.
async fn check(
    client: &Client,
    known: &mut Known,
    last: Option<(String, Option<String>)>,
    round: usize,
) {
    for (name, description) in known.clone() {
        let reply =
            client.lambda("GET", &format!("/2015-03-31/functions/{name}"), &Value::Null).await;
        let found = match reply.status {
            200 => Some(reply.json()["Configuration"]["Description"].as_str().unwrap().to_owned()),
            404 => None,
            status => panic!("round {round}: {status} {}", reply.text()),
        };
        let open = last.as_ref().filter(|(of, _)| *of == name).map(|(_, after)| after);
        assert!(
            found == description || Some(&found) == open,
            "round {round}, {name}: {found:?} for {description:?}"
        );
        known.insert(name, found);
    }
    // A function that was about to be created for the first time.
    if let Some((name, after)) = last.filter(|(name, _)| !known.contains_key(name)) {
        let there = client
            .lambda("GET", &format!("/2015-03-31/functions/{name}"), &Value::Null)
            .await
            .status
            == 200;
        known.insert(name, after.filter(|_| there));
    }
}

/// 200 rounds take a minute or two: `LAMBDA_LOCAL_KILLS=200`.
#[tokio::test]
async fn state_outlives_kill_9_at_random_moments() {
    let rounds =
        std::env::var("LAMBDA_LOCAL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let dir = crate::tests::shared_dir();
    let mut dice = Rng(0x2545_F491_4F6C_DD1D);
    let (mut known, mut last, mut reports) = (Known::new(), None, 0);
    for round in 0..rounds {
        let mut server = SecondProcess::start(dir.path()).await;
        let client = Client::new(server.client.endpoint.clone());
        check(&client, &mut known, last.take(), round).await;
        let moment = Duration::from_micros(1000 + dice.below(250_000) as u64);
        let killing = tokio::task::spawn_blocking(move || {
            std::thread::sleep(moment);
            server.kill();
        });
        last = Some(work(&client, &mut dice, &mut known, &mut reports).await);
        killing.await.unwrap();
    }
    let server = SecondProcess::start(dir.path()).await;
    check(&server.client, &mut known, last, rounds).await;
    let mut logged = 0;
    let groups = server.client.logs("DescribeLogGroups", &json!({})).await.json();
    for group in groups["logGroups"].as_array().unwrap() {
        let mut token = Value::Null;
        loop {
            let mut request =
                json!({ "logGroupName": group["logGroupName"], "filterPattern": "REPORT" });
            if !token.is_null() {
                request["nextToken"] = token;
            }
            let page = server.client.logs("FilterLogEvents", &request).await.json();
            logged += page["events"].as_array().unwrap().len();
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
    }
    assert!(
        logged >= reports,
        "{logged} of {reports} reports of acknowledged invocations are there"
    );
    let name = "after-all-that";
    let create = request(name, &native::bootstrap(), json!({}));
    assert_eq!(server.client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    server.client.settled(name).await;
    let path = format!("/2015-03-31/functions/{name}/invocations");
    assert_eq!(server.client.lambda("POST", &path, &json!(0)).await.status, 200);
}

#[tokio::test]
async fn sandboxes_that_come_and_go_leave_no_descriptor_and_no_memory_behind() {
    let dir = crate::tests::shared_dir();
    let server = SecondProcess::start(dir.path()).await;
    let client = &server.client;
    let create = request("f", &native::bootstrap(), json!({}));
    assert_eq!(client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    client.settled("f").await;
    let process = format!("/proc/{}", server.id());
    let descriptors = || std::fs::read_dir(Path::new(&process).join("fd")).unwrap().count();
    let resident = || {
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_ascii_whitespace().next().unwrap().parse::<usize>().unwrap()
    };
    // Each round has 16 new sandboxes: the update retires those of the previous round.
    let brief = json!(20);
    let rounds = async |number: usize| {
        for _ in 0..number {
            let path = "/2015-03-31/functions/f/invocations";
            let replies = join_all((0..16).map(|_| client.lambda("POST", path, &brief))).await;
            assert!(replies.iter().all(|reply| reply.status == 200));
            let path = "/2015-03-31/functions/f/configuration";
            assert_eq!(client.lambda("PUT", path, &json!({ "Description": "" })).await.status, 200);
            client.settled("f").await;
        }
        // All have ended when there are no more descriptors than in an idle server.
        eventually("all sandboxes have ended", async || descriptors() <= 40).await;
        (descriptors(), resident())
    };
    let (_, before) = rounds(3).await;
    let (_, after) = rounds(6).await;
    assert!(after < before + 4096, "from {before} to {after} KiB");
}
