//! The events that are HTTP requests.
//!
//! Sources: AWS Lambda developer guide, "Invoking Lambda function URLs" (format 2.0) and "Process Application Load
//! Balancer requests"; API Gateway developer guide, "Lambda proxy integrations" (formats 1.0 and 2.0).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Request;
use crate::base64;
use crate::failure::PayloadError;
use crate::payload;
use crate::reply::Form;

/// An event, as far as a request needs it. What is absent may also be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    request_context: Option<RequestContext>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    /// From here on of format 2.0.
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    /// From here on of format 1.0 and of load balancers.
    http_method: Option<String>,
    path: Option<String>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Default, Deserialize)]
struct RequestContext {
    http: Option<Http>,
    stage: Option<String>,
    elb: Option<IgnoredAny>,
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    #[serde(default)]
    source_ip: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
}

/// Reads an event of any of the forms.
pub(super) fn read(event: &[u8]) -> Result<Request, PayloadError> {
    let no_request = |why: &dyn std::fmt::Display| {
        PayloadError(format!(
            "the event is not a request of a function URL, of API Gateway or of a load balancer: {why}"
        ))
    };
    let mut event: HttpEvent = payload::read(event).map_err(|error| no_request(&error))?;
    let context = event.request_context.take().unwrap_or_default();
    let body = match event.body.take() {
        None => Vec::new(),
        Some(text) if event.is_base64_encoded == Some(true) => base64::decode(&text)
            .ok_or_else(|| PayloadError("`body` is not base64, though `isBase64Encoded` says so".to_owned()))?,
        Some(text) => text.into_bytes(),
    };
    let request = match (event.raw_path.take(), event.http_method.take(), event.path.take()) {
        (Some(path), _, _) => {
            let http = context.http.ok_or_else(|| no_request(&"it has no `requestContext.http`"))?;
            Request {
                method: http.method,
                path: without_stage(path, context.stage),
                query: event.raw_query_string.unwrap_or_default(),
                headers: lower(event.headers.unwrap_or_default()),
                cookies: event.cookies.unwrap_or_default(),
                source_ip: http.source_ip,
                body,
                form: Form::Gateway2,
            }
        }
        (None, Some(method), Some(path)) => first_format(event, method, path, &context, body),
        _ => return Err(no_request(&"it has neither `rawPath`, nor `httpMethod` and `path`")),
    };
    Ok(request)
}

/// A request of API Gateway's format 1.0, or of a load balancer, which is alike but for the query: the balancer passes
/// it on as it came, the gateway decodes it.
fn first_format(event: HttpEvent, method: String, path: String, context: &RequestContext, body: Vec<u8>) -> Request {
    let form = match (&context.elb, &event.multi_value_headers) {
        (None, _) => Form::Gateway1,
        (Some(_), None) => Form::Balancer,
        (Some(_), Some(_)) => Form::BalancerOfMany,
    };
    let mut query = String::new();
    let one = event.query_string_parameters.unwrap_or_default();
    let many = event.multi_value_query_string_parameters;
    let many = many.unwrap_or_else(|| one.into_iter().map(|(name, value)| (name, vec![value])).collect());
    for (name, values) in &many {
        for value in values {
            if !query.is_empty() {
                query.push('&');
            }
            for (part, end) in [(name, "="), (value, "")] {
                if form == Form::Gateway1 {
                    encode(part, &mut query);
                } else {
                    query.push_str(part);
                }
                query.push_str(end);
            }
        }
    }
    let joined = |(name, values): (String, Vec<String>)| {
        let between = if name.eq_ignore_ascii_case("cookie") { "; " } else { ", " };
        (name, values.join(between))
    };
    let headers = match event.multi_value_headers {
        Some(many) => lower(many.into_iter().map(joined).collect()),
        None => lower(event.headers.unwrap_or_default()),
    };
    let cookies = headers.get("cookie").map_or("", String::as_str).split("; ").filter(|cookie| !cookie.is_empty());
    let cookies = cookies.map(str::to_owned).collect();
    // A load balancer adds the address that it saw at the end.
    let forwarded = || headers.get("x-forwarded-for")?.rsplit(',').next().map(|address| address.trim().to_owned());
    let identity = context.identity.as_ref().and_then(|identity| identity.source_ip.clone());
    let source_ip = identity.or_else(forwarded).unwrap_or_default();
    Request { method, path, query, headers, cookies, source_ip, body, form }
}

