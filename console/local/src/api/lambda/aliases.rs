//! Aliases: `CreateAlias`, `GetAlias`, `UpdateAlias`, `DeleteAlias`, `ListAliases`.

use std::{collections::BTreeMap, sync::Arc};

use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    identifier::{FunctionRef, is_name, is_number},
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
    store::{
        function::{LATEST, arn},
        function_record::{Alias, FunctionRecord},
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasRequest {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Routing>,
    revision_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Routing {
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

/// Describes an alias as Lambda does.
fn describe(service: &Service, function: &str, name: &str, alias: &Alias) -> Value {
    let mut value = json!({
        "AliasArn": arn(&service.region, function, Some(name)),
        "Name": name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    });
    if !alias.weights.is_empty() {
        value["RoutingConfig"] = json!({ "AdditionalVersionWeights": alias.weights });
    }
    value
}

/// Validates an alias's name: a number would be a version's.
fn validate_name(name: &str) -> Result<(), ApiError> {
    if name.len() > 128 {
        return Err(ApiError::validation(name, "name", "have length less than or equal to 128"));
    }
    if !is_name(name) || is_number(name) {
        let pattern = "satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        return Err(ApiError::validation(name, "name", pattern));
    }
    Ok(())
}

/// Applies a request to an alias of `record`.
fn apply(
    service: &Service,
    record: &FunctionRecord,
    request: AliasRequest,
    alias: &mut Alias,
) -> Result<(), ApiError> {
    if let Some(description) = request.description {
        validate::description(&description)?;
        alias.description = description;
    }
    if let Some(version) = request.function_version {
        alias.version = version;
    }
    if let Some(routing) = request.routing_config {
        alias.weights = routing.additional_version_weights.unwrap_or_default();
        validate_weights(&alias.weights)?;
    }
    for version in std::iter::once(&alias.version).chain(alias.weights.keys()) {
        if record.version(version).is_none() {
            let missing = FunctionRef { name: &record.latest.name, qualifier: Some(version) };
            return Err(missing.not_found(service));
        }
    }
    if !alias.weights.is_empty() && alias.version == LATEST {
        return Err(ApiError::invalid(
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ));
    }
    if alias.weights.contains_key(&alias.version) {
        let version = &alias.version;
        return Err(ApiError::invalid(format!(
            "Invalid function version {version}. Function version {version} is already included in \
            routing configuration."
        )));
    }
    alias.revision = Uuid::new_v4().to_string();
    Ok(())
}

/// Validates the weights: at most one additional version, by its number, with a weight from 0 to 1.
fn validate_weights(weights: &BTreeMap<String, f64>) -> Result<(), ApiError> {
    if weights.len() > 1 {
        return Err(ApiError::invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    let Some((version, weight)) = weights.first_key_value() else { return Ok(()) };
    let refused = |constraint: &str| {
        let message = format!(
            "1 validation error detected: Value '{{{version}={weight:?}}}' at \
            'routingConfig.additionalVersionWeights' failed to satisfy constraint: {constraint}"
        );
        Err(ApiError::new(400, "ValidationException", message))
    };
    if !is_number(version) {
        return refused(
            "Map keys must satisfy constraint: [Member must have length less than or equal to \
            1024, Member must have length greater than or equal to 1, Member must satisfy regular \
            expression pattern: [0-9]+]",
        );
    }
    if !(0.0..=1.0).contains(weight) {
        return refused(
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, \
            Member must have value greater than or equal to 0.0, Member must not be null]",
        );
    }
    Ok(())
}

/// `CreateAlias`.
pub(super) async fn create_alias(
    service: &Arc<Service>,
    call: &ApiRequest,
    function: &str,
) -> Result<Response<Body>, ApiError> {
    let mut request: AliasRequest = call.json()?;
    let named = FunctionRef::whole(service, function)?;
    let name =
        request.name.take().ok_or_else(|| ApiError::validation("null", "name", "not be null"))?;
    validate_name(&name)?;
    let Some(version) = request.function_version.clone() else {
        return Err(ApiError::validation("null", "functionVersion", "not be null"));
    };
    if version != LATEST && !is_number(&version) {
        let pattern = "satisfy regular expression pattern: (\\$LATEST(\\.PUBLISHED)?|[0-9]+)";
        return Err(ApiError::validation(&version, "functionVersion", pattern));
    }
    let change = service.functions.change().await;
    // As on AWS, the error names the version if there is no such function.
    let mut record = FunctionRecord::clone(
        &*FunctionRef { qualifier: Some(&version), ..named }.record(service)?,
    );
    if record.aliases.contains_key(&name) {
        let arn = arn(&service.region, named.name, Some(&name));
        return Err(ApiError::conflict(format!("Alias already exists: {arn}")));
    }
    let mut alias = Alias {
        version,
        description: String::new(),
        weights: BTreeMap::new(),
        revision: String::new(),
    };
    apply(service, &record, request, &mut alias)?;
    let described = describe(service, named.name, &name, &alias);
    record.aliases.insert(name, alias);
    change.store(record)?;
    Ok(response::json(201, &described))
}

/// `GetAlias`.
pub(super) fn get_alias(
    service: &Service,
    function: &str,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::whole(service, function)?;
    validate_name(name)?;
    let record = service.functions.record(named.name);
    let Some(alias) = record.as_ref().and_then(|record| record.aliases.get(name)) else {
        let arn = arn(&service.region, named.name, Some(name));
        return Err(ApiError::not_found(format!("Cannot find alias arn: {arn}")));
    };
    Ok(response::json(200, &describe(service, named.name, name, alias)))
}

/// `UpdateAlias`.
pub(super) async fn update_alias(
    service: &Arc<Service>,
    call: &ApiRequest,
    function: &str,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: AliasRequest = call.json()?;
    let named = FunctionRef::whole(service, function)?;
    validate_name(name)?;
    let change = service.functions.change().await;
    let mut record = FunctionRecord::clone(&*named.record(service)?);
    let Some(mut alias) = record.aliases.get(name).cloned() else {
        let arn = arn(&service.region, named.name, Some(name));
        return Err(ApiError::not_found(format!("Alias not found: {arn}")));
    };
    validate::revision(request.revision_id.as_deref(), &alias.revision, "GetFunction/GetAlias")?;
    apply(service, &record, request, &mut alias)?;
    let described = describe(service, named.name, name, &alias);
    record.aliases.insert(name.to_owned(), alias);
    change.store(record)?;
    Ok(response::json(200, &described))
}

/// `DeleteAlias`: as on AWS, deleting a missing alias succeeds.
pub(super) async fn delete_alias(
    service: &Arc<Service>,
    function: &str,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::whole(service, function)?;
    validate_name(name)?;
    let change = service.functions.change().await;
    let mut record = FunctionRecord::clone(&*named.record(service)?);
    if record.aliases.remove(name).is_some() {
        record.policies.remove(name);
        change.store(record)?;
    }
    Ok(response::empty(204))
}

/// `ListAliases`, of the whole function or of those that point to one version.
pub(super) fn list_aliases(
    service: &Service,
    call: &ApiRequest,
    function: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::whole(service, function)?;
    let record = named.record(service)?;
    let version = call.query("FunctionVersion");
    let aliases = record
        .aliases
        .iter()
        .filter(|(_, alias)| version.is_none_or(|version| alias.leads_to(version)));
    let described =
        aliases.map(|(name, alias)| (name.clone(), describe(service, named.name, name, alias)));
    let (described, next) = page(call, 10_000, described)?;
    Ok(response::json(200, &json!({ "Aliases": described, "NextMarker": next })))
}
