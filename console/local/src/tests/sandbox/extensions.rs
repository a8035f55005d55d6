//! The Extensions API from inside the sandbox, with extensions that are small scripts, and the end
//! of a sandbox with them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    limits::Limits,
    tests::{
        ECHO, Server,
        api::layers::publish,
        eventually, extension,
        invoke::phases::{log, log_with},
        quick, zip,
    },
};

/// Creates a function with a layer of external extensions with these names and scripts.
pub(crate) async fn create(
    server: &Server,
    name: &str,
    script: &str,
    extensions: &[(&str, &str)],
    settings: Value,
) {
    let scripts: Vec<(String, String)> = extensions
        .iter()
        .map(|(name, script)| (format!("extensions/{name}"), extension(script)))
        .collect();
    let entries: Vec<(&str, &[u8])> =
        scripts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    create_with_layer(server, name, script, &zip(&entries), settings).await;
}

async fn create_with_layer(
    server: &Server,
    name: &str,
    script: &str,
    layer: &[u8],
    mut settings: Value,
) {
    let layer = publish(server, &format!("{name}-extensions"), layer).await;
    settings["Layers"] = json!([layer["LayerVersionArn"]]);
    server.create_with(name, script, settings).await;
}

fn place(log: &str, words: &str) -> usize {
    log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"))
}

