//! The head of a request: finds its end and parses it. Pure: bytes in, a request out.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING},
    request::Parts,
};

/// Maximum number of headers of a request, and of trailers.
pub(super) const HEADERS: usize = 100;

/// The next part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This many bytes, then the end.
    Length(u64),
    /// The line with the size of a chunk.
    Size,
    /// This many bytes of a chunk.
    Chunk(u64),
    /// The line end after a chunk.
    LineEnd,
    /// The trailers.
    Trailers,
}

/// Error in a request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// 400.
    Nonsense,
    /// 431.
    TooLarge,
}

impl Malformed {
    /// The response, after which the connection is closed.
    pub(super) fn answer(self) -> &'static [u8] {
        match self {
            Self::Nonsense => {
                b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: \
                0\r\n\r\n"
            }
            Self::TooLarge => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: \
                    close\r\ncontent-length: 0\r\n\r\n"
            }
        }
    }
}

/// A head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// `true` if another request may follow.
    pub(super) keep_alive: bool,
    /// `true` for HTTP/1.0.
    pub(super) old: bool,
    /// `true` if the client waits for `100 Continue` before it sends the body.
    pub(super) expects: bool,
}

impl Head {
    /// Parses exactly one complete head.
    pub(super) fn parse(bytes: &Bytes) -> Result<Self, Malformed> {
        let nonsense = Malformed::Nonsense;
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let parsed =
            request.parse_with_uninit_headers(bytes, &mut headers).map_err(
                |error| match error {
                    httparse::Error::TooManyHeaders => Malformed::TooLarge,
                    _ => nonsense,
                },
            )?;
        let (httparse::Status::Complete(_), Some(method), Some(path)) =
            (parsed, request.method, request.path)
        else {
            return Err(nonsense);
        };
        let method = Method::from_bytes(method.as_bytes()).ok().ok_or(nonsense)?;
        let uri = Uri::from_maybe_shared(bytes.slice_ref(path.as_bytes())).ok().ok_or(nonsense)?;
        let old = request.version == Some(0);
        let headers = fields(bytes, request.headers).ok_or(nonsense)?;
        let framing = framing(&headers, old).ok_or(nonsense)?;
        let has_token = |name, word: &str| {
            headers.get_all(name).iter().any(|value: &HeaderValue| {
                value
                    .as_bytes()
                    .split(|byte| *byte == b',')
                    .any(|token| token.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
            })
        };
        let keep_alive =
            if old { has_token(CONNECTION, "keep-alive") } else { !has_token(CONNECTION, "close") };
        let expects = !old && has_token(EXPECT, "100-continue");
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.method, parts.uri, parts.headers) = (method, uri, headers);
        Ok(Self { parts, framing, keep_alive, old, expects })
    }
}

/// Converts headers that were parsed from these bytes.
pub(super) fn fields(bytes: &Bytes, parsed: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()?);
    }
    Some(headers)
}

/// Framing of the body, or `None` if the headers contradict each other.
fn framing(headers: &HeaderMap, old: bool) -> Option<Framing> {
    // With a transfer encoding there is no length. Source: RFC 9112, section 6.3.
    if let Some(encoding) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        let last = encoding.as_bytes().rsplit(|byte| *byte == b',').next()?;
        return (!old && last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
            .then_some(Framing::Size);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Some(Framing::Length(0)) };
    let digits =
        length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    lengths.all(|other| other == length).then_some(Framing::Length(digits.parse().ok()?))
}

/// Length of the complete head at the start of these bytes. The bytes before `from` were searched
/// already.
pub(super) fn length(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let ends =
        rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    for end in ends {
        match rest.get(end..)? {
            [b'\n', ..] => return Some(from + end + 1),
            [b'\r', b'\n', ..] => return Some(from + end + 2),
            _ => {}
        }
    }
    None
}
