//! A request to one of the APIs, once it is authenticated. Reads bodies; touches nothing else.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use crate::http::hex::hexadecimal;

/// Largest synchronous Invoke payload: 6 MB.
pub(crate) const PAYLOAD_LIMIT: usize = 6_291_456;

/// Length above which a body is not even read to its end.
pub(crate) const CEILING: usize = 256 << 20;

/// Largest JSON that is parsed in place, which takes some tens of microseconds.
const SHORT: usize = 64 << 10;

/// A request with a valid signature.
pub(crate) struct ApiRequest {
    /// HTTP method.
    pub(crate) method: Method,
    /// Path as it was sent, still percent-encoded.
    pub(crate) path: String,
    /// Decoded query parameters, in order.
    pub(crate) query: Vec<(String, String)>,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Complete body.
    pub(crate) body: Bytes,
    /// Value of `x-amzn-RequestId`.
    pub(crate) request_id: String,
}

impl ApiRequest {
    /// Returns the first query parameter of that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns a header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Parses the body as JSON of a known shape; an empty body counts as `{}`.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        read(&self.body)
    }

    /// As [`json`](Self::json), for a body that may contain a zip: a long one is parsed on a
    /// blocking thread.
    pub(crate) async fn long_json<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> Result<T, ApiError> {
        if self.body.len() <= SHORT {
            return self.json();
        }
        let body = self.body.clone();
        let read = tokio::task::spawn_blocking(move || read(&body)).await;
        read.map_err(|error| ApiError::service("stopped reading the request", &error))?
    }
}

fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(if body.is_empty() { b"{}" } else { body }).map_err(|error| {
        ApiError::new(
            400,
            "SerializationException",
            format!("could not read the request's body: {error}"),
        )
    })
}

/// Body of a request as it was received: at most `limit` bytes are kept, all of it is hashed.
pub(crate) struct Received {
    /// The body; empty if it was over the limit.
    pub(crate) bytes: Bytes,
    /// SHA-256 of the body, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Length of the body in bytes.
    pub(crate) length: usize,
}

/// Reads a whole body. A body over `limit` bytes is hashed and dropped, so that the caller, which
/// is still sending, receives the answer instead of a broken connection; reading stops after
/// `ceiling` bytes.
pub(crate) async fn receive<B>(
    mut body: B,
    limit: usize,
    ceiling: usize,
) -> Result<Received, ApiError>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut kept = BytesMut::new();
    let mut hash = Sha256::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::new(
                400,
                "InvalidRequestContentException",
                format!("the request's body ended early: {error}"),
            )
        })?;
        let Some(data) = frame.data_ref() else { continue };
        hash.update(data);
        length += data.len();
        if length > ceiling {
            return Err(ApiError::new(
                413,
                "RequestEntityTooLargeException",
                "the request's body is too large",
            ));
        }
        if length > limit {
            kept = BytesMut::new();
        } else {
            kept.extend_from_slice(data);
        }
    }
    Ok(Received { bytes: kept.freeze(), sha256: hexadecimal(&hash.finalize()), length })
}
