//! The Lambda API: routes and names. One file for each group of operations.

mod configuration;
mod create;
mod delete;
mod invoke;
mod read;
mod tags;
mod update;

use crate::{
    call::{Body, Call},
    fault::Fault,
    function::Function,
    query::decode,
    service::{ACCOUNT, Service, unknown},
};
use http::{Method, Response};
use std::sync::Arc;

/// Answers a request of the Lambda API. Each operation has its own date in its path; which one is not looked at.
pub(crate) async fn dispatch(service: &Arc<Service>, call: &Call) -> Result<Response<Body>, Fault> {
    let path: Vec<String> = call.path.split('/').skip(1).map(|part| decode(part, false)).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let route = match path.as_slice() {
        [date, route @ ..] if is_date(date) => route,
        _ => return Err(unknown(&format!("{} {}", call.method, call.path))),
    };
    // Some clients end a path with a slash.
    let route = route.strip_suffix(&[""]).unwrap_or(route);
    match (&call.method, route) {
        (&Method::POST, ["functions"]) => create::create_function(service, call).await,
        (&Method::GET, ["functions"]) => read::list_functions(service, call),
        (&Method::GET, ["functions", name]) => read::get_function(service, call, name),
        (&Method::GET, ["functions", name, "configuration"]) => read::get_configuration(service, call, name),
        (&Method::PUT, ["functions", name, "configuration"]) => update::update_configuration(service, call, name).await,
        (&Method::PUT, ["functions", name, "code"]) => update::update_code(service, call, name).await,
        (&Method::DELETE, ["functions", name]) => delete::delete_function(service, call, name).await,
        (&Method::POST, ["functions", name, "invocations"]) => invoke::invoke(service, call, name).await,
        (&Method::GET, ["account-settings"]) => Ok(read::get_account_settings(service)),
        (&Method::GET, ["tags", arn]) => tags::list_tags(service, arn),
        (&Method::POST, ["tags", arn]) => tags::tag_resource(service, call, arn).await,
        (&Method::DELETE, ["tags", arn]) => tags::untag_resource(service, call, arn).await,
        _ => Err(unknown(&format!("{} {}", call.method, call.path))),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// The name in a function's name, partial ARN or ARN, whose version, if any, must be `$LATEST`.
fn function_name<'a>(identifier: &'a str, qualifier: Option<&str>) -> Result<&'a str, Fault> {
    let parts: Vec<&str> = identifier.split(':').collect();
    let (name, version) = match parts.as_slice() {
        [name] | ["arn", _, "lambda", _, _, "function", name] | [_, "function", name] => (*name, None),
        [name, version] | ["arn", _, "lambda", _, _, "function", name, version] | [_, "function", name, version] => {
            (*name, Some(*version))
        }
        _ => ("", None),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
        let constraint = "satisfy regular expression pattern: \
                          (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z0-9-]+:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";
        return Err(Fault::validation(identifier, "functionName", constraint));
    }
    match version.or(qualifier) {
        None | Some("$LATEST") => Ok(name),
        Some(version) => Err(Fault::not_found(format!(
            "Function not found: {name}:{version} (the local Lambda has no versions and aliases: use $LATEST)"
        ))),
    }
}

/// The function that a path names.
fn find(service: &Service, identifier: &str, qualifier: Option<&str>) -> Result<Arc<Function>, Fault> {
    let name = function_name(identifier, qualifier)?;
    service.functions.get(name).ok_or_else(|| {
        let arn = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{name}", service.region);
        Fault::not_found(format!("Function not found: {arn}"))
    })
}
