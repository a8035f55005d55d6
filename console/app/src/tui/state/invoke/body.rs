//! The body of a response: text with its lines, or binary data. It grows as parts arrive, up to
//! [`Invocation::KEPT`] bytes, and counts the rest.

use std::{borrow::Cow, fmt::Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::Invocation;

use crate::tui::state::Document;

/// Number of bytes per row of a hex dump.
const ROW: usize = 16;

/// A body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    form: Form,
    /// Size in bytes, kept or not.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Text, and the bytes at its end that are the beginning of a character.
    Text(Document, Vec<u8>),
    /// Binary data: an image, an archive.
    Binary(Vec<u8>),
}

impl Default for Body {
    fn default() -> Self {
        Self { form: Form::Text(Document::default(), Vec::new()), bytes: 0 }
    }
}

impl Body {
    /// Creates the complete body of an invocation that has ended.
    pub fn of(invocation: &Invocation) -> Self {
        let bytes = invocation
            .is_base64
            .then(|| BASE64_STANDARD.decode(&invocation.payload).ok())
            .flatten();
        let kept = bytes.as_ref().map_or(invocation.payload.len(), Vec::len) as u64;
        let form = match bytes {
            Some(bytes) => Form::Binary(bytes),
            None => Form::Text(Document::new(&invocation.payload), Vec::new()),
        };
        Self { form, bytes: invocation.bytes.max(kept) }
    }

    /// Appends the bytes that arrived next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let kept = bytes
            .get(..bytes.len().min(Invocation::KEPT.saturating_sub(self.kept())))
            .unwrap_or_default();
        match &mut self.form {
            Form::Binary(all) => all.extend_from_slice(kept),
            Form::Text(document, rest) => {
                rest.extend_from_slice(kept);
                let whole = match std::str::from_utf8(rest) {
                    Ok(text) => Some(text.len()),
                    // The last character is incomplete.
                    Err(error) if error.error_len().is_none() => Some(error.valid_up_to()),
                    Err(_) => None,
                };
                let text = whole.and_then(|whole| std::str::from_utf8(rest.get(..whole)?).ok());
                // Text never contains NUL.
                let Some(text) = text.filter(|text| !text.contains('\0')) else {
                    let mut all = std::mem::take(document).into_text().into_bytes();
                    all.append(rest);
                    self.form = Form::Binary(all);
                    return;
                };
                document.push(text);
                let whole = text.len();
                rest.drain(..whole);
            }
        }
    }

    /// Counts bytes that arrived and are not kept.
    pub fn skip(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Returns the number of bytes that are kept.
    pub fn kept(&self) -> usize {
        match &self.form {
            Form::Text(document, rest) => document.text().len() + rest.len(),
            Form::Binary(bytes) => bytes.len(),
        }
    }

    /// Returns `true` if the body is not text.
    pub const fn is_binary(&self) -> bool {
        matches!(self.form, Form::Binary(_))
    }

    /// Returns `true` if the body is JSON, and formatted.
    pub const fn is_json(&self) -> bool {
        matches!(&self.form, Form::Text(document, _) if document.json)
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Text(document, _) => document.len(),
            Form::Binary(bytes) => bytes.len().div_ceil(ROW),
        }
    }

    /// Returns `true` if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the line with this index: a line of the text, or a row of a hex dump.
    pub fn line(&self, index: usize) -> Option<Cow<'_, str>> {
        match &self.form {
            Form::Text(document, _) => document.line(index).map(Cow::Borrowed),
            Form::Binary(bytes) => {
                Some(Cow::Owned(row(index * ROW, bytes.chunks(ROW).nth(index)?)))
            }
        }
    }
}

/// Returns a row of a hex dump: `00000010  89 50 4e 47 0d 0a 1a 0a  00 00 00 0d 49 48 44 52
/// .PNG........IHDR`
fn row(at: usize, bytes: &[u8]) -> String {
    let mut line = format!("{at:08x} ");
    for column in 0..ROW {
        if column.is_multiple_of(ROW / 2) {
            line.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = match bytes.get(column) {
            Some(byte) => write!(line, "{byte:02x} "),
            None => write!(line, "   "),
        };
    }
    line.push(' ');
    line.extend(
        bytes.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }),
    );
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &Body) -> Vec<String> {
        (0..body.len()).filter_map(|index| body.line(index).map(Cow::into_owned)).collect()
    }

    #[test]
    fn characters_that_are_cut_by_a_chunk_are_whole_again() {
        let text = "grüße\n日本語\n";
        for cut in 0..=text.len() {
            let mut body = Body::default();
            body.push(&text.as_bytes()[..cut]);
            body.push(&text.as_bytes()[cut..]);
            assert_eq!(lines(&body), ["grüße", "日本語"], "cut at {cut}");
            assert_eq!((body.bytes, body.is_binary()), (text.len() as u64, false));
        }
    }

    #[test]
    fn what_is_no_text_is_shown_in_bytes_even_if_it_began_as_text() {
        let mut body = Body::default();
        body.push(b"%PDF-1.7\n");
        assert!(!body.is_binary());
        body.push(b"%\xe2\xe3\xcf\xd3 0123456789\0");
        assert!(body.is_binary());
        assert_eq!(
            lines(&body),
            [
                "00000000  25 50 44 46 2d 31 2e 37  0a 25 e2 e3 cf d3 20 30  %PDF-1.7.%.... 0",
                "00000010  31 32 33 34 35 36 37 38  39 00                    123456789."
            ]
        );
        let mut text = Body::default();
        text.push(b"a\0b");
        assert!(text.is_binary(), "no text holds NUL");
    }

    #[test]
    fn the_kept_size_is_bounded() {
        let mut body = Body::default();
        for _ in 0..20 {
            body.push(&vec![b'x'; 1 << 20]);
        }
        body.skip(180 << 20);
        assert_eq!((body.kept(), body.bytes), (Invocation::KEPT, 200 << 20));
    }
}
