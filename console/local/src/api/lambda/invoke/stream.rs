//! `InvokeWithResponseStream`: the response as an event stream, while the function produces it.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use super::request::{Kind, Request, TRACE};
use crate::{
    http::{
        error::ApiError,
        eventstream::event,
        request::ApiRequest,
        response::{self, Body, BrokenOff},
    },
    invoke::{
        invocation::Outcome,
        running::{Running, Step},
    },
    sandbox::Part,
    service::Service,
};

/// Largest chunk that is sent as one event, in bytes.
const CHUNK: usize = 1 << 20;

/// `InvokeWithResponseStream`. An error before the first byte is also answered as an event stream:
/// the head is sent once it is known that something runs.
pub(crate) async fn invoke_with_response_stream(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request = Request::read(service, call, name)?;
    match request.kind {
        Kind::RequestResponse => {}
        Kind::DryRun => return Ok(response::empty(204)),
        Kind::Event => {
            let constraint = "satisfy enum value set: [RequestResponse, DryRun]";
            return Err(ApiError::validation("Event", "invocationType", constraint));
        }
    }
    let (tail, version, trace) = (request.tail, request.version(), request.trace());
    let mut running = Running::streamed(&service.pool, request.into_invocation())?;
    let unknown = HeaderValue::from_static("application/octet-stream");
    let (content, first) = match running.next().await {
        Some(Step::Part(Part::Head(content))) => (content.unwrap_or(unknown), Bytes::new()),
        Some(Step::Part(Part::Data(data))) => (unknown, chunks(data)),
        // The response was not streamed: it is complete.
        Some(Step::End(outcome)) => {
            (HeaderValue::from_static("application/json"), whole(&outcome?, tail))
        }
        None => (unknown, Bytes::new()),
    };
    let frames = stream::unfold((running, Some(first)), move |(mut running, first)| async move {
        let bytes = match first.filter(|first| !first.is_empty()) {
            Some(first) => first,
            None => match running.next().await? {
                // An empty part is not a chunk, and the head was already sent.
                Step::Part(Part::Head(_)) => Bytes::new(),
                Step::Part(Part::Data(data)) => chunks(data),
                Step::End(Ok(outcome)) => complete(&outcome, tail),
                Step::End(Err(error)) => event(
                    "exception",
                    error.code,
                    "application/json",
                    json!({ "Message": error.message }).to_string().into(),
                ),
            },
        };
        Some((Ok::<_, BrokenOff>(Frame::data(bytes)), (running, None)))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    headers.insert("x-amzn-remapped-content-type", content);
    headers.insert("x-amz-executed-version", version);
    headers.extend(trace.map(|trace| (TRACE, trace)));
    Ok(response)
}

/// Encodes a part of a response as events.
fn chunks(mut data: Bytes) -> Bytes {
    let mut bytes = BytesMut::new();
    while !data.is_empty() {
        let chunk = data.split_to(data.len().min(CHUNK));
        bytes.extend_from_slice(&event("event", "PayloadChunk", "application/octet-stream", chunk));
    }
    bytes.freeze()
}

/// Encodes a response, or an error, that was not streamed. An error is sent as both the payload and
/// the completion.
fn whole(outcome: &Outcome, tail: bool) -> Bytes {
    let mut bytes = BytesMut::from(chunks(outcome.payload.clone()).as_ref());
    bytes.extend_from_slice(&complete(outcome, tail));
    bytes.freeze()
}

/// Encodes the last event. Its fields: AWS Lambda API reference,
/// `InvokeWithResponseStreamCompleteEvent`.
fn complete(outcome: &Outcome, tail: bool) -> Bytes {
    let mut fields = json!({});
    if outcome.failed {
        fields["ErrorCode"] = "Unhandled".into();
        fields["ErrorDetails"] = String::from_utf8_lossy(&outcome.payload).into();
    }
    if tail {
        fields["LogResult"] = STANDARD.encode(&outcome.tail).into();
    }
    event("event", "InvokeComplete", "application/json", fields.to_string().into())
}
