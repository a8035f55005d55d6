//! A request to one of the APIs, once it is authenticated. Reads bodies; touches nothing else.

use super::error::ApiError;
use crate::http::hex::hexadecimal;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// The largest synchronous Invoke payload: 6 MB.
pub(crate) const PAYLOAD_LIMIT: usize = 6_291_456;

/// Above this a body is not even read to its end.
pub(crate) const CEILING: usize = 256 << 20;

/// How long JSON may be that is read at once: some tens of microseconds.
const SHORT: usize = 64 << 10;

/// A request whose signature held.
pub(crate) struct ApiRequest {
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

impl ApiRequest {
    /// The first query parameter of that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON of a known shape; an empty body counts as `{}`.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        read(&self.body)
    }

    /// As [`json`](Self::json), for a body that may hold a zip: a long one is read on a thread where that may take its
    /// time.
    pub(crate) async fn long_json<T: DeserializeOwned + Send + 'static>(&self) -> Result<T, ApiError> {
        if self.body.len() <= SHORT {
            return self.json();
        }
        let body = self.body.clone();
        let read = tokio::task::spawn_blocking(move || read(&body)).await;
        read.map_err(|error| ApiError::service("broke off reading the request", &error))?
    }
}

fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| {
        ApiError::new(400, "SerializationException", format!("could not read the request's body: {error}"))
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
pub(crate) async fn receive<B>(mut body: B, limit: usize, ceiling: usize) -> Result<Received, ApiError>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut kept = BytesMut::new();
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::new(400, "InvalidRequestContentException", format!("the request's body broke off: {error}"))
        })?;
        let Some(data) = frame.data_ref() else { continue };
        hash.update(data);
        length += data.len();
        if length > ceiling {
            return Err(ApiError::new(413, "RequestEntityTooLargeException", "the request's body is too large"));
        }
        if length > limit {
            kept = BytesMut::new();
        } else {
            kept.extend_from_slice(data);
        }
    }
    Ok(Received { bytes: kept.freeze(), sha256: hexadecimal(&hash.finalize()), length })
}
