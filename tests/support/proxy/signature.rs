//! The head of a forwarded request: with the `Host` of the endpoint behind the proxy, signed again
//! for it.

use std::{fmt::Write as _, time::SystemTime};

use aws_sdk_lambda::config::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};

use super::call::Request;

/// The head, ready to be sent.
pub(super) fn forwarded(request: &Request, upstream: &str, keys: &(String, String)) -> String {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        let value = match name.as_str() {
            "host" => upstream.to_owned(),
            "authorization" => {
                signed(request, upstream, keys, value).unwrap_or_else(|| value.clone())
            }
            // There is one connection per call; and the body was read already.
            "connection" | "expect" => continue,
            _ => value.clone(),
        };
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("connection: close\r\n\r\n");
    head
}

/// The authorization with a signature of the forwarded request. `None` if it is not of the known
/// key, or is invalid: then it is forwarded unchanged, to be refused.
fn signed(
    request: &Request,
    upstream: &str,
    keys: &(String, String),
    claim: &str,
) -> Option<String> {
    let (access_key, secret_key) = keys;
    let field = |name: &str| {
        let fields = claim.split([',', ' ']).filter_map(|part| part.split_once('='));
        fields.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    };
    let mut scope = field("Credential")?.split('/');
    let (key, _date, region, service) =
        (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    if key != access_key {
        return None;
    }
    let names: Vec<&str> = field("SignedHeaders")?.split(';').collect();
    let headers: Vec<(&str, &str)> = names
        .iter()
        .filter_map(|name| {
            Some((*name, if *name == "host" { upstream } else { request.header(name)? }))
        })
        .collect();
    let identity = Credentials::new(access_key, secret_key, None, None, "tests").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(time(request.header("x-amz-date")?)?)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let body = SignableBody::Bytes(&request.body);
    let uri = format!("http://{upstream}{}", request.target);
    let request = SignableRequest::new(&request.method, uri, headers.into_iter(), body).ok()?;
    let signature = sign(request, &parameters).ok()?.into_parts().1;
    let (before, _) = claim.split_once("Signature=")?;
    Some(format!("{before}Signature={signature}"))
}

/// Parses a time such as `20261121T142633Z`.
fn time(text: &str) -> Option<SystemTime> {
    let moment = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?;
    Some(moment.timestamp().into())
}
