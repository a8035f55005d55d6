//! `Invoke`.

use super::{Found, find};
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    invocation::{self, Invocation},
    queue::Entry,
    sandbox,
    service::Service,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Response};
use std::sync::Arc;

/// The largest payload of an asynchronous invocation, in bytes: 1 MB.
const EVENT_LIMIT: usize = 1 << 20;
/// The largest client context, in bytes of base64.
const CONTEXT_LIMIT: usize = 3583;

/// `Invoke` in all three types. The request's id is the invocation's.
pub(super) async fn invoke(service: &Arc<Service>, call: &Call, name: &str) -> Result<Response<Body>, Fault> {
    let Found { function, arn, qualifier } = find(service, name, call.query("Qualifier"))?;
    // No payload is an empty event.
    let payload = if call.body.is_empty() { Bytes::from_static(b"{}") } else { call.body.clone() };
    let text = judge_payload(&payload)?;
    let client_context = call.header("x-amz-client-context").map(judge_context).transpose()?;
    let tail = match call.header("x-amz-log-type") {
        None | Some("None") => false,
        Some("Tail") => true,
        Some(other) => return Err(Fault::validation(other, "logType", "satisfy enum value set: [None, Tail]")),
    };
    let trace = sandbox::trace_header(call.header("x-amzn-trace-id"), &function);
    match call.header("x-amz-invocation-type") {
        None | Some("RequestResponse") => {}
        Some("DryRun") => return Ok(call::empty(204)),
        Some("Event") => {
            if payload.len() > EVENT_LIMIT {
                let message = format!(
                    "{} byte payload is too large for the Event invocation type (limit {EVENT_LIMIT} bytes)",
                    payload.len()
                );
                return Err(Fault::new(413, "RequestTooLargeException", message));
            }
            let entry = Entry {
                id: call.request_id.clone(),
                function: function.name.clone(),
                qualifier,
                payload: text.to_owned(),
                trace,
            };
            service.queue.submit(service, entry)?;
            return Ok(call::empty(202));
        }
        Some(other) => {
            let constraint = "satisfy enum value set: [Event, RequestResponse, DryRun]";
            return Err(Fault::validation(other, "invocationType", constraint));
        }
    }
    let permit = service.pool.permit(&function)?;
    let invocation = Invocation {
        id: call.request_id.clone(),
        arn,
        function: Arc::clone(&function),
        payload,
        client_context,
        trace,
        tail,
    };
    let outcome = invocation::run(&service.pool, invocation, permit).await?;
    let mut response = call::answer(200, "application/json", outcome.payload);
    let headers = response.headers_mut();
    if let Ok(version) = HeaderValue::from_str(&function.version) {
        headers.insert("x-amz-executed-version", version);
    }
    if outcome.failed {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if tail && let Ok(value) = HeaderValue::from_str(&STANDARD.encode(&outcome.tail)) {
        headers.insert("x-amz-log-result", value);
    }
    Ok(response)
}

/// A payload must be JSON in UTF-8.
fn judge_payload(payload: &[u8]) -> Result<&str, Fault> {
    let invalid = |error: &dyn std::fmt::Display| {
        let message = format!("Could not parse request body into json: Could not parse payload into json: {error}");
        Fault::new(400, "InvalidRequestContentException", message)
    };
    let text = std::str::from_utf8(payload).map_err(|error| invalid(&error))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| invalid(&error))?;
    Ok(text)
}

/// The client context: JSON in base64. Gives it on one line.
fn judge_context(context: &str) -> Result<String, Fault> {
    let invalid = |why: &str| {
        Fault::new(
            400,
            "InvalidRequestContentException",
            format!("Client context must be a valid Base64-encoded JSON object: {why}"),
        )
    };
    if context.len() > CONTEXT_LIMIT {
        return Err(invalid(&format!("it has {} bytes, the limit is {CONTEXT_LIMIT}", context.len())));
    }
    let bytes = STANDARD.decode(context).map_err(|error| invalid(&error.to_string()))?;
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
    Ok(value.to_string())
}
