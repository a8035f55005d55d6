//! `ListTags`, `TagResource`, `UntagResource`. Tags do not affect how a function runs.

use std::{collections::BTreeMap, sync::Arc};

use http::Response;
use serde::Deserialize;
use serde_json::json;

use super::{identifier::FunctionRef, validate};
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::function::Function,
};

/// Pattern of a resource that can have tags, in AWS's words, for the resources that exist here.
const RESOURCE_PATTERN: &str = "satisfy regular expression pattern: \
    arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}\
    ((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?)";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagRequest {
    tags: Option<BTreeMap<String, String>>,
}

/// Returns the function of an ARN; names, versions and aliases are not accepted.
fn read<'a>(service: &Service, arn: &'a str) -> Result<FunctionRef<'a>, ApiError> {
    let invalid = || ApiError::validation(arn, "resource", RESOURCE_PATTERN);
    if !arn.starts_with("arn:") {
        return Err(invalid());
    }
    let named = FunctionRef::read(service, arn, None)
        .map_err(|error| if error.code == "ValidationException" { invalid() } else { error })?;
    if named.qualifier.is_some() {
        return Err(ApiError::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function \
            ARN.",
        ));
    }
    Ok(named)
}

/// `ListTags`.
pub(super) fn list_tags(service: &Service, arn: &str) -> Result<Response<Body>, ApiError> {
    Ok(response::json(200, &json!({ "Tags": read(service, arn)?.record(service)?.latest.tags })))
}

/// `TagResource`.
pub(super) async fn tag_resource(
    service: &Arc<Service>,
    call: &ApiRequest,
    arn: &str,
) -> Result<Response<Body>, ApiError> {
    let request: TagRequest = call.json()?;
    let added = request.tags.ok_or_else(|| ApiError::validation("null", "tags", "not be null"))?;
    if added.is_empty() {
        return Err(ApiError::invalid("An error occurred and the request cannot be processed."));
    }
    change(service, arn, |tags| tags.extend(added)).await
}

/// `UntagResource`.
pub(super) async fn untag_resource(
    service: &Arc<Service>,
    call: &ApiRequest,
    arn: &str,
) -> Result<Response<Body>, ApiError> {
    let keys: Vec<&str> = call
        .query
        .iter()
        .filter(|(name, _)| name == "tagKeys")
        .map(|(_, value)| value.as_str())
        .collect();
    if keys.is_empty() {
        let message = "1 validation error detected: Value null at 'tagKeys' failed to satisfy \
            constraint: Member must not be null";
        return Err(ApiError::new(400, "ValidationException", message));
    }
    change(service, arn, |tags| tags.retain(|key, _| !keys.contains(&key.as_str()))).await
}

async fn change(
    service: &Service,
    arn: &str,
    edit: impl FnOnce(&mut BTreeMap<String, String>),
) -> Result<Response<Body>, ApiError> {
    let named = read(service, arn)?;
    let turn = service.functions.change().await;
    let mut function = Function::clone(&named.record(service)?.latest);
    edit(&mut function.tags);
    validate::tags(&function.tags)?;
    turn.put(&Arc::new(function))?;
    Ok(response::empty(204))
}
