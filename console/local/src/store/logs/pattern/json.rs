//! Patterns for JSON messages: `{ $.status >= 500 && ($.path = "/a*" || $.user[0].id IS NULL) }`.
//! Pure.
//!
//! A comparison with a value that is not a string, number or boolean, or that is missing, holds
//! neither with `=` nor with `!=`, as on AWS.

use serde_json::Value;

use super::{
    cursor::Cursor,
    expression::Expression,
    value::{Condition, Number},
};
use crate::http::error::ApiError;

/// Conditions on the properties of a JSON object.
#[derive(Debug)]
pub(super) struct Json(Expression<Test>);

#[derive(Debug)]
struct Test {
    selector: Vec<Step>,
    kind: Kind,
}

#[derive(Debug)]
enum Step {
    Property(String),
    Element(usize),
}

#[derive(Debug)]
enum Kind {
    Compare(Condition),
    IsNull,
    IsTrue,
    IsFalse,
    NotExists,
}

impl Json {
    /// Parses `{ conditions }`.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        cursor.expect("{")?;
        let mut expressions = 0;
        let expression = Expression::parse(cursor, &mut |cursor: &mut Cursor<'_>| {
            Ok(Test { selector: selector(cursor)?, kind: Kind::parse(cursor, &mut expressions)? })
        })?;
        cursor.expect("}")?;
        Ok(Self(expression))
    }

    /// Returns `true` if a message is a JSON object that satisfies the conditions.
    pub(super) fn matches(&self, message: &str) -> bool {
        if !message.trim_start().starts_with('{') {
            return false;
        }
        serde_json::from_str(message).is_ok_and(|value| self.0.holds(&|test| test.holds(&value)))
    }
}

impl Kind {
    fn parse(cursor: &mut Cursor<'_>, expressions: &mut usize) -> Result<Self, ApiError> {
        cursor.skip_spaces();
        let place = *cursor;
        match (word(cursor), word(cursor)) {
            ("IS", "NULL") => Ok(Self::IsNull),
            ("IS", "TRUE") => Ok(Self::IsTrue),
            ("IS", "FALSE") => Ok(Self::IsFalse),
            ("NOT", "EXISTS") => Ok(Self::NotExists),
            ("", _) if place.peek().is_some_and(|next| "=!<>".contains(next)) => {
                *cursor = place;
                Condition::parse(cursor, expressions).map(Self::Compare)
            }
            _ => {
                Err(place.fail("a comparison, IS NULL, IS TRUE, IS FALSE or NOT EXISTS is missing"))
            }
        }
    }
}

/// Returns the next word, after white space.
fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.skip_spaces();
    cursor.take_while(|character| character.is_ascii_alphabetic())
}

/// Parses `$.property`, `.property[0]` and so on, and `.['odd.property']`.
fn selector(cursor: &mut Cursor<'_>) -> Result<Vec<Step>, ApiError> {
    cursor.skip_spaces();
    if !cursor.eat("$") {
        return Err(cursor.fail("a property selector such as $.name is missing"));
    }
    let mut steps = Vec::new();
    loop {
        let place = *cursor;
        if cursor.eat(".") {
            let quoted = *cursor;
            if cursor.eat("['") {
                steps.push(Step::Property(odd_name(cursor, quoted)?));
                continue;
            }
            let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if name.is_empty() {
                let what = "a property's name is missing, or must be written $.['name'],";
                return Err(cursor.fail(what));
            }
            steps.push(Step::Property(name.to_owned()));
        } else if !steps.is_empty() && cursor.eat("[") {
            let index = cursor.take_while(|character| character.is_ascii_digit()).parse();
            let index = index.map_err(|_ignored: std::num::ParseIntError| {
                cursor.fail("an element's number is missing")
            })?;
            cursor.expect("]")?;
            steps.push(Step::Element(index));
        } else if steps.is_empty() {
            return Err(
                place.fail("a selector continues with '.' and a property; this one does not,")
            );
        } else {
            return Ok(steps);
        }
    }
}

/// Parses the rest of `['name']`.
fn odd_name(cursor: &mut Cursor<'_>, start: Cursor<'_>) -> Result<String, ApiError> {
    let mut name = String::new();
    loop {
        match cursor.next() {
            Some('\'') => break,
            Some('\\') => name.extend(cursor.next()),
            Some(character) => name.push(character),
            None => return Err(start.fail("unclosed quote")),
        }
    }
    cursor.expect("]")?;
    Ok(name)
}

impl Test {
    fn holds(&self, root: &Value) -> bool {
        let value = self.selector.iter().try_fold(root, |value, step| match step {
            Step::Property(name) => value.as_object()?.get(name),
            Step::Element(index) => value.as_array()?.get(*index),
        });
        match (&self.kind, value) {
            (Kind::NotExists, value) => value.is_none(),
            (Kind::IsNull, Some(value)) => value.is_null(),
            (Kind::IsTrue, Some(value)) => *value == Value::Bool(true),
            (Kind::IsFalse, Some(value)) => *value == Value::Bool(false),
            (Kind::Compare(condition), Some(value)) => match value {
                Value::String(text) => condition.holds(text, None),
                Value::Number(number) => {
                    let text = number.to_string();
                    condition.holds(&text, Number::parse(&text))
                }
                Value::Bool(flag) => condition.holds(if *flag { "true" } else { "false" }, None),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            },
            (_, None) => false,
        }
    }
}
