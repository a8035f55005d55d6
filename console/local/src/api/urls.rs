//! Function URLs: HTTP requests that become events, and responses that become HTTP again. Served on
//! the loopback port of the APIs, under paths and host names of their own; the only endpoint that
//! accepts unsigned requests.

pub(crate) mod address;
mod cors;
mod event;
mod function_response;
mod permission;

use std::sync::Arc;

use address::Address;
use bytes::{Bytes, BytesMut};
use event::Request;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};

use super::lambda::{
    identifier::{self, Resolved},
    invoke::request::validate_tenant,
};
use crate::{
    http::{
        error::ApiError,
        render::Protocol,
        request::{CEILING, PAYLOAD_LIMIT, Received, receive},
        response::{self, Body, BrokenOff},
    },
    invoke::{
        invocation::Invocation,
        running::{Running, Step},
    },
    sandbox::{self, Part},
    server::{
        auth::{self, Auth},
        connections::Connection,
    },
    service::Service,
    store::function::LATEST,
    store::url_config::{AuthType, InvokeMode, UrlConfig},
};

/// Content type of a stream that begins with a prelude.
const INTEGRATION: &[u8] = b"application/vnd.awslambda.http-integration-response";
/// Largest prelude, in bytes.
const PRELUDE_LIMIT: usize = 1 << 20;

/// Answers a request to a URL.
pub(crate) async fn serve(
    address: &Address,
    head: Parts,
    body: Incoming,
    connection: &Connection,
    auth: &Auth,
    service: &Arc<Service>,
    id: &str,
) -> Response<Body> {
    // The body is always read to its end: a client that is still sending would not receive a
    // refusal.
    let received = match receive(body, PAYLOAD_LIMIT, CEILING).await {
        Ok(received) => received,
        Err(error) => return Protocol::Rest.render(&error, id),
    };
    connection.is_busy();
    let known = service.urls.find(|config| config.id == address.id);
    let Some((function, qualifier, config)) = known else { return denied(&Value::Null) };
    let cors = config.cors.as_ref();
    if let Some(response) = cors::preflight(&head.method, &head.headers, cors) {
        return response;
    }
    let target = Target { function: &function, qualifier: &qualifier, config: &config };
    let mut response =
        pass(address, &head, &received, auth, service, id, &target).await.unwrap_or_else(|error| {
            tracing::debug!(
                code = error.code,
                message = error.message,
                "a request to a function URL was refused"
            );
            Protocol::Rest.render(&error, id)
        });
    cors::add(response.headers_mut(), &head.headers, cors);
    response
}

/// Function, qualifier and settings of a URL.
struct Target<'a> {
    function: &'a str,
    qualifier: &'a str,
    config: &'a UrlConfig,
}