fn is_gone(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn an_external_extension_hears_of_invocations_and_of_the_end() {
    let server = Server::start().await;
    let settings = json!({ "Environment": { "Variables": { "MINE": "1" } } });
    create(&server, "watched", ECHO, &[("watcher", "tells_what_it_hears()")], settings).await;
    let before = jiff::Timestamp::now().as_millisecond();
    let reply = server.invoke("watched", "1").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    assert_eq!(reply.text(), "1");
    let tail = reply.tail();
    let line = "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n";
    assert!(
        place(&tail, "registered") < place(&tail, line)
            && place(&tail, line) < place(&tail, "\nSTART "),
        "{tail}"
    );
    assert!(
        tail.contains("environment ['AWS_LAMBDA_FUNCTION_NAME', 'AWS_REGION', 'MINE']"),
        "{tail}"
    );
    let last = |log: &str, word: &str| -> Value {
        let line = log.lines().rev().find_map(|line| line.strip_prefix(word)).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let registered = json!({
        "accountId": "000000000000", "functionName": "watched", "functionVersion": "$LATEST", "handler": "bootstrap",
    });
    assert_eq!(last(&tail, "registered"), registered);
    let heard = last(&tail, "heard");
    assert_eq!((&heard["eventType"], &heard["requestId"]), (&json!("INVOKE"), &json!(id)));
    assert!(
        heard["invokedFunctionArn"].as_str().unwrap().ends_with(":function:watched"),
        "{heard}"
    );
    assert_eq!(heard["tracing"]["type"], "X-Amzn-Trace-Id");
    assert!(heard["deadlineMs"].as_i64().unwrap() >= before + 3000, "{heard}");
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    let heard = last(&log(&server, "watched").await.concat(), "heard");
    assert_eq!(
        (&heard["eventType"], &heard["shutdownReason"]),
        (&json!("SHUTDOWN"), &json!("spindown"))
    );
    assert!(heard["deadlineMs"].as_i64().unwrap() > before, "{heard}");
}

#[tokio::test]
async fn the_invocation_lasts_until_the_extension_asks_again_but_the_answer_does_not_wait() {
    let server = Server::start().await;
    let go = server.dir.path().join("go");
    let script = format!("sends_when_let({go:?})");
    create(&server, "slow", ECHO, &[("sender", &script)], json!({ "Timeout": 30 })).await;
    let path = "/2015-03-31/functions/slow/invocations";
    assert_eq!(server.client.send("POST", path, &[], b"1", "lambda").await.text(), "1");
    assert!(
        !log(&server, "slow").await.iter().any(|line| line.starts_with("REPORT")),
        "the sandbox is busy"
    );
    std::fs::write(&go, "").unwrap();
    log_with(&server, "slow", "REPORT").await;
    let reply = server.invoke("slow", "2").await;
    assert_eq!(reply.report("Init Duration"), None, "the sandbox is free again");
    assert!(place(&reply.tail(), "sent") < place(&reply.tail(), "END "), "{}", reply.tail());
    assert!(reply.report("Duration").unwrap() >= 200.0, "{}", reply.tail());
}

#[tokio::test]
async fn an_extension_that_crashes_in_the_init_fails_it() {
    let server = Server::start().await;
    create(&server, "f", ECHO, &[("bad", "exits_before_it_registers()")], json!({})).await;
    create(&server, "g", ECHO, &[("bad", "exits_after_it_registered()")], json!({})).await;
    for (name, message) in [("f", "exit status 1"), ("g", "exit code 0")] {
        let reply = server.invoke(name, "1").await;
        let id = reply.header("x-amzn-requestid").unwrap();
        assert_eq!(
            reply.json(),
            json!({ "errorType": "Extension.Crash", "errorMessage": format!("RequestId: {id} \
                Error: {message}") })
        );
        let tail = reply.tail();
        assert!(
            tail.contains("\tPhase: init\tStatus: error\tError Type: Extension.Crash\n"),
            "{tail}"
        );
        assert!(
            tail.contains("\tPhase: invoke\tStatus: error\tError Type: Extension.Crash\n"),
            "{tail}"
        );
        assert!(tail.contains("EXTENSION\tName: bad\tState: Exited\t"), "{tail}");
    }
}

#[tokio::test]
async fn an_extension_that_reports_an_error_of_its_init_fails_it_with_that() {
    let server = Server::start().await;
    create(&server, "f", ECHO, &[("bad", "tells_an_error_of_its_init()")], json!({})).await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.InitError");
    assert!(
        reply.json()["errorMessage"].as_str().unwrap().ends_with("Error: exit status 2"),
        "{}",
        reply.text()
    );
    let tail = reply.tail();
    assert!(tail.contains("202 403\n"), "{tail}");
    assert!(
        tail.contains(
            "EXTENSION\tName: bad\tState: InitError\tEvents: []\tError Type: Extension.InitError\n"
        ),
        "{tail}"
    );
}

#[tokio::test]
async fn an_extension_that_cannot_be_started_is_named() {
    let server = Server::start().await;
    create_with_layer(&server, "f", ECHO, &zip(&[("extensions/text", b"no program")]), json!({}))
        .await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.LaunchError");
    let message = reply.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("fork/exec /opt/extensions/text: "), "{message}");
}

#[tokio::test]
async fn an_extension_that_does_not_register_runs_into_the_limit_of_the_init() {
    let server = Server::start_with(Limits { init: Duration::from_millis(500), ..quick() }).await;
    create(&server, "f", ECHO, &[("mute", "never_registers()")], json!({ "Timeout": 1 })).await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Sandbox.Timedout");
    let tail = reply.tail();
    assert!(tail.contains("\tPhase: init\tStatus: timeout\n"), "{tail}");
    assert!(tail.contains("EXTENSION\tName: mute\tState: Started\tEvents: []\n"), "{tail}");
    let pids: Vec<&str> = tail.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
    assert!(!pids.is_empty() && pids.iter().all(|pid| is_gone(pid)), "none is left: {tail}");
}

#[tokio::test]
async fn an_extension_that_crashes_in_an_invocation_fails_it_and_the_next_one_has_a_new_sandbox() {
    let server = Server::start().await;
    let settings = json!({
        "Timeout": 20, "Environment": { "Variables": { "MARK": server.dir.path().join("mark").to_str().unwrap() } },
    });
    create(&server, "f", "hangs_at_1()", &[("bad", "crashes_in_the_first_invocation()")], settings)
        .await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.Crash");
    let message = reply.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("Error: signal: segmentation fault"), "{message}");
    let tail = reply.tail();
    assert!(tail.contains("\tStatus: error\tError Type: Extension.Crash\t"), "{tail}");
    assert!(tail.contains(&format!("{message}\nExtension.Crash\n")), "{tail}");
    assert_eq!(server.invoke("f", "2").await.text(), "2");
}

#[tokio::test]
async fn a_timeout_is_the_reason_sent_to_the_extensions() {
    let server = Server::start().await;
    create(
        &server,
        "f",
        "takes_an_event_and_hangs()",
        &[("watcher", "tells_the_reason()")],
        json!({ "Timeout": 1 }),
    )
    .await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Sandbox.Timedout");
    assert!(reply.tail().contains("heard timeout\n"), "{}", reply.tail());
}

