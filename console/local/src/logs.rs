//! `CloudWatch` Logs: log groups, streams and events on disk, and the API to read and follow them.
//! Touches the log directory only.

mod event;
mod events;
mod filter;
mod group;
mod groups;
mod page;
mod pattern;
mod store;
mod stream;
mod tags;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use store::Logs;
pub(crate) use writer::Writer;

use crate::{
    call::{Body, Call, answer},
    fault::Fault,
    service::unknown,
};
use http::Response;
use serde_json::Value;
use std::sync::Arc;

/// Answers an operation of the Logs API.
pub(crate) async fn dispatch(logs: &Arc<Logs>, operation: &str, call: &Call) -> Result<Response<Body>, Fault> {
    if operation == "StartLiveTail" {
        return tail::start(logs, call);
    }
    let (logs, body, name) = (Arc::clone(logs), call.body.clone(), operation.to_owned());
    // Reading events means reading files: not on the threads that serve everyone.
    let result = tokio::task::spawn_blocking(move || operate(&logs, &name, &body)).await;
    let value = result.map_err(|error| Fault::service("broke off a request", &error))??;
    let body = if value.is_null() { String::new() } else { value.to_string() };
    Ok(answer(200, "application/x-amz-json-1.1", body))
}

fn operate(logs: &Logs, operation: &str, body: &[u8]) -> Result<Value, Fault> {
    match operation {
        "CreateLogGroup" => groups::create_group(logs, &read(body)?),
        "DeleteLogGroup" => groups::delete_group(logs, &read(body)?),
        "DescribeLogGroups" => groups::describe_groups(logs, &read(body)?),
        "PutRetentionPolicy" => groups::put_retention(logs, &read(body)?),
        "DeleteRetentionPolicy" => groups::delete_retention(logs, &read(body)?),
        "TagResource" => tags::tag(logs, &read(body)?),
        "UntagResource" => tags::untag(logs, &read(body)?),
        "ListTagsForResource" => tags::list(logs, &read(body)?),
        "CreateLogStream" => groups::create_stream(logs, &read(body)?),
        "DeleteLogStream" => groups::delete_stream(logs, &read(body)?),
        "DescribeLogStreams" => groups::describe_streams(logs, &read(body)?),
        "PutLogEvents" => events::put(logs, &read(body)?),
        "GetLogEvents" => events::get(logs, &read(body)?),
        "FilterLogEvents" => filter::filter(logs, &read(body)?),
        _ => Err(unknown(&format!("the Logs operation {operation}"))),
    }
}

/// A request's parameters.
fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Fault::new(400, "SerializationException", format!("could not read the request: {error}")))
}

/// `InvalidParameterException`, 400.
fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterException", message)
}
