//! Settings of a function that are stored and returned, and have no effect here: runtime
//! management, recursive loop detection, and code signing, which is never configured.
//! `PutRuntimeManagementConfig`, `PutFunctionRecursionConfig`, `GetFunctionCodeSigningConfig` and
//! related operations.

use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{identifier::FunctionRef, operations::unknown, validate};
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::controls::{Controls, RuntimeManagement},
    store::function::LATEST,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuntimeRequest {
    update_runtime_on: Option<String>,
    runtime_version_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecursionRequest {
    recursive_loop: Option<String>,
}

/// Answers a request for a version's `runtime-management-config`.
pub(super) async fn runtime(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let qualifier = named.qualifier.unwrap_or(LATEST);
    let known = |named: &FunctionRef<'_>| {
        let record = FunctionRef { qualifier: None, ..*named }.record(service)?;
        record.version(qualifier).map(drop).ok_or_else(|| named.not_found(service))
    };
    let management = match call.method {
        Method::GET => {
            known(&named)?;
            service.controls.get(named.name, qualifier).and_then(|controls| controls.runtime)
        }
        Method::PUT => {
            let request: RuntimeRequest = call.json()?;
            let update_runtime_on = request
                .update_runtime_on
                .ok_or_else(|| ApiError::validation("null", "updateRuntimeOn", "not be null"))?;
            validate::one_of(
                &update_runtime_on,
                "updateRuntimeOn",
                &["Auto", "Manual", "FunctionUpdate"],
            )?;
            let runtime_version_arn = request.runtime_version_arn;
            if (update_runtime_on == "Manual") != runtime_version_arn.is_some() {
                return Err(ApiError::invalid(
                    "RuntimeVersionArn must be given with UpdateRuntimeOn Manual, and only then.",
                ));
            }
            let management = RuntimeManagement { update_runtime_on, runtime_version_arn };
            let _turn = service.functions.change().await;
            known(&named)?;
            let controls = service.controls.get(named.name, qualifier).unwrap_or_default();
            let controls = Controls { runtime: Some(management.clone()), ..controls };
            service.controls.put(named.name, qualifier, controls)?;
            Some(management)
        }
        _ => return Err(unknown(call)),
    };
    let management = management.unwrap_or(RuntimeManagement {
        update_runtime_on: "Auto".to_owned(),
        runtime_version_arn: None,
    });
    let mut value = json!(management);
    value["FunctionArn"] = named.arn(service).into();
    Ok(response::json(200, &value))
}

/// Answers a request for a function's `recursion-config`.
pub(super) async fn recursion(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::whole(service, name)?;
    let recursion = match call.method {
        Method::GET => {
            named.record(service)?;
            service.controls.get(named.name, LATEST).and_then(|controls| controls.recursion)
        }
        Method::PUT => {
            let request: RecursionRequest = call.json()?;
            let recursion = request
                .recursive_loop
                .ok_or_else(|| ApiError::validation("null", "recursiveLoop", "not be null"))?;
            validate::one_of(&recursion, "recursiveLoop", &["Allow", "Terminate"])?;
            let _turn = service.functions.change().await;
            named.record(service)?;
            let controls = service.controls.get(named.name, LATEST).unwrap_or_default();
            service.controls.put(
                named.name,
                LATEST,
                Controls { recursion: Some(recursion.clone()), ..controls },
            )?;
            Some(recursion)
        }
        _ => return Err(unknown(call)),
    };
    Ok(response::json(
        200,
        &json!({ "RecursiveLoop": recursion.as_deref().unwrap_or("Terminate") }),
    ))
}

/// Answers a request for a function's `code-signing-config`: there is none.
pub(super) fn code_signing(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    FunctionRef::whole(service, name)?.record(service)?;
    match call.method {
        Method::GET => Ok(response::json(200, &json!({}))),
        Method::DELETE => Ok(response::empty(204)),
        Method::PUT => {
            let request: Value = call.json()?;
            let asked = request["CodeSigningConfigArn"].as_str().unwrap_or_default();
            Err(no_signing_config(asked))
        }
        _ => Err(unknown(call)),
    }
}

/// Answers a request below `code-signing-configs`.
pub(super) fn signing_configs(
    call: &ApiRequest,
    route: &[&str],
) -> Result<Response<Body>, ApiError> {
    match (&call.method, route) {
        (&Method::GET, []) => Ok(response::json(200, &json!({ "CodeSigningConfigs": [] }))),
        (&Method::GET, [arn]) => Err(no_signing_config(arn)),
        _ => Err(unknown(call)),
    }
}

fn no_signing_config(arn: &str) -> ApiError {
    let message = format!(
        "The code signing configuration cannot be found. Check that the provided configuration is \
        not deleted: {arn}. (The local Lambda has no code signing.)"
    );
    ApiError::new(404, "CodeSigningConfigNotFoundException", message)
}
