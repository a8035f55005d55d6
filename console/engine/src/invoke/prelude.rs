//! Separates the HTTP response at the beginning of a stream from the body that follows it. Pure:
//! bytes in, values out.
//!
//! Such a stream has its own content type, and begins with JSON and eight NUL bytes. Source: AWS
//! Lambda developer guide, "Using a custom runtime with response streaming".

use lambda_console_model::HttpHead;
use serde_json::Value;

const CONTENT_TYPE: &str = "application/vnd.awslambda.http-integration-response";
const SEPARATOR: [u8; 8] = [0; 8];
/// Maximum length of a head, in bytes.
const LONGEST: usize = 1 << 20;

/// Parser for the head of a stream.
#[derive(Debug)]
pub(super) struct Prelude {
    /// The bytes so far, as long as they may be the beginning of a head.
    prefix: Option<Vec<u8>>,
}

impl Prelude {
    /// Creates the parser for a stream with this content type.
    pub(super) fn new(content_type: Option<&str>) -> Self {
        let is_http =
            content_type.is_some_and(|content_type| content_type.starts_with(CONTENT_TYPE));
        Self { prefix: is_http.then(Vec::new) }
    }

    /// Adds the next bytes; returns the head once it is complete, and the bytes that belong to the
    /// body.
    pub(super) fn push(&mut self, bytes: Vec<u8>) -> (Option<HttpHead>, Vec<u8>) {
        let Some(prefix) = &mut self.prefix else { return (None, bytes) };
        // The separator may be cut in two.
        let from = prefix.len().saturating_sub(SEPARATOR.len() - 1);
        prefix.extend(bytes);
        let found = prefix
            .get(from..)
            .unwrap_or_default()
            .windows(SEPARATOR.len())
            .position(|eight| eight == SEPARATOR);
        if let Some(end) = found.map(|at| from + at)
            && let Some(head) = prefix.get(..end).and_then(head)
        {
            let body = prefix.split_off(end + SEPARATOR.len());
            self.prefix = None;
            return (Some(head), body);
        }
        if found.is_some() || prefix.len() > LONGEST {
            return (None, self.end());
        }
        (None, Vec::new())
    }

    /// Returns the collected bytes that turned out not to be a head.
    pub(super) fn end(&mut self) -> Vec<u8> {
        self.prefix.take().unwrap_or_default()
    }
}

fn head(text: &[u8]) -> Option<HttpHead> {
    let value: Value = serde_json::from_slice(text).ok()?;
    let fields = value.as_object()?;
    let status = match fields.get("statusCode") {
        None => 200,
        Some(Value::String(text)) => text.parse().ok()?,
        Some(value) => u16::try_from(value.as_u64()?).ok()?,
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let headers = fields.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.map(|(name, value)| (name.clone(), text(value)));
    let many = fields.get("multiValueHeaders").and_then(Value::as_object).into_iter().flatten();
    let many = many.flat_map(|(name, values)| {
        values.as_array().into_iter().flatten().map(move |value| (name.clone(), text(value)))
    });
    let cookies = fields.get("cookies").and_then(Value::as_array).into_iter().flatten();
    Some(HttpHead {
        status,
        headers: headers.chain(many).collect(),
        cookies: cookies.map(text).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"{\"statusCode\":201,\"headers\":{\"Content-Type\":\"text/html\",\"x-n\":3},\"cookies\":[\"a=b\"]}\0\0\0\0\0\0\0\0<p>\0</p>";

    fn read(content_type: &str, pieces: &[&[u8]]) -> (Option<HttpHead>, Vec<u8>) {
        let mut prelude = Prelude::new(Some(content_type));
        let (mut head, mut body) = (None, Vec::new());
        for piece in pieces {
            let (found, rest) = prelude.push(piece.to_vec());
            head = head.or(found);
            body.extend(rest);
        }
        body.extend(prelude.end());
        (head, body)
    }

    #[test]
    fn a_head_is_found_wherever_the_stream_is_cut() {
        for cut in 0..=STREAM.len() {
            let (head, body) = read(CONTENT_TYPE, &[&STREAM[..cut], &STREAM[cut..]]);
            let head = head.unwrap();
            assert_eq!(
                (head.status, head.content_type()),
                (201, Some("text/html")),
                "cut at {cut}"
            );
            assert_eq!(head.headers[1], ("x-n".to_owned(), "3".to_owned()));
            assert_eq!((head.cookies, body), (vec!["a=b".to_owned()], b"<p>\0</p>".to_vec()));
        }
    }

    #[test]
    fn what_is_no_head_is_body_and_nothing_is_lost() {
        assert_eq!(
            read("text/plain", &[STREAM]),
            (None, STREAM.to_vec()),
            "another content type promises no head"
        );
        for none in [
            &b"no head at all"[..],
            b"{\"statusCode\":\0\0\0\0\0\0\0\0x",
            b"[]\0\0\0\0\0\0\0\0",
            b"",
        ] {
            assert_eq!(read(CONTENT_TYPE, &[none]), (None, none.to_vec()));
        }
        let long = vec![b' '; LONGEST + 10];
        assert_eq!(read(CONTENT_TYPE, &[&long, b"end"]).1.len(), long.len() + 3);
    }
}
