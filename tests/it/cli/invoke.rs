//! `invoke --stream` in a process of its own: the response is printed unchanged while it is made,
//! and an incomplete one is reported.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use aws_sdk_lambda::types::{FunctionCode, Runtime, TenancyConfig, TenantIsolationMode};
use serde_json::Value;
use tests::{Fault, Fixture, Home, LocalLambda, Proxy, Rule, bootstrap, eventually};

/// A stage with the function `s`, and a console for it.
struct Place {
    local: LocalLambda,
    home: Home,
    _state: tempfile::TempDir,
    _fixture: Fixture,
}

impl Place {
    fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let local = LocalLambda::start(state.path());
        local.create("s", &[("bootstrap", program().as_bytes())]);
        // A busy machine needs longer for a huge response.
        let longer = local.client().update_function_configuration().function_name("s").timeout(60);
        local.block_on(longer.send()).unwrap();
        let fixture = workspace();
        let home = Home::new(fixture.path()).on(local.account());
        Self { local, home, _state: state, _fixture: fixture }
    }

    fn command(&self, event: &Value, more: &[&str]) -> Command {
        let event = event.to_string();
        let mut command = self
            .home
            .command(["--stage", "beta", "invoke", "s", "--payload", &event].iter().chain(more));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end. Returns exit code, stdout as bytes, and stderr.
    fn run(&self, event: &Value, more: &[&str]) -> (Option<i32>, Vec<u8>, String) {
        let output = self.command(event, more).output().unwrap();
        (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn workspace() -> Fixture {
    let fixture = Fixture::apart();
    fixture.prebuilt("s", "1", "");
    fixture.stage("beta", "");
    fixture
}

fn program() -> String {
    bootstrap(include_str!("invoke.py"))
}

fn lines(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(stdout.to_vec()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn spawn(mut command: Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

#[test]
fn a_response_is_printed_while_it_is_made() {
    let place = Place::new();
    let gate = place.home.path().join("gate");
    let event = serde_json::json!({ "chunks": ["one\n", "two\nthree"], "gate": gate });
    let (child, mut stdout) = spawn(place.command(&event, &["--stream"]));
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    // Only now may the function continue: its first chunk arrived before the others were sent.
    fs::write(&gate, "").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "two\nthree", "the bytes as they are, and none more");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("streams")
            && stderr.contains("REPORT RequestId")
            && stderr.contains("200 · "),
        "{stderr}"
    );
}

#[test]
fn with_json_each_chunk_is_a_line_and_the_last_line_is_the_outcome() {
    let place = Place::new();
    // One at a time: chunks that wait together may arrive as one.
    let event = serde_json::json!({ "type": "text/x-own", "chunks": ["a\n", "\u{ff}"] });
    let (code, stdout, stderr) = place.run(&event, &["--stream", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let lines = lines(&stdout);
    let (begin, end) = (&lines[0], lines.last().unwrap());
    assert_eq!(
        (&begin["type"], &begin["content_type"]),
        (&"begin".into(), &"text/x-own".into()),
        "{lines:?}"
    );
    let chunk = |line: &Value| match (&line["text"], &line["base64"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(text)) => {
            base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap()
        }
        _ => panic!("no chunk: {line}"),
    };
    let body: Vec<u8> = lines[1..lines.len() - 1].iter().flat_map(chunk).collect();
    assert_eq!(body, b"a\n\xff");
    assert_eq!(
        (&end["type"], &end["bytes"], &end["status"]),
        (&"end".into(), &3.into(), &200.into()),
        "{end}"
    );
    assert_eq!(end["request_id"], begin["request_id"]);
    assert!(end["report"]["duration_ms"].as_f64().is_some() && end["cut_off"].is_null(), "{end}");
}

#[test]
fn status_and_headers_of_an_http_response_are_separate_from_its_body() {
    let place = Place::new();
    let prelude =
        "{\"statusCode\":201,\"headers\":{\"x-own\":\"yes\"},\"cookies\":[\"a=b\"]}\0\0\0\0";
    let http = "application/vnd.awslambda.http-integration-response";
    let event = serde_json::json!({ "type": http, "chunks": [prelude, "\0\0\0\0<p>", "</p>"] });
    let (code, stdout, stderr) = place.run(&event, &["--stream"]);
    assert_eq!((code, stdout.as_slice()), (Some(0), b"<p></p>".as_slice()), "{stderr}");
    assert!(stderr.contains("HTTP 201\nx-own: yes\nset-cookie: a=b"), "{stderr}");
    let (_, stdout, _) = place.run(&event, &["--stream", "--json"]);
    let lines = lines(&stdout);
    assert_eq!(
        (&lines[1]["type"], &lines[1]["http"]["status"]),
        (&"head".into(), &201.into()),
        "{lines:?}"
    );
    assert_eq!(lines.last().unwrap()["http"]["cookies"][0], "a=b");
}

#[test]
fn an_error_in_the_middle_is_a_failure_after_what_came() {
    let place = Place::new();
    let event = serde_json::json!({ "chunks": ["half"], "error": { "errorType": "Mid", "errorMessage": "no more" } });
    let (code, stdout, stderr) = place.run(&event, &["--stream"]);
    assert_eq!((code, stdout.as_slice()), (Some(1), b"half".as_slice()), "{stderr}");
    assert!(stderr.contains("no more") && stderr.contains("function error: Unhandled"), "{stderr}");
    let (code, stdout, _) = place.run(&event, &["--stream", "--json"]);
    let lines = lines(&stdout);
    let end = lines.last().unwrap();
    assert_eq!((code, &end["function_error"]), (Some(1), &"Unhandled".into()), "{end}");
    assert!(end["error_details"].as_str().unwrap().contains("no more"), "{end}");
}

#[test]
fn an_interrupted_stream_keeps_what_came() {
    let place = Place::new();
    let event =
        serde_json::json!({ "chunks": ["one\n", "two"], "gate": place.home.path().join("never") });
    let (child, mut stdout) = spawn(place.command(&event, &["--stream", "--json"]));
    let mut text = String::new();
    while !text.contains("one") {
        assert!(stdout.read_line(&mut text).unwrap() > 0, "{text}");
    }
    let id = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    stdout.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = lines(text.as_bytes());
    let end = lines.last().unwrap();
    assert_eq!((&end["type"], &end["bytes"]), (&"end".into(), &4.into()), "{end}");
    assert_eq!(end["cut_off"]["why"], "it was cancelled");
}

#[test]
fn a_huge_response_goes_to_a_file_and_not_through_memory() {
    let place = Place::new();
    let file = place.home.path().join("out.bin");
    let event = serde_json::json!({ "fill": 120, "chunks": ["\u{89}PNG"] });
    let (mut child, _stdout) =
        spawn(place.command(&event, &["--stream", "--output", file.to_str().unwrap(), "--json"]));
    let status = format!("/proc/{}/status", child.id());
    // Anonymous memory only: the pages of the program's file differ from build to build.
    let mut peak_kb = 0;
    eventually("it ends", || {
        let report = fs::read_to_string(&status).unwrap_or_default();
        let of = |name: &str| {
            report.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))
        };
        peak_kb = peak_kb
            .max(of("RssAnon:").and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0));
        child.try_wait().unwrap().is_some()
    });
    let saved = fs::read(&file).unwrap();
    assert_eq!((saved.len(), &saved[..4]), (4 + (120 << 20), b"\x89PNG".as_slice()));
    assert!(peak_kb > 0 && peak_kb < 80 * 1024, "{peak_kb} KB for a response of 120 MB");
    let refused = place.run(&event, &["--stream", "--output", "/nowhere/at/all"]);
    assert_eq!(
        refused.0,
        Some(2),
        "a file that cannot be written is told before anything is sent: {}",
        refused.2
    );
    assert!(refused.2.contains("nothing was sent"), "{}", refused.2);
}

#[test]
fn a_reader_that_has_had_enough_ends_the_invocation() {
    let place = Place::new();
    let event = serde_json::json!({ "fill": 150, "chunks": ["one\n"] });
    let (mut child, mut stdout) = spawn(place.command(&event, &["--stream"]));
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert_eq!(
        (line.as_str(), child.wait().unwrap().code()),
        ("one\n", Some(0)),
        "that is no failure"
    );
}

#[test]
fn a_response_that_is_waited_for_can_be_saved_too() {
    let place = Place::new();
    let file = place.home.path().join("out.json");
    let event = serde_json::json!({ "plain": true });
    let (code, stdout, stderr) = place.run(&event, &["--output", file.to_str().unwrap()]);
    assert_eq!((code, stdout.as_slice()), (Some(0), b"".as_slice()), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), r#"{"context": null, "tenant": null}"#);
    assert!(stderr.contains("33B saved to"), "{stderr}");
}

#[test]
fn a_truncated_stream_is_reported_and_not_retried() {
    let place = Place::new();
    let proxy = Proxy::start(place.local.account());
    let fixture = workspace();
    let through = Place { home: Home::new(fixture.path()).on(proxy.account()), ..place };
    let event = serde_json::json!({ "chunks": ["some words that are cut", "and more of them"] });
    for (fault, reason) in [(Fault::Truncate, "ended early"), (Fault::Corrupt, "ended early")] {
        proxy.fault(Rule::on("InvokeWithResponseStream", fault.clone()));
        let (code, stdout, stderr) = through.run(&event, &["--stream", "--json"]);
        assert_eq!(code, Some(3), "{fault:?}: {stderr}");
        let lines = lines(&stdout);
        let last = lines.last().unwrap();
        let report =
            if last["error"].is_null() { &last["cut_off"]["why"] } else { &last["error"]["why"] };
        assert!(report.as_str().is_some_and(|why| why.contains(reason)), "{fault:?}: {lines:?}");
        let sent = proxy
            .calls()
            .iter()
            .filter(|call| call.operation == "InvokeWithResponseStream")
            .count();
        assert_eq!(sent, 1, "{fault:?}: what was received is not sent again");
        assert_eq!(proxy.clear_faults().iter().map(Rule::done).sum::<usize>(), 1, "{fault:?}");
    }
    // An invocation that did not run is retried until the function is ready; a throttled one is
    // not, and reports the reason.
    proxy.fault(Rule::on("InvokeWithResponseStream", Fault::NOT_READY).times(2));
    let (code, stdout, stderr) = through.run(&event, &["--stream"]);
    assert_eq!((code, stdout.len()), (Some(0), 39), "{stderr}");
    assert_eq!(proxy.clear_faults().iter().map(Rule::done).sum::<usize>(), 2);
    proxy.calls();
    proxy.fault(Rule::on("InvokeWithResponseStream", Fault::THROTTLED));
    let (code, _, stderr) = through.run(&event, &["--stream"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("Rate exceeded")
            && stderr.contains("the reason is CallerRateLimitExceeded"),
        "{stderr}"
    );
    let sent =
        proxy.calls().iter().filter(|call| call.operation == "InvokeWithResponseStream").count();
    assert_eq!(sent, 1, "a throttled invocation is not tried again by itself");
}

#[test]
fn client_context_and_tenant_reach_the_function() {
    let place = Place::new();
    let event = serde_json::json!({ "plain": true });
    let context = place.home.path().join("context.json");
    fs::write(&context, "{ \"custom\": { \"a\": 1 } }\n").unwrap();
    for given in ["{\"custom\":{\"a\":1}}".to_owned(), format!("@{}", context.display())] {
        let (code, stdout, stderr) = place.run(&event, &["--client-context", &given]);
        assert_eq!(code, Some(0), "{stderr}");
        let report: Value = serde_json::from_slice(&stdout).unwrap();
        let context: Value = serde_json::from_str(report["context"].as_str().unwrap()).unwrap();
        assert_eq!(context["custom"]["a"], 1, "{report}");
    }
    let (code, _, stderr) = place.run(&event, &["--client-context", "[1]"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("not a JSON object") && stderr.contains("nothing was sent"),
        "{stderr}"
    );
    let (code, _, stderr) = place.run(&event, &["--tenant", "acme"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("not enabled with tenancy configuration"), "{stderr}");

    let zip = tests::zip(&[("bootstrap", program().as_bytes())]);
    let there = place.local.client().get_function_configuration().function_name("s");
    let there = place.local.block_on(there.send()).unwrap();
    let tenancy = TenancyConfig::builder()
        .tenant_isolation_mode(TenantIsolationMode::PerTenant)
        .build()
        .unwrap();
    let create = place
        .local
        .client()
        .create_function()
        .function_name("tenants")
        .runtime(Runtime::Providedal2023);
    let create = create
        .role("arn:aws:iam::000000000000:role/tests")
        .handler("bootstrap")
        .tenancy_config(tenancy);
    let create = create.set_architectures(Some(there.architectures().to_vec()));
    let code = FunctionCode::builder().zip_file(aws_sdk_lambda::primitives::Blob::new(zip)).build();
    place.local.block_on(create.code(code).send()).unwrap();
    let command = [
        "--stage",
        "beta",
        "invoke",
        "tenants",
        "--payload",
        r#"{"plain":1}"#,
        "--tenant",
        "acme",
        "--json",
    ];
    let report = place.home.run(command).ok().json();
    assert_eq!(report["payload"]["tenant"], "acme", "{report}");
}
