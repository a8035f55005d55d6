//! Hooks of functions as processes: after each response, at SIGTERM, around a snapshot. Each test
//! starts this test program again as a function, against a Runtime API on a loopback port.

#![expect(clippy::unwrap_used, reason = "the functions around the tests are tests too")]

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

#[path = "support/request.rs"]
mod request;

use lambda::{Error, Event, Failure, Stream};

/// State that logs its drop.
struct State;

impl Drop for State {
    fn drop(&mut self) {
        lambda::log::info("the state is dropped");
    }
}

async fn open() -> Result<State, Error> {
    Ok(State)
}

async fn echo(_: &State, number: u32) -> Result<u32, Error> {
    lambda::log::info("answering");
    Ok(number)
}

/// The function, if this program runs as one. The environment selects it.
#[test]
#[ignore = "it is a function: the other tests run it"]
fn function() {
    let logs = |text: &'static str| async move |_: &State| lambda::log::info(text);
    match std::env::var("FUNCTION").as_deref() {
        Ok("all") => lambda::init(open)
            .after_response(logs("flushed"))
            .on_shutdown(logs("shutting down"))
            .before_snapshot(async |_| {
                lambda::log::info("before the snapshot");
                Ok::<_, Error>(())
            })
            .after_restore(async |_| {
                lambda::log::info("after the restore");
                Ok::<_, Error>(())
            })
            .run(echo),
        Ok("endless") => {
            let endless = async |_: &State, _: Event| -> Result<(), Error> {
                let _guard = State;
                std::future::pending().await
            };
            lambda::init(open).on_shutdown(logs("shutting down")).run(endless);
        }
        Ok("endless-init") => {
            let open = async || -> Result<State, Error> { std::future::pending().await };
            lambda::init(open).on_shutdown(logs("shutting down")).run(echo);
        }
        Ok("endless-stream") => {
            let stream = async |_: &State, _: Event| {
                Ok::<_, Error>(Stream::new("text/plain", async |out| {
                    out.write("one").await?;
                    std::future::pending::<Result<(), Error>>().await
                }))
            };
            lambda::init(open).on_shutdown(logs("shutting down")).run(stream);
        }
        Ok("endless-hook") => lambda::init(open)
            .after_response(async |_: &State| std::future::pending().await)
            .on_shutdown(logs("shutting down"))
            .run(echo),
        Ok("plain") => lambda::stateless().after_response(async |()| panic!("no flush")).run(
            async |_: Event| {
                lambda::log::info("answering");
                Ok::<_, Error>(1)
            },
        ),
        Ok("before-fails") => {
            lambda::init(open)
                .before_snapshot(async |_| Err(Failure::new("Cold", "no cache")))
                .run(echo);
        }
        Ok("after-fails") => {
            lambda::init(open).after_restore(async |_| Err::<(), _>("no network")).run(echo);
        }
        Ok("after-panics") => {
            let hook = async |_: &State| -> Result<(), Error> { panic!("no network") };
            lambda::init(open).after_restore(hook).run(echo);
        }
        other => panic!("no such function: {other:?}"),
    }
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NEXT: &str =
    "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\nContent-Length: 1\r\n\r\n7";
const REGISTERED: &str =
    "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: e-1\r\nContent-Length: 2\r\n\r\n{}";

/// A request: method and the path after the version, and all of it.
#[derive(Debug)]
struct Request {
    line: String,
    whole: String,
}

/// A running function and its requests.
struct Running {
    child: Child,
    requests: mpsc::Receiver<Request>,
}

impl Running {
    /// Runs a function against a Runtime API that responds with `answer`, which gets a request's
    /// line and the number of earlier requests with the same line; a request without an answer
    /// never gets a response.
    fn start(
        function: &str,
        environment: &[(&str, &str)],
        answer: impl Fn(&str, usize) -> Option<&'static str> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = mpsc::channel();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                thread::spawn(move || converse(stream.unwrap(), &sender, &*answer));
            }
        });
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "function", "--nocapture"])
            .env_clear()
            .env("FUNCTION", function)
            .env("AWS_LAMBDA_RUNTIME_API", &address)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, requests }
    }

    /// The lines of the next `count` requests.
    fn lines(&self, count: usize) -> Vec<String> {
        (0..count)
            .map(|_| self.requests.recv_timeout(Duration::from_secs(20)).unwrap().line)
            .collect()
    }

    fn terminate(&self) {
        let status =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end. Returns the exit code, and the messages that it logged.
    fn end(self) -> (Option<i32>, Vec<String>) {
        let Output { status, stderr, .. } = self.child.wait_with_output().unwrap();
        let messages = String::from_utf8(stderr).unwrap();
        let message = |line: &str| line.splitn(4, '\t').nth(3).map(str::to_owned);
        (status.code(), messages.lines().filter_map(message).collect())
    }
}

