//! A position in a pattern's text, and the errors that contain it. Pure.

use crate::{http::error::ApiError, store::logs::error::invalid};

/// The part of a pattern that is still to be parsed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// Returns the remaining text.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Returns the next character without consuming it.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Consumes the next character.
    pub(super) fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Consumes this text if it comes next. Returns `true` if it did.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Consumes this text, which must come next, after white space.
    pub(super) fn expect(&mut self, text: &str) -> Result<(), ApiError> {
        self.skip_spaces();
        if self.eat(text) { Ok(()) } else { Err(self.fail(&format!("'{text}' is missing"))) }
    }

    /// Consumes characters while they are of a kind.
    pub(super) fn take_while(&mut self, of_kind: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !of_kind(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Skips white space.
    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Error at this position. `what` is a sentence that the position completes.
    pub(super) fn fail(&self, what: &str) -> ApiError {
        let before = self.text.len() - self.rest.len();
        let place = self.text.char_indices().take_while(|(index, _)| *index < before).count() + 1;
        let found = match self.peek() {
            Some(character) => format!("before {character:?}"),
            None => "at the end".to_owned(),
        };
        invalid(format!("Invalid filter pattern: {what} at character {place}, {found}"))
    }

    /// Error in a term, in AWS's words, with a hint. The position is the start of the term.
    pub(super) fn bad_term(&self, term: &str, hint: &str) -> ApiError {
        let before = self.text.len() - self.rest.len();
        let place = self.text.char_indices().take_while(|(index, _)| *index < before).count() + 1;
        invalid(format!(
            "Invalid filter pattern: Invalid character(s) in term '{term}' at character \
            {place}{hint}"
        ))
    }
}
