//! Inputs of a handler: the payload as a value of its own type, or the bytes as they arrived.

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::failure::PayloadError;
use crate::runtime_api::decode::{Head, Span};
use crate::runtime_api::payload;

/// An invocation in the connection's buffer. Only passed through the public traits.
#[derive(Debug)]
pub struct Message<'a> {
    pub(crate) head: &'a Head,
    /// Head and body of the response to `next`.
    pub(crate) buffer: &'a mut BytesMut,
}

impl Message<'_> {
    /// Value of a header field, or `None` if it is absent or not UTF-8.
    pub(crate) fn field(&self, span: Span) -> Option<&str> {
        std::str::from_utf8(self.buffer.get(span.range()?)?).ok()
    }

    /// The payload.
    pub(crate) fn body(&self) -> &[u8] {
        self.buffer.get(self.head.length..).unwrap_or_default()
    }

    /// The invocation's context.
    pub(crate) fn context(&self) -> Context {
        let fields = &self.head.fields;
        let text = |span| self.field(span).map(str::to_owned);
        Context {
            request_id: text(fields.request_id).unwrap_or_default(),
            deadline_ms: self
                .field(fields.deadline)
                .and_then(|deadline| deadline.parse().ok())
                .unwrap_or_default(),
            function_arn: text(fields.function_arn).unwrap_or_default(),
            trace_id: text(fields.trace_id),
            tenant_id: text(fields.tenant_id),
            client_context: text(fields.client_context),
            identity: text(fields.identity),
        }
    }
}

/// A payload as it arrived. It owns its bytes and lends them, so a type with borrowed fields is
/// deserialized without a copy:
///
/// ```
/// use lambda::{Error, Event};
///
/// #[derive(serde::Deserialize)]
/// struct Name<'a> {
///     name: &'a str,
/// }
///
/// async fn length(event: Event) -> Result<usize, Error> {
///     let name: Name = event.json()?;
///     Ok(name.name.len())
/// }
/// # let name = Event::new(r#"{"name":"Lambda"}"#);
/// # assert_eq!(name.json::<Name>().unwrap().name, "Lambda");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    payload: Bytes,
    content_type: Option<String>,
}

impl Event {
    /// Creates an event with this payload, for tests.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), content_type: None }
    }

    /// Creates an event with this value as its JSON payload, for tests. Returns an error if the
    /// value cannot be serialized.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self {
            payload: serde_json::to_vec(value)?.into(),
            content_type: Some("application/json".to_owned()),
        })
    }

    /// The payload: any bytes; Lambda itself only accepts JSON.
    pub fn bytes(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.payload
    }

    /// Deserializes the payload as a value that may borrow from the event. An empty payload is read
    /// as `null`. The error contains the path of the value that does not fit.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PayloadError> {
        payload::read(&self.payload)
    }

    /// The content type that the Runtime API sent, `application/json` for nearly every invocation.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

/// An event and its context as one value: the request of a `tower` service (feature `tower`), and
/// what [`testing`](crate::testing) sends, where an empty request id is replaced by a generated
/// one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation<T = Event> {
    /// The event: any [`Input`].
    pub event: T,
    /// The context.
    pub context: Context,
}

impl<T> From<T> for Invocation<T> {
    fn from(event: T) -> Self {
        Self { event, context: Context::default() }
    }
}

impl<T> From<(T, Context)> for Invocation<T> {
    fn from((event, context): (T, Context)) -> Self {
        Self { event, context }
    }
}

/// A type that a handler may take as its event: every `T: DeserializeOwned`, read from JSON;
/// [`Event`], the bytes; and, with the feature `http`, a request, alone or in a pair with another
/// input of the same event.
///
/// The parameter only distinguishes these; the compiler infers it. Not meant to be implemented
/// elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from an event",
    label = "neither `DeserializeOwned` nor `lambda::Event`",
    note = "derive `serde::Deserialize` for `{Self}`; a type with borrowed fields is read with \
        `Event::json`"
)]
pub trait Input<M>: Sized {
    #[doc(hidden)]
    fn read(message: Message<'_>) -> Result<Self, PayloadError>;

    #[cfg(feature = "http")]
    #[doc(hidden)]
    fn form(&self) -> crate::runtime_api::reply::Form {
        crate::runtime_api::reply::Form::default()
    }
}

/// Marks types that serde reads or writes.
#[derive(Debug)]
pub enum ByValue {}
/// Marks types that this crate passes unchanged.
#[derive(Debug)]
pub enum AsItIs {}

impl<T: DeserializeOwned> Input<ByValue> for T {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        payload::read(message.body())
    }
}

impl Input<AsItIs> for Event {
    fn read(message: Message<'_>) -> Result<Self, PayloadError> {
        let content_type = message.field(message.head.fields.content_type).map(str::to_owned);
        // The bytes leave the buffer with the event; the buffer allocates new ones, or reuses them
        // once they are free.
        let mut payload = message.buffer.split();
        drop(payload.split_to(message.head.length));
        Ok(Self { payload: payload.freeze(), content_type })
    }
}
