//! The record of an asynchronous invocation, as a destination receives it. Source of its shape: AWS
//! Lambda developer guide, "Capturing records of Lambda asynchronous invocations". Pure functions.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    invoke::invocation::Outcome,
    store::{
        function::{self, LATEST},
        queue::Entry,
    },
};

/// Outcome of an asynchronous invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Condition {
    /// The function succeeded.
    Success,
    /// The function failed, and no retries are left.
    RetriesExhausted,
    /// The event exceeded its maximum age.
    EventAgeExceeded,
    /// The reserved concurrency of the function is 0.
    ZeroReservedConcurrency,
}

/// Result of the last attempt.
pub(super) struct Last {
    /// The response or the error.
    pub(super) outcome: Outcome,
    /// The version that ran.
    pub(super) version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    version: &'static str,
    timestamp: String,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: &'a str,
    function_arn: String,
    condition: Condition,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// Builds the record. Payloads are unchanged, byte for byte; one that is not JSON is left out, and
/// over `limit` bytes both are.
pub(super) fn record(
    entry: &Entry,
    region: &str,
    condition: Condition,
    last: Option<&Last>,
    limit: usize,
) -> serde_json::Result<String> {
    let qualifier = entry.qualifier.as_deref().unwrap_or(LATEST);
    let response = last.and_then(|last| serde_json::from_slice(&last.outcome.payload).ok());
    let mut record = Record {
        version: "1.0",
        timestamp: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        request_context: RequestContext {
            request_id: &entry.id,
            function_arn: function::arn(region, &entry.function, Some(qualifier)),
            condition,
            approximate_invoke_count: entry.attempts,
        },
        request_payload: serde_json::from_str(&entry.payload).ok(),
        response_context: last.map(|last| ResponseContext {
            status_code: 200,
            executed_version: &last.version,
            function_error: last.outcome.failed.then_some("Unhandled"),
        }),
        response_payload: response,
    };
    let text = serde_json::to_string(&record)?;
    if text.len() <= limit {
        return Ok(text);
    }
    (record.request_payload, record.response_payload) = (None, None);
    serde_json::to_string(&record)
}
