//! A request out of an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base64;
use crate::event::{AsItIs, Input, Message};
use crate::failure::PayloadError;
use crate::payload;

/// An HTTP request. Made from an event by the runtime, or by hand in a test.
///
/// Source of the event's form: AWS Lambda developer guide, "Invoking Lambda function URLs", request payload format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    source_ip: String,
    body: Vec<u8>,
}

impl Request {
    /// A request for a test: a method in upper case, and a path that may have a query.
    pub fn new(method: impl Into<String>, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.into(), path: path.to_owned(), query: query.to_owned(), ..Self::default() }
    }

    /// The same request with a header field.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same request with a value as its JSON body. Fails where the value cannot be JSON.
    pub fn with_json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, serde_json::Error> {
        Ok(self.with_header("content-type", "application/json").with_body(serde_json::to_vec(value)?))
    }

    /// The method, as it was sent: `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as it was sent, still percent-encoded, without the name of API Gateway's stage.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path's segments, decoded, without empty ones: `/items/a%20b/` has `items` and `a b`.
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        self.path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
    }

    /// The query as it was sent, without the question mark; empty where there is none.
    pub fn raw_query(&self) -> &str {
        &self.query
    }

    /// The first value of a parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.filter(|(key, _)| decode(key, true) == name).map(|(_, value)| decode(value, true)).next()
    }

    /// A header field, by its name in any case. Several fields of one name arrive as one, with commas between.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Every header field: name in lower case, value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every cookie, as `name=value`.
    pub fn cookies(&self) -> &[String] {
        &self.cookies
    }

    /// The address of the caller, as Lambda saw it.
    pub fn source_ip(&self) -> &str {
        &self.source_ip
    }

    /// The body's bytes: base64 is undone.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a value that may borrow from the request. The error names the place that does not fit.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PayloadError> {
        payload::read(&self.body)
    }

    /// Reads an event of payload format 2.0.
    pub(crate) fn from_event(event: &[u8]) -> Result<Self, PayloadError> {
        let event: HttpEvent = payload::read(event).map_err(|error| {
            PayloadError(format!(
                "the event is not a request of a function URL or an API Gateway HTTP API (payload format 2.0): {error}"
            ))
        })?;
        let HttpEvent { raw_path, raw_query_string, headers, cookies, request_context, body, is_base64_encoded } =
            event;
        let body = match (body, is_base64_encoded) {
            (None, _) => Vec::new(),
            (Some(text), false) => text.into_bytes(),
            (Some(text), true) => base64::decode(&text)
                .ok_or_else(|| PayloadError("`body` is not base64, though `isBase64Encoded` says so".to_owned()))?,
        };
        let stage = request_context.stage.filter(|stage| stage != "$default");
        let staged = stage.and_then(|stage| raw_path.strip_prefix('/')?.strip_prefix(&*stage).map(str::to_owned));
        let path = match staged {
            Some(path) if path.is_empty() => "/".to_owned(),
            Some(path) if path.starts_with('/') => path,
            _ => raw_path,
        };
        Ok(Self {
            method: request_context.http.method,
            path,
            query: raw_query_string,
            headers: headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            cookies,
            source_ip: request_context.http.source_ip,
            body,
        })
    }
}

impl Input<AsItIs> for Request {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        Self::from_event(message.body())
    }
}

/// The event, as far as a request needs it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    request_context: RequestContext,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Http,
    #[serde(default)]
    stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    #[serde(default)]
    source_ip: String,
}

/// Undoes percent-encoding, and in a query also `+` for a blank. What is no encoding stays as it is.
fn decode(text: &str, query: bool) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return text.into();
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let encoded = text.as_bytes();
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        match (byte, digit(encoded.get(at + 1)), digit(encoded.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _, _) if query => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(stage: &str, path: &str) -> serde_json::Value {
        json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "a=1&b=x+y%21&a=2&flag",
            "headers": {"X-Tag": "one,two"},
            "cookies": ["k=v"],
            "requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.1"}, "stage": stage},
            "body": "eyJhIjoxfQ==",
            "isBase64Encoded": true
        })
    }

    fn read(event: &serde_json::Value) -> Result<Request, String> {
        Request::from_event(event.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_event_becomes_a_request() {
        let request = read(&event("$default", "/items/a%20b%2Fc/")).unwrap();
        assert_eq!((request.method(), request.path()), ("POST", "/items/a%20b%2Fc/"));
        assert_eq!(request.segments(), ["items", "a b/c"]);
        assert_eq!(request.query("a").as_deref(), Some("1"));
        assert_eq!(request.query("b").as_deref(), Some("x y!"));
        assert_eq!(request.query("flag").as_deref(), Some(""));
        assert_eq!(request.query("none"), None);
        assert_eq!(request.header("x-tag"), Some("one,two"));
        assert_eq!(request.cookies(), ["k=v"]);
        assert_eq!(request.source_ip(), "192.0.2.1");
        assert_eq!(request.body(), br#"{"a":1}"#);
        assert_eq!(request.json::<BTreeMap<String, u8>>().unwrap()["a"], 1);
    }

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        let path = |stage, path| read(&event(stage, path)).unwrap().path().to_owned();
        assert_eq!(path("beta", "/beta/items"), "/items");
        assert_eq!(path("beta", "/beta"), "/");
        assert_eq!(path("beta", "/betamax"), "/betamax");
        assert_eq!(path("$default", "/$default"), "/$default");
    }

    #[test]
    fn an_event_of_another_kind_says_what_is_missing() {
        let why = read(&json!({"Records": []})).unwrap_err();
        assert!(why.contains("payload format 2.0") && why.contains("missing field `rawPath`"), "{why}");
        let mut broken = event("$default", "/");
        broken["body"] = "%".into();
        assert!(read(&broken).unwrap_err().contains("not base64"));
    }

    #[test]
    fn what_is_no_encoding_stays_as_it_is() {
        for text in ["%", "%2", "%zz", "100%"] {
            assert_eq!(decode(text, true), text);
        }
        assert_eq!(decode("%ff", false), "\u{fffd}");
        assert_eq!(decode("a+b", false), "a+b");
    }
}
