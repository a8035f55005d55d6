//! The events that are HTTP requests.
//!
//! Sources: AWS Lambda developer guide, "Invoking Lambda function URLs" (format 2.0) and "Process
//! Application Load Balancer requests"; API Gateway developer guide, "Lambda proxy integrations"
//! (formats 1.0 and 2.0); VPC Lattice user guide, "Lambda functions as targets".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::address::{complete, encode, route, without_base, without_stage};
use super::values::{Values, text};
use super::{Request, kind};
use crate::failure::PayloadError;
use crate::runtime_api::base64;
use crate::runtime_api::payload;
use crate::runtime_api::reply::Form;

/// Variable with the base path of requests, if API Gateway maps a custom domain with one.
const BASE_PATH: &str = "LAMBDA_HTTP_BASE_PATH";

/// Values by name.
type Fields = BTreeMap<String, Values>;

/// The parts of an event that a request needs. Absent fields may also be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    request_context: Option<RequestContext>,
    headers: Option<Fields>,
    body: Option<String>,
    #[serde(default, alias = "is_base64_encoded", deserialize_with = "text")]
    is_base64_encoded: Option<String>,
    #[serde(alias = "query_string_parameters")]
    query_string_parameters: Option<Fields>,
    path_parameters: Option<Fields>,
    /// From here on, fields of format 2.0; also the path in VPC Lattice's first version.
    #[serde(alias = "raw_path")]
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Values>,
    #[serde(default, deserialize_with = "text")]
    route_key: Option<String>,
    /// From here on, fields of format 1.0 and of load balancers.
    http_method: Option<String>,
    path: Option<String>,
    #[serde(default, deserialize_with = "text")]
    resource: Option<String>,
    multi_value_query_string_parameters: Option<Fields>,
    multi_value_headers: Option<Fields>,
    /// Fields of VPC Lattice.
    method: Option<String>,
    /// Field of requests to authorizers, which resemble the requests that they are about.
    #[serde(alias = "methodArn")]
    route_arn: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RequestContext {
    http: Option<Http>,
    #[serde(deserialize_with = "text")]
    pub(super) stage: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) domain_name: Option<String>,
    #[serde(deserialize_with = "text")]
    path: Option<String>,
    elb: Option<IgnoredAny>,
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Http {
    method: Option<String>,
    path: Option<String>,
    #[serde(deserialize_with = "text")]
    source_ip: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    #[serde(deserialize_with = "text")]
    source_ip: Option<String>,
}

/// Parses an event of any format.
pub(super) fn read(event: &[u8]) -> Result<Request, PayloadError> {
    static BASE: LazyLock<String> = LazyLock::new(|| std::env::var(BASE_PATH).unwrap_or_default());
    read_below(&BASE, event)
}

