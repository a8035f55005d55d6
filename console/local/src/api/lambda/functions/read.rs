//! `GetFunction`, `GetFunctionConfiguration`, `ListFunctions`.

use std::sync::Arc;

use http::Response;
use serde_json::json;

use super::describe::{describe, describe_in_list};
use crate::{
    api::lambda::{
        identifier::FunctionRef,
        page::{self, page},
        validate,
    },
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::function::{Function, LATEST, State, arn},
};

/// `GetFunction`.
pub(crate) async fn get_function(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let (record, function) =
        (named.record(service)?, checked(service, named.version(service)?).await);
    let mut value = json!({
        "Configuration": describe(&function, &named.arn(service)),
        "Code": { "RepositoryType": "S3" },
    });
    if let Some(location) = service.location(&function.code)? {
        value["Code"]["Location"] = location.into();
    }
    if !record.latest.tags.is_empty() {
        value["Tags"] = json!(record.latest.tags);
    }
    if let Some(reserved) = record.latest.reserved {
        value["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Ok(response::json(200, &value))
}

/// `GetFunctionConfiguration`.
pub(crate) async fn get_configuration(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let function = checked(service, named.version(service)?).await;
    Ok(response::json(200, &describe(&function, &named.arn(service))))
}

/// Returns the version, with the state `Failed` if its code on disk is damaged and cannot be
/// repaired.
async fn checked(service: &Service, function: Arc<Function>) -> Arc<Function> {
    if function.state != State::Active || service.codes.is_checked(&function) {
        return function;
    }
    match service.codes.unpack_in_turn(&function).await {
        Ok(()) => function,
        Err(failure) => {
            Arc::new(Function { state: State::Failed(failure), ..Function::clone(&function) })
        }
    }
}

/// `ListFunctions`, with all their versions if `FunctionVersion` is `ALL`.
pub(crate) fn list_functions(
    service: &Service,
    call: &ApiRequest,
) -> Result<Response<Body>, ApiError> {
    let versions = call.query("FunctionVersion");
    if let Some(versions) = versions {
        validate::one_of(versions, "functionVersion", &["ALL"])?;
    }
    // Each function has at least one item: that of the marker, a page, and one after it.
    let marker = page::marker(call)?;
    let name = marker.split(' ').next().unwrap_or_default();
    let all = service.functions.starting_at(name, page::PAGE + 2);
    let listed = all.iter().flat_map(|record| record.listed());
    let listed = listed.filter(|function| versions.is_some() || function.version == LATEST);
    // A space sorts before everything in a name.
    let keyed =
        listed.map(|function| (format!("{} {:0>20}", function.name, function.version), function));
    let (listed, next) = page(call, 10_000, keyed)?;
    let qualified = |version: &str| versions.map(|_| version.to_owned());
    let listed = listed.into_iter().map(|function| {
        let arn = arn(&service.region, &function.name, qualified(&function.version).as_deref());
        describe_in_list(function, &arn)
    });
    Ok(response::json(200, &json!({ "Functions": listed.collect::<Vec<_>>(), "NextMarker": next })))
}
