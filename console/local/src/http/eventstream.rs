//! Messages of `application/vnd.amazon.eventstream`. Pure functions.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::Bytes;

/// Encodes one message: `kind` is `event` or `exception`, `name` its type, `content` the type of
/// its payload.
pub(crate) fn event(
    kind: &'static str,
    name: &'static str,
    content: &'static str,
    payload: Bytes,
) -> Bytes {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(StrBytes::from(value)))
    };
    let message = Message::new(payload)
        .add_header(header(if kind == "event" { ":event-type" } else { ":exception-type" }, name))
        .add_header(header(":content-type", content))
        .add_header(header(":message-type", kind));
    let mut bytes = Vec::new();
    if let Err(error) = write_message_to(&message, &mut bytes) {
        tracing::warn!(%error, name, "an event stream's message could not be written");
    }
    bytes.into()
}
