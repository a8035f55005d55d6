//! Errors of the APIs inside a sandbox, in AWS's words. Pure.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{http1::Response, invocation_state::Refused};

/// Returns 202, or the refusal.
pub(crate) fn accept(result: Result<(), Refused>) -> Response {
    match result {
        Ok(()) => Response::new(StatusCode::ACCEPTED, r#"{"status":"OK"}"#),
        Err(refused) => refuse(refused),
    }
}

/// A refusal in AWS's words.
pub(crate) fn refuse(refused: Refused) -> Response {
    match refused {
        Refused::UnknownId => {
            problem(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        }
        Refused::WrongState => problem(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            "State transition is not allowed",
        ),
    }
}

/// An error of the Runtime API.
pub(crate) fn problem(status: StatusCode, kind: &str, message: &str) -> Response {
    Response::new(status, json!({ "errorMessage": message, "errorType": kind }).to_string())
}

/// The error of a body that ended before its length; `what` names the body.
pub(crate) fn truncated(what: &str) -> Response {
    let message = format!("the {what}'s body ended early");
    problem(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", &message)
}

/// The error type of the header, if it has the form that AWS accepts: `Function.Word` or
/// `Runtime.Word`.
pub(crate) fn error_type(headers: &HeaderMap) -> String {
    let header =
        headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let valid = |kind: &&str| {
        let word = kind.strip_prefix("Function.").or_else(|| kind.strip_prefix("Runtime."));
        word.is_some_and(|word| {
            word.len() > 1
                && word.starts_with(|first: char| first.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphabetic())
        })
    };
    header.filter(valid).unwrap_or("Runtime.Unknown").to_owned()
}
