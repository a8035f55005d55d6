//! Renders errors in the shape of each protocol. Pure.

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use super::{
    error::{ApiError, UNKNOWN},
    query,
    response::{self, Body},
};

/// Error code in the services of the awsQuery protocol. Source: IAM API reference, "Common errors".
fn query_code(code: &'static str) -> &'static str {
    match code {
        "IncompleteSignatureException" => "IncompleteSignature",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        UNKNOWN => "InvalidAction",
        other => other,
    }
}

/// Kind of protocol that the called service uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Lambda: REST with JSON bodies, the code in `x-amzn-ErrorType`.
    Rest,
    /// `CloudWatch` Logs: awsJson1.1, the code in `__type`.
    Json,
    /// STS and IAM: awsQuery, XML.
    Query,
}

impl Protocol {
    /// Returns the protocol of a request, by its head.
    pub(crate) fn of(head: &http::request::Parts) -> Self {
        let form = |value: &HeaderValue| {
            value.as_bytes().starts_with(b"application/x-www-form-urlencoded")
        };
        let has_action = |query: &str| query.starts_with("Action=") || query.contains("&Action=");
        if head.headers.contains_key("x-amz-target") {
            Self::Json
        } else if head.uri.path() == "/"
            && (head.headers.get(CONTENT_TYPE).is_some_and(form)
                || head.uri.query().is_some_and(has_action))
        {
            Self::Query
        } else {
            Self::Rest
        }
    }

    /// Renders `error` as an answer of this protocol.
    pub(crate) fn render(self, error: &ApiError, request_id: &str) -> Response<Body> {
        let side = if error.status.is_server_error() { "Server" } else { "Sender" };
        let (content, body) = match self {
            Self::Rest => {
                let side = if error.status.is_server_error() { "Service" } else { "User" };
                let mut body =
                    json!({ "Type": side, "Message": error.message, "message": error.message });
                if let Some(reason) = error.reason {
                    body["Reason"] = reason.into();
                }
                ("application/json", body.to_string())
            }
            Self::Json => (
                "application/x-amz-json-1.1",
                json!({ "__type": error.code, "message": error.message }).to_string(),
            ),
            Self::Query => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error>\
                     <RequestId>{request_id}</RequestId></ErrorResponse>",
                    query_code(error.code),
                    query::escape(&error.message)
                ),
            ),
        };
        // CloudWatch Logs answers every client error with 400.
        let status = match self {
            Self::Json
                if error.status == StatusCode::NOT_FOUND
                    || error.status == StatusCode::CONFLICT =>
            {
                StatusCode::BAD_REQUEST
            }
            Self::Query if error.code == UNKNOWN => StatusCode::BAD_REQUEST,
            _ => error.status,
        };
        let mut response = Response::new(response::full(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        let code = if self == Self::Query { query_code(error.code) } else { error.code };
        headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
        if error.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}
