//! Parameters of an invocation: its payload and its headers, validated before anything runs.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::queue;
use crate::{
    api::lambda::identifier::{Resolved, resolve},
    http::{error::ApiError, request::ApiRequest},
    invoke::invocation::Invocation,
    sandbox,
    service::Service,
    store::{
        function::{Function, LATEST},
        queue::Entry,
    },
};

/// Largest client context, in bytes of base64.
const CONTEXT_LIMIT: usize = 3583;

/// The X-Ray trace header, in requests and answers.
pub(super) const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Invocation type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The caller waits for the response.
    RequestResponse,
    /// The caller does not wait.
    Event,
    /// Only validates the request.
    DryRun,
}

/// A validated request.
pub(super) struct Request {
    /// Invocation type.
    pub(super) kind: Kind,
    /// `true` if the end of the log is requested.
    pub(super) tail: bool,
    /// Payload: JSON.
    pub(super) payload: Bytes,
    id: String,
    function: Arc<Function>,
    arn: String,
    qualifier: Option<String>,
    client_context: Option<String>,
    tenant: Option<String>,
    trace: String,
}

impl Request {
    /// Reads the request for the function of this name and qualifier.
    pub(super) fn read(service: &Service, call: &ApiRequest, name: &str) -> Result<Self, ApiError> {
        let Resolved { function, arn, qualifier } =
            resolve(service, name, call.query("Qualifier"))?;
        let tail = match call.header("x-amz-log-type") {
            None | Some("None") => false,
            Some("Tail") => true,
            Some(other) => {
                return Err(ApiError::validation(
                    other,
                    "logType",
                    "satisfy enum value set: [None, Tail]",
                ));
            }
        };
        let kind = match call.header("x-amz-invocation-type") {
            None | Some("RequestResponse") => Kind::RequestResponse,
            Some("DryRun") => Kind::DryRun,
            Some("Event") => Kind::Event,
            Some(other) => {
                let constraint = "satisfy enum value set: [Event, RequestResponse, DryRun]";
                return Err(ApiError::validation(other, "invocationType", constraint));
            }
        };
        let tenant = validate_tenant(&function, call.header("x-amz-tenant-id"))?;
        // No payload means an empty event.
        let payload =
            if call.body.is_empty() { Bytes::from_static(b"{}") } else { call.body.clone() };
        validate_payload(&payload)?;
        Ok(Self {
            kind,
            tail,
            payload,
            id: call.request_id.clone(),
            arn,
            qualifier,
            trace: sandbox::trace_header(call.header(TRACE.as_str()), &function),
            function,
            client_context: call
                .header("x-amz-client-context")
                .map(validate_context)
                .transpose()?,
            tenant,
        })
    }

    /// Value of `X-Amz-Executed-Version`.
    pub(super) fn version(&self) -> HeaderValue {
        HeaderValue::from_str(&self.function.version).unwrap_or(HeaderValue::from_static(LATEST))
    }

    /// Value of the X-Ray trace header of the answer.
    pub(super) fn trace(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.trace).ok()
    }

    /// Converts the request to an entry of the queue.
    pub(super) fn into_entry(self) -> Entry {
        let qualifier = self.qualifier.clone();
        queue::entry(self.into_invocation(), qualifier)
    }

    /// Converts the request to an invocation whose response is collected.
    pub(super) fn into_invocation(self) -> Invocation {
        Invocation {
            id: self.id,
            function: self.function,
            arn: self.arn,
            payload: self.payload,
            client_context: self.client_context,
            tenant: self.tenant,
            trace: self.trace,
            tail: self.tail,
            stream: None,
        }
    }
}

/// Checks that a payload is JSON in UTF-8.
fn validate_payload(payload: &[u8]) -> Result<(), ApiError> {
    let invalid = |error: &dyn std::fmt::Display| {
        let message = format!(
            "Could not parse request body into json: Could not parse payload into json: {error}"
        );
        ApiError::new(400, "InvalidRequestContentException", message)
    };
    let text = std::str::from_utf8(payload).map_err(|error| invalid(&error))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| invalid(&error))?;
    Ok(())
}

/// Decodes the client context: JSON in base64. Returns it on one line.
fn validate_context(context: &str) -> Result<String, ApiError> {
    let invalid = |why: &str| {
        ApiError::new(
            400,
            "InvalidRequestContentException",
            format!("Client context must be a valid Base64-encoded JSON object: {why}"),
        )
    };
    if context.len() > CONTEXT_LIMIT {
        return Err(invalid(&format!(
            "it has {} bytes, the limit is {CONTEXT_LIMIT}",
            context.len()
        )));
    }
    let bytes = STANDARD.decode(context).map_err(|error| invalid(&error.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
    Ok(value.to_string())
}

/// Validates the tenant ID: a function with a `TenancyConfig` requires one, other functions do not
/// accept one.
pub(crate) fn validate_tenant(
    function: &Function,
    tenant: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let isolated = function
        .other
        .get("TenancyConfig")
        .is_some_and(|config| config["TenantIsolationMode"] == "PER_TENANT");
    let Some(tenant) = tenant else {
        if isolated {
            let message = "The invoked function is enabled with tenancy configuration. Add a valid \
                tenant ID in your request and try again.";
            return Err(ApiError::invalid(message));
        }
        return Ok(None);
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || "._:/=+-@ ".contains(c);
    if tenant.is_empty() || tenant.len() > 256 || !tenant.chars().all(valid) {
        let constraint = "satisfy regular expression pattern: [a-zA-Z0-9\\._:\\/=+\\-@ ]+";
        return Err(ApiError::validation(tenant, "tenantId", constraint));
    }
    if !isolated {
        let message = "The invoked function is not enabled with tenancy configuration. Remove the \
            tenant ID from your request and try again.";
        return Err(ApiError::invalid(message));
    }
    Ok(Some(tenant.to_owned()))
}
