//! Functions as processes: their last messages and exit codes. Each test starts this test program
//! again as a function, against a Runtime API on a loopback port.

#![expect(clippy::unwrap_used, reason = "the functions around the tests are tests too")]

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

#[path = "support/request.rs"]
mod request;

use lambda::{Context, Error, Event, Failure};

/// The function, if this program runs as one. The environment selects it.
#[test]
#[ignore = "it is a function: the other tests run it"]
fn function() {
    match std::env::var("FUNCTION").as_deref() {
        Ok("echo") => lambda::run(async |number: u32| Ok::<_, Error>(number)),
        Ok("panic") => {
            lambda::run(async |_: Event| -> Result<(), Error> { panic!("the shelf is empty") });
        }
        Ok("fail") => lambda::run(async |_: Event, _: Context| -> Result<(), Error> {
            Err("no\nstock".into())
        }),
        #[cfg(feature = "tracing")]
        Ok("traced") => {
            lambda::tracing::install().unwrap();
            lambda::run(async |number: u32| {
                let _span = tracing::info_span!("shop", shop = "north", row = 1).entered();
                tracing::debug!("below the level");
                tracing::warn!(row = number, exact = true, table = %"orders", level = ?Some(1), "slow \"query\"");
                Err::<(), _>("no")
            });
        }
        Ok("init") => {
            let init = async || Err::<(), _>(Failure::new("NoTable", "there is no table"));
            lambda::init(init).run(async |(): &(), number: u32| Ok::<_, Error>(number));
        }
        Ok("init-panic") => {
            let init = async || -> Result<u8, Error> { panic!("no table") };
            lambda::init(init).run(async |_: &u8, number: u32| Ok::<_, Error>(number));
        }
        Ok("route") => lambda::route([
            ("double", || lambda::run(async |number: u32| Ok::<_, Error>(number * 2))),
            ("raw", || lambda::run(async |event: Event| Ok::<_, Error>(event.bytes().len()))),
            ("init", || {
                let init = async || Ok::<_, Error>(3);
                lambda::init(init).run(async |by: &u32, number: u32| Ok::<_, Error>(by * number));
            }),
        ]),
        other => panic!("no such function: {other:?}"),
    }
}

/// Runs a function in this environment and waits for its end.
fn run(function: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "function", "--nocapture"])
        .env_clear()
        .env("FUNCTION", function);
    command.envs(environment.iter().copied()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A Runtime API with these responses, one for each request; then it is gone. Returns its address
/// and the requests it received: first lines and bodies.
fn runtime_api(answers: &[&str]) -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut answers: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut came = String::new();
        while let Some(answer) = answers.pop_front() {
            let request = request::read(&mut stream, &mut came).expect("the function asks");
            assert_eq!(came, "", "nothing is asked before the answer");
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            sender
                .send((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()))
                .unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, requests)
}

const NEXT: &str = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: \
    r-1\r\nLambda-Runtime-Aws-Tenant-Id: blue\r\n\
                    Content-Length: 1\r\n\r\n7";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

#[test]
fn outside_of_lambda_a_function_prints_what_it_is_and_how_to_run_it() {
    let output = run("echo", &[]);
    assert_eq!(output.status.code(), Some(3));
    let output_text = stderr(&output);
    assert!(
        output_text.contains("is an AWS Lambda function")
            && output_text.contains("`lambda-console invoke process-"),
        "{output_text}"
    );
}

#[test]
fn an_address_that_cannot_be_meant_or_reached_ends_the_process_with_a_line() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let unreachable = format!("cannot connect to the Lambda Runtime API at {free}");
    for (address, line) in
        [(free.as_str(), unreachable.as_str()), ("ftp://x", "AWS_LAMBDA_RUNTIME_API is `ftp://x`")]
    {
        let output = run("echo", &[("AWS_LAMBDA_RUNTIME_API", address)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(line), "{}", stderr(&output));
    }
}

