//! One server per directory, and the state that outlives it.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    Error, Options,
    limits::Limits,
    open,
    server::{local::open_with, lock},
    tests::{Client, ECHO, Server, eventually, options, quick, second_process::SecondProcess},
};

#[tokio::test]
async fn the_second_one_joins_the_first() {
    let server = Server::start().await;
    let joined = open(options(server.dir.path())).await.unwrap();
    assert!(server.local.is_serving() && !joined.is_serving());
    assert_eq!(joined.endpoint().url, server.local.endpoint().url);
    assert!(joined.is_alive());
    server.create("echo", ECHO).await;
    let client = Client::new(joined.endpoint().clone());
    assert_eq!(client.lambda("GET", "/2015-03-31/functions/echo", &Value::Null).await.status, 200);
    server.local.shutdown().await;
    // A child of another test holds the lock between its fork and its exec.
    eventually("it knows that the first one is gone", async || !(joined.is_alive())).await;
    let own = open(options(server.dir.path())).await.unwrap();
    assert!(own.is_serving(), "it serves now");
}

#[tokio::test]
async fn of_many_that_start_at_once_one_serves() {
    let dir = tempfile::tempdir().unwrap();
    let opened = futures_util::future::join_all((0..8).map(|_| open(options(dir.path())))).await;
    let opened: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.iter().filter(|local| local.is_serving()).count(), 1);
    assert!(opened.iter().all(|local| local.endpoint().url == opened[0].endpoint().url));
}

#[tokio::test]
async fn functions_logs_and_keys_outlive_the_server() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    server.invoke("echo", "1").await;
    let key = server.local.endpoint().access_key.clone();
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert_eq!(server.local.endpoint().access_key, key);
    assert_eq!(server.invoke("echo", "2").await.text(), "2");
    let events = server
        .client
        .logs(
            "FilterLogEvents",
            &json!({ "logGroupName": "/aws/lambda/echo", "filterPattern": "REPORT" }),
        )
        .await;
    assert_eq!(events.json()["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_killed_server_left_behind_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let stale = crate::Endpoint {
        url: "http://127.0.0.1:9".into(),
        access_key: "x".into(),
        secret_key: "y".into(),
        region: "z".into(),
        pid: 1,
        id: "killed".into(),
        memory_limit: String::new(),
        damage: Vec::new(),
    };
    lock::write_endpoint(dir.path(), &stale).unwrap();
    std::fs::write(dir.path().join("lock"), "").unwrap();
    std::fs::create_dir_all(dir.path().join("code/.half-unpacked")).unwrap();
    std::fs::create_dir_all(dir.path().join("functions")).unwrap();
    std::fs::write(dir.path().join("functions/half.json"), "{\"name\":").unwrap();
    std::fs::write(dir.path().join("functions/.echo.json.1"), "{\"na").unwrap();
    let server = Server::start_in(dir, quick()).await;
    assert!(server.local.is_serving());
    eventually("it is removed in the background", async || {
        !(server.dir.path().join("code/.half-unpacked").exists())
    })
    .await;
    assert!(!server.dir.path().join("functions/.echo.json.1").exists());
    assert!(server.dir.path().join("functions/half.json.damaged").exists(), "it is set aside");
    server.create("echo", ECHO).await;
    assert_eq!(server.invoke("echo", "1").await.text(), "1");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let error = open(Options { port, ..options(dir.path()) }).await.err().unwrap();
    assert!(matches!(error, Error::Port { .. }));
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(open(options(dir.path())).await.unwrap().is_serving(), "the lock was let go");
}

#[tokio::test]
async fn the_state_is_for_its_owner_alone_and_secrets_are_not_printed() {
    let server = Server::start().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(server.dir.path()), 0o700);
    for file in ["keys.json", "endpoint.json"] {
        assert_eq!(mode(&server.dir.path().join(file)), 0o600, "{file}");
    }
    let described = format!("{:?}", server.local.endpoint());
    assert!(!described.contains(&server.local.endpoint().secret_key), "{described}");
}

pub(crate) fn is_running(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z "))
}

const WHO: &str = "tells_its_process()";

#[tokio::test]
async fn sandboxes_end_with_the_server() {
    let server = Server::start().await;
    server.create("who", WHO).await;
    let process = server.invoke("who", "{}").await.text();
    assert!(is_running(&process));
    server.local.shutdown().await;
    assert!(!is_running(&process));
}

#[tokio::test]
async fn an_idle_sandbox_ends_after_its_time() {
    let server = Server::start_with(Limits { idle: Duration::from_millis(200), ..quick() }).await;
    server.create("who", WHO).await;
    let process = server.invoke("who", "{}").await.text();
    eventually("the sandbox ends", async || !is_running(&process)).await;
    let next = server.invoke("who", "{}").await;
    assert_ne!(next.text(), process);
    assert!(next.report("Init Duration").is_some());
}

#[tokio::test]
async fn the_last_words_of_an_idle_sandbox_are_logged() {
    let server = Server::start().await;
    server.create("talks", "talks_and_exits()").await;
    server.invoke("talks", "{}").await;
    let request = json!({ "logGroupName": "/aws/lambda/talks", "filterPattern": "\"last words\"" });
    eventually("they are logged", async || {
        server.client.logs("FilterLogEvents", &request).await.json()["events"] != json!([])
    })
    .await;
}

#[tokio::test]
async fn a_deleted_functions_sandbox_ends() {
    let server = Server::start().await;
    server.create("who", WHO).await;
    let process = server.invoke("who", "{}").await.text();
    server.client.lambda("DELETE", "/2015-03-31/functions/who", &Value::Null).await;
    eventually("the sandbox ends", async || !is_running(&process)).await;
}

#[tokio::test]
async fn a_queued_event_outlives_the_server() {
    let server = Server::start().await;
    server.create("slow", "never_answers()").await;
    let path = "/2015-03-31/functions/slow/invocations";
    server.client.send("POST", path, &[("x-amz-invocation-type", "Event")], b"{}", "lambda").await;
    server.local.shutdown().await;
    let waiting = || std::fs::read_dir(server.dir.path().join("queue")).unwrap().count();
    assert_eq!(waiting(), 1);
    let dir = server.dir.path().to_owned();
    let local = open_with(options(&dir), quick()).await.unwrap();
    let client = Client::new(local.endpoint().clone());
    // The function is repaired before the event is retried.
    let code = STANDARD.encode(crate::tests::python(ECHO));
    client.lambda("PUT", "/2015-03-31/functions/slow/code", &json!({ "ZipFile": code })).await;
    client
        .lambda("PUT", "/2015-03-31/functions/slow/configuration", &json!({ "Timeout": 3 }))
        .await;
    eventually("the event is worked off", async || waiting() == 0).await;
    local.shutdown().await;
}

/// Not a test by itself: the next one runs it in a process of its own, and kills that.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn kill_9_takes_the_sandboxes_along_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = SecondProcess::start(dir.path()).await;
    let local = open(options(dir.path())).await.unwrap();
    assert!(!local.is_serving());
    let client = Client::new(local.endpoint().clone());
    let create = crate::tests::request("who", &crate::tests::python(WHO), json!({}));
    assert_eq!(client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    client.settled("who").await;
    let process =
        client.lambda("POST", "/2015-03-31/functions/who/invocations", &json!({})).await.text();
    assert!(is_running(&process));
    serving.kill();
    eventually("the sandbox dies with its server", async || !is_running(&process)).await;
    let server = Server::start_in(dir, quick()).await;
    assert!(server.local.is_serving());
    assert_ne!(server.invoke("who", "{}").await.text(), process);
}
