//! The scripted fake: the Runtime API of the runtime crate's own tests, for the process of a
//! function.

// One fake for both: the official crate gets the same responses as in the runtime's tests.
#[path = "../../../../runtime/src/testing/server.rs"]
mod server;

use std::{
    collections::VecDeque,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use server::Server;
use tests::PATIENCE;

use super::{Ends, Outcome, function::Crate};

pub(super) use server::{Request, ServerStep};

/// Size of the largest response that Lambda accepts, in bytes.
const LARGEST: usize = 6 * 1024 * 1024 + 100;

/// A function's process; it ends when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Process {
    fn start(of: Crate, address: &str, concurrency: Option<&str>) -> Self {
        let mut command = Command::new(of.bootstrap());
        command.env_clear().envs([
            ("AWS_LAMBDA_RUNTIME_API", address),
            ("AWS_LAMBDA_FUNCTION_NAME", "case"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ]);
        command.envs(concurrency.map(|number| ("AWS_LAMBDA_MAX_CONCURRENCY", number)));
        Self(
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a function starts"),
        )
    }
}

/// A response with this status and body.
pub(super) fn response(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An invocation with all header fields that Lambda sends.
pub(super) fn invocation(id: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: \
        4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: \
         arn:aws:lambda:us-east-1:000000000000:function:case\r\n\
         Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000\r\nContent-Type: \
         application/json\r\n\
         Content-Length: {}\r\n\r\n",
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

/// Runs a function's process against `script`, until there is a request after the last response or
/// the process has ended by itself. Returns the requests, and which of the two happened.
pub(super) fn serve(
    of: Crate,
    concurrency: Option<&str>,
    mut script: impl FnMut(&Request) -> ServerStep + Send + 'static,
) -> (Vec<Request>, Ends) {
    let (sender, events) = mpsc::channel();
    let server = Server::start(move |request| {
        let script = script(request);
        // The test may have ended already, with its error reported.
        drop(sender.send((request.clone(), script == ServerStep::End)));
        script
    })
    .expect("a loopback port");
    let mut process = Process::start(of, &server.address(), concurrency);
    let deadline = Instant::now() + PATIENCE;
    let mut requests = Vec::new();
    let ends = loop {
        assert!(Instant::now() < deadline, "it neither goes on nor ends: {requests:?}");
        match events.recv_timeout(Duration::from_millis(20)) {
            Ok((request, last)) => {
                requests.push(request);
                if last {
                    break Ends::No;
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if process.0.try_wait().expect("it is our child").is_some() {
                    break Ends::Yes;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break Ends::Yes,
        }
    };
    drop(process);
    // Requests that it sent just before its end are still read.
    drop(server);
    if ends == Ends::Yes {
        requests.extend(events.try_iter().map(|(request, _)| request));
    }
    (requests, ends)
}

/// Like [`serve`], with these responses, one for each request.
pub(super) fn serve_script(
    of: Crate,
    script: impl IntoIterator<Item = ServerStep>,
) -> (Vec<Request>, Ends) {
    let mut script: VecDeque<ServerStep> = script.into_iter().collect();
    serve(of, None, move |_| script.pop_front().unwrap_or(ServerStep::End))
}

/// Runs one invocation in a process of its own.
pub(super) fn once(of: Crate, payload: &[u8]) -> (Outcome, Ends) {
    let mut event = Some(invocation("r-1", payload));
    let (requests, ends) = serve(of, None, move |request| match () {
        () if request.is_next() => event.take().map_or(ServerStep::End, ServerStep::Bytes),
        () if request.body.len() > LARGEST => {
            ServerStep::Bytes(response("413 Request Entity Too Large", "{}"))
        }
        () => ServerStep::Bytes(response("202 Accepted", "{\"status\":\"OK\"}\n")),
    });
    let answers: Vec<&Request> = requests.iter().filter(|request| !request.is_next()).collect();
    let answer = match answers[..] {
        [answer] => answer,
        // As Lambda reports it to the caller.
        [] if ends == Ends::Yes => {
            return (
                Outcome::Error { kind: "Runtime.ExitError".to_owned(), message: String::new() },
                ends,
            );
        }
        _ => panic!("one answer: {answers:?}"),
    };
    let outcome = match answer.target.as_str() {
        // As Lambda reports it to the caller.
        "/2018-06-01/runtime/invocation/r-1/response" if answer.body.len() > LARGEST => {
            Outcome::Error {
                kind: "Function.ResponseSizeTooLarge".to_owned(),
                message: String::new(),
            }
        }
        "/2018-06-01/runtime/invocation/r-1/response" => Outcome::Answer(answer.body.clone()),
        "/2018-06-01/runtime/invocation/r-1/error" => Outcome::read(answer.body.clone()),
        other => panic!("what is {other}?"),
    };
    (outcome, ends)
}
