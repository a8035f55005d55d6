//! Reserved concurrency and the account's limits: `PutFunctionConcurrency`,
//! `GetFunctionConcurrency`, `DeleteFunctionConcurrency`, `GetAccountSettings`. Provisioned
//! concurrency is not supported here.

use std::sync::Arc;

use http::{Method, Response};
use serde::Deserialize;
use serde_json::json;

use super::identifier::FunctionRef;
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    limits::ACCOUNT_CONCURRENCY,
    service::Service,
    store::{
        function::{Function, LATEST},
        function_record::FunctionRecord,
        zipfile::{UNPACKED_LIMIT, ZIPPED_LIMIT},
    },
};

/// Part of the account's concurrency that no function may reserve. Source: the same, "Configuring
/// reserved concurrency".
const UNRESERVED: u32 = 100;
/// Maximum size of an account's code, in bytes: 75 GB.
const STORAGE: u64 = 80_530_636_800;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConcurrencyRequest {
    reserved_concurrent_executions: Option<i64>,
}

/// Reserved concurrency of all functions but `name`.
fn reserved(service: &Service, name: Option<&str>) -> u32 {
    let others = service.functions.all();
    others
        .iter()
        .filter(|record| name != Some(&record.latest.name))
        .filter_map(|record| record.latest.reserved)
        .sum()
}

/// `PutFunctionConcurrency`.
pub(super) async fn put_concurrency(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: ConcurrencyRequest = call.json()?;
    let named = FunctionRef::whole(service, name)?;
    let change = service.functions.change().await;
    // As on AWS, the error names `$LATEST` if there is no such function.
    let record = FunctionRef { qualifier: Some(LATEST), ..named }.record(service)?;
    let Some(asked) = request.reserved_concurrent_executions else {
        return Err(ApiError::validation("null", "reservedConcurrentExecutions", "not be null"));
    };
    let asked = super::validate::within(asked, "reservedConcurrentExecutions", 0, u32::MAX)?;
    if reserved(service, Some(named.name)).saturating_add(asked) > ACCOUNT_CONCURRENCY - UNRESERVED
    {
        return Err(ApiError::invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's \
            UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}]."
        )));
    }
    change.store(reserving(&record, Some(asked)))?;
    Ok(response::json(200, &json!({ "ReservedConcurrentExecutions": asked })))
}

/// Returns the record with another reservation, which applies to all versions.
fn reserving(record: &FunctionRecord, reserved: Option<u32>) -> FunctionRecord {
    let with =
        |function: &Arc<Function>| Arc::new(Function { reserved, ..Function::clone(function) });
    FunctionRecord {
        latest: with(&record.latest),
        previous: record.previous.as_ref().map(with),
        versions: record
            .versions
            .iter()
            .map(|(number, version)| (*number, with(version)))
            .collect(),
        ..record.clone()
    }
}

/// `GetFunctionConcurrency`.
pub(super) fn get_concurrency(service: &Service, name: &str) -> Result<Response<Body>, ApiError> {
    Ok(match FunctionRef::whole(service, name)?.record(service)?.latest.reserved {
        Some(reserved) => response::json(200, &json!({ "ReservedConcurrentExecutions": reserved })),
        None => response::json(200, &json!({})),
    })
}

/// `DeleteFunctionConcurrency`.
pub(super) async fn delete_concurrency(
    service: &Arc<Service>,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::whole(service, name)?;
    let change = service.functions.change().await;
    change.store(reserving(&*named.record(service)?, None))?;
    Ok(response::empty(204))
}

/// Provisioned concurrency: lists are empty, and none can be set.
pub(super) fn provisioned(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    if call.method == Method::GET && call.query("List") == Some("ALL") {
        FunctionRef::whole(service, name)?.record(service)?;
        return Ok(response::json(200, &json!({ "ProvisionedConcurrencyConfigs": [] })));
    }
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    if named.qualifier.is_none_or(|qualifier| qualifier == LATEST) {
        return Err(ApiError::invalid(
            "The function resource provided must be an alias or a published version.",
        ));
    }
    named.version(service)?;
    match call.method {
        Method::GET => Err(ApiError::new(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )),
        Method::DELETE => Ok(response::empty(204)),
        _ => Err(ApiError::invalid(
            "The local Lambda has no provisioned concurrency: sandboxes start when they are needed \
            and stay warm. Leave it out here, or set it on AWS alone.",
        )),
    }
}

/// `GetAccountSettings`.
pub(super) fn get_account_settings(service: &Service) -> Response<Body> {
    let functions = service.functions.all();
    let code: u64 = functions
        .iter()
        .flat_map(|record| record.listed())
        .map(|function| function.code_size)
        .sum();
    let layers = service.layers.all();
    let layers: u64 =
        layers.iter().flat_map(|layer| layer.versions.values()).map(|version| version.size).sum();
    let value = json!({
        "AccountLimit": {
            "TotalCodeSize": STORAGE,
            "CodeSizeUnzipped": UNPACKED_LIMIT,
            "CodeSizeZipped": ZIPPED_LIMIT,
            "ConcurrentExecutions": ACCOUNT_CONCURRENCY,
            "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY.saturating_sub(reserved(service, None)),
        },
        "AccountUsage": { "TotalCodeSize": code + layers, "FunctionCount": functions.len() },
    });
    response::json(200, &value)
}
