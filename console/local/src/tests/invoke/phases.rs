//! The phases of an invocation in the log: order, figures, levels, traces.

use serde_json::{Value, json};

use crate::tests::{ECHO, Server, eventually};

/// The complete log of a function.
pub(crate) async fn log(server: &Server, name: &str) -> Vec<String> {
    let mut request = json!({ "logGroupName": format!("/aws/lambda/{name}") });
    let mut log = Vec::new();
    loop {
        let page = server.client.logs("FilterLogEvents", &request).await.json();
        let events = page["events"].as_array().unwrap().iter();
        log.extend(events.map(|event| event["message"].as_str().unwrap().to_owned()));
        if page["nextToken"].is_null() {
            return log;
        }
        request["nextToken"] = page["nextToken"].clone();
    }
}

/// Waits until the log has a line that contains `words`. Returns the log.
pub(crate) async fn log_with(server: &Server, name: &str, words: &str) -> Vec<String> {
    let mut found = Vec::new();
    let has_come = async || {
        found = log(server, name).await;
        found.iter().any(|line| line.contains(words))
    };
    eventually(&format!("{words} in the log"), has_come).await;
    found
}

/// The types of the events in a tail.
fn types(tail: &str) -> Vec<String> {
    let kind = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
    };
    tail.lines().map(kind).collect()
}

fn place(log: &str, words: &str) -> usize {
    log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"))
}

#[tokio::test]
async fn after_a_failed_init_the_second_one_comes_before_the_start() {
    let server = Server::start().await;
    let mark = server.dir.path().join("mark");
    let settings = json!({ "Timeout": 20, "Environment": { "Variables": { "MARK": mark } } });
    server.create_with("late", "exits_in_its_first_init()", settings).await;
    let tail = server.invoke("late", "5").await.tail();
    assert!(place(&tail, "INIT_REPORT") < tail.rfind("coming up").unwrap(), "{tail}");
    assert!(tail.rfind("coming up").unwrap() < place(&tail, "START RequestId"), "{tail}");
    assert_eq!(tail.matches("INIT_REPORT").count(), 1, "the second one went well: {tail}");
    assert_eq!(tail.matches("INIT_START").count(), 1, "{tail}");
}

