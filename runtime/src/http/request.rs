//! Conversion of an event into a request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event;
use crate::event::{AsItIs, Input, Message};
use crate::failure::PayloadError;
use crate::runtime_api::payload;
use crate::runtime_api::reply::Form;

/// An HTTP request. Created from an event by the runtime, or by hand in a test.
///
/// It comes from a function URL, an API Gateway HTTP API (payload format 1.0 or 2.0), an API
/// Gateway REST API, an Application Load Balancer (with or without multi-value headers) or VPC
/// Lattice.
///
/// A pair `(Request, T)` is an input too: `T` has the parts of the event that are not HTTP, such as
/// an authorizer's claims.
///
/// ```
/// # use lambda::{Event, testing};
/// use lambda::Error;
/// use lambda::http::{Request, Response};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Gateway {
///     request_context: serde_json::Value,
/// }
///
/// async fn whose((request, event): (Request, Gateway)) -> Result<Response, Error> {
///     let user = &event.request_context["authorizer"]["jwt"]["claims"]["sub"];
///     Ok(Response::text(200, format!("{} of {user}", request.path())))
/// }
/// # let event = r#"{"rawPath":"/items","requestContext":{"http":{"method":"GET"},"authorizer":{"jwt":{"claims":{"sub":"ann"}}}}}"#;
/// # let outcomes = testing::run(&(), whose, [Event::new(event)]).unwrap();
/// # let answer: serde_json::Value = outcomes[0].json().unwrap();
/// # assert_eq!(answer["body"], "/items of \"ann\"");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) cookies: Vec<String>,
    pub(super) source_ip: String,
    pub(super) body: Vec<u8>,
    /// Format of the response.
    pub(super) form: Form,
}

impl Request {
    /// Creates a request for a test: a method in upper case, and a path that may have a query.
    pub fn new(method: impl Into<String>, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.into(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a value as the JSON body. Returns an error if the value cannot be serialized.
    pub fn with_json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, serde_json::Error> {
        Ok(self
            .with_header("content-type", "application/json")
            .with_body(serde_json::to_vec(value)?))
    }

    /// The method, as it was sent: `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as it was sent, still percent-encoded, without API Gateway's stage name and without
    /// the base path ([details](super#paths)).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path's segments, decoded, without empty ones: `/items/a%20b/` has `items` and `a b`.
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        self.path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, false))
            .collect()
    }

    /// The query as it was sent, without the question mark; empty if there is none.
    pub fn raw_query(&self) -> &str {
        &self.query
    }

    /// The first value of a query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| decode(key, true) == name).map(|(_, value)| decode(value, true))
    }

    /// A header field, by its name in any case. Several fields of one name are joined with commas.
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

    /// The address of the caller, as reported by Lambda.
    pub fn source_ip(&self) -> &str {
        &self.source_ip
    }

    /// The body's bytes, decoded from base64 if necessary.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Deserializes the body as a value that may borrow from the request. The error contains the
    /// path of the value that does not fit.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PayloadError> {
        payload::read(&self.body)
    }
}

impl Input<AsItIs> for Request {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        event::read(message.body())
    }

    fn form(&self) -> Form {
        self.form
    }
}

/// The request, and the event that it was made from.
impl<T: Input<M>, M> Input<(AsItIs, M)> for (Request, T) {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        let request = event::read(message.body())?;
        Ok((request, T::read(message)?))
    }

    fn form(&self) -> Form {
        self.0.form
    }
}

/// Decodes percent-encoding, and in a query also `+` for a blank. Invalid encoding is kept.
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
    use super::*;

    #[test]
    fn what_is_no_encoding_stays_as_it_is() {
        for text in ["%", "%2", "%zz", "100%"] {
            assert_eq!(decode(text, true), text);
        }
        assert_eq!(decode("%ff", false), "\u{fffd}");
        assert_eq!(decode("a+b", false), "a+b");
    }
}
