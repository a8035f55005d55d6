//! The Extensions API from the inside, with extensions that are small scripts, and what becomes of a sandbox with them.

use crate::{
    limits::Limits,
    tests::{
        ECHO, Server,
        api::layers::publish,
        invoke::phases::{log, log_with},
        quick, zip,
    },
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What every scripted extension begins with; a bootstrap may have it as well, after its own.
pub(crate) const EXTENSION: &str = r#"#!/usr/bin/env python3
import http.client, json, os, signal, sys, time
runtime_api = os.environ["AWS_LAMBDA_RUNTIME_API"]
extensions_api = http.client.HTTPConnection(runtime_api)
me = ""
def ask(method, path, body=None, headers={}):
    extensions_api.request(method, path, body, {"Lambda-Extension-Identifier": me, **headers})
    reply = extensions_api.getresponse()
    return reply.status, reply.headers, reply.read().decode()
def register(*events, name=os.path.basename(sys.argv[0]), headers={}):
    global me
    reply = ask("POST", "/2020-01-01/extension/register", json.dumps({"events": events}), {"Lambda-Extension-Name": name, **headers})
    me = reply[1]["Lambda-Extension-Identifier"] or me
    return reply
def event():
    return json.loads(ask("GET", "/2020-01-01/extension/event/next")[2])
def error(which):
    return ask("POST", f"/2020-01-01/extension/{which}/error", "{}", {"Lambda-Extension-Function-Error-Type": "Extension.Oh"})
def say(*words): print(*words, flush=True)
"#;

/// Makes a function with a layer that holds external extensions of these names and scripts.
pub(crate) async fn create(server: &Server, name: &str, script: &str, extensions: &[(&str, &str)], settings: Value) {
    let scripts: Vec<(String, String)> = extensions
        .iter()
        .map(|(name, script)| (format!("extensions/{name}"), format!("{EXTENSION}{script}")))
        .collect();
    let entries: Vec<(&str, &[u8])> = scripts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    create_with_layer(server, name, script, &zip(&entries), settings).await;
}

async fn create_with_layer(server: &Server, name: &str, script: &str, layer: &[u8], mut settings: Value) {
    let layer = publish(server, &format!("{name}-extensions"), layer).await;
    settings["Layers"] = json!([layer["LayerVersionArn"]]);
    server.create_with(name, script, settings).await;
}

/// A bootstrap with an internal extension for these events.
fn internal(events: &str, script: &str) -> String {
    let extension = EXTENSION.replace("os.path.basename(sys.argv[0])", "'inner'");
    format!(
        "{extension}\nregister({events})\nimport threading\n\
         # Python handles signals in the main thread: this one must not take them.\n\
         def wait():\n    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})\n    event()\n\
         threading.Thread(target=wait, daemon=True).start()\n{script}"
    )
}

fn place(log: &str, words: &str) -> usize {
    log.find(words).unwrap_or_else(|| panic!("no {words} in {log}"))
}

fn is_gone(process: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn an_external_extension_hears_of_invocations_and_of_the_end() {
    let server = Server::start().await;
    let script = r#"
status, headers, body = register("INVOKE", "SHUTDOWN", headers={"Lambda-Extension-Accept-Feature": "accountId"})
say("registered", body)
say("environment", sorted(set(os.environ) & {"AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE", "AWS_REGION"}))
while True:
    told = event()
    say("heard", json.dumps(told))
    if told["eventType"] == "SHUTDOWN": break
"#;
    let settings = json!({ "Environment": { "Variables": { "MINE": "1" } } });
    create(&server, "watched", ECHO, &[("watcher", script)], settings).await;
    let before = jiff::Timestamp::now().as_millisecond();
    let reply = server.invoke("watched", "1").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    assert_eq!(reply.text(), "1");
    let tail = reply.tail();
    let line = "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n";
    assert!(place(&tail, "registered") < place(&tail, line) && place(&tail, line) < place(&tail, "\nSTART "), "{tail}");
    assert!(tail.contains("environment ['AWS_LAMBDA_FUNCTION_NAME', 'AWS_REGION', 'MINE']"), "{tail}");
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
    assert!(heard["invokedFunctionArn"].as_str().unwrap().ends_with(":function:watched"), "{heard}");
    assert_eq!(heard["tracing"]["type"], "X-Amzn-Trace-Id");
    assert!(heard["deadlineMs"].as_i64().unwrap() >= before + 3000, "{heard}");
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    let heard = last(&log(&server, "watched").await.concat(), "heard");
    assert_eq!((&heard["eventType"], &heard["shutdownReason"]), (&json!("SHUTDOWN"), &json!("spindown")));
    assert!(heard["deadlineMs"].as_i64().unwrap() > before, "{heard}");
}

#[tokio::test]
async fn the_invocation_lasts_until_the_extension_asks_again_but_the_answer_does_not_wait() {
    let server = Server::start().await;
    let go = server.dir.path().join("go");
    let script = format!(
        "register('INVOKE')\nwhile True:\n    event()\n    while not os.path.exists({go:?}): time.sleep(0.01)\n    time.sleep(0.2)\n    say('sent')\n"
    );
    create(&server, "slow", ECHO, &[("sender", &script)], json!({ "Timeout": 30 })).await;
    let path = "/2015-03-31/functions/slow/invocations";
    assert_eq!(server.client.send("POST", path, &[], b"1", "lambda").await.text(), "1");
    assert!(!log(&server, "slow").await.iter().any(|line| line.starts_with("REPORT")), "the sandbox is busy");
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
    create(&server, "f", ECHO, &[("bad", "say('oh')\nsys.exit(1)\n")], json!({})).await;
    create(&server, "g", ECHO, &[("bad", "register()\nsys.exit(0)\n")], json!({})).await;
    for (name, message) in [("f", "exit status 1"), ("g", "exit code 0")] {
        let reply = server.invoke(name, "1").await;
        let id = reply.header("x-amzn-requestid").unwrap();
        assert_eq!(
            reply.json(),
            json!({ "errorType": "Extension.Crash", "errorMessage": format!("RequestId: {id} Error: {message}") })
        );
        let tail = reply.tail();
        assert!(tail.contains("\tPhase: init\tStatus: error\tError Type: Extension.Crash\n"), "{tail}");
        assert!(tail.contains("\tPhase: invoke\tStatus: error\tError Type: Extension.Crash\n"), "{tail}");
        assert!(tail.contains("EXTENSION\tName: bad\tState: Exited\t"), "{tail}");
    }
}

#[tokio::test]
async fn an_extension_that_tells_an_error_of_its_init_fails_it_with_that() {
    let server = Server::start().await;
    let script = "register()\nsay(error('init')[0], ask('GET', '/2020-01-01/extension/event/next')[0])\nsys.exit(2)\n";
    create(&server, "f", ECHO, &[("bad", script)], json!({})).await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.InitError");
    assert!(reply.json()["errorMessage"].as_str().unwrap().ends_with("Error: exit status 2"), "{}", reply.text());
    let tail = reply.tail();
    assert!(tail.contains("202 403\n"), "{tail}");
    assert!(
        tail.contains("EXTENSION\tName: bad\tState: InitError\tEvents: []\tError Type: Extension.InitError\n"),
        "{tail}"
    );
}

#[tokio::test]
async fn an_extension_that_cannot_be_started_is_named() {
    let server = Server::start().await;
    create_with_layer(&server, "f", ECHO, &zip(&[("extensions/text", b"no program")]), json!({})).await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.LaunchError");
    let message = reply.json()["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("fork/exec /opt/extensions/text: "), "{message}");
}

#[tokio::test]
async fn an_extension_that_does_not_register_runs_into_the_limit_of_the_init() {
    let server = Server::start_with(Limits { init: Duration::from_millis(500), ..quick() }).await;
    create(&server, "f", ECHO, &[("mute", "say(os.getpid())\ntime.sleep(600)\n")], json!({ "Timeout": 1 })).await;
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
    let bootstrap =
        "while True:\n    id, body, _ = next_event()\n    if body == b'1': time.sleep(600)\n    respond(id, body)\n";
    let script = "register('INVOKE')\nevent()\nif os.path.exists(os.environ['MARK']): event()\nelse:\n    open(os.environ['MARK'], 'w').close()\n    os.kill(os.getpid(), signal.SIGSEGV)\n";
    let settings = json!({
        "Timeout": 20, "Environment": { "Variables": { "MARK": server.dir.path().join("mark").to_str().unwrap() } },
    });
    create(&server, "f", bootstrap, &[("bad", script)], settings).await;
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
async fn a_timeout_is_told_to_the_extensions_as_the_reason() {
    let server = Server::start().await;
    let script = "register('INVOKE', 'SHUTDOWN')\nwhile True:\n    told = event()\n    say('heard', told.get('shutdownReason'))\n    if told['eventType'] == 'SHUTDOWN': break\n";
    create(&server, "f", "next_event()\ntime.sleep(600)\n", &[("watcher", script)], json!({ "Timeout": 1 })).await;
    let reply = server.invoke("f", "1").await;
    assert_eq!(reply.json()["errorType"], "Sandbox.Timedout");
    assert!(reply.tail().contains("heard timeout\n"), "{}", reply.tail());
}

#[tokio::test]
async fn an_extension_that_goes_on_for_too_long_times_the_invocation_out() {
    let server = Server::start().await;
    create(&server, "f", ECHO, &[("slow", "register('INVOKE')\nevent()\ntime.sleep(600)\n")], json!({ "Timeout": 1 }))
        .await;
    let reply = server.invoke("f", "1").await;
    assert_eq!((reply.text().as_str(), reply.header("x-amz-function-error")), ("1", None), "the answer was there");
    assert!(reply.tail().contains("Task timed out after 1.00 seconds"), "{}", reply.tail());
    assert!(reply.tail().contains("\tStatus: timeout\t"), "{}", reply.tail());
}

#[tokio::test]
async fn with_an_internal_extension_the_end_is_a_signal_first_and_without_one_it_is_not() {
    let server = Server::start().await;
    let bye = "import signal\ndef bye(*_):\n    print('bye', flush=True)\n    os._exit(0)\nsignal.signal(signal.SIGTERM, bye)\n";
    server.create("with", &internal("", &format!("{bye}{ECHO}"))).await;
    server.create("without", &format!("{bye}{ECHO}")).await;
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
    let ignore =
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('pid', os.getpid(), flush=True)\n";
    let script = "say('pid', os.getpid())\nregister('SHUTDOWN')\nevent()\nsay('staying')\ntime.sleep(600)\n";
    create(&server, "f", &format!("{ignore}{ECHO}"), &[("stays", script)], json!({})).await;
    let tail = server.invoke("f", "1").await.tail();
    let pids: Vec<&str> = tail.lines().filter_map(|line| line.strip_prefix("pid ")).collect();
    assert_eq!(pids.len(), 2, "{tail}");
    let began = Instant::now();
    server.local.shutdown().await;
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(pids.iter().all(|pid| is_gone(pid)));
    let server = Server::start_in(server.dir, quick()).await;
    assert!(log(&server, "f").await.contains(&"staying\n".to_owned()));
}

#[tokio::test]
async fn an_idle_sandbox_and_one_whose_function_changed_end_with_their_extensions() {
    let server = Server::start_with(Limits { idle: Duration::from_millis(200), ..quick() }).await;
    let script = "say('pid', os.getpid())\nregister('SHUTDOWN')\nsay('heard', event()['shutdownReason'])\n";
    create(&server, "f", ECHO, &[("watcher", script)], json!({})).await;
    let tail = server.invoke("f", "1").await.tail();
    let log = log_with(&server, "f", "heard").await;
    assert!(log.contains(&"heard spindown\n".to_owned()), "{log:?}");
    let pid = tail.lines().find_map(|line| line.strip_prefix("pid ")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_gone(pid) {
        assert!(Instant::now() < deadline, "it ends after its word");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_internal_extension_hears_of_invocations_and_its_error_names_the_exit() {
    let server = Server::start().await;
    let extension = EXTENSION.replace("os.path.basename(sys.argv[0])", "'inner'");
    let script = format!(
        "{extension}\nimport threading\nregister('INVOKE')\ndef listen():\n    while True:\n        told = event()\n        say('heard', told['eventType'])\nthreading.Thread(target=listen, daemon=True).start()\n{ECHO}"
    );
    server.create("f", &script).await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(place(&tail, "heard INVOKE") < place(&tail, "END "), "{tail}");
    let script = format!("{extension}\nregister()\nerror('exit')\nos._exit(9)\n");
    server.create("g", &script).await;
    let reply = server.invoke("g", "1").await;
    assert_eq!(reply.json()["errorType"], "Extension.ExitError", "{}", reply.text());
    assert!(reply.text().contains("Runtime exited with error: exit status 9"), "{}", reply.text());
}

#[tokio::test]
async fn calls_that_do_not_fit_are_refused_with_awss_types() {
    let server = Server::start().await;
    let script = format!(
        r#"{EXTENSION}
def kind(reply): return [reply[0], json.loads(reply[2]).get("errorType")]
def register_raw(body, name="x"):
    return ask("POST", "/2020-01-01/extension/register", body, {{"Lambda-Extension-Name": name}})
kinds = [
    kind(ask("GET", "/2020-01-01/extension/event/next")),
    kind(ask("GET", "/2020-01-01/extension/event/next", None, {{"Lambda-Extension-Identifier": "x"}})),
    kind(register_raw("{{")),
    kind(register_raw('{{"configurationKeys":["x"]}}')),
    kind(register_raw("{{}}", "")),
    kind(register("SHUTDOWN", name="inner")),
    kind(ask("PUT", "/2022-07-01/telemetry", "{{}}", {{"Lambda-Extension-Identifier": "7dbd5b4e-6f02-4d6a-9b6b-3a5b9a4b2c1d"}})),
    kind(ask("GET", "/2020-01-01/extension/nothing")),
]
register(name="inner")
kinds.append(kind(ask("POST", "/2020-01-01/extension/exit/error", "{{}}")))
waiting = extensions_api
waiting.request("GET", "/2020-01-01/extension/event/next", None, {{"Lambda-Extension-Identifier": me}})
extensions_api = http.client.HTTPConnection(runtime_api)
id, _, _ = next_event()
kinds.append(kind(register(name="late")))
kinds.append(kind(ask("PUT", "/2022-07-01/telemetry", json.dumps({{
    "schemaVersion": "2022-07-01", "types": ["platform"], "destination": {{"protocol": "HTTP", "URI": "http://sandbox:1"}}}}))))
respond(id, json.dumps(kinds))
next_event()
"#
    );
    server.create("f", &script).await;
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