#[tokio::test]
async fn an_extension_that_goes_on_for_too_long_times_the_invocation_out() {
    let server = Server::start().await;
    create(&server, "f", ECHO, &[("slow", "goes_on_for_too_long()")], json!({ "Timeout": 1 }))
        .await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(
        (reply.text().as_str(), reply.header("x-amz-function-error")),
        ("1", None),
        "the answer was there"
    );
    assert!(reply.tail().contains("Task timed out after 1.00 seconds"), "{}", reply.tail());
    assert!(reply.tail().contains("\tStatus: timeout\t"), "{}", reply.tail());
}

#[tokio::test]
async fn with_an_internal_extension_the_end_is_a_signal_first_and_without_one_it_is_not() {
    let server = Server::start().await;
    server.create("with", "waits_inside_and_says_bye()").await;
    server.create("without", "says_bye()").await;
    let tail = server.invoke("with", "1").await.tail();
    assert!(tail.contains("EXTENSION\tName: inner\tState: Ready\tEvents: []\n"), "{tail}");
    server.invoke("without", "1").await;
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert!(log(&server, "with").await.contains(&"bye\n".to_owned()));
    assert!(!log(&server, "without").await.contains(&"bye\n".to_owned()));
}

#[tokio::test]
async fn who_does_not_end_is_killed_when_the_time_is_over() {
    let server = Server::start().await;
    create(&server, "f", "ignores_the_end()", &[("stays", "stays()")], json!({})).await;
    let tail = server.invoke("f", "1").await.tail();
    let pids: Vec<&str> = tail.lines().filter_map(|line| line.strip_prefix("pid ")).collect();
    assert_eq!(pids.len(), 2, "{tail}");
    let began = Instant::now();
    server.local.shutdown().await;
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "they have their time: {:?}",
        began.elapsed()
    );
    assert!(pids.iter().all(|pid| is_gone(pid)));
    let server = Server::start_in(server.dir, quick()).await;
    assert!(log(&server, "f").await.contains(&"staying\n".to_owned()));
}

#[tokio::test]
async fn an_idle_sandbox_and_one_whose_function_changed_end_with_their_extensions() {
    let server = Server::start_with(Limits { idle: Duration::from_millis(200), ..quick() }).await;
    create(&server, "f", ECHO, &[("watcher", "tells_its_process_and_the_reason()")], json!({}))
        .await;
    let tail = server.invoke("f", "1").await.tail();
    let log = log_with(&server, "f", "heard").await;
    assert!(log.contains(&"heard spindown\n".to_owned()), "{log:?}");
    let pid = tail.lines().find_map(|line| line.strip_prefix("pid ")).unwrap();
    eventually("it ends after its word", async || is_gone(pid)).await;
}

#[tokio::test]
async fn an_internal_extension_hears_of_invocations_and_its_error_names_the_exit() {
    let server = Server::start().await;
    server.create("f", "listens_inside()").await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(place(&tail, "heard INVOKE") < place(&tail, "END "), "{tail}");
    server.create("g", "tells_an_error_of_its_exit()").await;
    let reply = server.invoke("g", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.ExitError", "{}", reply.text());
    assert!(reply.text().contains("Runtime exited with error: exit status 9"), "{}", reply.text());
}

#[tokio::test]
async fn calls_that_do_not_fit_are_refused_with_awss_types() {
    let server = Server::start().await;
    server.create("f", "calls_what_does_not_fit()").await;
    assert_eq!(
        server.invoke("f", "1").await.json(),
        json!([
            [403, "Extension.MissingExtensionIdentifier"],
            [403, "Extension.InvalidExtensionIdentifier"],
            [403, "InvalidRequestFormat"],
            [403, "InvalidRequestFormat"],
            [403, "Extension.InvalidExtensionName"],
            [403, "Extension.InvalidEventType"],
            [403, "Extension.UnknownExtensionIdentifier"],
            [404, "NotFound"],
            [403, "Extension.MissingHeader"],
            [403, "Extension.RegistrationClosed"],
            [403, "Telemetry.SubscriptionClosed"],
        ])
    );
}
