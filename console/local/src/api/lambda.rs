//! The Lambda API: its routes. One file for each group of operations.

mod aliases;
mod code;
mod concurrency;
mod controls;
mod event_invoke;
mod functions;
pub(crate) mod identifier;
pub(crate) mod invoke;
mod layers;
mod operations;
mod page;
mod policy;
mod tags;
mod url_config;
mod validate;
mod versions;

use std::{borrow::Cow, sync::Arc};

use functions::{create, delete, read, update};
use http::{Method, Response};
use invoke::stream;
use operations::unknown;
use serde_json::json;

use crate::{
    http::{
        error::ApiError,
        query::decode,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
};

/// Answers a request of the Lambda API. Each operation has its own date in its path; the date is
/// not checked.
pub(crate) async fn dispatch(
    service: &Arc<Service>,
    call: &ApiRequest,
) -> Result<Response<Body>, ApiError> {
    let path: Vec<Cow<'_, str>> =
        call.path.split('/').skip(1).map(|part| decode(part, false)).collect();
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let route = match path.as_slice() {
        [date, route @ ..] if is_date(date) => route,
        _ => return Err(unknown(call)),
    };
    // Some clients end a path with a slash.
    let route = route.strip_suffix(&[""]).unwrap_or(route);
    match (&call.method, route) {
        (&Method::POST, ["functions"]) => Box::pin(create::create_function(service, call)).await,
        (&Method::GET, ["functions"]) => read::list_functions(service, call),
        (&Method::POST, ["functions", name, "invocations"]) => {
            invoke::invoke(service, call, name).await
        }
        // Boxed, so that an invocation does not take the memory that these need.
        (_, ["functions", name, rest @ ..]) => Box::pin(function(service, call, name, rest)).await,
        (_, ["layers", rest @ ..]) => Box::pin(layers::dispatch(service, call, rest)).await,
        // A local function is invoked by its callers only: there are no event sources.
        (&Method::GET, ["event-source-mappings"]) => {
            Ok(response::json(200, &json!({ "EventSourceMappings": [] })))
        }
        (_, ["code-signing-configs", rest @ ..]) => controls::signing_configs(call, rest),
        (&Method::GET, ["account-settings"]) => Ok(concurrency::get_account_settings(service)),
        (&Method::GET, ["tags", arn]) => tags::list_tags(service, arn),
        (&Method::POST, ["tags", arn]) => Box::pin(tags::tag_resource(service, call, arn)).await,
        (&Method::DELETE, ["tags", arn]) => {
            Box::pin(tags::untag_resource(service, call, arn)).await
        }
        _ => Err(unknown(call)),
    }
}

/// Answers a request below a function's name.
async fn function(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
    route: &[&str],
) -> Result<Response<Body>, ApiError> {
    match (&call.method, route) {
        (&Method::GET, []) => read::get_function(service, call, name).await,
        (&Method::DELETE, []) => delete::delete_function(service, call, name).await,
        (&Method::GET, ["configuration"]) => read::get_configuration(service, call, name).await,
        (&Method::PUT, ["configuration"]) => {
            update::update_configuration(service, call, name).await
        }
        (&Method::PUT, ["code"]) => update::update_code(service, call, name).await,
        (&Method::POST, ["response-streaming-invocations"]) => {
            stream::invoke_with_response_stream(service, call, name).await
        }
        (&Method::POST, ["invoke-async"]) => invoke::invoke_async(service, call, name),
        (_, ["event-invoke-config", rest @ ..]) => {
            event_invoke::dispatch(service, call, name, rest).await
        }
        (_, ["url"]) => url_config::dispatch(service, call, name).await,
        (&Method::GET, ["urls"]) => url_config::list(service, call, name),
        (&Method::POST, ["versions"]) => versions::publish_version(service, call, name).await,
        (&Method::GET, ["versions"]) => versions::list_versions(service, call, name),
        (&Method::POST, ["aliases"]) => aliases::create_alias(service, call, name).await,
        (&Method::GET, ["aliases"]) => aliases::list_aliases(service, call, name),
        (&Method::GET, ["aliases", alias]) => aliases::get_alias(service, name, alias),
        (&Method::PUT, ["aliases", alias]) => {
            aliases::update_alias(service, call, name, alias).await
        }
        (&Method::DELETE, ["aliases", alias]) => aliases::delete_alias(service, name, alias).await,
        (&Method::POST, ["policy"]) => policy::add_permission(service, call, name).await,
        (&Method::GET, ["policy"]) => policy::get_policy(service, call, name),
        (&Method::DELETE, ["policy", statement]) => {
            policy::remove_permission(service, call, name, statement).await
        }
        (&Method::PUT, ["concurrency"]) => concurrency::put_concurrency(service, call, name).await,
        (&Method::GET, ["concurrency"]) => concurrency::get_concurrency(service, name),
        (&Method::DELETE, ["concurrency"]) => concurrency::delete_concurrency(service, name).await,
        (_, ["provisioned-concurrency"]) => concurrency::provisioned(service, call, name),
        (_, ["runtime-management-config"]) => controls::runtime(service, call, name).await,
        (_, ["recursion-config"]) => controls::recursion(service, call, name).await,
        (_, ["code-signing-config"]) => controls::code_signing(service, call, name),
        _ => Err(unknown(call)),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
