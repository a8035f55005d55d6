//! `CreateFunction`.

use std::{collections::BTreeMap, sync::Arc};

use http::Response;
use serde::Deserialize;

use super::{
    activate,
    describe::describe,
    settings::{self, Settings},
};
use crate::{
    api::lambda::{
        code::{Code, take},
        identifier::FunctionRef,
        validate,
    },
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{
        function::{Function, State},
        function_record::FunctionRecord,
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    function_name: Option<String>,
    code: Option<Code>,
    package_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    publish: bool,
}

/// `CreateFunction`.
pub(crate) async fn create_function(
    service: &Arc<Service>,
    call: &ApiRequest,
) -> Result<Response<Body>, ApiError> {
    let request: CreateRequest = call.long_json().await?;
    let settings: Settings = call.long_json().await?;
    let Some(identifier) = &request.function_name else {
        return Err(ApiError::validation("null", "functionName", "not be null"));
    };
    let name = FunctionRef::whole(service, identifier)?.name;
    if name.len() > 64 {
        return Err(ApiError::validation(
            name,
            "functionName",
            "have length less than or equal to 64",
        ));
    }
    if request.package_type.as_deref().is_some_and(|package| package != "Zip") {
        return Err(ApiError::invalid("The local Lambda runs zips only: PackageType must be Zip."));
    }
    let mut function = settings::blank(name);
    if let Some(names) = &request.architectures {
        function.architecture = validate::architectures(names)?;
    }
    settings.assume(service).await?.apply(service, &mut function, true)?;
    for (value, field) in
        [(&function.role, "role"), (&function.runtime, "runtime"), (&function.handler, "handler")]
    {
        if value.is_empty() {
            return Err(ApiError::validation("null", field, "not be null"));
        }
    }
    validate::tags(&request.tags)?;
    function.tags = request.tags;
    let zip =
        request.code.ok_or_else(|| ApiError::validation("null", "code", "not be null"))?.zip()?;
    if service.functions.get(name).is_some() {
        return Err(exists(name));
    }
    let taken = take(service, zip).await?;
    (function.code, function.code_size) = (taken.sha256.clone(), taken.size);
    function.unpacked = taken.unpacked;
    let current = store(service, function, request.publish).await?;
    // The function holds the code by now.
    drop(taken.held);
    Ok(response::json(
        201,
        &describe(&current, &crate::store::function::arn(&service.region, name, None)),
    ))
}

fn exists(name: &str) -> ApiError {
    ApiError::conflict(format!("Function already exist: {name}"))
}

/// Stores a new function, which becomes `Active` when its code is unpacked. Returns the version for
/// the answer.
async fn store(
    service: &Arc<Service>,
    function: Function,
    publish: bool,
) -> Result<Arc<Function>, ApiError> {
    validate::size(&function)?;
    let change = service.functions.change().await;
    // Another call may have created it meanwhile.
    if service.functions.get(&function.name).is_some() {
        return Err(exists(&function.name));
    }
    let latest = Arc::new(Function::clone(&function.touch()).turn(State::Pending));
    let mut record = FunctionRecord::new(latest);
    let current = if publish { record.publish(None).0 } else { Arc::clone(&record.latest) };
    record.all().for_each(|version| service.codes.keep(version));
    let stored = change
        .store(record.clone())
        .inspect_err(|_fault| record.all().for_each(|version| service.codes.release(version)))?;
    activate::begin(service, Arc::clone(&stored.latest));
    Ok(current)
}
