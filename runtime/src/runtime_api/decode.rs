//! The reading half of HTTP/1.1, as a pure function of bytes: finds the end of a response's head,
//! parses it, and determines the framing of the body. Touches no socket, so it can be tested (and
//! fuzzed) with input split at every byte.
//!
//! One server responds, with six kinds of response; anything else is a named error, never a guess.

mod chunks;

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::BytesMut;

use self::chunks::Chunks;

/// Maximum size of a head in bytes. The client context alone may have 3.5 KB.
const HEAD_LIMIT: usize = 64 * 1024;
/// Maximum size of a body in bytes; Lambda's own limit for a payload is 6 MB.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Reason for which bytes are not a valid response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Position of a field's value in the bytes of the head (which has at most 64 KiB). The default is
/// no position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    /// 0 is no position: a value is never at the very start.
    end: u32,
}

impl Span {
    pub(crate) fn range(self) -> Option<Range<usize>> {
        (self.end > 0).then_some(self.start as usize..self.end as usize)
    }
}

/// The parts of a response's head that the runtime needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Length of the head in bytes, with the empty line that ends it.
    pub(crate) length: usize,
    pub(crate) framing: Framing,
    /// `true` if the server keeps the connection open for another request.
    pub(crate) keep_alive: bool,
    pub(crate) fields: Fields,
}

/// Kind of framing: it determines the end of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body, or one of this many bytes.
    Length(usize),
    Chunked,
    /// The body ends when the server closes the connection, which it announced.
    #[default]
    UntilClose,
}

/// The header fields that the Runtime API sends with an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) request_id: Span,
    pub(crate) invocation_id: Span,
    pub(crate) deadline: Span,
    pub(crate) function_arn: Span,
    pub(crate) trace_id: Span,
    pub(crate) client_context: Span,
    pub(crate) identity: Span,
    pub(crate) tenant_id: Span,
    pub(crate) content_type: Span,
    /// Not of an invocation: the Extensions API's identifier of a registered extension.
    pub(crate) extension_id: Span,
}

impl Fields {
    /// The span of a field by name. Length and first letter distinguish the names, so one
    /// comparison is enough.
    fn span(&mut self, name: &str) -> Option<&mut Span> {
        let first = name.as_bytes().get("lambda-runtime-".len()).map(u8::to_ascii_lowercase);
        let (known, span) = match (name.len(), first) {
            (12, _) => ("content-type", &mut self.content_type),
            (23, _) => ("lambda-runtime-trace-id", &mut self.trace_id),
            (26, _) => ("lambda-runtime-deadline-ms", &mut self.deadline),
            (27, _) => ("lambda-extension-identifier", &mut self.extension_id),
            (28, Some(b'a')) => ("lambda-runtime-aws-tenant-id", &mut self.tenant_id),
            (28, _) => ("lambda-runtime-invocation-id", &mut self.invocation_id),
            (29, Some(b'a')) => ("lambda-runtime-aws-request-id", &mut self.request_id),
            (29, _) => ("lambda-runtime-client-context", &mut self.client_context),
            (31, _) => ("lambda-runtime-cognito-identity", &mut self.identity),
            (35, _) => ("lambda-runtime-invoked-function-arn", &mut self.function_arn),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(span)
    }
}

/// Decodes one response from a buffer that grows at its end. Once it is complete, the buffer holds
/// its head and then only its body, whatever the framing was.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Its length is 0 until it is complete.
    head: Head,
    chunks: Chunks,
    /// Number of bytes of the buffer that are decoded.
    decoded: usize,
    /// `true` if another response may follow this one: the next request was sent already.
    ahead: bool,
    /// The bytes after the end.
    rest: Vec<u8>,
}

/// Progress of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// At least this many bytes are missing; 0 if the number is unknown.
    Wants(usize),
    Whole,
}

impl Decoder {
    /// Decodes a response that another one may follow.
    pub(crate) fn ahead() -> Self {
        Self { ahead: true, ..Self::default() }
    }

