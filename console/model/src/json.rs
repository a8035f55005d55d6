//! JSON as text: tokens for colours, a layout that changes no number, and the place of a syntax
//! error.
//!
//! Works on the text, never on parsed values: `1.10`, `10000000000000000001` and repeated keys stay
//! as they were typed.

use serde::{Deserialize, Serialize, de::IgnoredAny};

/// Kind of a piece of JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A string followed by a colon.
    Key,
    /// Any other string.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// `{ } [ ] , :`
    Mark,
    /// White space.
    Space,
    /// Text that is not valid in JSON.
    Other,
}

/// Splits text into tokens with their byte ranges. Covers all of the text, valid or not.
pub fn tokens(text: &str) -> impl Iterator<Item = (Token, std::ops::Range<usize>)> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = *bytes.get(start)?;
        let run = |from: usize, wanted: fn(&u8) -> bool| {
            from + bytes[from..].iter().take_while(|b| wanted(b)).count()
        };
        let token = match first {
            b'"' => {
                at = string_end(bytes, start);
                if bytes[run(at, u8::is_ascii_whitespace)..].first() == Some(&b':') {
                    Token::Key
                } else {
                    Token::String
                }
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => {
                at += 1;
                Token::Mark
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                at = run(start, |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
                Token::Space
            }
            b'-' | b'0'..=b'9' => {
                at = run(start, |b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                Token::Number
            }
            _ => {
                at = run(start, |b| {
                    !matches!(
                        b,
                        b'"' | b'{'
                            | b'}'
                            | b'['
                            | b']'
                            | b','
                            | b':'
                            | b' '
                            | b'\t'
                            | b'\n'
                            | b'\r'
                    )
                });
                if matches!(&bytes[start..at], b"true" | b"false" | b"null") {
                    Token::Word
                } else {
                    Token::Other
                }
            }
        };
        Some((token, start..at))
    })
}

/// Returns the end of the string that begins at `start`: after its closing quote, or at the end of
/// the line.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Place at which text is not valid JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Error message.
    pub message: String,
}

/// Checks that `text` is one JSON value.
pub fn check(text: &str) -> Result<(), SyntaxError> {
    let Err(error) = serde_json::from_str::<IgnoredAny>(text) else { return Ok(()) };
    let line = error.line().max(1);
    // serde_json reports an error at the end of a line at column 0 of the next line.
    let (line, bytes) = match error.column() {
        0 if line > 1 => (line - 1, usize::MAX),
        column => (line, column.saturating_sub(1)),
    };
    // serde_json counts bytes; users count characters.
    let before = text.lines().nth(line - 1).unwrap_or_default().as_bytes();
    let before = &before[..before.len().min(bytes)];
    let column = String::from_utf8_lossy(before).chars().count() + 1;
    let message = error.to_string();
    let message =
        message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
    Err(SyntaxError { line, column, message })
}

/// Returns valid JSON without the white space between its tokens.
pub fn compact(text: &str) -> String {
    let pieces = tokens(text).filter(|(token, _)| *token != Token::Space);
    pieces.filter_map(|(_, range)| text.get(range)).collect()
}

/// Deepest level that is indented, so that the size of the result is bounded by the size of the
/// text.
const DEEPEST: usize = 40;

/// Formats valid JSON with two spaces per level; empty arrays and objects stay on their line.
pub fn format(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    let mut opened = false;
    for (token, range) in tokens(text) {
        let piece = text.get(range).unwrap_or_default();
        match (token, piece) {
            (Token::Space, _) => continue,
            (Token::Mark, "}" | "]") => {
                depth = depth.saturating_sub(1);
                if !opened {
                    newline(&mut out, depth);
                }
                out.push_str(piece);
            }
            (Token::Mark, ",") => {
                out.push(',');
                newline(&mut out, depth);
            }
            (Token::Mark, ":") => out.push_str(": "),
            _ => {
                if opened {
                    newline(&mut out, depth);
                }
                out.push_str(piece);
            }
        }
        opened = token == Token::Mark && matches!(piece, "{" | "[");
        depth += usize::from(opened);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_changes_white_space_only() {
        let text = r#"{"a":[1.10,{"b":{}},[]], "a":10000000000000000001,"s":"x : {,\" é"}"#;
        let formatted = format(text);
        let squeeze = |text: &str| {
            tokens(text)
                .filter(|(token, _)| *token != Token::Space)
                .map(|(_, range)| text.get(range).unwrap().to_owned())
                .collect::<String>()
        };
        assert_eq!(squeeze(text), squeeze(&formatted));
        assert!(check(&formatted).is_ok());
        assert_eq!(format(&formatted), formatted);
        assert!(formatted.starts_with(
            "{\n  \"a\": [\n    1.10,\n    {\n      \"b\": {}\n    },\n    []\n  ],\n"
        ));
    }

    #[test]
    fn an_error_has_its_place_in_characters() {
        let error = check("{\n  \"é\": tru\n}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 11));
        assert_eq!(check("").unwrap_err().line, 1);
    }

    #[test]
    fn tokens_cover_any_text() {
        for text in ["", "\"", "\"\\", "é{]x:\"a\" : 1", "nul true,-1e5", "\u{0}\r\n\"a\nb\""] {
            let mut end = 0;
            for (_, range) in tokens(text) {
                assert_eq!(range.start, end);
                assert!(text.get(range.clone()).is_some(), "{text:?} {range:?}");
                end = range.end;
            }
            assert_eq!(end, text.len(), "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_does_not_blow_the_layout_up() {
        let text = "[".repeat(20_000);
        assert!(format(&text).len() < text.len() * 100);
    }
}