#[tokio::test]
async fn the_json_format_writes_every_event_at_the_level_debug_with_awss_fields() {
    let server = Server::start().await;
    let logging =
        json!({ "LogFormat": "JSON", "SystemLogLevel": "DEBUG", "ApplicationLogLevel": "TRACE" });
    server.create_with("j", ECHO, json!({ "LoggingConfig": logging })).await;
    let reply = server.invoke("j", "[1,2]").await;
    let id = reply.header("x-amzn-requestid").unwrap();
    let tail = reply.tail();
    assert_eq!(
        types(&tail),
        [
            "platform.initStart",
            "platform.initRuntimeDone",
            "platform.initReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report"
        ]
    );
    let events: Vec<Value> = tail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(tail.starts_with("{\"time\":\""), "{tail}");
    let init = &events[0]["record"];
    assert_eq!((&init["functionName"], &init["functionVersion"]), (&json!("j"), &json!("$LATEST")));
    assert_eq!(init["instanceMaxMemory"], 128 << 20);
    assert!(init["instanceId"].as_str().unwrap().contains("[$LATEST]"), "{init}");
    assert_eq!(events[1]["record"]["status"], "success");
    let done = &events[4]["record"];
    assert_eq!((&done["requestId"], &done["status"]), (&json!(id), &json!("success")));
    assert_eq!(done["metrics"]["producedBytes"], 5);
    let spans = done["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["responseLatency", "responseDuration", "runtimeOverhead"]);
    let sum: f64 = spans.iter().map(|span| span["durationMs"].as_f64().unwrap()).sum();
    let whole = done["metrics"]["durationMs"].as_f64().unwrap();
    assert!((sum - whole).abs() < 0.01 && whole > 0.0, "{done}");
    assert!(
        spans.iter().all(|span| span["start"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok()),
        "{done}"
    );
    let report = &events[5]["record"]["metrics"];
    assert_eq!(report["durationMs"], done["metrics"]["durationMs"], "there are no extensions");
}

#[tokio::test]
async fn the_level_of_lambdas_lines_leaves_out_what_went_well() {
    let server = Server::start().await;
    server
        .create_with(
            "warn",
            "exits_at_1()",
            json!({ "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "WARN" } }),
        )
        .await;
    assert_eq!(server.invoke("warn", "2").await.tail(), "");
    let tail = server.invoke("warn", "1").await.tail();
    let events: Vec<&str> = tail.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(types(&events.join("\n")), ["platform.runtimeDone", "platform.report"]);
    for event in events {
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["record"]["status"], "error");
        assert_eq!(event["record"]["errorType"], "Runtime.ExitError");
    }
}

#[tokio::test]
async fn the_level_of_the_functions_lines_is_that_in_their_json() {
    let server = Server::start().await;
    let logging =
        json!({ "LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN" });
    server.create_with("say", "logs_at_levels()", json!({ "LoggingConfig": logging })).await;
    let tail = server.invoke("say", "1").await.tail();
    assert_eq!(tail.lines().count(), 1, "{tail}");
    assert!(tail.contains("a warning"), "{tail}");
}

#[tokio::test]
async fn what_follows_the_response_is_before_the_report_and_a_part_of_the_duration() {
    let server = Server::start().await;
    server.create_with("hook", "flushes_after_its_answer()", json!({ "Timeout": 10 })).await;
    let reply = server.invoke("hook", "1").await;
    let tail = reply.tail();
    assert!(place(&tail, "flushed") < place(&tail, "END RequestId"), "{tail}");
    assert!(reply.report("Duration").unwrap() >= 300.0, "{tail}");
}

#[tokio::test]
async fn without_a_tail_the_answer_does_not_wait_for_what_follows_it() {
    let server = Server::start().await;
    let call = format!("flushes_when_let({:?})", server.dir.path().join("go"));
    let configuration = server.create_with("hook", &call, json!({ "Timeout": 20 })).await;
    assert_eq!(configuration["FunctionName"], "hook");
    let path = "/2015-03-31/functions/hook/invocations";
    let reply = server.client.send("POST", path, &[], b"7", "lambda").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "7"));
    assert!(
        !log(&server, "hook").await.iter().any(|line| line.starts_with("REPORT")),
        "it still works"
    );
    std::fs::write(server.dir.path().join("go"), "").unwrap();
    let log = log_with(&server, "hook", "REPORT").await.concat();
    assert!(place(&log, "flushed") < place(&log, "REPORT"), "{log}");
}

#[tokio::test]
async fn what_follows_the_response_for_too_long_times_out_though_the_answer_was_given() {
    let server = Server::start().await;
    server.create_with("hook", "hangs_after_its_answer()", json!({ "Timeout": 1 })).await;
    let reply = server.invoke("hook", "1").await;
    assert_eq!((reply.text().as_str(), reply.header("x-amz-function-error")), ("1", None));
    assert!(reply.tail().contains("Task timed out after 1.00 seconds"), "{}", reply.tail());
    assert!(reply.tail().contains("\tStatus: timeout\t"), "{}", reply.tail());
}

#[tokio::test]
async fn an_exit_after_the_response_is_reported_in_the_log_alone() {
    let server = Server::start().await;
    server.create("once", "exits_after_its_answer()").await;
    let reply = server.invoke("once", "1").await;
    assert_eq!((reply.text().as_str(), reply.header("x-amz-function-error")), ("1", None));
    let tail = reply.tail();
    assert!(
        tail.contains("Error: Runtime exited with error: exit status 4\nRuntime.ExitError\n"),
        "{tail}"
    );
    assert!(tail.contains("\tStatus: error\tError Type: Runtime.ExitError\t"), "{tail}");
}

#[tokio::test]
async fn a_sampled_trace_is_a_second_line_of_the_report() {
    let server = Server::start().await;
    let script = "tells_its_trace()";
    server.create("passes", script).await;
    server.create_with("active", script, json!({ "TracingConfig": { "Mode": "Active" } })).await;
    let root = "Root=1-62e900b2-710d76f009d6e7785905449a";
    for (name, header, sampled) in [
        ("passes", None, false),
        ("active", None, true),
        ("passes", Some("Sampled=1"), true),
        ("active", Some("Sampled=0"), false),
    ] {
        let header = header.map(|sampled| format!("{root};Parent=0efbd19962d95b05;{sampled}"));
        let mut headers = vec![("x-amz-log-type", "Tail")];
        headers.extend(header.as_deref().map(|header| ("x-amzn-trace-id", header)));
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let reply = server.client.send("POST", &path, &headers, b"1", "lambda").await;
        let trace = reply.json().as_str().unwrap().to_owned();
        let field =
            |name: &str| trace.split(';').find_map(|field| field.strip_prefix(name)).unwrap();
        assert_eq!(field("Sampled=") == "1", sampled, "{trace}");
        assert!(header.is_none() || trace.starts_with(root), "{trace}");
        let (id, segment) = (field("Root="), field("Parent="));
        let line = format!("\t\nXRAY TraceId: {id}\tSegmentId: {segment}\tSampled: true\t\n");
        assert_eq!(reply.tail().ends_with(&line), sampled, "{}", reply.tail());
        assert_eq!(reply.tail().contains("XRAY"), sampled);
    }
}

#[tokio::test]
async fn a_sampled_trace_is_a_field_of_the_events() {
    let server = Server::start().await;
    let logging = json!({ "LogFormat": "JSON", "SystemLogLevel": "DEBUG" });
    server
        .create_with(
            "j",
            ECHO,
            json!({ "LoggingConfig": logging, "TracingConfig": { "Mode": "Active" } }),
        )
        .await;
    let tail = server.invoke("j", "1").await.tail();
    for line in tail.lines().filter(|line| line.contains("requestId")) {
        let event: Value = serde_json::from_str(line).unwrap();
        let tracing = &event["record"]["tracing"];
        assert_eq!(tracing["type"], "X-Amzn-Trace-Id", "{line}");
        assert!(
            tracing["value"].as_str().unwrap().contains(tracing["spanId"].as_str().unwrap()),
            "{line}"
        );
    }
}
