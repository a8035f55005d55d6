//! Converts a function's response to an HTTP response: payload format 2.0, complete or as a prelude
//! before the body. AWS's handling of unusual responses was observed on AWS. Pure functions.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::http::response::{self, Body};

/// Separator after the prelude of a streamed response.
const SEPARATOR: [u8; 8] = [0; 8];
/// Headers that a function cannot set: they are sent under another name.
const REMAPPED: [&str; 7] =
    ["authorization", "connection", "content-length", "date", "host", "server", "www-authenticate"];
/// Headers that apply to a single connection.
const DROPPED: [&str; 4] = ["transfer-encoding", "trailer", "upgrade", "keep-alive"];
/// Base64 as AWS decodes it here: with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns 502, for a function error or an invalid response.
pub(super) fn bad_gateway() -> Response<Body> {
    response::answer(502, "application/json", "Internal Server Error")
}

/// Converts a payload that was not streamed.
pub(super) fn whole(payload: Bytes) -> Response<Body> {
    let Ok(value) = serde_json::from_slice::<Value>(&payload) else {
        // A streamed response that was collected.
        return match split(&payload) {
            Some((prelude, body)) => head(prelude).map_or_else(bad_gateway, |head| {
                head.with(response::full(payload.slice_ref(body)))
            }),
            None if payload.is_empty() => response::answer(200, "application/json", payload),
            None => response::answer(200, "application/octet-stream", payload),
        };
    };
    match &value {
        Value::Object(fields) if fields.contains_key("statusCode") => {
            let Some(head) = Head::read(fields, "application/json") else { return bad_gateway() };
            let body = match fields.get("body") {
                None | Some(Value::Null) => Bytes::new(),
                Some(Value::String(text)) if fields.get("isBase64Encoded").is_some_and(is_true) => {
                    decode(text)
                }
                Some(Value::String(text)) => Bytes::from(text.clone()),
                Some(other) => other.to_string().into(),
            };
            head.with(response::full(body))
        }
        Value::String(text) => response::answer(200, "application/json", text.clone()),
        _ => response::answer(200, "application/json", payload),
    }
}

/// Converts a payload that was not streamed, for a URL that streams: status and headers are read
/// from it, and the body is the unchanged payload.
pub(super) fn unread(payload: Bytes) -> Response<Body> {
    match serde_json::from_slice::<Value>(&payload) {
        Ok(Value::Object(fields)) if fields.contains_key("statusCode") => {
            Head::read(&fields, "application/json")
                .map_or_else(bad_gateway, |head| head.with(response::full(payload)))
        }
        _ => response::answer(200, "application/json", payload),
    }
}

/// Splits a streamed response into its prelude and the start of its body, as soon as the prelude is
/// complete.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR)?;
    Some((bytes.get(..end)?, bytes.get(end + SEPARATOR.len()..)?))
}

/// Parses a prelude.
pub(super) fn head(prelude: &[u8]) -> Option<Head> {
    Head::read(&serde_json::from_slice(prelude).ok()?, "application/octet-stream")
}

/// Status and headers of a response.
pub(super) struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

impl Head {
    fn read(fields: &Map<String, Value>, content: &'static str) -> Option<Self> {
        let status = match fields.get("statusCode") {
            None => 200,
            Some(Value::String(text)) => text.parse().ok()?,
            Some(value) => u16::try_from(value.as_u64()?).ok()?,
        };
        let status = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status))?;
        let mut headers = HeaderMap::new();
        for (name, value) in fields.get("headers").and_then(Value::as_object).into_iter().flatten()
        {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            add(&mut headers, name, &text);
        }
        headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(content));
        for cookie in fields
            .get("cookies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            add(&mut headers, "set-cookie", cookie);
        }
        Some(Self { status, headers })
    }

    /// Builds the response with a body.
    pub(super) fn with(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = name.to_ascii_lowercase();
    if DROPPED.contains(&name.as_str()) {
        return;
    }
    let name =
        if REMAPPED.contains(&name.as_str()) { format!("x-amzn-remapped-{name}") } else { name };
    if let (Ok(name), Ok(value)) =
        (HeaderName::try_from(&name), HeaderValue::from_bytes(value.as_bytes()))
    {
        headers.append(name, value);
    } else {
        tracing::warn!(name, "dropped an invalid header of a function's response");
    }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

/// Decodes base64, ignoring invalid characters.
fn decode(text: &str) -> Bytes {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    let mut letters: Vec<u8> = text.bytes().filter(letter).collect();
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    LENIENT.decode(letters).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_what_is_none_left_out() {
        assert_eq!(decode("QQD/Cg=="), b"A\0\xff\n".as_ref());
        assert_eq!(decode("QQD/Cg"), b"A\0\xff\n".as_ref());
        assert_eq!(decode("!!!not-base64!!!"), [0x9e, 0x8b, 0x5b, 0x6a, 0xc7, 0xba].as_ref());
        assert_eq!(decode("A"), b"".as_ref());
    }

    #[test]
    fn a_prelude_is_found_when_it_is_whole() {
        assert_eq!(split(b"{}\0\0\0\0\0\0\0"), None);
        assert_eq!(split(b"{}\0\0\0\0\0\0\0\0a\0"), Some((b"{}".as_ref(), b"a\0".as_ref())));
        assert!(head(b"{\"statusCode\":700}").is_none() && head(b"no").is_none());
    }
}
