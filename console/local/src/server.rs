//! The HTTP server: accepts connections on the loopback port, authenticates each request and hands
//! it to the router. Touches the network only.

pub(crate) mod auth;
pub(crate) mod busy_poll;
pub(crate) mod connections;
pub(crate) mod endpoint;
pub(crate) mod gate;
mod io_threads;
pub(crate) mod leave;
pub(crate) mod link;
pub(crate) mod local;
pub(crate) mod lock;

use std::{net, pin::pin, sync::Arc, time::Duration};

use auth::Auth;
use busy_poll::Serving;
use connections::{Connection, Connections, HEAD, Open};
use gate::Ended;
use http::{HeaderValue, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{
        router::{self, addressee},
        urls::{self, address::Address},
    },
    http::{
        error::ApiError,
        ids, query,
        render::Protocol,
        request::{ApiRequest, CEILING, PAYLOAD_LIMIT, receive},
        response::Body,
    },
    sandbox::is_of_this_user,
    service::Service,
};

/// Header of a refusal that identifies the local Lambda, for callers that meant to reach AWS.
pub const MARK: &str = "x-lambda-console-local";
/// Largest request of any operation but Invoke, as on AWS: 50 MB of zip in base64, and the rest.
const REQUEST_LIMIT: usize = 70_167_211;
/// Time that a connection may take to send its answer when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serves until `stop`; then every connection ends after the answer that it is sending. Each
/// connection stays on the thread that it was assigned to in turn.
async fn serve(
    listener: TcpListener,
    auth: Arc<Auth>,
    service: Arc<Service>,
    mut threads: impl Iterator<Item = Handle>,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let most = service.pool.env().limits.connections as usize;
    let connections = Connections::new(most, stop.clone());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let accepted = accepted.and_then(|(stream, peer)| {
            // Nothing is read from a connection of another user.
            let is_ours = is_of_this_user(peer, stream.local_addr()?);
            is_ours.then(|| stream.into_std()).transpose()
        });
        match (accepted, threads.next()) {
            (Ok(Some(stream)), Some(thread)) => {
                let connection =
                    connection(stream, connections.open(), Arc::clone(&auth), Arc::clone(&service));
                tasks.spawn_on(connection, &thread);
            }
            (Ok(Some(_)), None) => break,
            (Ok(None), _) => {
                tracing::debug!("the local Lambda refused a connection of another user");
            }
            (Err(error), _) => {
                // Out of file descriptors, most likely: wait for some to be closed.
                tracing::warn!(%error, "the local Lambda could not accept a connection");
                connections.make_room();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn connection(
    stream: net::TcpStream,
    connection: Open,
    auth: Arc<Auth>,
    service: Arc<Service>,
) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            return tracing::warn!(%error, "the local Lambda could not take over a connection");
        }
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let handler = service_fn(|request| handle(request, &connection, &auth, &service));
    let mut serving = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), handler));
    let overdue = async {
        tokio::time::sleep(HEAD).await;
        if connection.has_started() {
            std::future::pending::<()>().await;
        }
    };
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = connection.ends() => {
            serving.as_mut().graceful_shutdown();
            // A connection that is closed to make room has no request in progress.
            let last_words = if connection.is_last() { LAST_WORDS } else { Duration::ZERO };
            tokio::time::timeout(last_words, serving).await.unwrap_or(Ok(()))
        }
        () = overdue => return tracing::debug!("a connection to the local Lambda sent no request"),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the local Lambda ended early");
    }
}

/// Counts a request if it may start.
async fn begin(service: &Service) -> Result<Serving, Ended> {
    loop {
        let serving = service.busy_poll.serve();
        if service.gate.is_open() {
            return Ok(serving);
        }
        drop(serving);
        service.gate.known().await?;
    }
}

/// Handles one request, from its head to its answer. Returns an error, and no answer, if the server
/// has ended.
async fn handle(
    request: Request<Incoming>,
    connection: &Connection,
    auth: &Auth,
    service: &Arc<Service>,
) -> Result<Response<Body>, Ended> {
    let _serving = begin(service).await?;
    let asking = connection.asks();
    let request_id = ids::uuid().to_string();
    let (head, body) = request.into_parts();
    let protocol = Protocol::of(&head);
    if let Some(address) = Address::read(&head, service.port) {
        let response =
            Box::pin(urls::serve(&address, head, body, connection, auth, service, &request_id))
                .await;
        asking.answered(&response);
        return Ok(identified(response, &request_id));
    }
    let response = match pass(head, body, connection, auth, service, &request_id).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(
                code = error.code,
                message = error.message,
                "the local Lambda refused a request"
            );
            let mut response = protocol.render(&error, &request_id);
            if let Ok(address) = HeaderValue::from_str(&format!("127.0.0.1:{}", service.port)) {
                response.headers_mut().insert(MARK, address);
            }
            response
        }
    };
    asking.answered(&response);
    Ok(identified(response, &request_id))
}

fn identified(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().entry("x-amzn-requestid").or_insert(value);
    }
    response
}

async fn pass(
    head: http::request::Parts,
    body: Incoming,
    connection: &Connection,
    auth: &Auth,
    service: &Arc<Service>,
    request_id: &str,
) -> Result<Response<Body>, ApiError> {
    let invocation =
        ["/invocations", "/response-streaming-invocations", "/invoke-async", "/invoke-async/"]
            .iter()
            .any(|end| head.uri.path().ends_with(end));
    let limit = if invocation { PAYLOAD_LIMIT } else { REQUEST_LIMIT };
    let admitted = auth.check_head(&head);
    // The body of a refused request is read as well, and dropped: a client that is still sending
    // would not receive the refusal.
    let received = receive(body, if admitted.is_ok() { limit } else { 0 }, CEILING).await?;
    connection.is_busy();
    admitted?;
    auth.verify_call(
        addressee(&head, &received.bytes),
        &head,
        &received.sha256,
        jiff::Timestamp::now(),
    )?;
    if received.length > limit {
        let (code, operation) = if invocation {
            ("RequestTooLargeException", "InvokeFunction operation")
        } else {
            ("RequestEntityTooLargeException", "operation; a zip file may have 50 MB")
        };
        return Err(ApiError::new(
            413,
            code,
            format!("Request must be smaller than {limit} bytes for the {operation}"),
        ));
    }
    let call = ApiRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: query::pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: received.bytes,
        request_id: request_id.to_owned(),
    };
    router::dispatch(service, call).await
}