fn lower(headers: BTreeMap<String, String>) -> BTreeMap<String, String> {
    headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

/// A path without the name of the stage, which format 2.0 has in front.
fn without_stage(path: String, stage: Option<String>) -> String {
    let stage = stage.filter(|stage| stage != "$default");
    let staged = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(&*stage).map(str::to_owned));
    match staged {
        Some(path) if path.is_empty() => "/".to_owned(),
        Some(path) if path.starts_with('/') => path,
        _ => path,
    }
}

/// Percent-encodes all but what is never encoded (RFC 3986, 2.3).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.extend(['%', char::from(DIGITS[usize::from(byte >> 4)]), char::from(DIGITS[usize::from(byte & 15)])]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(stage: &str, path: &str) -> Value {
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

    fn request(event: &Value) -> Result<Request, String> {
        read(event.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_event_becomes_a_request() {
        let request = request(&event("$default", "/items/a%20b%2Fc/")).unwrap();
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
    fn a_request_of_format_1_is_read() {
        let request = request(&json!({
            "resource": "/{proxy+}",
            "path": "/items",
            "httpMethod": "GET",
            "headers": {"X-Tag": "two", "cookie": "a=1; b=2"},
            "multiValueHeaders": {"X-Tag": ["one", "two"], "cookie": ["a=1; b=2"]},
            "queryStringParameters": {"a": "2"},
            "multiValueQueryStringParameters": {"a": ["1 &", "2"], "ü": [""]},
            "requestContext": {"stage": "beta", "path": "/beta/items", "identity": {"sourceIp": "192.0.2.1"}},
            "body": null,
            "isBase64Encoded": false
        }))
        .unwrap();
        assert_eq!((request.method(), request.path()), ("GET", "/items"));
        assert_eq!(request.query, "a=1%20%26&a=2&%C3%BC=");
        assert_eq!(request.query("a").as_deref(), Some("1 &"));
        assert_eq!(request.query("ü").as_deref(), Some(""));
        assert_eq!(request.header("x-tag"), Some("one, two"));
        assert_eq!(request.cookies(), ["a=1", "b=2"]);
        assert_eq!((request.source_ip(), request.body()), ("192.0.2.1", &b""[..]));
        assert_eq!(request.form, Form::Gateway1);
    }

    #[test]
    fn a_request_of_a_load_balancer_is_read() {
        let mut event = json!({
            "requestContext": {"elb": {"targetGroupArn": "arn"}},
            "httpMethod": "POST",
            "path": "/items",
            "queryStringParameters": {"a": "1%20"},
            "headers": {"x-forwarded-for": "10.0.0.1, 192.0.2.1"},
            "body": "aGk=",
            "isBase64Encoded": true
        });
        let one = request(&event).unwrap();
        assert_eq!((one.query("a").as_deref(), one.source_ip()), (Some("1 "), "192.0.2.1"));
        assert_eq!((one.body(), one.form), (&b"hi"[..], Form::Balancer));
        event["multiValueHeaders"] = json!({"x-forwarded-for": ["192.0.2.7"]});
        let many = request(&event).unwrap();
        assert_eq!((many.source_ip(), many.form), ("192.0.2.7", Form::BalancerOfMany));
    }

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        let path = |stage, path| request(&event(stage, path)).unwrap().path().to_owned();
        assert_eq!(path("beta", "/beta/items"), "/items");
        assert_eq!(path("beta", "/beta"), "/");
        assert_eq!(path("beta", "/betamax"), "/betamax");
        assert_eq!(path("$default", "/$default"), "/$default");
    }

    #[test]
    fn an_event_of_another_kind_says_what_is_missing() {
        let why = request(&json!({"Records": []})).unwrap_err();
        assert!(why.ends_with("it has neither `rawPath`, nor `httpMethod` and `path`"), "{why}");
        let why = request(&json!({"rawPath": "/"})).unwrap_err();
        assert!(why.ends_with("it has no `requestContext.http`"), "{why}");
        let why = request(&json!({"rawPath": 1})).unwrap_err();
        assert!(why.contains("load balancer: the payload does not fit") && why.contains("`rawPath`: "), "{why}");
        let mut broken = event("$default", "/");
        broken["body"] = "%".into();
        assert!(request(&broken).unwrap_err().contains("not base64"));
    }
}
