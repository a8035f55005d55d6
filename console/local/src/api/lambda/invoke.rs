//! `Invoke` and related operations: their parameters and their answers.

pub(crate) mod queue;
pub(crate) mod request;
pub(super) mod stream;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response};
use request::{Kind, Request, TRACE};
use serde_json::json;

use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    invoke::running::Running,
    service::Service,
    store::queue::EVENT_LIMIT,
};

/// `Invoke` in all three types. The ID of the request is the ID of the invocation.
pub(super) async fn invoke(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request = Request::read(service, call, name)?;
    match request.kind {
        Kind::RequestResponse => {}
        Kind::DryRun => return Ok(response::empty(204)),
        Kind::Event => {
            submit(service, request)?;
            return Ok(response::empty(202));
        }
    }
    let (tail, version, trace) = (request.tail, request.version(), request.trace());
    let outcome = Running::whole(&service.pool, request.into_invocation())?.outcome().await?;
    let mut response = response::answer(200, "application/json", outcome.payload);
    let headers = response.headers_mut();
    headers.insert("x-amz-executed-version", version);
    headers.extend(trace.map(|trace| (TRACE, trace)));
    if outcome.failed {
        // AWS sends this for every function error, caught or not; `Handled` is obsolete.
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if tail && let Ok(value) = HeaderValue::from_str(&STANDARD.encode(&outcome.tail)) {
        headers.insert("x-amz-log-result", value);
    }
    Ok(response)
}

/// `InvokeAsync`, which AWS keeps for old clients.
pub(super) fn invoke_async(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    submit(service, Request::read(service, call, name)?)?;
    Ok(response::json(202, &json!({ "Status": 202 })))
}

fn submit(service: &Arc<Service>, request: Request) -> Result<(), ApiError> {
    let length = request.payload.len();
    if length > EVENT_LIMIT {
        let message = format!(
            "{length} byte payload is too large for the Event invocation type (limit {EVENT_LIMIT} \
            bytes)"
        );
        return Err(ApiError::new(413, "RequestTooLargeException", message));
    }
    queue::submit(service, request.into_entry())
}