/// Parses an event whose path may begin with the base path.
pub(super) fn read_below(base: &str, bytes: &[u8]) -> Result<Request, PayloadError> {
    let refuse = |why: &dyn Display| {
        let why = kind::name(bytes).map_or_else(|| why.to_string(), |name| format!("it is {name}"));
        let what =
            "the event is not a request of a function URL, of API Gateway or of a load balancer";
        PayloadError(format!("{what}: {why}"))
    };
    let mut event: HttpEvent = payload::read(bytes).map_err(|error| refuse(&error))?;
    if event.route_arn.is_some() {
        return Err(refuse(&"it has `routeArn` or `methodArn`"));
    }
    let mut context = event.request_context.take().unwrap_or_default();
    let body = body(&mut event)?;
    let http = context.http.take();
    let (form, method, path) = match (http.as_ref(), event.http_method.take(), event.path.take()) {
        (Some(http), method, path) if event.raw_path.is_some() || method.is_none() => {
            let method = http
                .method
                .clone()
                .ok_or_else(|| refuse(&"it has no `requestContext.http.method`"))?;
            let path = event.raw_path.take().or(http.path.clone()).or(path).unwrap_or_default();
            (Form::Gateway2, method, path)
        }
        (_, Some(method), Some(path)) => {
            let form = match (&context.elb, &event.multi_value_headers) {
                (None, _) => Form::Gateway1,
                (Some(_), None) => Form::Balancer,
                (Some(_), Some(_)) => Form::BalancerOfMany,
            };
            (form, method, path)
        }
        (_, None, path) => match (event.method.take(), event.raw_path.take().or(path)) {
            // VPC Lattice reads responses as a load balancer does.
            (Some(method), Some(path)) => (Form::Balancer, method, path),
            (None, Some(_)) => return Err(refuse(&"it has no `requestContext.http`")),
            (_, None) => {
                return Err(refuse(&"it has neither `rawPath`, nor `httpMethod` and `path`"));
            }
        },
        (_, Some(_), None) => return Err(refuse(&"it has `httpMethod` but no `path`")),
    };
    let staged = match form {
        Form::Gateway2 => true,
        // A REST API has the stage in only one of the two paths.
        Form::Gateway1 => context.path.as_ref() == Some(&path),
        Form::Balancer | Form::BalancerOfMany => false,
    };
    let (mut path, raw_query) = match path.split_once('?') {
        // In VPC Lattice's first version, the path may contain the query.
        Some((path, query)) if form == Form::Balancer => (Cow::Borrowed(path), Some(query)),
        _ => (Cow::Borrowed(path.as_str()), event.raw_query_string.as_deref()),
    };
    if staged {
        let template = event.resource.as_deref().or(event.route_key.as_deref()).unwrap_or_default();
        let route = route(template, event.path_parameters.as_ref());
        path = without_stage(&path, &context, route.as_deref()).to_owned().into();
    }
    let path = complete(without_base(&path, base), b"?`{}");
    let path = if path.starts_with('/') { path.into_owned() } else { format!("/{path}") };
    let query = if let Some(query) = raw_query {
        complete(query, b"").into_owned()
    } else {
        let parameters = merge(
            event.query_string_parameters.take(),
            event.multi_value_query_string_parameters.take(),
        );
        // A load balancer passes the query on as it arrived, the gateway decodes it.
        let encode = if matches!(form, Form::Balancer | Form::BalancerOfMany) {
            complete_part
        } else {
            encode
        };
        query(&parameters, encode)
    };
    let headers = headers(event.headers.take(), event.multi_value_headers.take());
    let mut cookies = event.cookies.take().unwrap_or_default().0;
    if cookies.is_empty() {
        let line = headers.get("cookie").map_or("", String::as_str);
        cookies = line
            .split(';')
            .map(str::trim)
            .filter(|cookie| !cookie.is_empty())
            .map(str::to_owned)
            .collect();
    }
    // A load balancer appends the address of its client.
    let forwarded = || {
        headers.get("x-forwarded-for")?.rsplit(',').next().map(|address| address.trim().to_owned())
    };
    let source_ip = http
        .and_then(|http| http.source_ip)
        .or(context.identity.and_then(|identity| identity.source_ip));
    let source_ip = source_ip.or_else(forwarded).unwrap_or_default();
    Ok(Request { method, path, query, headers, cookies, source_ip, body, form })
}

/// Decodes the body.
fn body(event: &mut HttpEvent) -> Result<Vec<u8>, PayloadError> {
    let Some(mut text) = event.body.take() else { return Ok(Vec::new()) };
    if event.is_base64_encoded.as_deref() != Some("true") {
        return Ok(text.into_bytes());
    }
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        // Line breaks, as MIME and `base64` write them.
        text.retain(|character| !character.is_ascii_whitespace());
    }
    let refuse =
        || PayloadError("`body` is not base64, though `isBase64Encoded` is true".to_owned());
    base64::decode(&text).ok_or_else(refuse)
}

/// The values of each name: those of the multi-value fields, and of the others for names that only
/// they have.
fn merge(one: Option<Fields>, many: Option<Fields>) -> Fields {
    let mut fields = many.unwrap_or_default();
    for (name, values) in one.unwrap_or_default() {
        fields.entry(name).or_insert(values);
    }
    fields
}

/// The query string of parameters; names and values are encoded.
fn query(parameters: &Fields, encode: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut query = String::new();
    for (name, values) in parameters {
        for value in &values.0 {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&encode(name));
            query.push('=');
            query.push_str(&encode(value));
        }
    }
    query
}

/// A name or value of a parameter as it appeared in the query, with separators encoded.
fn complete_part(text: &str) -> Cow<'_, str> {
    complete(text, b"&")
}

/// The header fields by name in lower case; several values of one name are joined.
fn headers(one: Option<Fields>, many: Option<Fields>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, values) in merge(one, many) {
        let name = name.to_ascii_lowercase();
        let between = if name == "cookie" { "; " } else { ", " };
        for value in values.0 {
            match headers.get_mut(&name) {
                Some(before) => {
                    before.push_str(between);
                    before.push_str(&value);
                }
                None => drop(headers.insert(name.clone(), value)),
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests;
