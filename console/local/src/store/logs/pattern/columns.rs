//! Patterns for messages of columns: `[ip, user, ..., status_code = 4*, bytes > 1000]`. Pure.
//!
//! Columns are separated by white space; text in square brackets or double quotes is one column,
//! without them.

use super::{
    cursor::Cursor,
    expression::Expression,
    value::{Condition, Number},
};
use crate::http::error::ApiError;

/// Conditions on the first and the last columns of a message.
#[derive(Debug)]
pub(super) struct Columns {
    first: Vec<Column>,
    /// The columns after the `...`, if there is one; without it a message must have exactly as many
    /// columns.
    last: Option<Vec<Column>>,
}

/// Condition on a column; `None` if it has only a name, or not even that.
type Column = Option<Expression<Condition>>;

impl Columns {
    /// Parses `[columns]`.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        cursor.expect("[")?;
        let mut columns = Self { first: Vec::new(), last: None };
        let mut expressions = 0;
        loop {
            cursor.skip_spaces();
            let place = *cursor;
            if cursor.eat("...") {
                if columns.last.replace(Vec::new()).is_some() {
                    return Err(place.fail("there may be one ... only; another is"));
                }
            } else {
                let column = column(cursor, &mut expressions)?;
                columns.last.as_mut().unwrap_or(&mut columns.first).push(column);
            }
            cursor.skip_spaces();
            if !cursor.eat(",") {
                cursor.expect("]")?;
                return Ok(columns);
            }
        }
    }

    /// Returns `true` if a message has such columns.
    pub(super) fn matches(&self, message: &str) -> bool {
        let found = split(message);
        let last = self.last.as_deref().unwrap_or_default();
        let enough = self.first.len() + last.len();
        if found.len() < enough || (self.last.is_none() && found.len() > enough) {
            return false;
        }
        let tail = found.iter().skip(found.len() - last.len());
        self.first.iter().zip(&found).chain(last.iter().zip(tail)).all(|(column, text)| {
            let number = Number::parse(text);
            column.as_ref().is_none_or(|expression| {
                expression.holds(&|condition| condition.holds(text, number))
            })
        })
    }
}

/// Parses `name`, `name = value`, several of these joined, or nothing.
fn column(cursor: &mut Cursor<'_>, expressions: &mut usize) -> Result<Column, ApiError> {
    let start = *cursor;
    let alone = name(cursor);
    cursor.skip_spaces();
    if matches!(cursor.peek(), Some(',' | ']')) {
        return Ok(None);
    }
    *cursor = start;
    let mut known: Option<String> = (!alone.is_empty()).then(|| alone.to_owned());
    let expression = Expression::parse(cursor, &mut |cursor: &mut Cursor<'_>| {
        cursor.skip_spaces();
        let place = *cursor;
        let name = name(cursor);
        if name.is_empty() {
            return Err(place.fail("a column's name is missing"));
        }
        let known = known.get_or_insert_with(|| name.to_owned());
        if known != name {
            return Err(place.fail(&format!(
                "all conditions of a column must name it; {known:?} is named {name:?}"
            )));
        }
        cursor.skip_spaces();
        Condition::parse(cursor, expressions)
    })?;
    Ok(Some(expression))
}

fn name<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor
        .take_while(|character| character.is_alphanumeric() || character == '_' || character == '-')
}

/// Splits a message into its columns. A bracket or quote that is not closed is part of a word.
fn split(message: &str) -> Vec<&str> {
    let mut columns = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '[' => Some(']'),
            '"' => Some('"'),
            _ => None,
        };
        let enclosed = close.and_then(|close| rest.get(1..)?.split_once(close));
        let (column, after) = enclosed
            .unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        columns.push(column);
        rest = after.trim_start();
    }
    columns
}
