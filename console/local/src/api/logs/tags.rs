//! The Logs API of a group's tags.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    http::error::ApiError,
    store::logs::{Logs, error::invalid, group::Group},
};

/// Maximum number of tags of a group.
const TAGS: usize = 50;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TagRequest {
    resource_arn: String,
    tags: BTreeMap<String, String>,
    tag_keys: Vec<String>,
}

/// Parameters of the older operations, which identify a group by its name.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GroupTagRequest {
    log_group_name: String,
    /// Tags, or tag keys.
    tags: Value,
}

impl GroupTagRequest {
    /// Converts it to the request for the resource.
    fn of_resource(&self, logs: &Logs) -> Result<TagRequest, ApiError> {
        let resource_arn = logs.arn(&self.log_group_name);
        let wrong = |error: serde_json::Error| invalid(format!("could not read the tags: {error}"));
        let (mut tags, mut tag_keys) = (BTreeMap::new(), Vec::new());
        match &self.tags {
            Value::Null => {}
            keys @ Value::Array(_) => {
                tag_keys = serde_json::from_value(keys.clone()).map_err(wrong)?;
            }
            pairs => tags = serde_json::from_value(pairs.clone()).map_err(wrong)?,
        }
        Ok(TagRequest { resource_arn, tags, tag_keys })
    }
}

/// `TagLogGroup`.
pub(super) fn tag_group(logs: &Logs, request: &GroupTagRequest) -> Result<Value, ApiError> {
    tag(logs, &request.of_resource(logs)?)
}

/// `UntagLogGroup`.
pub(super) fn untag_group(logs: &Logs, request: &GroupTagRequest) -> Result<Value, ApiError> {
    untag(logs, &request.of_resource(logs)?)
}

/// `ListTagsLogGroup`.
pub(super) fn list_of_group(logs: &Logs, request: &GroupTagRequest) -> Result<Value, ApiError> {
    list(logs, &request.of_resource(logs)?)
}

/// `TagResource`.
pub(super) fn tag(logs: &Logs, request: &TagRequest) -> Result<Value, ApiError> {
    let group = group(logs, request)?;
    let mut tags = group.settings().tags;
    tags.extend(request.tags.clone());
    check(&tags)?;
    set(&group, tags)
}

/// `UntagResource`.
pub(super) fn untag(logs: &Logs, request: &TagRequest) -> Result<Value, ApiError> {
    let group = group(logs, request)?;
    let mut tags = group.settings().tags;
    tags.retain(|key, _| !request.tag_keys.contains(key));
    set(&group, tags)
}

/// `ListTagsForResource`.
pub(super) fn list(logs: &Logs, request: &TagRequest) -> Result<Value, ApiError> {
    Ok(json!({ "tags": group(logs, request)?.settings().tags }))
}

/// Checks that a group may have these tags.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > TAGS {
        let message = format!("a log group may have {TAGS} tags, not {}", tags.len());
        return Err(ApiError::new(400, "TooManyTagsException", message));
    }
    let wrong = |(key, value): &(&String, &String)| {
        key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.starts_with("aws:")
    };
    match tags.iter().find(wrong) {
        Some((key, _)) => Err(invalid(format!(
            "the tag {key:?} is not valid: a key has 1 to 128 characters and does not begin with \
            aws:, a value up to 256"
        ))),
        None => Ok(()),
    }
}

fn group(logs: &Logs, request: &TagRequest) -> Result<Arc<Group>, ApiError> {
    if !request.resource_arn.starts_with("arn:") || request.resource_arn.ends_with('*') {
        return Err(invalid(format!(
            "resourceArn {:?} is not a log group's ARN without ':*' at its end",
            request.resource_arn
        )));
    }
    logs.group(&request.resource_arn)
}

fn set(group: &Group, tags: BTreeMap<String, String>) -> Result<Value, ApiError> {
    group
        .set(|settings| settings.tags = tags)
        .map(|()| Value::Null)
        .map_err(|error| ApiError::service("could not write a log group", &error))
}
