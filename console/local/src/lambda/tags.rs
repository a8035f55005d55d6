//! `ListTags`, `TagResource`, `UntagResource`. Tags change nothing of how a function runs.

use super::read;
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    function::Function,
    service::Service,
};
use http::Response;
use serde::Deserialize;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagRequest {
    tags: BTreeMap<String, String>,
}

/// `ListTags`.
pub(super) fn list_tags(service: &Service, arn: &str) -> Result<Response<Body>, Fault> {
    Ok(call::json(200, &json!({ "Tags": read(service, arn, None)?.tags })))
}

/// `TagResource`.
pub(super) async fn tag_resource(service: &Arc<Service>, call: &Call, arn: &str) -> Result<Response<Body>, Fault> {
    let request: TagRequest = call.json()?;
    change(service, arn, |tags| tags.extend(request.tags)).await
}

/// `UntagResource`.
pub(super) async fn untag_resource(service: &Arc<Service>, call: &Call, arn: &str) -> Result<Response<Body>, Fault> {
    let keys: Vec<&str> =
        call.query.iter().filter(|(name, _)| name == "tagKeys").map(|(_, value)| value.as_str()).collect();
    change(service, arn, |tags| tags.retain(|key, _| !keys.contains(&key.as_str()))).await
}

async fn change(
    service: &Service,
    arn: &str,
    edit: impl FnOnce(&mut BTreeMap<String, String>),
) -> Result<Response<Body>, Fault> {
    let turn = service.functions.change().await;
    let mut function = Function::clone(&*read(service, arn, None)?);
    edit(&mut function.tags);
    if function.tags.len() > 50 {
        return Err(Fault::invalid("A function can have at most 50 tags."));
    }
    turn.put(&Arc::new(function))?;
    Ok(call::empty(204))
}
