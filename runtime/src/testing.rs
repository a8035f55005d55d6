//! Runs a handler through the whole loop, in process: a small Runtime API on a loopback port, the
//! same client and the same encoding as in Lambda. A handler is also a plain function: most tests
//! just call it.
//!
//! ```
//! use lambda::testing::{self, Outcome};
//! use lambda::{Error, Event};
//!
//! async fn double(number: i64) -> Result<i64, Error> {
//!     Ok(number * 2)
//! }
//!
//! let outcomes = testing::run(&(), double, [Event::new("21"), Event::new("\"x\"")]).unwrap();
//! assert_eq!(outcomes[0], Outcome::Response { content_type: "application/json".into(), body: "42".into() });
//! assert!(matches!(&outcomes[1], Outcome::Error { kind, .. } if kind == "Runtime.UnmarshalError"));
//! ```

pub(crate) mod server;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Deserialize;

use self::server::{Request, Server, ServerStep};
use crate::failure::Fault;
use crate::handler::Handler;
use crate::lifecycle::executor;
use crate::lifecycle::hooks::{Absent, Hook, Hooks};
use crate::lifecycle::init::Init;
use crate::lifecycle::serve::{AfterPanic, serve};
use crate::lifecycle::start::prepare;
use crate::runtime_api::base64;
use crate::runtime_api::client::Client;
use crate::runtime_api::endpoint::Endpoint;

pub use crate::event::Invocation;

/// Outcome of one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The handler returned.
    Response {
        /// The content type of the response.
        content_type: String,
        /// The body of the response.
        body: Bytes,
    },
    /// The handler failed or panicked.
    Error {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
        /// `stackTrace`.
        stack: Vec<String>,
    },
}

impl Outcome {
    /// Deserializes the response. Returns an error if there is none, or if it does not fit.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, crate::Error> {
        match self {
            Self::Response { body, .. } => Ok(serde_json::from_slice(body)?),
            Self::Error { kind, message, .. } => Err(format!("{kind}: {message}").into()),
        }
    }
}

/// Runs a handler (with its state; `&()` for one without) on these events, one after the other.
/// Returns an outcome for each, in their order; there are none after a panic. Returns an error if
/// no loopback port is available.
#[expect(clippy::needless_pass_by_value, reason = "a handler reads better named than lent")]
pub fn run<S, H, M, I>(
    state: &S,
    handler: H,
    invocations: impl IntoIterator<Item = I>,
) -> io::Result<Vec<Outcome>>
where
    H: Handler<S, M>,
    I: Into<Invocation>,
{
    converse(invocations, async |client| {
        // The loop ends with the events: the server closes.
        let _ = serve(client, state, &handler, &Absent, AfterPanic::End).await;
    })
}

/// Runs a whole function: its init, the loop with the hook after each response, and the hook at the
/// end. If the init fails, its error is the only outcome. Returns an error if no loopback port is
/// available.
///
/// ```
/// use lambda::testing::{self, Outcome};
/// use lambda::{Error, Event};
///
/// async fn open() -> Result<u32, Error> {
///     Ok(2)
/// }
///
/// async fn times(factor: &u32, number: u32) -> Result<u32, Error> {
///     Ok(factor * number)
/// }
///
/// let function = lambda::init(open).after_response(async |factor| println!("times {factor}"));
/// let outcomes = testing::run_function(function, times, [Event::new("21")]).unwrap();
/// assert_eq!(outcomes[0].json::<u32>().unwrap(), 42);
/// ```
#[expect(clippy::needless_pass_by_value, reason = "a handler reads better named than lent")]
pub fn run_function<F, S, E, EM, H, M, A, T, B, R, I>(
    function: Init<F, Hooks<A, T, B, R>>,
    handler: H,
    invocations: impl IntoIterator<Item = I>,
) -> io::Result<Vec<Outcome>>
where
    F: AsyncFnOnce() -> Result<S, E>,
    E: Fault<EM>,
    H: Handler<S, M>,
    A: Hook<S, ()>,
    T: Hook<S, ()>,
    I: Into<Invocation>,
{
    let Init { init, hooks } = function;
    converse(invocations, async |client| {
        // If the init fails, its error was reported already.
        let Ok(state) = prepare(client, init).await else { return };
        let _ = serve(client, &state, &handler, &hooks.after_response, AfterPanic::End).await;
        hooks.on_shutdown.call(&state).await;
    })
}

