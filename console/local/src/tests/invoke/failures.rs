//! Failed invocations: each must end with a clear error, and the next one must work.

use std::time::Duration;

use serde_json::json;

use crate::{
    limits::Limits,
    tests::{ECHO, Server, eventually, quick, request, zip},
};

/// Type and message of the function's error.
fn error(reply: &crate::tests::Reply) -> (String, String) {
    assert_eq!(
        (reply.status, reply.header("x-amz-function-error")),
        (200, Some("Unhandled")),
        "{}",
        reply.text()
    );
    let error = reply.json();
    (
        error["errorType"].as_str().unwrap_or_default().to_owned(),
        error["errorMessage"].as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn a_timeout_kills_the_sandbox_and_its_children() {
    let server = Server::start().await;
    server.create_with("slow", "hangs_with_a_child()", json!({ "Timeout": 1 })).await;
    let reply = server.invoke("slow", "1").await;
    let id = reply.header("x-amzn-requestid").unwrap();
    assert_eq!(
        error(&reply),
        (
            "Sandbox.Timedout".into(),
            format!("RequestId: {id} Error: Task timed out after 1.00 seconds")
        )
    );
    let tail = reply.tail();
    assert!(tail.contains(&format!("{id} Task timed out after 1.00 seconds\n")), "{tail}");
    assert!(tail.contains("\tStatus: timeout\t"), "{tail}");
    assert!(
        reply.report("Duration").unwrap() >= 1000.0
            && reply.report("Max Memory Used").unwrap() > 1.0,
        "{tail}"
    );
    let child = tail.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    let gone = || {
        std::fs::read_to_string(format!("/proc/{child}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    };
    // The signal was sent; the kernel may need a moment.
    eventually("the child is killed with the group", async || gone()).await;
    assert_eq!(server.invoke("slow", "2").await.text(), "\"fine\"");
}

#[tokio::test]
async fn an_exit_at_init_is_tried_again_within_the_invocation_and_reported() {
    let server = Server::start().await;
    server.create("dies", "dies()").await;
    let reply = server.invoke("dies", "{}").await;
    let id = reply.header("x-amzn-requestid").unwrap();
    assert_eq!(
        error(&reply),
        (
            "Runtime.ExitError".into(),
            format!("RequestId: {id} Error: Runtime exited with error: exit status 3")
        )
    );
    let tail = reply.tail();
    assert_eq!(tail.matches("about to die").count(), 2, "{tail}");
    assert!(
        tail.contains("\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n"),
        "{tail}"
    );
    assert!(
        tail.contains("\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n"),
        "{tail}"
    );
}

#[tokio::test]
async fn an_exit_in_the_handler_is_reported_with_its_status_or_signal() {
    let server = Server::start().await;
    server.create("exits", "exits_as_told()").await;
    for (payload, words) in [
        ("7", "Runtime exited with error: exit status 7"),
        ("-9", "Runtime exited with error: signal: killed"),
        ("0", "Runtime exited without providing a reason"),
    ] {
        let reply = server.invoke("exits", payload).await;
        let (kind, message) = error(&reply);
        assert_eq!(kind, "Runtime.ExitError");
        assert!(message.ends_with(words), "{message}");
        assert!(
            reply.tail().contains("\tStatus: error\tError Type: Runtime.ExitError"),
            "{}",
            reply.tail()
        );
        assert!(reply.report("Max Memory Used").unwrap() > 1.0);
    }
}

#[tokio::test]
async fn a_bootstrap_that_never_calls_the_runtime_api_times_out() {
    let server = Server::start_with(Limits { init: Duration::from_millis(300), ..quick() }).await;
    server.create_with("silent", "sleeps()", json!({ "Timeout": 1 })).await;
    let reply = server.invoke("silent", "{}").await;
    let (kind, message) = error(&reply);
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.ends_with("Task timed out after 1.00 seconds"), "{message}");
    assert!(reply.tail().contains("\tPhase: init\tStatus: timeout\n"), "{}", reply.tail());
    assert!(reply.tail().contains("\tPhase: invoke\tStatus: timeout\n"), "{}", reply.tail());
}

#[tokio::test]
async fn an_init_that_takes_too_long_is_repeated_and_may_then_succeed() {
    let server = Server::start_with(Limits { init: Duration::from_secs(1), ..quick() }).await;
    let mark = server.dir.path().join("mark");
    let settings = json!({ "Timeout": 20, "Environment": { "Variables": { "MARK": mark } } });
    server.create_with("late", "hangs_in_its_first_init()", settings).await;
    let reply = server.invoke("late", "5").await;
    assert_eq!((reply.text().as_str(), reply.header("x-amz-function-error")), ("5", None));
    assert_eq!(reply.report("Init Duration"), None, "the second init is a part of the duration");
    assert!(reply.tail().contains("\tPhase: init\tStatus: timeout\n"));
}

#[tokio::test]
async fn an_init_error_is_the_callers_answer() {
    let server = Server::start().await;
    server.create("init", "tells_an_init_error()").await;
    let reply = server.invoke("init", "{}").await;
    assert_eq!(error(&reply), ("Config".into(), "no table".into()));
    assert!(reply.tail().contains("Error Type: Function.Config"), "{}", reply.tail());
}

#[tokio::test]
async fn an_error_of_the_handler_is_passed_on_as_it_is() {
    let server = Server::start().await;
    let body = r#"{"errorType":"Bad","errorMessage":"oh","stackTrace":["a"]}"#;
    server.create("errs", &format!("fails({body:?})")).await;
    let reply = server.invoke("errs", "{}").await;
    assert_eq!(
        (reply.status, reply.header("x-amz-function-error"), reply.text().as_str()),
        (200, Some("Unhandled"), body)
    );
    // AWS omits it in text, and counts it in a metric.
    assert!(
        reply.tail().contains("\tStatus: error\tError Type: Runtime.Unknown\t"),
        "{}",
        reply.tail()
    );
}

#[tokio::test]
async fn a_second_answer_and_a_strange_id_are_refused_to_the_bootstrap() {
    let server = Server::start().await;
    server.create("twice", "answers_twice()").await;
    assert_eq!(server.invoke("twice", "{}").await.json(), json!([400]));
    assert_eq!(
        server.invoke("twice", "{}").await.json(),
        json!([202, "{\"status\":\"OK\"}", 403, 403, 404, 400])
    );
}

#[tokio::test]
async fn a_7_mb_response_is_refused_to_both_and_the_sandbox_goes_on() {
    let server = Server::start().await;
    server.create("big", "answers_with_as_many_bytes()").await;
    assert_eq!(server.invoke("big", "6291556").await.body.len(), 6_291_556);
    let reply = server.invoke("big", "7340032").await;
    let words = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
    assert_eq!(error(&reply), ("Function.ResponseSizeTooLarge".into(), words.into()));
    assert_eq!(server.invoke("big", "0").await.text(), "413");
}

#[tokio::test]
async fn lines_of_1_mb_and_invalid_utf_8_are_kept_in_pieces() {
    let server = Server::start().await;
    server.create("loud", "prints_a_megabyte_and_no_utf_8()").await;
    assert_eq!(server.invoke("loud", "{}").await.text(), "1");
    let request = json!({ "logGroupName": "/aws/lambda/loud", "filterPattern": "-REPORT -START \
        -END -INIT_START" });
    let (mut messages, mut token) = (Vec::new(), None);
    loop {
        let mut request = request.clone();
        if let Some(token) = &token {
            request["nextToken"] = json!(token);
        }
        let page = server.client.logs("FilterLogEvents", &request).await.json();
        messages.extend(
            page["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["message"].as_str().unwrap().to_owned()),
        );
        token = page["nextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(messages[0], "a\u{fffd}\u{fffd}b\n");
    assert!(messages.iter().all(|message| message.len() <= 262_144));
    assert_eq!(messages[1..].concat(), format!("{}\n", "y".repeat(1_048_576)));
}

#[tokio::test]
async fn a_flood_of_output_does_not_keep_the_response_back() {
    let server = Server::start().await;
    server.create_with("flood", "floods_its_output()", json!({ "Timeout": 20 })).await;
    assert_eq!(server.invoke("flood", "{}").await.text(), "1");
    server.local.shutdown().await;
}

#[tokio::test]
async fn a_bootstrap_that_cannot_be_run_is_an_invalid_entrypoint() {
    let server = Server::start().await;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.extend([183, 0]);
    elf.resize(200, 0);
    let cases: [(&str, &[u8], &str, &str); 3] = [
        ("arm-as-x86", &elf, "x86_64", "exec format error"),
        ("no-interpreter", b"#!/no/such/interpreter\n", "x86_64", "no such file or directory"),
        ("no-format", b"nothing that runs, only text", "x86_64", "exec format error"),
    ];
    for (name, bytes, architecture, words) in cases {
        let request = request(
            name,
            &zip(&[("bootstrap", bytes)]),
            json!({ "Architectures": [architecture] }),
        );
        assert_eq!(
            server.client.lambda("POST", "/2015-03-31/functions", &request).await.status,
            201
        );
        server.settled(name).await;
        let reply = server.invoke(name, "{}").await;
        let (kind, message) = error(&reply);
        assert_eq!(kind, "Runtime.InvalidEntrypoint", "{name}");
        assert!(
            message.contains("Error: fork/exec /var/task/bootstrap: ") && message.contains(words),
            "{message}"
        );
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[tokio::test]
async fn an_arm64_program_without_the_emulator_fails_with_a_hint() {
    let server = Server::start().await;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.extend([183, 0]);
    elf.resize(200, 0);
    let request =
        request("arm", &zip(&[("bootstrap", &elf)]), json!({ "Architectures": ["arm64"] }));
    assert_eq!(server.client.lambda("POST", "/2015-03-31/functions", &request).await.status, 201);
    server.settled("arm").await;
    let (kind, message) = error(&server.invoke("arm", "{}").await);
    assert_eq!(kind, "Runtime.InvalidEntrypoint");
    assert!(message.contains("qemu-aarch64") && message.contains("setup"), "{message}");
}

#[tokio::test]
async fn a_payload_that_is_not_json_or_too_large_is_refused_before_anything_runs() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    for payload in ["{", "{a:1}", "\u{0}"] {
        let reply = server.invoke("echo", payload).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, "InvalidRequestContentException"),
            "{payload}"
        );
    }
    let large = format!("\"{}\"", "x".repeat(6_291_456));
    let reply = server.invoke("echo", &large).await;
    assert_eq!((reply.status, reply.code()), (413, "RequestTooLargeException"));
    let path = "/2015-03-31/functions/echo/invocations";
    let event = format!("\"{}\"", "x".repeat(1 << 20));
    let reply = server
        .client
        .send("POST", path, &[("x-amz-invocation-type", "Event")], event.as_bytes(), "lambda")
        .await;
    assert_eq!((reply.status, reply.code()), (413, "RequestTooLargeException"));
    let reply = server.invoke("nobody", "{}").await;
    assert_eq!((reply.status, reply.code()), (404, "ResourceNotFoundException"));
    assert_eq!(
        std::fs::read_dir(server.dir.path().join("logs")).unwrap().count(),
        0,
        "nothing ran"
    );
}

#[tokio::test]
async fn a_bootstrap_that_ends_after_each_answer_is_started_again() {
    let server = Server::start().await;
    server.create("once", "answers_once()").await;
    for n in 0..5 {
        assert_eq!(server.invoke("once", &n.to_string()).await.text(), n.to_string());
    }
}

#[tokio::test]
async fn a_refusal_waits_for_the_body_and_keeps_the_connection() {
    let server = Server::start().await;
    server.create("late", "sends_a_refused_body_late()").await;
    assert_eq!(server.invoke("late", "{}").await.json(), json!([400, true]));
}
