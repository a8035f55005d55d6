//! Routes each request to its API.

use std::sync::Arc;

use http::{Method, Response, request::Parts};

use super::{iam, lambda, logs, sts};
use crate::{
    http::{
        error::ApiError,
        query,
        request::ApiRequest,
        response::{self, Body},
    },
    server::auth::download,
    service::Service,
};

/// Prefix of the targets of the Logs API.
const LOGS: &str = "Logs_20140328.";

/// The supported targets.
const TARGETS: [&str; 1] = ["Logs_20140328"];

/// Answers an authenticated request.
pub(crate) async fn dispatch(
    service: &Arc<Service>,
    call: ApiRequest,
) -> Result<Response<Body>, ApiError> {
    if let Some(target) = call.header("x-amz-target") {
        let Some(operation) = target.strip_prefix(LOGS) else {
            return Err(ApiError::unknown(&format!("the target {target}"), TARGETS));
        };
        let operation = operation.to_owned();
        return logs::dispatch(&service.logs, &operation, &call).await;
    }
    if call.path == "/" {
        let form = if call.body.is_empty() { call.query } else { form(&call.body) };
        return match service_of(&form) {
            "sts" => sts::dispatch(&form, &call.request_id),
            _ => iam::dispatch(&service.iam, &form, &call.request_id).await,
        };
    }
    if call.method == Method::GET && call.path.starts_with(download::PATH) {
        let gone = || ApiError::not_found("This code no longer exists.");
        let file = service.codes.zip(download::sha256_of(&call.path).ok_or_else(gone)?);
        let bytes = tokio::fs::read(file).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => gone(),
            _ => ApiError::service("could not read the code", &error),
        })?;
        return Ok(response::answer(200, "application/zip", bytes));
    }
    lambda::dispatch(service, &call).await
}

/// Returns the service that a request is for, which its signature must be scoped to.
pub(crate) fn addressee(head: &Parts, body: &[u8]) -> &'static str {
    if head.headers.contains_key("x-amz-target") {
        return "logs";
    }
    match (head.uri.path(), head.uri.query()) {
        ("/", Some(query)) if body.is_empty() => service_of(&query::pairs(query)),
        ("/", _) => service_of(&form(body)),
        _ => "lambda",
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    query::pairs(&String::from_utf8_lossy(body))
}

/// Returns the service of an action of the awsQuery protocol.
fn service_of(form: &[(String, String)]) -> &'static str {
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("Action") == Some("GetCallerIdentity") || field("Version") == Some(sts::VERSION) {
        "sts"
    } else {
        "iam"
    }
}
