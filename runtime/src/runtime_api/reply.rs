//! The answer to one invocation as it is sent: request line, fields and body in one buffer, so that
//! an ordinary answer is one write and its body is serialized straight into the buffer that is
//! sent.

use bytes::Bytes;
use serde::Serialize;

use crate::runtime_api::endpoint::Endpoint;
use crate::runtime_api::report::Report;
use crate::stream::Stream;

/// A body of at least this many bytes is sent from its own memory rather than copied after the
/// head.
const COPY_LIMIT: usize = 16 * 1024;
/// Room for a head and a short body, so that an ordinary answer allocates once.
const ROOM: usize = 500;
/// A buffer that grew beyond this is freed after its answer was sent.
const KEEP: usize = 1024 * 1024;
/// Ten digits: room for any length, filled in once it is known.
const LENGTH: &[u8] = b"Content-Length:          0\r\n\r\n";

/// An answer being written. The value that a handler returns is written into one: see
/// [`Respond`](crate::Respond).
#[derive(Debug, Default)]
pub struct Reply {
    pub(crate) head: Vec<u8>,
    /// A body that is sent from its own memory.
    pub(crate) body: Option<Bytes>,
    /// A body that is made while it is sent.
    pub(crate) stream: Option<Stream>,
    /// Format of an HTTP response.
    #[cfg(feature = "http")]
    pub(crate) form: Form,
}

/// Format of an HTTP response, by the source of the request.
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A function URL, or API Gateway with payload format 2.0.
    #[default]
    Gateway2,
    /// API Gateway with payload format 1.0.
    Gateway1,
    /// An Application Load Balancer with one value per header field, or VPC Lattice.
    Balancer,
    /// An Application Load Balancer with multi-value headers.
    BalancerOfMany,
}

/// Kind of answer: it determines the request line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// The response to this request.
    Response(&'a str),
    /// The failure of this request.
    Error(&'a str),
    /// The failure of the function's init.
    InitError,
    /// The failure of the function after its snapshot was restored.
    RestoreError,
}

impl Reply {
    pub(crate) fn new() -> Self {
        Self { head: Vec::with_capacity(ROOM), ..Self::default() }
    }

    /// Starts over, with the request line and the fields that every answer has. `invocation_id` is
    /// the id to echo; empty if the platform sent none.
    pub(crate) fn begin(&mut self, endpoint: &Endpoint, target: Target<'_>, invocation_id: &[u8]) {
        self.head.clear();
        self.body = None;
        self.stream = None;
        match target {
            Target::Response(id) => {
                endpoint.begin_post(&["invocation/", id, "/response"], &mut self.head);
            }
            Target::Error(id) => {
                endpoint.begin_post(&["invocation/", id, "/error"], &mut self.head);
            }
            Target::InitError => endpoint.begin_post(&["init/error"], &mut self.head),
            Target::RestoreError => endpoint.begin_post(&["restore/error"], &mut self.head),
        }
        if !invocation_id.is_empty() {
            self.field("Lambda-Runtime-Invocation-Id", invocation_id);
        }
    }

    /// Adds one header field. The value must have no line break.
    pub(crate) fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.head.extend_from_slice(part);
        }
    }

    /// Sets the body, as JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        self.field("Content-Type", b"application/json");
        let start = self.begin_body();
        serde_json::to_writer(&mut self.head, value)?;
        self.end_body(start);
        Ok(())
    }

    /// Sets the body, unchanged.
    pub(crate) fn bytes(&mut self, content_type: &str, body: Bytes) {
        self.field("Content-Type", content_type.as_bytes());
        let start = self.begin_body();
        if body.len() < COPY_LIMIT {
            self.head.extend_from_slice(&body);
            self.end_body(start);
        } else {
            self.set_length(start, body.len());
            self.body = Some(body);
        }
    }

    /// Sets a body that is made while it is sent. An error of it is sent in trailers.
    pub(crate) fn stream(&mut self, content_type: &[u8], stream: Stream) {
        self.field("Content-Type", content_type);
        self.field("Lambda-Runtime-Function-Response-Mode", b"streaming");
        self.field("Transfer-Encoding", b"chunked");
        self.field(
            "Trailer",
            b"Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        );
        self.head.extend_from_slice(b"\r\n");
        self.stream = Some(stream);
    }

    /// Sets a failure: its JSON, and its type and cause as fields.
    pub(crate) fn report(&mut self, report: &Report) {
        self.field("Lambda-Runtime-Function-Error-Type", report.kind.as_bytes());
        if let Some(cause) = report.cause() {
            self.field("Lambda-Runtime-Function-XRay-Error-Cause", cause.as_bytes());
        }
        self.field("Content-Type", b"application/vnd.aws.lambda.error+json");
        let start = self.begin_body();
        self.head.extend_from_slice(report.json().as_bytes());
        self.end_body(start);
    }

    /// Ends the head with an unknown length. Returns the start of the body.
    fn begin_body(&mut self) -> usize {
        self.head.extend_from_slice(LENGTH);
        self.head.len()
    }

    fn end_body(&mut self, start: usize) {
        self.set_length(start, self.head.len() - start);
    }

    /// Fills in the length: right-aligned before the line break and the empty line.
    fn set_length(&mut self, start: usize, mut length: usize) {
        let digits = self.head.get_mut(start - 14..start - 4).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (length % 10) as u8;
            length /= 10;
            if length == 0 {
                break;
            }
        }
    }

    /// Frees the memory of an unusually large answer.
    pub(crate) fn trim(&mut self) {
        self.body = None;
        if self.head.capacity() > KEEP {
            self.head = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> String {
        String::from_utf8(reply.head.clone()).unwrap()
    }

    fn begun(invocation_id: &[u8]) -> Reply {
        let mut reply = Reply::default();
        reply.begin(
            &Endpoint::parse("127.0.0.1:9001").unwrap(),
            Target::Response("id"),
            invocation_id,
        );
        reply
    }

    #[test]
    fn the_length_is_filled_in_after_the_body() {
        let mut reply = begun(b"");
        reply.json(&"x".repeat(1234)).unwrap();
        let text = text(&reply);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with("Content-Type: application/json\r\nContent-Length:       1236"),
            "{head}"
        );
        assert_eq!(body.len(), 1236);
    }

    #[test]
    fn an_empty_body_has_the_length_zero() {
        let mut reply = begun(b"");
        reply.bytes("text/plain", Bytes::new());
        assert!(text(&reply).ends_with("Content-Length:          0\r\n\r\n"));
    }

    #[test]
    fn a_large_body_is_not_copied() {
        let body = Bytes::from(vec![7; COPY_LIMIT]);
        let mut reply = begun(b"");
        reply.bytes("image/png", body.clone());
        assert_eq!(reply.body.as_ref().map(|sent| sent.as_ptr()), Some(body.as_ptr()));
        assert!(text(&reply).ends_with("Content-Length:      16384\r\n\r\n"));
    }

    #[test]
    fn an_invocation_id_is_echoed_and_a_missing_one_is_not() {
        assert!(text(&begun(b"7-of-9")).contains("\r\nLambda-Runtime-Invocation-Id: 7-of-9\r\n"));
        assert!(!text(&begun(b"")).contains("Invocation-Id"));
    }
}
