//! The Runtime API of one sandbox, on a loopback port of its own: who connects there is that sandbox.
//! Source of routes, codes and limits: AWS Lambda developer guide, "Using the Lambda runtime API", and AWS's own emulator.

use super::{
    exchange::{Event, Exchange, Refused, Reply},
    extensions::Extensions,
    extensions_api,
    journal::Journal,
    peer::Members,
};
use crate::{
    call::{Body, answer},
    function::Function,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// The largest response, in bytes: 6 MB and a little.
const RESPONSE_LIMIT: usize = 6_291_556;
/// How much of the body of an error is read.
const ERROR_LIMIT: usize = 1 << 20;

/// What the inside of a sandbox speaks to.
pub(super) struct Apis {
    pub(super) exchange: Arc<Exchange>,
    pub(super) extensions: Arc<Extensions>,
    pub(super) journal: Arc<Journal>,
    pub(super) function: Arc<Function>,
    pub(super) members: Members,
}

/// Serves a sandbox until `stop`. The bootstrap's connections are counted by `connections`.
pub(super) async fn serve(listener: TcpListener, apis: Arc<Apis>, connections: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                tokio::spawn(connection(stream, address, Arc::clone(&apis), stop.clone(), connections.token()));
            }
            Err(error) => {
                tracing::warn!(%error, "a sandbox's Runtime API could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    apis: Arc<Apis>,
    stop: CancellationToken,
    counted: TaskTrackerToken,
) {
    let admitted = match stream.local_addr() {
        Ok(local) => stop.run_until_cancelled(apis.members.admit(address, local)).await,
        Err(_gone) => None,
    };
    if admitted != Some(true) {
        tracing::warn!(%address, "a stranger's connection to a sandbox's Runtime API was refused");
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let counted = Mutex::new(Some(counted));
    let handler = service_fn(|request: Request<Incoming>| {
        if extensions_api::is_external(&request, &apis.extensions) {
            // It outlives the bootstrap: nobody waits for its end.
            counted.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let apis = Arc::clone(&apis);
        async move { Ok::<_, Infallible>(handle(request, &apis).await) }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
    tokio::select! {
        () = stop.cancelled() => {}
        result = serving => if let Err(error) = result {
            tracing::debug!(%error, "a connection to a sandbox's Runtime API ended early");
        }
    }
}

async fn handle(request: Request<Incoming>, apis: &Apis) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let response = route(&head, &mut body, apis).await;
    // A body that was not read would cost the sandbox its connection, and a bootstrap may not expect that.
    while let Some(Ok(_)) = body.frame().await {}
    response
}

async fn route(head: &http::request::Parts, body: &mut Incoming, apis: &Apis) -> Response<Body> {
    let exchange = &*apis.exchange;
    if crate::door::refuse_origin(&head.headers).is_err() || !is_local(&head.headers) {
        return problem(403, "AccessDenied", "a sandbox's Runtime API is for its bootstrap alone");
    }
    let Some(route) = head.uri.path().strip_prefix("/2018-06-01/runtime/") else {
        let answered = extensions_api::route(head, body, apis).await;
        return answered.unwrap_or_else(|| problem(404, "NotFound", "no such route in the APIs for sandboxes"));
    };
    let parts: Vec<&str> = route.split('/').collect();
    match (&head.method, parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => match exchange.next() {
            Ok(Ok(event)) => deliver(&event),
            Ok(Err(waiting)) => match waiting.await {
                Ok(event) => deliver(&event),
                Err(_replaced) => refuse(Refused::WrongState),
            },
            Err(refused) => refuse(refused),
        },
        (&Method::POST, ["invocation", id, "response"]) => respond(id, &head.headers, body, exchange).await,
        (&Method::POST, ["invocation", id, "error"]) => {
            if let Err(refused) = exchange.expects(id) {
                return refuse(refused);
            }
            let Ok(read) = collect(body, ERROR_LIMIT).await else {
                return problem(400, "TruncatedHTTPRequest", "the error's body broke off");
            };
            accept(exchange.answer(id, Reply::Error { body: read.bytes, kind: error_type(&head.headers) }))
        }
        (&Method::POST, ["init", "error"]) => {
            let Ok(read) = collect(body, ERROR_LIMIT).await else {
                return problem(400, "TruncatedHTTPRequest", "the error's body broke off");
            };
            accept(exchange.fail_init(read.bytes, error_type(&head.headers)))
        }
        _ => problem(404, "NotFound", "no such route in the Runtime API"),
    }
}

async fn respond(id: &str, headers: &HeaderMap, body: &mut Incoming, exchange: &Exchange) -> Response<Body> {
    if let Err(refused) = exchange.expects(id) {
        return refuse(refused);
    }
    match headers.get("lambda-runtime-function-response-mode").map(HeaderValue::as_bytes) {
        None | Some(b"streaming") => {}
        Some(_) => return problem(400, "InvalidFunctionResponseMode", "the response mode is not streaming"),
    }
    let Ok(read) = collect(body, RESPONSE_LIMIT).await else {
        // The caller hears of it as well; whether the state still allowed it makes no difference to the sandbox.
        let _ = exchange.answer(id, Reply::Truncated);
        return problem(400, "TruncatedHTTPRequest", "the response's body broke off");
    };
    if read.length > RESPONSE_LIMIT {
        if let Err(refused) = exchange.answer(id, Reply::TooLarge(read.length)) {
            return refuse(refused);
        }
        let message = format!("Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).");
        return problem(413, "RequestEntityTooLarge", &message);
    }
    // A streamed response may turn out to be an error after all.
    let reply = match read.trailers.get("lambda-runtime-function-error-type") {
        Some(_) => {
            let error = read.trailers.get("lambda-runtime-function-error-body");
            let body = error.and_then(|error| STANDARD.decode(error.as_bytes()).ok()).unwrap_or_default();
            Reply::Error { body: body.into(), kind: error_type(&read.trailers) }
        }
        None => Reply::Response(read.bytes),
    };
    accept(exchange.answer(id, reply))
}

/// A body, read to its end: at most `limit` bytes of it are kept.
pub(super) struct Read {
    pub(super) bytes: Bytes,
    length: usize,
    trailers: HeaderMap,
}

pub(super) async fn collect(body: &mut Incoming, limit: usize) -> Result<Read, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut read = Read { bytes: Bytes::new(), length: 0, trailers: HeaderMap::new() };
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                read.length += data.len();
                if read.length <= limit {
                    kept.extend_from_slice(&data);
                }
            }
            Err(frame) => read.trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    read.bytes = kept.freeze();
    Ok(read)
}

fn deliver(event: &Event) -> Response<Body> {
    let mut response = answer(200, "application/json", event.payload.clone());
    let headers = response.headers_mut();
    let deadline = event.deadline.to_string();
    let mut set = |name: &'static str, value: &str| match HeaderValue::from_bytes(value.as_bytes()) {
        Ok(value) => drop(headers.insert(name, value)),
        Err(error) => tracing::warn!(%error, name, "a header of an event was left out"),
    };
    set("lambda-runtime-aws-request-id", &event.id);
    set("lambda-runtime-deadline-ms", &deadline);
    set("lambda-runtime-invoked-function-arn", &event.arn);
    set("lambda-runtime-trace-id", &event.trace);
    if let Some(context) = &event.client_context {
        set("lambda-runtime-client-context", context);
    }
    response
}

fn accept(result: Result<(), Refused>) -> Response<Body> {
    match result {
        Ok(()) => answer(202, "application/json", r#"{"status":"OK"}"#),
        Err(refused) => refuse(refused),
    }
}

fn refuse(refused: Refused) -> Response<Body> {
    match refused {
        Refused::UnknownId => problem(400, "InvalidRequestID", "Invalid request ID"),
        Refused::WrongState => problem(403, "InvalidStateTransition", "State transition is not allowed"),
    }
}

pub(super) fn problem(status: u16, kind: &str, message: &str) -> Response<Body> {
    answer(status, "application/json", json!({ "errorMessage": message, "errorType": kind }).to_string())
}

/// The error's type in the header, where it has the form that AWS takes: `Function.Word` or `Runtime.Word`.
fn error_type(headers: &HeaderMap) -> String {
    let told = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let valid = |kind: &&str| {
        let word = kind.strip_prefix("Function.").or_else(|| kind.strip_prefix("Runtime."));
        word.is_some_and(|word| {
            word.len() > 1
                && word.starts_with(|first: char| first.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphabetic())
        })
    };
    told.filter(valid).unwrap_or("Runtime.Unknown").to_owned()
}

/// A page whose host name was made to lead here would send that name.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get("host") else { return true };
    let name = host.to_str().unwrap_or_default();
    let name = name.split_once(':').map_or(name, |(name, _port)| name);
    matches!(name, "127.0.0.1" | "localhost")
}
