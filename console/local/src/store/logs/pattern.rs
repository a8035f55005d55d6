//! Filter patterns of `CloudWatch` Logs: words, a regular expression, conditions on JSON,
//! conditions on columns. Pure. Accepts only the documented syntax, so that a pattern which works
//! here works on AWS. Source: `CloudWatch` Logs user guide, "Filter pattern syntax for metric
//! filters, subscription filters, filter log events, and Live Tail". Where that does not specify
//! the behaviour, the module in question documents the chosen one.

mod columns;
mod cursor;
mod expression;
mod json;
mod regex;
#[cfg(test)]
mod tests;
mod value;
mod words;

use columns::Columns;
use cursor::Cursor;
use json::Json;
use regex::Regex;
use words::Words;

use super::error::invalid;
use crate::http::error::ApiError;

/// Maximum number of characters in a pattern.
const LENGTH: usize = 1024;

/// A filter pattern.
#[derive(Debug)]
pub(crate) struct Pattern(Kind);

#[derive(Debug)]
enum Kind {
    /// Words that a message must, may or must not contain.
    Words(Words),
    /// `%a regular expression%`.
    Regex(Regex),
    /// `{ conditions on a JSON object }`.
    Json(Json),
    /// `[conditions, on, columns]`.
    Columns(Columns),
}

impl Pattern {
    /// Parses a pattern. A malformed one is an `InvalidParameterException` that contains the
    /// position.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let length = text.chars().count();
        if length > LENGTH {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'filterPattern' failed to satisfy \
                constraint: Member must have length less than or equal to {LENGTH}; it has \
                {length}"
            )));
        }
        for (open, close) in [('{', '}'), ('[', ']')] {
            if text.trim_start().starts_with(open) && !text.trim_end().ends_with(close) {
                return Err(invalid(format!(
                    "If a filter pattern starts with '{open}' it must end with '{close}'"
                )));
            }
        }
        let mut cursor = Cursor::new(text);
        cursor.skip_spaces();
        let pattern = match cursor.peek() {
            Some('{') => Kind::Json(Json::parse(&mut cursor)?),
            Some('[') => Kind::Columns(Columns::parse(&mut cursor)?),
            Some('%') => Kind::Regex(Regex::parse(&mut cursor)?),
            _ => Kind::Words(Words::parse(&mut cursor)?),
        };
        cursor.skip_spaces();
        match cursor.peek() {
            None => Ok(Self(pattern)),
            Some(_) => Err(cursor.fail("the pattern should end")),
        }
    }

    /// Returns `true` if a message matches. The line ending is not part of the message.
    pub(crate) fn matches(&self, message: &str) -> bool {
        let message = message.strip_suffix('\n').unwrap_or(message);
        let message = message.strip_suffix('\r').unwrap_or(message);
        match &self.0 {
            Kind::Words(words) => words.matches(message),
            Kind::Regex(regex) => regex.matches(message),
            Kind::Json(json) => json.matches(message),
            Kind::Columns(columns) => columns.matches(message),
        }
    }

    /// Cost of matching, as a rough multiple of the cost of finding a word: the cost limit for a
    /// page of results is counted in it.
    pub(crate) fn weight(&self) -> usize {
        match &self.0 {
            Kind::Words(_) => 1,
            Kind::Json(_) | Kind::Columns(_) => 4,
            Kind::Regex(_) => 8,
        }
    }
}
