//! Cross-origin resource sharing: the headers by which a browser decides what a page of another
//! origin may read. As on AWS, the function is invoked for any page that knows the URL's address,
//! which has a random id. The headers are those that AWS sends. Pure functions.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};

use crate::{
    http::response::{self, Body},
    store::url_config::Cors,
};

impl Cors {
    fn allows(&self, origin: &str) -> bool {
        has(self.allow_origins.as_deref(), origin)
    }

    /// Returns `true` if the whole preflight is allowed. If any part of it is not, AWS answers
    /// without any Cors header.
    fn allows_preflight(&self, headers: &HeaderMap, method: &str) -> bool {
        let wanted = headers
            .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
            .and_then(|value| value.to_str().ok());
        let mut wanted =
            wanted.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        has(self.allow_methods.as_deref(), method)
            && wanted.all(|name| has(self.allow_headers.as_deref(), name))
    }
}

fn has(list: Option<&[String]>, wanted: &str) -> bool {
    list.unwrap_or_default().iter().any(|item| item == "*" || item.eq_ignore_ascii_case(wanted))
}

/// Answers a preflight, which does not reach the function; returns `None` if the request is not a
/// preflight.
pub(super) fn preflight(
    method: &Method,
    headers: &HeaderMap,
    cors: Option<&Cors>,
) -> Option<Response<Body>> {
    let cors = cors.filter(|_| method == Method::OPTIONS)?;
    let origin = headers.get(header::ORIGIN)?;
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
    let mut response = response::answer(200, "application/json", "");
    if !cors.allows(origin.to_str().ok()?) || !cors.allows_preflight(headers, wanted) {
        return Some(response);
    }
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, shown(cors, origin));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    let mut list = |name: HeaderName, items: Option<&[String]>| {
        let items = items.filter(|items| !items.is_empty());
        if let Some(value) = items.and_then(|items| HeaderValue::from_str(&items.join(",")).ok()) {
            headers.insert(name, value);
        }
    };
    list(header::ACCESS_CONTROL_ALLOW_HEADERS, cors.allow_headers.as_deref());
    list(header::ACCESS_CONTROL_ALLOW_METHODS, cors.allow_methods.as_deref());
    if let Some(age) = cors.max_age {
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age.into());
    }
    if cors.allow_credentials == Some(true) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    Some(response)
}

/// Adds the Cors headers to an answer. Those that the function itself set stay beside them, as on
/// AWS.
pub(super) fn add(answer: &mut HeaderMap, request: &HeaderMap, cors: Option<&Cors>) {
    let Some(cors) = cors else { return };
    let Some(origin) = request.get(header::ORIGIN) else { return };
    if !origin.to_str().is_ok_and(|origin| cors.allows(origin)) {
        return;
    }
    answer.append(header::ACCESS_CONTROL_ALLOW_ORIGIN, shown(cors, origin));
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(exposed) = cors.expose_headers.as_deref().filter(|exposed| !exposed.is_empty()) {
        let own = answer.get_all(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        let mut names: Vec<&str> = own.iter().filter_map(|value| value.to_str().ok()).collect();
        names.extend(exposed.iter().map(String::as_str));
        if let Ok(value) = HeaderValue::from_str(&names.join(",")) {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, value);
        }
    }
    if cors.allow_credentials == Some(true) {
        answer.append(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Returns the allowed origin to send: `*` if all are allowed, unless that would forbid
/// credentials.
fn shown(cors: &Cors, origin: &HeaderValue) -> HeaderValue {
    let all = cors.allow_origins.as_deref().unwrap_or_default().iter().any(|item| item == "*");
    if all && cors.allow_credentials != Some(true) {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    }
}
