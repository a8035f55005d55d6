//! The API of `CloudWatch` Logs: its operations.

mod events;
mod filter;
mod groups;
mod page;
mod tags;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Response;
use page::read;
use serde_json::Value;

use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{Body, answer},
    },
    store::logs::Logs,
};

/// Operation with a streaming answer.
const TAIL: &str = "StartLiveTail";

/// An operation that reads and changes groups on disk.
type Operation = fn(&Logs, &[u8]) -> Result<Value, ApiError>;

/// The other supported operations.
const OPERATIONS: [(&str, Operation); 20] = [
    ("AssociateKmsKey", |logs, body| groups::associate_key(logs, &read(body)?)),
    ("CreateLogGroup", |logs, body| groups::create_group(logs, &read(body)?)),
    ("CreateLogStream", |logs, body| groups::create_stream(logs, &read(body)?)),
    ("DeleteLogGroup", |logs, body| groups::delete_group(logs, &read(body)?)),
    ("DeleteLogStream", |logs, body| groups::delete_stream(logs, &read(body)?)),
    ("DeleteRetentionPolicy", |logs, body| groups::delete_retention(logs, &read(body)?)),
    ("DescribeLogGroups", |logs, body| groups::describe_groups(logs, &read(body)?)),
    ("DescribeLogStreams", |logs, body| groups::describe_streams(logs, &read(body)?)),
    ("DisassociateKmsKey", |logs, body| groups::disassociate_key(logs, &read(body)?)),
    ("FilterLogEvents", |logs, body| filter::filter(logs, &read(body)?)),
    ("GetLogEvents", |logs, body| events::get(logs, &read(body)?)),
    ("ListTagsForResource", |logs, body| tags::list(logs, &read(body)?)),
    ("ListTagsLogGroup", |logs, body| tags::list_of_group(logs, &read(body)?)),
    ("ListLogGroups", |logs, body| groups::list_groups(logs, &read(body)?)),
    ("PutLogEvents", |logs, body| events::put(logs, &read(body)?)),
    ("PutRetentionPolicy", |logs, body| groups::put_retention(logs, &read(body)?)),
    ("TagLogGroup", |logs, body| tags::tag_group(logs, &read(body)?)),
    ("TagResource", |logs, body| tags::tag(logs, &read(body)?)),
    ("UntagLogGroup", |logs, body| tags::untag_group(logs, &read(body)?)),
    ("UntagResource", |logs, body| tags::untag(logs, &read(body)?)),
];

/// Answers an operation of the Logs API.
pub(crate) async fn dispatch(
    logs: &Arc<Logs>,
    operation: &str,
    call: &ApiRequest,
) -> Result<Response<Body>, ApiError> {
    if operation == TAIL {
        return tail::start(logs, call);
    }
    let (logs, body, name) = (Arc::clone(logs), call.body.clone(), operation.to_owned());
    // Reading events means reading files: not on the threads that serve all requests.
    let result = tokio::task::spawn_blocking(move || operate(&logs, &name, &body)).await;
    let value = result.map_err(|error| ApiError::service("aborted a request", &error))??;
    let body = if value.is_null() { String::new() } else { value.to_string() };
    Ok(answer(200, "application/x-amz-json-1.1", body))
}

fn operate(logs: &Logs, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
    let Some((_, operate)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
        let served = OPERATIONS.iter().map(|(name, _)| *name).chain([TAIL]);
        return Err(ApiError::unknown(&format!("the Logs operation {operation}"), served));
    };
    operate(logs, body)
}
