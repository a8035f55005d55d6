//! Patterns for plain text: `word`, `"a phrase"`, `-excluded`, `?one ?of ?these`. Pure.

use super::cursor::Cursor;
use crate::http::error::ApiError;

/// Words that a message must, may and must not contain. Matches are case-sensitive and include
/// parts of words.
#[derive(Debug, Default)]
pub(super) struct Words {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Words {
    /// Parses words up to the end.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        let mut words = Self::default();
        while cursor.peek().is_some() {
            let start = *cursor;
            let list = if cursor.eat("-") {
                &mut words.none
            } else if cursor.eat("?") {
                &mut words.any
            } else {
                &mut words.all
            };
            let word = match cursor.peek() {
                Some('"') => phrase(cursor)?,
                _ => cursor
                    .take_while(|character| character.is_alphanumeric() || character == '_')
                    .to_owned(),
            };
            if word.is_empty() || cursor.peek().is_some_and(|next| !next.is_whitespace()) {
                let end = start.rest().find(char::is_whitespace).unwrap_or(start.rest().len());
                let hint = "; a term with other characters than letters, digits and _ must be in \
                    double quotes";
                return Err(start.bad_term(start.rest().get(..end).unwrap_or_default(), hint));
            }
            // A phrase of spaces is documented to match every message.
            if !word.trim().is_empty() {
                list.push(word);
            }
            cursor.skip_spaces();
        }
        Ok(words)
    }

    /// Returns `true` if a message matches. AWS ignores the `?` terms if there are others.
    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |word: &String| message.contains(word.as_str());
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(has);
        }
        self.all.iter().all(has) && !self.none.iter().any(has)
    }
}

/// Parses a phrase in double quotes; a backslash escapes the next character.
fn phrase(cursor: &mut Cursor<'_>) -> Result<String, ApiError> {
    let start = *cursor;
    cursor.next();
    let mut phrase = String::new();
    loop {
        match cursor.next() {
            Some('"') => return Ok(phrase),
            Some('\\') => phrase.extend(cursor.next()),
            Some(character) => phrase.push(character),
            None => return Err(start.fail("unclosed quote")),
        }
    }
}
