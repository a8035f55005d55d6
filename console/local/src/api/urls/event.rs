//! The event of an HTTP request: payload format 2.0. Source: AWS Lambda developer guide, "Invoking
//! Lambda function URLs". Pure functions.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value, json};

use super::address::Address;
use crate::{account::ACCOUNT, http::query};

/// An HTTP request that becomes an event.
pub(super) struct Request<'a> {
    /// Address that it was sent to.
    pub(super) address: &'a Address,
    /// HTTP method.
    pub(super) method: &'a Method,
    /// Headers.
    pub(super) headers: &'a HeaderMap,
    /// Query string, after the `?`.
    pub(super) query: &'a str,
    /// Body.
    pub(super) body: &'a [u8],
    /// Request ID.
    pub(super) id: &'a str,
    /// X-Ray trace header.
    pub(super) trace: &'a str,
    /// Access key that signed it, if any.
    pub(super) access_key: Option<&'a str>,
}

impl Request<'_> {
    /// Renders the event as JSON.
    pub(super) fn event(&self) -> String {
        let now = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC);
        let Address { id, host, path, .. } = self.address;
        let text = |name: header::HeaderName| {
            self.headers.get(name).map(|value| readable(value.as_bytes()))
        };
        let mut context = json!({
            "accountId": if self.access_key.is_some() { ACCOUNT } else { "anonymous" },
            "apiId": id,
            "domainName": host,
            "domainPrefix": id,
            "http": {
                "method": self.method.as_str(),
                "path": query::decode(path, false),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": text(header::USER_AGENT),
            },
            "requestId": self.id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp().as_millisecond(),
        });
        if let Some(key) = self.access_key {
            context["authorizer"] = json!({ "iam": {
                "accessKey": key,
                "accountId": ACCOUNT,
                "callerId": "LOCAL",
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": format!("arn:aws:iam::{ACCOUNT}:user/local"),
                "userId": "LOCAL",
            } });
        }
        let mut event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": self.query,
        });
        let cookies = self.cookies();
        if !cookies.is_empty() {
            event["cookies"] = json!(cookies);
        }
        event["headers"] = self.headers().into();
        let parameters = self.parameters();
        if !parameters.is_empty() {
            event["queryStringParameters"] = parameters.into();
        }
        event["requestContext"] = context;
        let plain = std::str::from_utf8(self.body).ok().filter(|_| self.is_text());
        match plain {
            _ if self.body.is_empty() => {}
            Some(text) => event["body"] = text.into(),
            None => event["body"] = STANDARD.encode(self.body).into(),
        }
        event["isBase64Encoded"] = (plain.is_none() && !self.body.is_empty()).into();
        event.to_string()
    }

    /// Returns all headers, with the values of repeated ones joined; cookies are separate, and
    /// headers of the connection are left out.
    fn headers(&self) -> Map<String, Value> {
        let mut headers = Map::new();
        for name in
            self.headers.keys().filter(|name| ![header::COOKIE, header::CONNECTION].contains(name))
        {
            let values: Vec<String> =
                self.headers.get_all(name).iter().map(|value| readable(value.as_bytes())).collect();
            headers.insert(name.as_str().to_owned(), values.join(",").into());
        }
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", &self.address.port.to_string()),
            ("x-amzn-trace-id", self.trace),
        ] {
            headers.insert(name.to_owned(), value.into());
        }
        headers
    }

    fn cookies(&self) -> Vec<String> {
        let lines =
            self.headers.get_all(header::COOKIE).iter().map(|line| readable(line.as_bytes()));
        lines
            .flat_map(|line| {
                line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>()
            })
            .filter(|cookie| !cookie.is_empty())
            .collect()
    }

    /// Returns the decoded parameters, with the values of repeated ones joined.
    fn parameters(&self) -> Map<String, Value> {
        let mut parameters: Map<String, Value> = Map::new();
        for (name, value) in query::pairs(self.query) {
            let joined = match parameters.get(&name).and_then(Value::as_str) {
                Some(before) => format!("{before},{value}"),
                None => value,
            };
            parameters.insert(name, joined.into());
        }
        parameters
    }

    /// Returns `true` if the body is of a type that is passed as text; everything else is passed in
    /// base64.
    fn is_text(&self) -> bool {
        let encoded = self
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|encoding| encoding != "identity");
        let content =
            self.headers.get(header::CONTENT_TYPE).and_then(|content| content.to_str().ok());
        let content = content
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let known = matches!(
            content.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        );
        !encoded
            && (known
                || content.starts_with("text/")
                || content.ends_with("+json")
                || content.ends_with("+xml"))
    }
}

/// Decodes a header's value: as UTF-8 if it is valid, else each byte as a character.
fn readable(value: &[u8]) -> String {
    std::str::from_utf8(value)
        .map_or_else(|_| value.iter().copied().map(char::from).collect(), str::to_owned)
}
