//! The part of a response that is kept in memory: its beginning, and its length.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::Invocation;

/// The beginning of a response.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Size of the response so far, in bytes.
    pub(super) total: u64,
}

impl Kept {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = Invocation::KEPT.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
    }

    /// Returns its text; if it is not text, base64 and `true`. `is_whole`: nothing follows that
    /// could complete a character.
    pub(super) fn into_payload(self, is_whole: bool) -> (String, bool) {
        let is_whole = is_whole && self.total == self.bytes.len() as u64;
        let end = match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text.len()),
            Err(error) if error.error_len().is_none() && !is_whole => Some(error.valid_up_to()),
            Err(_) => None,
        };
        let text = end.and_then(|end| std::str::from_utf8(self.bytes.get(..end)?).ok());
        // Text does not contain NUL.
        match text.filter(|text| !text.contains('\0')) {
            Some(text) => (text.to_owned(), false),
            None => (BASE64_STANDARD.encode(&self.bytes), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(pieces: &[&[u8]], is_whole: bool) -> (String, bool) {
        let mut kept = Kept::default();
        for piece in pieces {
            kept.push(piece);
        }
        kept.into_payload(is_whole)
    }

    #[test]
    fn text_is_text_and_the_rest_is_base64() {
        assert_eq!(payload(&[b"gr\xc3", b"\xbc\xc3\x9fe"], true), ("grüße".into(), false));
        assert_eq!(payload(&[b"\x89PNG"], true), ("iVBORw==".into(), true));
        assert_eq!(payload(&[b"a\0"], true), ("YQA=".into(), true));
        assert_eq!(
            payload(&[b"gr\xc3"], true),
            ("Z3LD".into(), true),
            "it ends within a character"
        );
        assert_eq!(payload(&[b"gr\xc3"], false), ("gr".into(), false), "it was broken off there");
    }

    #[test]
    fn the_beginning_is_kept_and_all_of_it_is_counted() {
        let mut kept = Kept::default();
        for _ in 0..10 {
            kept.push("é".repeat(1 << 19).as_bytes());
        }
        assert_eq!((kept.total, kept.bytes.len()), (10 << 20, Invocation::KEPT));
        let (text, is_base64) = kept.into_payload(true);
        assert_eq!((text.len(), is_base64), (Invocation::KEPT, false));
    }
}
