//! Outputs of a handler: a value as JSON, or a body that is sent unchanged.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

use crate::event::{AsItIs, ByValue};
use crate::runtime_api::reply::Reply;
use crate::runtime_api::report::Report;

/// A type that a handler may return: every `T: Serialize`, as JSON (`()` is `null`); [`Body`],
/// unchanged;
/// [`Stream`](crate::Stream), sent while it is made; and, with the feature `http`, a response.
///
/// The parameter only distinguishes these; the compiler infers it. Not meant to be implemented
/// elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the response of a handler",
    label = "neither `Serialize` nor `lambda::Body`",
    note = "derive `serde::Serialize` for `{Self}`, or return a `lambda::Body`"
)]
pub trait Respond<M> {
    #[doc(hidden)]
    fn respond(self, reply: &mut Reply) -> Result<(), Report>;
}

impl<T: Serialize> Respond<ByValue> for T {
    fn respond(self, reply: &mut Reply) -> Result<(), Report> {
        reply.json(&self).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Report::runtime(
                "MarshalError",
                format!("the response (`{wanted}`) cannot be serialized to JSON: {error}"),
            )
        })
    }
}

/// A response that is sent unchanged: bytes, text, or serialized JSON.
///
/// ```
/// use lambda::{Body, Error};
///
/// async fn stored(_: ()) -> Result<Body, Error> {
///     Ok(Body::json(r#"{"from":"a cache"}"#))
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    content_type: Cow<'static, str>,
    bytes: Bytes,
}

impl Body {
    /// Creates a body of this content type. Characters that cannot be in a header field are removed
    /// from the type.
    pub fn new(content_type: impl Into<Cow<'static, str>>, bytes: impl Into<Bytes>) -> Self {
        Self { content_type: header_safe(content_type.into()), bytes: bytes.into() }
    }

    /// Creates a body of bytes (`application/octet-stream`).
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new("application/octet-stream", bytes)
    }

    /// Creates a body of text (`text/plain`).
    pub fn text(text: impl Into<String>) -> Self {
        Self::new("text/plain; charset=utf-8", text.into())
    }

    /// Creates a body of serialized JSON, which is not checked.
    pub fn json(json: impl Into<Bytes>) -> Self {
        Self::new("application/json", json)
    }

    /// The bytes of the body.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its content type.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }
}

/// A text without the characters that a header field cannot contain.
pub(crate) fn header_safe(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return text;
    }
    text.chars().filter(|character| (' '..='~').contains(character)).collect()
}

impl Respond<AsItIs> for Body {
    fn respond(self, reply: &mut Reply) -> Result<(), Report> {
        reply.bytes(&self.content_type, self.bytes);
        Ok(())
    }
}