#[test]
fn a_broken_concurrency_ends_the_process_with_a_line() {
    let output = run(
        "echo",
        &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"), ("AWS_LAMBDA_MAX_CONCURRENCY", "some")],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("AWS_LAMBDA_MAX_CONCURRENCY is `some`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_function_ends_when_the_runtime_api_is_gone() {
    let (address, requests) = runtime_api(&[NEXT, ACCEPTED]);
    let output = run("echo", &[("AWS_LAMBDA_RUNTIME_API", &address)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Lambda Runtime API"), "{}", stderr(&output));
    let requests: Vec<_> = requests.iter().collect();
    assert_eq!(
        requests[1],
        ("POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1".into(), "7".into())
    );
}

#[test]
fn a_failed_init_is_reported_before_anything_is_asked_for() {
    let cases = [
        ("init", "Function.NoTable", "there is no table"),
        ("init-panic", "Runtime.Panic", "no table"),
    ];
    for (function, kind, message) in cases {
        let (address, requests) = runtime_api(&[ACCEPTED]);
        let output = run(function, &[("AWS_LAMBDA_RUNTIME_API", &address)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).contains(&format!("init failed: {kind}: {message}")),
            "{}",
            stderr(&output)
        );
        let requests: Vec<_> = requests.iter().collect();
        let [(line, body)] = &requests[..] else { panic!("{requests:?}") };
        assert_eq!(line, "POST /2018-06-01/runtime/init/error HTTP/1.1");
        let report: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(report["errorType"], kind);
        assert!(report["errorMessage"].as_str().unwrap().starts_with(message), "{body}");
    }
}

#[test]
fn the_handler_of_the_settings_selects_one_of_several_functions() {
    for (handler, response) in [("double", "14"), ("raw", "1"), ("init", "21")] {
        let (address, requests) = runtime_api(&[NEXT, ACCEPTED]);
        run("route", &[("AWS_LAMBDA_RUNTIME_API", &address), ("_HANDLER", handler)]);
        assert_eq!(requests.iter().nth(1).unwrap().1, response, "{handler}");
    }
}

#[test]
fn a_handler_that_no_function_has_is_an_init_error_that_lists_the_names() {
    let message = "there is no function for the handler `bootstrap`: set the handler to one of \
                   `double`, `raw`, `init`";
    let (address, requests) = runtime_api(&[ACCEPTED]);
    let output = run("route", &[("AWS_LAMBDA_RUNTIME_API", &address), ("_HANDLER", "bootstrap")]);
    assert_eq!(output.status.code(), Some(1));
    let line = format!("init failed: Runtime.HandlerNotFound: {message}");
    assert!(stderr(&output).contains(&line), "{}", stderr(&output));
    let (line, body) = requests.iter().next().unwrap();
    assert_eq!(line, "POST /2018-06-01/runtime/init/error HTTP/1.1");
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&report["errorType"], &report["errorMessage"]),
        (&"Runtime.HandlerNotFound".into(), &message.into())
    );
    // Outside of Lambda it is a function like any other.
    assert_eq!(run("route", &[]).status.code(), Some(3));
}

#[test]
fn a_panic_is_reported_and_then_the_process_ends() {
    let (address, requests) = runtime_api(&[NEXT, ACCEPTED]);
    let output = run("panic", &[("AWS_LAMBDA_RUNTIME_API", &address)]);
    assert_eq!(output.status.code(), Some(1));
    let (line, body) = requests.iter().nth(1).unwrap();
    assert_eq!(line, "POST /2018-06-01/runtime/invocation/r-1/error HTTP/1.1");
    let report: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(report["errorType"], "Runtime.Panic");
    let place = report["stackTrace"][0].as_str().unwrap();
    assert!(place.contains("process.rs:"), "{place}");
    assert_eq!(report["errorMessage"], format!("the shelf is empty (panicked at {place})"));
}

#[test]
fn log_lines_are_json_where_lambda_asks_for_it_and_name_the_request() {
    let (address, _requests) = runtime_api(&[NEXT, ACCEPTED]);
    let environment =
        [("AWS_LAMBDA_RUNTIME_API", address.as_str()), ("AWS_LAMBDA_LOG_FORMAT", "JSON")];
    let output = run("fail", &environment);
    let output_text = stderr(&output);
    let lines: Vec<serde_json::Value> =
        output_text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [failure, end] = &lines[..] else { panic!("{output_text}") };
    assert_eq!((&failure["level"], &failure["message"]), (&"ERROR".into(), &"no\nstock".into()));
    assert_eq!((&failure["requestId"], &failure["tenantId"]), (&"r-1".into(), &"blue".into()));
    assert_eq!(failure["errorType"], "Function.Error");
    assert!(end.get("requestId").is_none(), "{end}");
}

#[cfg(feature = "tracing")]
#[test]
fn events_of_tracing_are_lines_with_the_fields_of_their_spans() {
    let (address, _requests) = runtime_api(&[NEXT, ACCEPTED]);
    let environment =
        [("AWS_LAMBDA_RUNTIME_API", address.as_str()), ("AWS_LAMBDA_LOG_FORMAT", "JSON")];
    let output_text = stderr(&run("traced", &environment));
    let mut line: serde_json::Value =
        serde_json::from_str(output_text.lines().next().unwrap()).unwrap();
    assert!(line["timestamp"].take().as_str().unwrap().ends_with('Z'));
    let expected = serde_json::json!({
        "timestamp": null, "level": "WARN", "message": "slow \"query\"", "requestId": "r-1", "tenantId": "blue",
        "shop": "north", "row": 7, "exact": true, "table": "orders", "level_": "Some(1)"
    });
    assert_eq!(line, expected);
}