    /// Decodes the bytes added since the last call.
    pub(crate) fn advance(&mut self, buffer: &mut BytesMut) -> Result<Progress, Malformed> {
        if self.head.length == 0 {
            let Some(head) = final_head(buffer)? else { return Ok(Progress::Wants(0)) };
            self.decoded = head.length;
            self.head = head;
        }
        let whole = match self.head.framing {
            Framing::Length(length) => {
                let end = self.head.length + length;
                if buffer.len() < end {
                    return Ok(Progress::Wants(end - buffer.len()));
                }
                if buffer.len() > end {
                    self.rest.extend_from_slice(buffer.get(end..).unwrap_or_default());
                    buffer.truncate(end);
                }
                true
            }
            Framing::Chunked => {
                let rest = self.chunks.decode(buffer, self.decoded)?;
                self.decoded = buffer.len();
                let whole = rest.is_some();
                self.rest.extend(rest.unwrap_or_default());
                whole
            }
            Framing::UntilClose => false,
        };
        if !self.rest.is_empty() && !self.ahead {
            return Err(Malformed("there are bytes after the end of the response"));
        }
        if buffer.len() - self.head.length > BODY_LIMIT {
            return Err(Malformed("the body is larger than 64 MiB"));
        }
        Ok(if whole { Progress::Whole } else { Progress::Wants(0) })
    }

    /// Returns `true` if the response is complete when the connection is closed now.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.head.length > 0 && self.head.framing == Framing::UntilClose
    }

    /// The head of the complete response, and the bytes after it.
    pub(crate) fn into_parts(self) -> (Head, Vec<u8>) {
        (self.head, self.rest)
    }
}

/// The head at the start of the buffer; interim (1xx) responses before it are removed.
fn final_head(buffer: &mut BytesMut) -> Result<Option<Head>, Malformed> {
    loop {
        match head(buffer)? {
            Some(head) if head.status == 101 => {
                return Err(Malformed("the server switches protocols"));
            }
            Some(head) if head.status < 200 => drop(buffer.split_to(head.length)),
            head => return Ok(head),
        }
    }
}

/// Parses the head at the start of `input`. Returns `None` until its end has arrived.
fn head(input: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut headers = [const { MaybeUninit::uninit() }; 96];
    let mut response = httparse::Response::new(&mut []);
    let length = match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut headers,
    ) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_LIMIT => length,
        Ok(httparse::Status::Partial) if input.len() <= HEAD_LIMIT => return Ok(None),
        Ok(_) => return Err(Malformed("the response's head is longer than 64 KiB")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Malformed("the response has more than 96 header fields"));
        }
        Err(_) => return Err(Malformed("the response is not HTTP/1.1")),
    };
    if response.code < Some(100) {
        return Err(Malformed("the response is not HTTP/1.1"));
    }
    let mut head = Head { status: response.code.unwrap_or_default(), length, ..Head::default() };
    head.keep_alive = response.version == Some(1);
    let mut content_length = None;
    let mut chunked = false;
    for header in response.headers.iter() {
        if let Some(span) = head.fields.span(header.name) {
            *span = place(input, header.value);
        } else if header.name.eq_ignore_ascii_case("content-length") {
            let length = number(header.value).ok_or(Malformed("Content-Length is not a length"))?;
            if content_length.is_some_and(|earlier| earlier != length) {
                return Err(Malformed("there are two different Content-Lengths"));
            }
            content_length = Some(length);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed("the transfer encoding is not `chunked`"));
            }
            if response.version == Some(0) {
                return Err(Malformed("HTTP/1.0 has no chunked bodies"));
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            for option in header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    head.keep_alive = false;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && response.version == Some(0)
                {
                    head.keep_alive = true;
                }
            }
        }
    }
    head.framing = match (content_length, chunked) {
        // RFC 9112, section 6.3: these have no body, whatever their fields say.
        _ if head.status < 200 || head.status == 204 || head.status == 304 => Framing::Length(0),
        (Some(_), true) => {
            return Err(Malformed("there are both a Content-Length and a transfer encoding"));
        }
        (None, true) => Framing::Chunked,
        (Some(length), false) if length > BODY_LIMIT => {
            return Err(Malformed("the body is larger than 64 MiB"));
        }
        (Some(length), false) => Framing::Length(length),
        (None, false) if !head.keep_alive => Framing::UntilClose,
        // Waiting for the end of a connection that is kept open would never end.
        (None, false) => return Err(Malformed("the body has neither a Content-Length nor chunks")),
    };
    Ok(Some(head))
}

/// Position of `part`, a slice of `whole`, in it.
fn place(whole: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    Span { start: start as u32, end: (start + part.len()) as u32 }
}

/// Parses a decimal number without sign, blank or overflow.
fn number(text: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_usize, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| usize::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