async fn pass(
    address: &Address,
    head: &Parts,
    received: &Received,
    auth: &Auth,
    service: &Arc<Service>,
    id: &str,
    &Target { function, qualifier, config }: &Target<'_>,
) -> Result<Response<Body>, ApiError> {
    let access_key = match config.auth {
        AuthType::None => None,
        AuthType::Iam if !auth::is_signed(head) => return Ok(forbidden()),
        AuthType::Iam => {
            Some(auth.verify("lambda", head, &received.sha256, jiff::Timestamp::now())?)
        }
    };
    let too_large = || {
        let message = format!(
            "Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation"
        );
        ApiError::new(413, "RequestEntityTooLargeException", message)
    };
    if received.length > PAYLOAD_LIMIT {
        return Err(too_large());
    }
    let alias = Some(qualifier).filter(|qualifier| *qualifier != LATEST);
    // A deleted alias leaves its URL behind, which no caller may use.
    if config.auth == AuthType::None && !permission::anybody_may(service, function, alias) {
        return Ok(forbidden());
    }
    let Resolved { function, arn, .. } = match identifier::resolve(service, function, alias) {
        Ok(found) => found,
        Err(error) if error.status == StatusCode::NOT_FOUND => return Ok(forbidden()),
        Err(error) => return Err(error),
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let trace = sandbox::trace_header(header("x-amzn-trace-id"), &function);
    let request = Request {
        address,
        method: &head.method,
        headers: &head.headers,
        query: head.uri.query().unwrap_or_default(),
        body: &received.bytes,
        id,
        trace: &trace,
        access_key: access_key.as_deref(),
    };
    let event = request.event();
    if event.len() > PAYLOAD_LIMIT {
        return Err(too_large());
    }
    let invocation = Invocation {
        id: id.to_owned(),
        tenant: validate_tenant(&function, header("x-amz-tenant-id"))?,
        function,
        arn,
        payload: event.into(),
        client_context: None,
        trace: trace.clone(),
        tail: false,
        stream: None,
    };
    let mut response = match config.mode {
        None | Some(InvokeMode::Buffered) => {
            let outcome = Running::whole(&service.pool, invocation)?.outcome().await?;
            if outcome.failed {
                function_response::bad_gateway()
            } else {
                function_response::whole(outcome.payload)
            }
        }
        Some(InvokeMode::Stream) => stream(Running::streamed(&service.pool, invocation)?).await?,
    };
    if let Ok(value) = HeaderValue::from_str(&trace) {
        response.headers_mut().insert("x-amzn-trace-id", value);
    }
    Ok(response)
}

/// Streams the response while the function produces it.
async fn stream(mut running: Running) -> Result<Response<Body>, ApiError> {
    let content = match running.next().await {
        Some(Step::Part(Part::Head(content))) => content,
        Some(Step::Part(Part::Data(_))) | None => None,
        // The response was not streamed. Observed on AWS: a function error is then the body, with
        // status 200.
        Some(Step::End(outcome)) => return Ok(function_response::unread(outcome?.payload)),
    };
    if !content.as_ref().is_some_and(|content| content.as_bytes().starts_with(INTEGRATION)) {
        let mut response = Response::new(rest(running, Bytes::new()));
        let content = content.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CONTENT_TYPE, content);
        return Ok(response);
    }
    let mut prefix = BytesMut::new();
    while prefix.len() < PRELUDE_LIMIT {
        match running.next().await {
            Some(Step::Part(Part::Data(data))) => prefix.extend_from_slice(&data),
            Some(Step::Part(Part::Head(_))) => {}
            Some(Step::End(outcome)) => {
                outcome?;
                break;
            }
            None => break,
        }
        if let Some((prelude, body)) = function_response::split(&prefix) {
            let Some(head) = function_response::head(prelude) else { break };
            return Ok(head.with(rest(running, Bytes::copy_from_slice(body))));
        }
    }
    // The rest of the invocation continues without a caller.
    Ok(function_response::bad_gateway())
}

/// Returns the rest of a body. An error in its middle closes the connection: after the head HTTP
/// has no other way to report it, and otherwise an incomplete body would look complete.
fn rest(running: Running, prefix: Bytes) -> Body {
    let frames = stream::try_unfold((running, prefix), |(mut running, prefix)| async move {
        if !prefix.is_empty() {
            return Ok(Some((Frame::data(prefix), (running, Bytes::new()))));
        }
        loop {
            match running.next().await {
                Some(Step::Part(Part::Data(data))) => {
                    return Ok(Some((Frame::data(data), (running, prefix))));
                }
                Some(Step::Part(Part::Head(_))) => {}
                Some(Step::End(Ok(outcome))) if !outcome.failed => return Ok(None),
                Some(Step::End(_)) | None => {
                    // The data so far is sent before the connection is closed.
                    tokio::task::yield_now().await;
                    return Err(BrokenOff);
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

fn forbidden() -> Response<Body> {
    let message = "Forbidden. For troubleshooting Function URL authorization issues, see: \
                   https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    denied(&message.into())
}

fn denied(message: &Value) -> Response<Body> {
    let mut response = response::json(403, &json!({ "Message": message }));
    response
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static("AccessDeniedException"));
    response
}