/// Runs `work` against a small Runtime API with these invocations.
fn converse<I: Into<Invocation>>(
    invocations: impl IntoIterator<Item = I>,
    work: impl AsyncFnOnce(&mut Client),
) -> io::Result<Vec<Outcome>> {
    let mut waiting: VecDeque<Invocation> = invocations.into_iter().map(Into::into).collect();
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&outcomes);
    let mut number = 0_u32;
    let server = Server::start(move |request| {
        if request.is_next() {
            number += 1;
            waiting.pop_front().map_or(ServerStep::End, |invocation| {
                ServerStep::Bytes(invocation_response(&invocation, number))
            })
        } else {
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(outcome(request));
            ServerStep::Bytes(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
    })?;
    let endpoint = Arc::new(Endpoint::parse(&server.address()).map_err(io::Error::other)?);
    let executor = executor::create().map_err(|end| io::Error::other(end.to_string()))?;
    crate::lifecycle::panic::install(Arc::clone(&endpoint));
    executor.block_on(async {
        let mut client =
            Client::open(endpoint).await.map_err(|end| io::Error::other(end.to_string()))?;
        work(&mut client).await;
        io::Result::Ok(())
    })?;
    drop(server);
    let outcomes = std::mem::take(&mut *outcomes.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(outcomes)
}

/// An invocation as the Runtime API sends it.
fn invocation_response(invocation: &Invocation, number: u32) -> Vec<u8> {
    let Invocation { event, context } = invocation;
    let mut head = String::from("HTTP/1.1 200 OK\r\n");
    let made_up = format!("request-{number}");
    let id = if context.request_id.is_empty() { &made_up } else { &context.request_id };
    let deadline = (context.deadline_ms > 0).then(|| context.deadline_ms.to_string());
    let fields = [
        ("Lambda-Runtime-Aws-Request-Id", Some(id.as_str())),
        ("Lambda-Runtime-Deadline-Ms", deadline.as_deref()),
        ("Lambda-Runtime-Invoked-Function-Arn", Some(&context.function_arn)),
        ("Lambda-Runtime-Trace-Id", context.trace_id.as_deref()),
        ("Lambda-Runtime-Aws-Tenant-Id", context.tenant_id.as_deref()),
        ("Lambda-Runtime-Client-Context", context.client_context.as_deref()),
        ("Lambda-Runtime-Cognito-Identity", context.identity.as_deref()),
        ("Content-Type", event.content_type()),
    ];
    for (name, value) in fields {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", event.bytes().len());
    [head.as_bytes(), event.bytes()].concat()
}

/// The outcome in an answer of the loop.
fn outcome(request: &Request) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        error_type: String,
        error_message: String,
        stack_trace: Vec<String>,
    }
    // A stream that failed midway has its error in the trailers.
    let trailer = request.field("lambda-runtime-function-error-body").and_then(base64::decode);
    let report =
        trailer.as_ref().or_else(|| request.target.ends_with("/error").then_some(&request.body));
    if let Some(report) = report
        && let Ok(body) = serde_json::from_slice::<Body>(report)
    {
        return Outcome::Error {
            kind: body.error_type,
            message: body.error_message,
            stack: body.stack_trace,
        };
    }
    let content_type = request.field("content-type").unwrap_or_default().to_owned();
    Outcome::Response { content_type, body: request.body.clone().into() }
}
