//! The Logs API of groups and streams.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    page::{self, limit, page},
    tags,
};
use crate::{
    http::error::ApiError,
    store::logs::{Logs, error::invalid, stream::Stream},
};

/// Retention periods that `CloudWatch` supports, in days.
const RETENTIONS: [i64; 23] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653, 0,
];

/// Classes of log groups; they are stored and returned, and behave the same here.
const CLASSES: [&str; 3] = [STANDARD, "INFREQUENT_ACCESS", "DELIVERY"];
/// The default class.
const STANDARD: &str = "STANDARD";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GroupRequest {
    log_group_name: String,
    log_stream_name: String,
    retention_in_days: Option<i64>,
    tags: BTreeMap<String, String>,
    log_group_class: Option<String>,
    kms_key_id: Option<String>,
    resource_identifier: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: Option<bool>,
    next_token: Option<String>,
    limit: Option<i64>,
}

fn disk(error: &std::io::Error) -> ApiError {
    ApiError::service("could not write a log group", error)
}

fn exists(what: &str) -> ApiError {
    ApiError::new(
        400,
        "ResourceAlreadyExistsException",
        format!("The specified {what} already exists"),
    )
}

/// `CreateLogGroup`.
pub(super) fn create_group(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    let name = &request.log_group_name;
    let valid = |c: char| c.is_ascii_alphanumeric() || ".-_/#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(valid) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy \
            constraint: Member must satisfy regular expression pattern: \
            [\\.\\-_/#A-Za-z0-9]{{1,512}}"
        )));
    }
    tags::check(&request.tags)?;
    let class = request.log_group_class.as_deref().unwrap_or(STANDARD);
    if !CLASSES.contains(&class) {
        return Err(invalid(format!(
            "logGroupClass {class:?} is not one of {}",
            CLASSES.join(", ")
        )));
    }
    let group = logs.create_group(name, request.tags.clone()).map_err(|error| disk(&error))?;
    let group = group.ok_or_else(|| exists("log group"))?;
    if class != STANDARD || request.kms_key_id.is_some() {
        let set = group.set(|settings| {
            settings.class = Some(class.to_owned()).filter(|class| class != STANDARD);
            settings.key.clone_from(&request.kms_key_id);
        });
        set.map_err(|error| disk(&error))?;
    }
    Ok(Value::Null)
}

/// `AssociateKmsKey`: the key is stored and returned; nothing is encrypted here.
pub(super) fn associate_key(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    let Some(key) = &request.kms_key_id else { return Err(invalid("kmsKeyId is missing")) };
    set_key(logs, request, Some(key.clone()))
}

/// `DisassociateKmsKey`.
pub(super) fn disassociate_key(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    set_key(logs, request, None)
}

fn set_key(logs: &Logs, request: &GroupRequest, key: Option<String>) -> Result<Value, ApiError> {
    let group =
        logs.group(request.resource_identifier.as_ref().unwrap_or(&request.log_group_name))?;
    group.set(|settings| settings.key = key).map_err(|error| disk(&error))?;
    Ok(Value::Null)
}

/// `ListLogGroups`.
pub(super) fn list_groups(logs: &Logs, request: &DescribeRequest) -> Result<Value, ApiError> {
    let limit = limit(request.limit, 50, 1_000)?;
    let mut groups = logs.groups();
    if let Some(pattern) = &request.log_group_name_pattern {
        let (prefix, text) = (pattern.starts_with('^'), pattern.trim_start_matches('^'));
        groups.retain(|group| {
            if prefix { group.name.starts_with(text) } else { group.name.contains(text) }
        });
    }
    let (groups, next) =
        page(groups, |group| group.name.clone(), false, request.next_token.as_deref(), limit)?;
    let listed = groups.iter().map(|group| {
        let class = group.settings().class;
        let class = class.as_deref().unwrap_or(STANDARD);
        json!({ "logGroupName": group.name, "logGroupArn": logs.arn(&group.name), "logGroupClass": class })
    });
    Ok(with_token(json!({ "logGroups": listed.collect::<Vec<_>>() }), next))
}

/// `DeleteLogGroup`.
pub(super) fn delete_group(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    logs.delete_group(&request.log_group_name).map(|()| Value::Null)
}

/// `PutRetentionPolicy`.
pub(super) fn put_retention(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    let days = request.retention_in_days.filter(|days| *days > 0 && RETENTIONS.contains(days));
    if days.is_none() {
        return Err(invalid(format!(
            "retentionInDays must be one of the documented numbers of days: {:?}",
            RETENTIONS.split_last().map(|(_, days)| days).unwrap_or_default()
        )));
    }
    logs.group(&request.log_group_name)?.set_retention(days).map_err(|error| disk(&error))?;
    Ok(Value::Null)
}

