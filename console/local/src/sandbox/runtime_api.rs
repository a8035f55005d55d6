//! The Runtime API of one sandbox, on its own loopback port: a connection to it is from that
//! sandbox. Source of routes, status codes and limits: AWS Lambda developer guide, "Using the
//! Lambda runtime API", and AWS's own emulator.

pub(crate) mod apis;
pub(crate) mod connection_owners;
pub(crate) mod http1;
pub(crate) mod invocation_state;
pub(crate) mod problem;
pub(crate) mod response;

use std::{io, net::SocketAddr, sync::Arc};

use apis::Apis;
use connection_owners::Admission;
use http::{HeaderMap, Method, StatusCode, request::Parts};
use http1::{Body, Connection, Response};
use invocation_state::{Event, Refused, Reply};
use problem::{accept, error_type, problem, refuse, truncated};
use response::{collect, respond};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::extensions::api;
use crate::server::auth::refuse_origin;

/// Maximum size of an error's body in bytes.
const ERROR_LIMIT: usize = 1 << 20;

/// Serves a sandbox until `stop`. `connections` counts the bootstrap's connections.
pub(crate) async fn serve(
    listener: TcpListener,
    apis: Arc<Apis>,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                tokio::spawn(connection(
                    stream,
                    address,
                    Arc::clone(&apis),
                    stop.clone(),
                    connections.token(),
                ));
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
        Ok(local) => stop.run_until_cancelled(apis.owners.admit(address, local)).await.flatten(),
        Err(_gone) => None,
    };
    let Some(admission) = admitted else {
        tracing::warn!(%address, "a connection of a process outside the sandbox to its Runtime API \
            was refused");
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    tokio::select! {
        () = stop.cancelled() => {}
        result = converse(stream, &apis, admission, counted) => if let Err(error) = result {
            tracing::debug!(%error, "a connection to a sandbox's Runtime API ended early");
        }
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: TcpStream,
    apis: &Apis,
    admission: Admission,
    counted: TaskTrackerToken,
) -> io::Result<()> {
    let (mut connection, mut counted) = (Connection::new(stream), Some(counted));
    while let Some(request) = connection.receive().await? {
        if api::is_external(request.head(), &apis.extensions) {
            // An extension outlives the bootstrap, whose end must not wait for this connection.
            counted.take();
        }
        request.answer(async |head, body| handle(head, body, apis, admission).await).await?;
    }
    Ok(())
}

async fn handle(head: &Parts, body: &mut Body<'_>, apis: &Apis, admission: Admission) -> Response {
    let response = if is_from_page(&head.headers, admission) {
        problem(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "a sandbox's Runtime API is for its bootstrap alone",
        )
    } else {
        route(head, body, apis).await
    };
    // An unread body would cost the sandbox its connection, and a bootstrap may not expect that.
    while let Ok(Some(_)) = body.piece().await {}
    response
}

async fn route(head: &Parts, body: &mut Body<'_>, apis: &Apis) -> Response {
    let invocation = &*apis.invocation;
    let Some(route) = head.uri.path().strip_prefix("/2018-06-01/runtime/") else {
        let answered = api::route(head, body, apis).await;
        return answered.unwrap_or_else(|| {
            problem(StatusCode::NOT_FOUND, "NotFound", "no such route in the APIs for sandboxes")
        });
    };
    let parts: Vec<&str> = route.split('/').collect();
    match (&head.method, parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => match invocation.next() {
            Ok(Ok(event)) => deliver(&event),
            Ok(Err(waiting)) => match waiting.await {
                Ok(event) => deliver(&event),
                Err(_replaced) => refuse(Refused::WrongState),
            },
            Err(refused) => refuse(refused),
        },
        (&Method::POST, ["invocation", id, "response"]) => {
            respond(id, &head.headers, body, invocation).await
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            if let Err(refused) = invocation.expects(id) {
                return refuse(refused);
            }
            let Ok(body) = collect(body, ERROR_LIMIT).await else {
                return truncated("error");
            };
            let length = body.len();
            accept(invocation.answer(
                id,
                Reply::Error { body, kind: error_type(&head.headers) },
                length,
            ))
        }
        (&Method::POST, ["init", "error"]) => {
            let Ok(body) = collect(body, ERROR_LIMIT).await else {
                return truncated("error");
            };
            accept(invocation.fail_init(body, error_type(&head.headers)))
        }
        _ => problem(StatusCode::NOT_FOUND, "NotFound", "no such route in the Runtime API"),
    }
}

fn deliver(event: &Event) -> Response {
    let mut response = Response::new(StatusCode::OK, event.payload.clone())
        .with("lambda-runtime-aws-request-id", &event.id)
        .with("lambda-runtime-deadline-ms", &event.deadline.to_string())
        .with("lambda-runtime-invoked-function-arn", &event.arn)
        .with("lambda-runtime-trace-id", &event.trace);
    if let Some(context) = &event.client_context {
        response = response.with("lambda-runtime-client-context", context);
    }
    if let Some(tenant) = &event.tenant {
        response = response.with("lambda-runtime-aws-tenant-id", tenant);
    }
    response
}

/// Returns `true` if a browser may have sent a request for a web page. Any `Host` is accepted, as
/// on AWS, if the process behind the connection is known to be the sandbox's.
fn is_from_page(headers: &HeaderMap, admission: Admission) -> bool {
    if refuse_origin(headers).is_err() {
        return true;
    }
    if admission == Admission::Member {
        return false;
    }
    // A web page whose host name resolves to this machine sends that name.
    let Some(host) = headers.get("host") else { return false };
    let name = host.to_str().unwrap_or_default();
    let name = name.split_once(':').map_or(name, |(name, _port)| name);
    !matches!(name, "127.0.0.1" | "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_refused_and_another_host_where_the_process_is_not_known() {
        for (name, value, expected) in [
            ("host", "127.0.0.1:4000", false),
            ("host", "localhost", false),
            ("accept", "*/*", false),
            ("host", "", true),
            ("host", "page.example", true),
            ("origin", "http://page.example", true),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(is_from_page(&headers, Admission::Unverified), expected, "{name}: {value}");
            assert_eq!(
                is_from_page(&headers, Admission::Member),
                name == "origin",
                "{name}: {value}"
            );
        }
    }
}
