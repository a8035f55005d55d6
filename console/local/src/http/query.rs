//! Percent-encoding, form bodies and the XML of the awsQuery protocol. Pure functions.

use std::borrow::Cow;

/// Decodes percent-encoded text; `+` becomes a space if `form` is set. Bytes that are not UTF-8 are
/// replaced.
pub(crate) fn decode(text: &str, form: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| *byte == b'%' || form && *byte == b'+') {
        return text.into();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    // Two digits, without the sign that numbers may have.
    let digit = |index: usize| bytes.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    while let Some(&byte) = bytes.get(index) {
        match (byte, digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                index += 2;
            }
            (b'+', _, _) if form => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned().into()
}

/// Decodes the pairs of a query string or a form body, in order.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name, true).into_owned(), decode(value, true).into_owned())
        })
        .collect()
}

/// Escapes text as XML character data.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Percent-encodes text, as in the policy documents of IAM's answers.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// Renders the answer of an awsQuery action: `<ActionResponse><ActionResult>…`.
pub(crate) fn reply(
    action: &str,
    namespace: &str,
    result: &str,
    request_id: &str,
) -> http::Response<crate::http::response::Body> {
    let body = format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    );
    crate::http::response::answer(200, "text/xml", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_and_what_is_no_escape_is_kept() {
        assert_eq!(
            pairs("a=1+2&b=%2Fx%zz&c"),
            [("a", "1 2"), ("b", "/x%zz"), ("c", "")].map(|(a, b)| (a.into(), b.into()))
        );
        assert_eq!(
            pairs("a=100%+5off&b=%-1%"),
            [("a", "100% 5off"), ("b", "%-1%")].map(|(a, b)| (a.into(), b.into()))
        );
        assert_eq!(decode("arn%3Aaws+x", false), "arn:aws+x");
        assert_eq!(decode(&encode("ä /%"), false), "ä /%");
    }
}