fn converse(
    mut stream: TcpStream,
    sender: &mpsc::Sender<Request>,
    answer: &(dyn Fn(&str, usize) -> Option<&'static str> + Send + Sync),
) {
    let (mut seen, mut came) = (Vec::new(), String::new());
    while let Some(whole) = request::read(&mut stream, &mut came) {
        let target = whole.split(' ').nth(1).unwrap().splitn(4, '/').nth(3).unwrap();
        let line = format!("{} {target}", whole.split(' ').next().unwrap());
        let before = seen.iter().filter(|seen| **seen == line).count();
        let response = answer(&line, before);
        seen.push(line.clone());
        let _ = sender.send(Request { line, whole });
        if let Some(response) = response {
            let _ = stream.write_all(response.as_bytes());
        }
    }
}

/// One invocation, then none; an extension may register.
fn once(line: &str, before: usize) -> Option<&'static str> {
    match line {
        "GET invocation/next" if before == 0 => Some(NEXT),
        "POST register" => Some(REGISTERED),
        line if line.starts_with("POST") => Some(ACCEPTED),
        _ => None,
    }
}

#[test]
fn sigterm_while_idle_runs_the_hook_drops_the_state_and_lets_run_return() {
    let running = Running::start("all", &[], once);
    let register = running.requests.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(
        register.whole.starts_with("POST /2020-01-01/extension/register HTTP/1.1\r\n"),
        "{register:?}"
    );
    assert!(
        register.whole.contains("Lambda-Extension-Name: lambda-console-runtime\r\n"),
        "{register:?}"
    );
    assert!(register.whole.ends_with("{\"events\":[]}"), "{register:?}");
    // On a connection of its own, so it may arrive before or after the function's own requests.
    let mut lines = running.lines(4);
    lines.sort();
    let expected = [
        "GET event/next",
        "GET invocation/next",
        "GET invocation/next",
        "POST invocation/r-1/response",
    ];
    assert_eq!(lines, expected);
    running.terminate();
    let (code, messages) = running.end();
    assert_eq!(code, Some(0));
    assert_eq!(messages, ["answering", "flushed", "shutting down", "the state is dropped"]);
}

#[test]
fn sigterm_drops_the_handler_the_stream_or_the_hook_that_is_underway_first() {
    // Each with the number of requests until then: the extension's two, the poll, and the answer if
    // there is one.
    for (function, requests) in [("endless", 3), ("endless-stream", 4), ("endless-hook", 4)] {
        let running = Running::start(function, &[], once);
        let answered = running.lines(requests).contains(&"POST invocation/r-1/response".to_owned());
        assert_eq!(answered, requests == 4, "{function}");
        running.terminate();
        let (code, messages) = running.end();
        assert_eq!(code, Some(0), "{function}");
        // The guard in the handler may not have been created when the signal arrived.
        let [.., hook, dropped] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((&**hook, &**dropped), ("shutting down", "the state is dropped"), "{function}");
    }
}

