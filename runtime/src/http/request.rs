//! A request out of an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event;
use crate::event::{AsItIs, Input, Message};
use crate::failure::PayloadError;
use crate::payload;
use crate::reply::Form;

/// An HTTP request. Made from an event by the runtime, or by hand in a test.
///
/// It comes from a function URL, an API Gateway HTTP API (payload format 1.0 or 2.0), an API Gateway REST API, an
/// Application Load Balancer (with or without multi-value headers) or VPC Lattice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) cookies: Vec<String>,
    pub(super) source_ip: String,
    pub(super) body: Vec<u8>,
    /// What the response has to look like.
    pub(super) form: Form,
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

    /// The path as it was sent, still percent-encoded, without the name of API Gateway's stage and without the base path
    /// ([how](super#paths)).
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
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| decode(key, true) == name).map(|(_, value)| decode(value, true))
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
}

impl Input<AsItIs> for Request {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        event::read(message.body())
    }

    fn form(&self) -> Form {
        self.form
    }
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
