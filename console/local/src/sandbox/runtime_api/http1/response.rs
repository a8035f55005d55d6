//! A response and its serialization. Pure, but for the date.

use std::{cell::RefCell, io::Write as _};

use bytes::Bytes;
use http::StatusCode;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

/// A response: JSON.
#[derive(Debug)]
pub(crate) struct Response {
    status: StatusCode,
    /// Header lines.
    fields: Vec<u8>,
    body: Bytes,
}

impl Response {
    /// Creates a response with this body.
    pub(crate) fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, fields: Vec::new(), body: body.into() }
    }

    /// Adds a header. A value that is not valid in HTTP is left out.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
            tracing::warn!(
                name,
                "a header of an event was left out: its value has control characters"
            );
            return self;
        }
        for part in [name, ": ", value, "\r\n"] {
            self.fields.extend_from_slice(part.as_bytes());
        }
        self
    }

    /// Writes the head to `out`, with this extra line in it. Returns the body.
    pub(super) fn write(self, out: &mut Vec<u8>, line: &str) -> Bytes {
        let Self { status, fields, body } = self;
        // Writing to memory does not fail.
        let reason = status.canonical_reason().unwrap_or_default();
        let _ = write!(
            out,
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\n",
            status.as_str()
        );
        out.extend_from_slice(&fields);
        out.extend_from_slice(line.as_bytes());
        let _ = write!(out, "content-length: {}\r\n", body.len());
        DATE.with_borrow_mut(|date| out.extend_from_slice(date.line().as_bytes()));
        out.extend_from_slice(b"\r\n");
        body
    }
}

thread_local! {
    static DATE: RefCell<Date> = const { RefCell::new(Date { second: 0, line: String::new() }) };
}

/// The `date` header, which changes once a second.
struct Date {
    second: i64,
    line: String,
}

impl Date {
    fn line(&mut self) -> &str {
        let now = Timestamp::now();
        if self.second != now.as_second() {
            self.second = now.as_second();
            let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
            self.line =
                date.map_or_else(|_out_of_range| String::new(), |date| format!("date: {date}\r\n"));
        }
        &self.line
    }
}
