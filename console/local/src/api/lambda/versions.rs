//! `PublishVersion` and `ListVersionsByFunction`.

use std::sync::Arc;

use http::Response;
use serde::Deserialize;
use serde_json::json;

use super::{
    functions::describe::{base64_of, describe, describe_in_list},
    identifier::FunctionRef,
    page::page,
    validate,
};
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{function::arn, function_record::FunctionRecord},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishRequest {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

/// `PublishVersion`: does nothing if `$LATEST` is identical to the last version.
pub(super) async fn publish_version(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: PublishRequest = call.json()?;
    let named = FunctionRef::whole(service, name)?;
    let description = request.description.filter(|description| !description.is_empty());
    description.as_deref().map_or(Ok(()), validate::description)?;
    let change = service.functions.change().await;
    let mut record = FunctionRecord::clone(&*named.record(service)?);
    validate::idle(&record.latest, &record.latest.arn(&service.region))?;
    validate::revision(
        request.revision_id.as_deref(),
        record.latest.revision_id(),
        "GetFunction/GetAlias",
    )?;
    let sha256 = base64_of(&record.latest.code);
    if let Some(asked) = request.code_sha256.filter(|asked| !asked.is_empty() && *asked != sha256) {
        return Err(ApiError::invalid(format!(
            "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST ({sha256}). \
            Please try again with the CodeSHA256 in $LATEST."
        )));
    }
    let (version, new) = record.publish(description);
    if new {
        service.codes.keep(&version);
        if let Err(error) = change.store(record) {
            service.codes.release(&version);
            return Err(error);
        }
    }
    Ok(response::json(201, &describe(&version, &version.arn(&service.region))))
}

/// `ListVersionsByFunction`: `$LATEST`, then the versions from the oldest to the newest.
pub(super) fn list_versions(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, None)?;
    let record = FunctionRef { qualifier: None, ..named }.record(service)?;
    let (listed, next) = page(
        call,
        10_000,
        record.listed().map(|version| (format!("{:0>20}", version.version), version)),
    )?;
    let listed = listed.into_iter().map(|version| {
        describe_in_list(
            version,
            &arn(&service.region, &version.name, Some(version.version.as_str())),
        )
    });
    Ok(response::json(200, &json!({ "Versions": listed.collect::<Vec<_>>(), "NextMarker": next })))
}