#[test]
fn sigterm_during_the_init_ends_the_process_before_there_is_a_state() {
    let running = Running::start("endless-init", &[], once);
    assert_eq!(running.lines(2), ["POST register", "GET event/next"]);
    running.terminate();
    assert_eq!(running.end(), (Some(0), Vec::new()));
}

#[test]
fn sigterm_ends_every_worker_of_a_managed_instance() {
    let environment = [("AWS_LAMBDA_MAX_CONCURRENCY", "3"), ("AWS_LAMBDA_LOG_FORMAT", "Text")];
    let running = Running::start("all", &environment, |_, _| None);
    assert_eq!(running.lines(3), ["GET invocation/next"; 3]);
    running.terminate();
    assert_eq!(
        running.end(),
        (Some(0), vec!["shutting down".to_owned(), "the state is dropped".to_owned()])
    );
}

#[test]
fn without_an_extensions_api_a_function_serves_all_the_same() {
    for (response, lines) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 1),
    ] {
        let running = Running::start("all", &[], move |line, before| match line {
            "POST register" => Some(response),
            line => once(line, before),
        });
        running.lines(4);
        running.terminate();
        let (code, messages) = running.end();
        assert_eq!(code, Some(0));
        let warnings =
            messages.iter().filter(|line| line.starts_with("SIGTERM will not arrive: ")).count();
        assert_eq!(warnings, lines, "{messages:?}");
    }
}

#[test]
fn a_panic_after_the_response_ends_the_process() {
    let running = Running::start("plain", &[], once);
    assert_eq!(running.lines(2), ["GET invocation/next", "POST invocation/r-1/response"]);
    let (code, messages) = running.end();
    assert_eq!(code, Some(1));
    let [answering, panic, end] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(answering, "answering");
    assert!(
        panic.starts_with("no flush (panicked at ") && panic.ends_with("errorType=Runtime.Panic"),
        "{panic}"
    );
    assert!(end.contains("a panic"), "{end}");
}

const SNAP_START: [(&str, &str); 1] = [("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")];

/// Like [`once`], in a sandbox that is restored at once.
fn restored(line: &str, before: usize) -> Option<&'static str> {
    if line == "GET restore/next" { Some(EMPTY) } else { once(line, before) }
}

#[test]
fn a_snapshot_is_taken_between_its_hooks() {
    let running = Running::start("all", &SNAP_START, restored);
    let mut lines = running.lines(6);
    lines.retain(|line| line != "GET event/next");
    let expected = [
        "POST register",
        "GET restore/next",
        "GET invocation/next",
        "POST invocation/r-1/response",
    ];
    assert_eq!(lines[..4], expected);
    running.terminate();
    let (code, messages) = running.end();
    assert_eq!(code, Some(0));
    assert_eq!(messages[..4], ["before the snapshot", "after the restore", "answering", "flushed"]);
}

#[test]
fn a_hook_that_fails_around_a_snapshot_is_reported_to_where_it_belongs() {
    let cases = [
        ("before-fails", &["POST init/error"][..], "init failed: Function.Cold: no cache"),
        (
            "after-fails",
            &["GET restore/next", "POST restore/error"],
            "the restore failed: Function.Error: no network",
        ),
        (
            "after-panics",
            &["GET restore/next", "POST restore/error"],
            "the restore failed: Runtime.Panic: no network",
        ),
    ];
    for (function, expected, end) in cases {
        let running = Running::start(function, &SNAP_START, restored);
        assert_eq!(running.lines(expected.len()), expected);
        let (code, messages) = running.end();
        assert_eq!(code, Some(1));
        assert!(messages.iter().any(|message| message.starts_with(end)), "{messages:?}");
    }
}

#[test]
fn without_snap_start_nothing_waits_for_a_snapshot() {
    let running =
        Running::start("after-fails", &[("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")], once);
    assert_eq!(running.lines(2), ["GET invocation/next", "POST invocation/r-1/response"]);
    let Running { mut child, .. } = running;
    child.kill().unwrap();
    child.wait().unwrap();
}
