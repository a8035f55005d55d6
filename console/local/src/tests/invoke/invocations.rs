//! Successful invocations: the function's environment, the response, the log.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::tests::{ECHO, Server, eventually, quick};

#[tokio::test]
async fn a_cold_start_is_reported_and_the_second_invocation_is_warm() {
    let server = Server::start().await;
    server.create_with("echo", ECHO, json!({ "MemorySize": 256 })).await;
    let cold = server.invoke("echo", r#"{"a":1}"#).await;
    assert_eq!((cold.status, cold.text().as_str()), (200, r#"{"a":1}"#));
    assert_eq!(cold.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(cold.header("x-amz-function-error"), None);
    let id = cold.header("x-amzn-requestid").unwrap();
    let tail = cold.tail();
    let lines: Vec<&str> = tail.lines().collect();
    assert!(lines[0].starts_with("INIT_START Runtime Version: "), "{tail}");
    assert_eq!(lines[1], format!("START RequestId: {id} Version: $LATEST"));
    assert_eq!(lines[2], format!("END RequestId: {id}"));
    assert!(
        lines[3].starts_with(&format!("REPORT RequestId: {id}\tDuration: "))
            && lines[3].ends_with('\t'),
        "{tail}"
    );
    let figure = |field| cold.report(field).unwrap_or_else(|| panic!("no {field} in {tail}"));
    let (init, duration) = (figure("Init Duration"), figure("Duration"));
    assert!(init > 1.0 && duration > 0.0, "python needs more than a millisecond to start: {tail}");
    assert!((figure("Billed Duration") - (init + duration).ceil()).abs() <= 1.0, "{tail}");
    assert!(figure("Max Memory Used") >= 5.0, "python needs more than that: {tail}");
    assert!(tail.contains("\tMemory Size: 256 MB\tMax Memory Used: "), "{tail}");
    let warm = server.invoke("echo", "2").await;
    assert_eq!(warm.report("Init Duration"), None);
    assert!(!warm.tail().contains("INIT_START"));
}

#[tokio::test]
async fn the_function_sees_lambdas_environment_and_nothing_of_ours() {
    let server = Server::start().await;
    let settings = json!({ "Environment": { "Variables": { "COLOUR": "blue" } }, "Timeout": 9, "Handler": "the.handler" });
    server.create_with("env", "tells_what_it_sees()", settings).await;
    let context = STANDARD.encode(r#"{"custom":{"k":"ü"}}"#);
    let path = "/2015-03-31/functions/env/invocations";
    let reply = server
        .client
        .send("POST", path, &[("x-amz-client-context", &context)], b"{}", "lambda")
        .await;
    let seen = reply.json();
    let env = &seen["env"];
    for (name, value) in [
        ("_HANDLER", "the.handler"),
        ("COLOUR", "blue"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "env"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("TZ", ":UTC"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/env"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ] {
        assert_eq!(env[name], value, "{name}");
    }
    assert!(env["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap().contains("/[$LATEST]"));
    assert_eq!(env["LAMBDA_TASK_ROOT"], seen["cwd"]);
    assert_eq!(env.get("HOME"), None, "the environment is clean");
    assert_ne!(env["AWS_SECRET_ACCESS_KEY"], server.client.endpoint.secret_key.as_str());
    let headers = &seen["headers"];
    assert_eq!(headers["lambda-runtime-aws-request-id"], reply.header("x-amzn-requestid").unwrap());
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:eu-central-1:000000000000:function:env"
    );
    assert!(headers["lambda-runtime-trace-id"].as_str().unwrap().starts_with("Root=1-"));
    assert_eq!(headers["lambda-runtime-trace-id"], reply.header("x-amzn-trace-id").unwrap());
    assert!(
        headers["lambda-runtime-client-context"]
            .as_str()
            .unwrap()
            .starts_with(r#"{"custom":{"k":"#)
    );
    let deadline: f64 = headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    let left = deadline - seen["now"].as_f64().unwrap();
    assert!(left > 0.0 && left <= 9001.0, "the deadline is the truth: {left} ms left of 9 s");
}

#[tokio::test]
async fn what_is_printed_just_before_the_response_is_in_the_tail() {
    let server = Server::start().await;
    server.create("print", "prints_just_before_it_answers()").await;
    for _ in 0..50 {
        let reply = server.invoke("print", "{}").await;
        let (tail, id) = (reply.tail(), reply.header("x-amzn-requestid").unwrap().to_owned());
        let place = |text: &str| {
            tail.find(&format!("{text}{id}")).unwrap_or_else(|| panic!("no {text:?} in {tail}"))
        };
        assert!(
            place("START RequestId: ") < place("out ")
                && place("out ") < place("no line end ")
                && place("no line end ") < place("END RequestId: ")
        );
    }
}

#[tokio::test]
async fn the_tail_is_the_last_4_kb() {
    let server = Server::start().await;
    server.create("much", "prints_much()").await;
    let tail = server.invoke("much", "{}").await.tail();
    assert!((4090..=4096).contains(&tail.len()), "{}", tail.len());
    assert!(tail.contains("REPORT RequestId: "));
}

#[tokio::test]
async fn no_payload_is_an_empty_event_and_a_dry_run_runs_nothing() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    assert_eq!(server.invoke("echo", "").await.text(), "{}");
    let path = "/2015-03-31/functions/echo/invocations";
    let dry = server
        .client
        .send("POST", path, &[("x-amz-invocation-type", "DryRun")], b"{}", "lambda")
        .await;
    assert_eq!((dry.status, dry.body.len()), (204, 0));
}

#[tokio::test]
async fn an_event_is_queued_and_retried_twice_with_the_same_id() {
    let server = Server::start().await;
    server.create("fails", "notes_its_request_and_fails()").await;
    let record = server.dir.path().join("record");
    let path = "/2015-03-31/functions/fails/invocations";
    let payload = json!(record).to_string();
    let reply = server
        .client
        .send("POST", path, &[("x-amz-invocation-type", "Event")], payload.as_bytes(), "lambda")
        .await;
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    let queue = server.dir.path().join("queue");
    eventually("the queue is worked off", async || std::fs::read_dir(&queue).unwrap().count() == 0)
        .await;
    let id = reply.header("x-amzn-requestid").unwrap();
    assert_eq!(std::fs::read_to_string(record).unwrap(), format!("{id}\n").repeat(3));
}

#[tokio::test]
async fn concurrent_invocations_get_sandboxes_of_their_own_up_to_the_limit() {
    let server = Server::start().await;
    server.create("slow", "works_for_a_second()").await;
    let replies = futures_util::future::join_all((0..5).map(|_| server.invoke("slow", "{}"))).await;
    let mut processes: Vec<String> =
        replies.iter().filter(|r| r.status == 200).map(crate::tests::Reply::text).collect();
    processes.sort();
    processes.dedup();
    assert_eq!(processes.len(), quick().concurrency as usize);
    let refused: Vec<_> = replies.iter().filter(|r| r.status != 200).collect();
    assert_eq!(refused.len(), 2);
    assert_eq!((refused[0].status, refused[0].code()), (429, "TooManyRequestsException"));
    assert_eq!(refused[0].json()["Reason"], "ConcurrentInvocationLimitExceeded");
    assert!(
        processes.contains(&server.invoke("slow", "{}").await.text()),
        "one of them is used again"
    );
}

#[tokio::test]
async fn a_streamed_response_and_an_error_in_its_trailers_are_understood() {
    let server = Server::start().await;
    server.create("stream", "streams_and_may_fail()").await;
    assert_eq!(server.invoke("stream", "false").await.text(), "one two");
    let failed = server.invoke("stream", "true").await;
    assert_eq!(failed.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(failed.json(), json!({ "errorMessage": "mid" }));
}

#[tokio::test]
async fn the_json_log_format_writes_platform_events() {
    let server = Server::start().await;
    server.create_with("j", ECHO, json!({ "LoggingConfig": { "LogFormat": "JSON" } })).await;
    let tail = server.invoke("j", "{}").await.tail();
    let events: Vec<Value> = tail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["platform.initStart", "platform.start", "platform.report"]);
    let metrics = &events[2]["record"]["metrics"];
    for name in
        ["durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"]
    {
        assert!(metrics[name].as_f64().unwrap() > 0.0, "{name} in {metrics}");
    }
}
