//! One request that passed the door, and the answers to it. Reads bodies; touches nothing else.

use crate::fault::Fault;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// How long JSON may be that is read at once: some tens of microseconds.
const SHORT: usize = 64 << 10;

/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, BrokenOff>;

/// The end of a body that is not whole: its connection is closed without the mark of a body's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the function's response broke off")
    }
}

impl std::error::Error for BrokenOff {}

/// A request whose signature held.
pub(crate) struct Call {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The path as it was sent, still percent-encoded.
    pub(crate) path: String,
    /// The decoded query parameters, in order.
    pub(crate) query: Vec<(String, String)>,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The whole body.
    pub(crate) body: Bytes,
    /// What `x-amzn-RequestId` says.
    pub(crate) request_id: String,
}

impl Call {
    /// The first query parameter of that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON of a known shape; an empty body counts as `{}`.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        read(&self.body)
    }

    /// As [`json`](Self::json), for a body that may hold a zip: a long one is read on a thread where that may take its
    /// time.
    pub(crate) async fn long_json<T: DeserializeOwned + Send + 'static>(&self) -> Result<T, Fault> {
        if self.body.len() <= SHORT {
            return self.json();
        }
        let body = self.body.clone();
        let read = tokio::task::spawn_blocking(move || read(&body)).await;
        read.map_err(|error| Fault::service("broke off reading the request", &error))?
    }
}

fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| {
        Fault::new(400, "SerializationException", format!("could not read the request's body: {error}"))
    })
}

/// A request's body as it came in: at most the limit is kept, all of it is hashed.
pub(crate) struct Received {
    /// The body; empty when it was over the limit.
    pub(crate) bytes: Bytes,
    /// Its SHA-256, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Its length in bytes.
    pub(crate) length: usize,
}

/// Reads a whole body. What is over `limit` bytes is hashed and dropped, so that the caller, who is still sending, hears
/// the answer instead of a broken connection; past `ceiling` reading ends.
pub(crate) async fn receive<B>(mut body: B, limit: usize, ceiling: usize) -> Result<Received, Fault>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut kept = BytesMut::new();
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Fault::new(400, "InvalidRequestContentException", format!("the request's body broke off: {error}"))
        })?;
        let Some(data) = frame.data_ref() else { continue };
        hash.update(data);
        length += data.len();
        if length > ceiling {
            return Err(Fault::new(413, "RequestEntityTooLargeException", "the request's body is too large"));
        }
        if length > limit {
            kept = BytesMut::new();
        } else {
            kept.extend_from_slice(data);
        }
    }
    Ok(Received { bytes: kept.freeze(), sha256: hexadecimal(&hash.finalize()), length })
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A body of known bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer with a body of known type.
pub(crate) fn answer(status: u16, content: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
    response
}

/// A Lambda answer: JSON.
pub(crate) fn json(status: u16, value: &serde_json::Value) -> Response<Body> {
    answer(status, "application/json", value.to_string())
}

/// An answer with no body.
pub(crate) fn empty(status: u16) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