/// `DeleteRetentionPolicy`.
pub(super) fn delete_retention(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    logs.group(&request.log_group_name)?.set_retention(None).map_err(|error| disk(&error))?;
    Ok(Value::Null)
}

/// `CreateLogStream`.
pub(super) fn create_stream(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    let name = &request.log_stream_name;
    if name.is_empty() || name.len() > 512 || name.contains([':', '*']) {
        return Err(invalid(format!(
            "logStreamName {name:?} must have 1 to 512 characters, none of them ':' or '*'"
        )));
    }
    let group = logs.group(&request.log_group_name)?;
    match group.create_stream(name).map_err(|error| disk(&error))? {
        Some(_) => Ok(Value::Null),
        None => Err(exists("log stream")),
    }
}

/// `DeleteLogStream`.
pub(super) fn delete_stream(logs: &Logs, request: &GroupRequest) -> Result<Value, ApiError> {
    let group = logs.group(&request.log_group_name)?;
    let deleted = group.delete_stream(&request.log_stream_name).map_err(|error| disk(&error))?;
    let missing = || ApiError::not_found("The specified log stream does not exist.");
    deleted.then_some(Value::Null).ok_or_else(missing)
}

/// `DescribeLogGroups`.
pub(super) fn describe_groups(logs: &Logs, request: &DescribeRequest) -> Result<Value, ApiError> {
    let limit = limit(request.limit, 50, 50)?;
    let (prefix, pattern) = (&request.log_group_name_prefix, &request.log_group_name_pattern);
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid("logGroupNamePrefix and logGroupNamePattern are mutually exclusive"));
    }
    let mut groups = logs.groups();
    if let Some(prefix) = prefix {
        groups.retain(|group| group.name.starts_with(prefix));
    }
    if let Some(pattern) = pattern {
        groups.retain(|group| group.name.contains(pattern));
    }
    let (groups, next) =
        page(groups, |group| group.name.clone(), false, request.next_token.as_deref(), limit)?;
    let mut described = Vec::with_capacity(groups.len());
    for group in groups {
        let streams = group
            .streams()
            .map_err(|error| ApiError::service("could not read a log group", &error))?;
        let stored: u64 = streams
            .iter()
            .map(|stream| stream.extent())
            .map(|extent| extent.end - extent.start)
            .sum();
        let (arn, settings) = (logs.arn(&group.name), group.settings());
        let mut value = json!({
            "logGroupName": group.name,
            "logGroupArn": arn,
            "arn": format!("{arn}:*"),
            "logGroupClass": settings.class.as_deref().unwrap_or(STANDARD),
            "creationTime": settings.created,
            "metricFilterCount": 0,
            "storedBytes": stored,
        });
        if let Some(days) = settings.retention_days {
            value["retentionInDays"] = days.into();
        }
        if let Some(key) = settings.key {
            value["kmsKeyId"] = key.into();
        }
        described.push(value);
    }
    Ok(with_token(json!({ "logGroups": described }), next))
}

/// `DescribeLogStreams`.
pub(super) fn describe_streams(logs: &Logs, request: &DescribeRequest) -> Result<Value, ApiError> {
    let limit = limit(request.limit, 50, 50)?;
    let group =
        page::group(logs, request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    let mut streams =
        group.streams().map_err(|error| ApiError::service("could not read a log group", &error))?;
    if let Some(prefix) = &request.log_stream_name_prefix {
        streams.retain(|stream| stream.name.starts_with(prefix));
    }
    let by_time = match request.order_by.as_deref() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if request.log_stream_name_prefix.is_some() => {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        Some("LastEventTime") => true,
        Some(other) => {
            return Err(invalid(format!(
                "orderBy {other:?} is neither LogStreamName nor LastEventTime"
            )));
        }
    };
    let key = |stream: &Arc<Stream>| {
        let time = by_time.then(|| stream.extent().last.unwrap_or(stream.created));
        (time, stream.name.clone())
    };
    let descending = request.descending == Some(true);
    let (streams, next) = page(streams, key, descending, request.next_token.as_deref(), limit)?;
    let arn = logs.arn(&group.name);
    let described = streams.iter().map(|stream| {
        let extent = stream.extent();
        let mut value = json!({
            "logStreamName": stream.name,
            "creationTime": stream.created,
            "arn": format!("{arn}:log-stream:{}", stream.name),
            "storedBytes": 0,
            "uploadSequenceToken": "0",
        });
        for (name, time) in [
            ("firstEventTimestamp", extent.first),
            ("lastEventTimestamp", extent.last),
            ("lastIngestionTime", extent.ingested),
        ] {
            if let Some(time) = time {
                value[name] = time.into();
            }
        }
        value
    });
    Ok(with_token(json!({ "logStreams": described.collect::<Vec<_>>() }), next))
}

fn with_token(mut value: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        value["nextToken"] = token.into();
    }
    value
}
