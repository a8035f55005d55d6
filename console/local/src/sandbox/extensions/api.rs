//! The Extensions API, the Telemetry API and the Logs API of one sandbox, on the port of its
//! Runtime API. Source of routes, headers and errors: AWS Lambda developer guide, "Using the Lambda
//! Extensions API", "Lambda Telemetry API reference", "Lambda Logs API", and AWS's own emulator.

use bytes::Bytes;
use http::{Method, StatusCode, request::Parts};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Extensions, Refusal};
use crate::sandbox::{
    runtime_api::{
        apis::Apis,
        http1::{Body, Response},
        problem::problem,
        response::collect,
    },
    telemetry::{Api, Declined, Subscription},
};

/// Maximum size of a request's body in bytes.
const LIMIT: usize = 1 << 20;
/// Header with the identifier of a registered extension.
const IDENTIFIER: &str = "lambda-extension-identifier";

/// Body of a `register` request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    configuration_keys: Vec<String>,
}

/// Returns `true` if a request comes from an external extension.
pub(crate) fn is_external(head: &Parts, extensions: &Extensions) -> bool {
    !extensions.is_empty() && extensions.is_external(identifier(head))
}

/// Handles a request. Returns `None` for a path of another API.
pub(crate) async fn route(head: &Parts, body: &mut Body<'_>, apis: &Apis) -> Option<Response> {
    // The documentation also has paths with a trailing slash.
    let path = head.uri.path().trim_end_matches('/');
    let answered = match (&head.method, path) {
        (&Method::POST, "/2020-01-01/extension/register") => {
            register(head, &read(body).await?, apis)
        }
        (&Method::GET, "/2020-01-01/extension/event/next") => next(head, apis).await,
        (&Method::POST, "/2020-01-01/extension/init/error") => error(head)
            .and_then(|()| apis.extensions.init_error(identifier(head)))
            .map(|()| accepted()),
        (&Method::POST, "/2020-01-01/extension/exit/error") => error(head)
            .and_then(|()| apis.extensions.exit_error(identifier(head)))
            .map(|()| accepted()),
        (&Method::PUT, "/2022-07-01/telemetry") => {
            subscribe(Api::Telemetry, head, &read(body).await?, apis)
        }
        (&Method::PUT, "/2020-08-15/logs") => subscribe(Api::Logs, head, &read(body).await?, apis),
        _ => return None,
    };
    Some(
        answered.unwrap_or_else(|refusal| {
            problem(StatusCode::FORBIDDEN, refusal.kind, &refusal.message)
        }),
    )
}

fn register(head: &Parts, body: &[u8], apis: &Apis) -> Result<Response, Refusal> {
    let invalid = |message: String| Refusal { kind: "InvalidRequestFormat", message };
    let name = header(head, "lambda-extension-name");
    let registration: Registration =
        serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
    if !registration.configuration_keys.is_empty() {
        return Err(invalid(
            "configurationKeys are deprecated; use environment variables instead".to_owned(),
        ));
    }
    let open = !apis.invocation.has_started();
    let id = apis.extensions.register(name, &registration.events, open)?;
    let function = &apis.function;
    let mut answer = json!({
        "functionName": function.name, "functionVersion": function.version, "handler": function.handler,
    });
    let features = header(head, "lambda-extension-accept-feature");
    if features.split(',').any(|feature| feature.trim() == "accountId") {
        answer["accountId"] = crate::account::ACCOUNT.into();
    }
    Ok(Response::new(StatusCode::OK, answer.to_string()).with(IDENTIFIER, &id))
}

async fn next(head: &Parts, apis: &Apis) -> Result<Response, Refusal> {
    let event: Result<Bytes, _> = apis.extensions.next(identifier(head))?.await;
    match event {
        Ok(event) => {
            let id = Uuid::new_v4().to_string();
            Ok(Response::new(StatusCode::OK, event).with("lambda-extension-event-identifier", &id))
        }
        Err(_replaced) => Ok(problem(
            StatusCode::FORBIDDEN,
            "Extension.InvalidExtensionState",
            "replaced by another next request",
        )),
    }
}

fn subscribe(api: Api, head: &Parts, body: &[u8], apis: &Apis) -> Result<Response, Refusal> {
    let extension = apis.extensions.name(identifier(head))?;
    let (invalid, closed, word) = match api {
        Api::Telemetry => ("ValidationError", "Telemetry.SubscriptionClosed", "Telemetry"),
        Api::Logs => ("Logs.ValidationError", "Logs.SubscriptionClosed", "Logs"),
    };
    let subscription = match Subscription::parse(api, body) {
        Ok(subscription) => subscription,
        Err(wrong) => return Ok(problem(StatusCode::BAD_REQUEST, invalid, &wrong)),
    };
    let categories = subscription.categories.clone();
    match apis.log.telemetry.subscribe(&extension, subscription) {
        Ok(new) => {
            if new {
                apis.log.subscribed(&extension, api, &categories);
            }
            Ok(Response::new(StatusCode::OK, "\"OK\""))
        }
        Err(Declined::Closed) => {
            let message = format!("{word} API subscription is closed");
            Err(Refusal { kind: closed, message })
        }
        Err(Declined::OtherApi) => Ok(problem(
            StatusCode::BAD_REQUEST,
            invalid,
            "the extension has subscribed through the other of Logs API and Telemetry API",
        )),
    }
}

/// Checks that an extension's error has a type.
fn error(head: &Parts) -> Result<(), Refusal> {
    let name = "Lambda-Extension-Function-Error-Type";
    if header(head, name).is_empty() {
        return Err(Refusal {
            kind: "Extension.MissingHeader",
            message: format!("{name} not found"),
        });
    }
    Ok(())
}

fn identifier(head: &Parts) -> &str {
    header(head, IDENTIFIER)
}

fn header<'a>(head: &'a Parts, name: &str) -> &'a str {
    head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads the body. Returns `None` if it ended early: there is then no one to answer.
async fn read(body: &mut Body<'_>) -> Option<Bytes> {
    collect(body, LIMIT).await.ok()
}

fn accepted() -> Response {
    Response::new(StatusCode::ACCEPTED, r#"{"status":"OK"}"#)
}
