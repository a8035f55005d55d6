//! The HTTP server: accepts connections on the loopback port, lets each request through the door and hands it to the
//! service. Touches the network only.

use crate::{
    call::{Body, Call, receive},
    door::Door,
    fault::{Fault, Protocol},
    ids, query,
    service::{Service, addressee},
    urls::{self, Address},
};
use http::{HeaderValue, Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, net, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The largest request of all but Invoke, as AWS has it: 50 MB of zip in base64, and the rest.
const REQUEST_LIMIT: usize = 70_167_211;
/// The largest synchronous Invoke payload: 6 MB.
pub(crate) const PAYLOAD_LIMIT: usize = 6_291_456;
/// Above this a body is not even read to its end.
pub(crate) const CEILING: usize = 256 << 20;

/// Serves until `stop`; then every connection is dropped. Each connection stays on the thread whose turn it was.
pub(crate) async fn serve(
    listener: TcpListener,
    door: Arc<Door>,
    service: Arc<Service>,
    mut threads: impl Iterator<Item = Handle>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let accepted = accepted.and_then(|(stream, _)| stream.into_std());
        match (accepted, threads.next()) {
            (Ok(stream), Some(thread)) => {
                let connection = connection(stream, Arc::clone(&door), Arc::clone(&service), stop.clone());
                connections.spawn_on(connection, &thread);
            }
            (Ok(_), None) => break,
            (Err(error), _) => {
                // Out of file descriptors, most likely: wait for some to be closed.
                tracing::warn!(%error, "the local Lambda could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(stream: net::TcpStream, door: Arc<Door>, service: Arc<Service>, stop: CancellationToken) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "the local Lambda could not take a connection over"),
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let handler = service_fn(|request| {
        let (door, service) = (Arc::clone(&door), Arc::clone(&service));
        async move { Ok::<_, Infallible>(handle(request, &door, &service).await) }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), handler);
    tokio::select! {
        () = stop.cancelled() => {}
        result = serving => if let Err(error) = result {
            tracing::debug!(%error, "a connection to the local Lambda ended early");
        }
    }
}

/// One request, from its head to its answer.
async fn handle(request: Request<Incoming>, door: &Door, service: &Arc<Service>) -> Response<Body> {
    let _serving = service.linger.serve();
    let request_id = ids::uuid().to_string();
    let (head, body) = request.into_parts();
    let protocol = Protocol::of(&head);
    if let Some(address) = Address::read(&head, service.port) {
        let response = Box::pin(urls::serve(&address, head, body, door, service, &request_id)).await;
        return identified(response, &request_id);
    }
    let response = match pass(head, body, door, service, &request_id).await {
        Ok(response) => response,
        Err(fault) => {
            tracing::debug!(code = fault.code, message = fault.message, "the local Lambda refused a request");
            protocol.render(&fault, &request_id)
        }
    };
    identified(response, &request_id)
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
    door: &Door,
    service: &Arc<Service>,
    request_id: &str,
) -> Result<Response<Body>, Fault> {
    let invocation = ["/invocations", "/response-streaming-invocations", "/invoke-async", "/invoke-async/"]
        .iter()
        .any(|end| head.uri.path().ends_with(end));
    let limit = if invocation { PAYLOAD_LIMIT } else { REQUEST_LIMIT };
    let admitted = door.admit(&head);
    // A stranger's body is read as well, and dropped: a client that is still sending would not hear the refusal.
    let received = receive(body, if admitted.is_ok() { limit } else { 0 }, CEILING).await?;
    admitted?;
    door.verify_call(addressee(&head, &received.bytes), &head, &received.sha256, jiff::Timestamp::now())?;
    if received.length > limit {
        let (code, operation) = if invocation {
            ("RequestTooLargeException", "InvokeFunction operation")
        } else {
            ("RequestEntityTooLargeException", "operation; a zip file may have 50 MB")
        };
        return Err(Fault::new(413, code, format!("Request must be smaller than {limit} bytes for the {operation}")));
    }
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: query::pairs(head.uri.query().unwrap_or_default()),
        headers: head.headers,
        body: received.bytes,
        request_id: request_id.to_owned(),
    };
    service.dispatch(call).await
}
