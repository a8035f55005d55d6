//! The Telemetry API and the Logs API: subscribed extensions, and the events that they receive.

use std::time::Duration;

use serde_json::{Value, json};

use super::extensions::create;
use crate::{
    limits::Limits,
    tests::{Server, eventually, invoke::phases::log, quick},
};

/// A function that prints a line.
const PRINTS: &str = "prints()";

async fn listening(server: &Server, name: &str, subscribing: &str) {
    let heard = server.dir.path().join(format!("heard-{name}"));
    let script = format!("listens({subscribing})");
    let settings = json!({ "Environment": { "Variables": { "HEARD": heard.to_str().unwrap() } } });
    create(server, name, PRINTS, &[("listener", &script)], settings).await;
}

/// A server whose sandboxes are not frozen: frozen ones would receive the last events only with
/// their next invocation.
async fn awake() -> Server {
    Server::start_with(Limits { rest: Duration::from_mins(1), ..quick() }).await
}

/// The received events, in order.
fn heard(dir: &std::path::Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(format!("heard-{name}"))).unwrap_or_default();
    let batch = |line: &str| serde_json::from_str::<Vec<Value>>(line).unwrap();
    // The last line may not be complete yet.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).flat_map(batch).collect()
}

/// Waits until an event of this type was received.
async fn heard_of(dir: &std::path::Path, name: &str, kind: &str) -> Value {
    let mut found = None;
    let has_come = async || {
        found = heard(dir, name).into_iter().find(|event| event["type"] == kind);
        found.is_some()
    };
    eventually(&format!("{name} hears of {kind}"), has_come).await;
    found.unwrap()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_subscriber_hears_of_everything_also_of_what_was_before() {
    let server = Server::start().await;
    listening(&server, "f", "to_all").await;
    let reply = server.invoke("f", "[1]").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    let line =
        "TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function, Extension]\n";
    assert!(reply.tail().contains(line), "{}", reply.tail());
    assert!(reply.tail().contains("\"OK\"\n"), "{}", reply.tail());
    server.local.shutdown().await;
    let events = heard(server.dir.path(), "f");
    let kinds = kinds(&events);
    let platform: Vec<&str> =
        kinds.iter().copied().filter(|kind| kind.starts_with("platform.")).collect();
    assert_eq!(
        platform,
        [
            "platform.initStart",
            "platform.telemetrySubscription",
            "platform.initRuntimeDone",
            "platform.extension",
            "platform.initReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report",
        ]
    );
    let find = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap();
    assert_eq!(find("function")["record"], "from the function");
    assert!(
        events
            .iter()
            .any(|event| event["type"] == "extension" && event["record"] == "ready to hear"),
        "{events:#?}"
    );
    assert!(
        events.iter().all(|event| event["time"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok())
    );
    assert_eq!(
        find("platform.telemetrySubscription")["record"],
        json!({ "name": "listener", "state": "Subscribed", "types": ["platform", "function", "extension"] })
    );
    assert_eq!(
        find("platform.extension")["record"],
        json!({ "name": "listener", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"] })
    );
    let done = &find("platform.runtimeDone")["record"];
    assert_eq!((&done["requestId"], &done["metrics"]["producedBytes"]), (&json!(id), &json!(3)));
    let report = &find("platform.report")["record"];
    assert_eq!(report["spans"][0]["name"], "extensionOverhead");
    let duration = |record: &Value| record["metrics"]["durationMs"].as_f64().unwrap();
    assert!(duration(report) >= duration(done), "{report} {done}");
    assert!(
        kinds.iter().position(|kind| *kind == "function")
            < kinds.iter().position(|kind| *kind == "platform.runtimeDone")
    );
}

#[tokio::test]
async fn a_subscriber_hears_only_what_it_asked_for_and_asking_twice_changes_nothing() {
    let server = Server::start().await;
    listening(&server, "f", "twice").await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(tail.contains("200 400\n"), "{tail}");
    assert_eq!(tail.matches("TELEMETRY\t").count(), 1, "{tail}");
    server.local.shutdown().await;
    assert_eq!(kinds(&heard(server.dir.path(), "f")), ["function"]);
}

#[tokio::test]
async fn the_logs_api_sends_its_own_events() {
    let server = Server::start().await;
    listening(&server, "f", "to_logs").await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(
        tail.contains("LOGS\tName: listener\tState: Subscribed\tTypes: [Platform]\n"),
        "{tail}"
    );
    server.local.shutdown().await;
    assert_eq!(
        kinds(&heard(server.dir.path(), "f")),
        [
            "platform.logsSubscription",
            "platform.extension",
            "platform.start",
            "platform.runtimeDone",
            "platform.end",
            "platform.report"
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_reported() {
    let server = Server::start().await;
    listening(&server, "f", "wrongly").await;
    let tail = server.invoke("f", "1").await.tail();
    let message = "URI port is not provided; types should not be empty";
    let line =
        tail.lines().find_map(|line| line.strip_prefix("400 ")).unwrap_or_else(|| panic!("{tail}"));
    let error: Value = serde_json::from_str(line).unwrap();
    assert_eq!(error, json!({ "errorType": "ValidationError", "errorMessage": message }));
}

#[tokio::test]
async fn tcp_is_a_line_an_event() {
    let server = awake().await;
    let script = "over_tcp";
    listening(&server, "f", script).await;
    server.invoke("f", "1").await;
    heard_of(server.dir.path(), "f", "function").await;
    assert_eq!(kinds(&heard(server.dir.path(), "f")), ["function"]);
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_gets_the_count_of_missed_events() {
    let server = awake().await;
    // Its listener starts only at the end: events beyond the buffer are lost.
    let heard_file = server.dir.path().join("heard-f");
    let listener = "listens(late)";
    let settings = json!({
        "Timeout": 30, "Environment": { "Variables": { "HEARD": heard_file.to_str().unwrap() } },
    });
    create(&server, "f", "prints_3_mb()", &[("listener", listener)], settings).await;
    assert_eq!(server.invoke("f", "1").await.text(), "1");
    std::fs::write(server.dir.path().join("heard-f.go"), "").unwrap();
    let dropped = heard_of(server.dir.path(), "f", "platform.logsDropped").await["record"].clone();
    assert!(dropped["droppedRecords"].as_u64().unwrap() > 10, "{dropped}");
    assert!(dropped["droppedBytes"].as_u64().unwrap() > 500_000, "{dropped}");
    assert!(dropped["reason"].as_str().unwrap().contains("fallen behind"), "{dropped}");
    let lines = log(&server, "f").await.iter().filter(|line| line.starts_with("xxx")).count();
    assert_eq!(lines, 60, "the log has them all");
}

#[tokio::test]
async fn a_subscriber_that_never_listens_keeps_nothing_up() {
    let server = Server::start().await;
    listening(&server, "f", "where_nobody_listens").await;
    for _ in 0..3 {
        assert_eq!(server.invoke("f", "1").await.text(), "1");
    }
    server.local.shutdown().await;
}

#[tokio::test]
async fn an_internal_extension_may_listen_too() {
    let server = awake().await;
    let heard_file = server.dir.path().join("heard-f");
    let variables = json!({ "HEARD": heard_file.to_str().unwrap() });
    server
        .create_with(
            "f",
            "listens_inside_the_function()",
            json!({ "Environment": { "Variables": variables } }),
        )
        .await;
    server.invoke("f", "1").await;
    server.invoke("f", "1").await;
    // It arrives while the sandbox lives.
    heard_of(server.dir.path(), "f", "platform.report").await;
}
