//! `GetFunction`, `GetFunctionConfiguration`, `ListFunctions`, `GetAccountSettings`.

use super::{configuration::describe, read};
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    service::Service,
};
use http::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many functions a page has at most.
const PAGE: usize = 50;

/// `GetFunction`.
pub(super) fn get_function(service: &Service, call: &Call, name: &str) -> Result<Response<Body>, Fault> {
    let function = read(service, name, call.query("Qualifier"))?;
    let mut value = json!({
        "Configuration": describe(&function, &service.region),
        "Code": { "RepositoryType": "S3" },
    });
    if !function.tags.is_empty() {
        value["Tags"] = json!(function.tags);
    }
    Ok(call::json(200, &value))
}

/// `GetFunctionConfiguration`.
pub(super) fn get_configuration(service: &Service, call: &Call, name: &str) -> Result<Response<Body>, Fault> {
    let function = read(service, name, call.query("Qualifier"))?;
    Ok(call::json(200, &describe(&function, &service.region)))
}

/// `ListFunctions`. The marker is the name of the last function told.
pub(super) fn list_functions(service: &Service, call: &Call) -> Result<Response<Body>, Fault> {
    let limit = match call.query("MaxItems") {
        None => PAGE,
        Some(text) => match text.parse::<usize>() {
            Ok(number) if (1..=10_000).contains(&number) => number.min(PAGE),
            _ => return Err(Fault::validation(text, "maxItems", "be between 1 and 10000")),
        },
    };
    let marker = call.query("Marker").filter(|marker| !marker.is_empty());
    let all: Vec<_> = service.functions.all().iter().map(|record| Arc::clone(&record.latest)).collect();
    let mut rest = all.iter().filter(|function| marker.is_none_or(|marker| function.name.as_str() > marker)).peekable();
    let mut told: Vec<Value> = Vec::new();
    let mut last = None;
    while let Some(function) = rest.next_if(|_| told.len() < limit) {
        told.push(describe(function, &service.region));
        last = Some(function.name.clone());
    }
    let next = last.filter(|_| rest.peek().is_some());
    Ok(call::json(200, &json!({ "Functions": told, "NextMarker": next })))
}

/// `GetAccountSettings`.
pub(super) fn get_account_settings(service: &Service) -> Response<Body> {
    let functions = service.functions.all();
    let size: u64 = functions.iter().flat_map(|record| record.all()).map(|function| function.code_size).sum();
    let sandboxes = service.pool.surroundings().limits.concurrency;
    let value = json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": sandboxes,
            "UnreservedConcurrentExecutions": sandboxes,
        },
        "AccountUsage": { "TotalCodeSize": size, "FunctionCount": functions.len() },
    });
    call::json(200, &value)
}
