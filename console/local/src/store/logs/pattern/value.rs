//! Conditions on one value: `= 404`, `!= "*html*"`, `>= 1e3`, `= %re.ex%`. Pure.
//!
//! AWS documents `*` only at the beginning or end of a text; anywhere else it stands for itself.

use std::cmp::Ordering;

use super::{cursor::Cursor, regex::Regex};
use crate::http::error::ApiError;

/// A comparison with a value.
#[derive(Debug)]
pub(super) struct Condition {
    operator: Operator,
    operand: Operand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
enum Operand {
    /// A number, and its spelling.
    Number(Number, String),
    Text(Text),
    Regex(Regex),
}

/// A text with an optional wildcard at its beginning and end.
#[derive(Debug)]
struct Text {
    inner: String,
    open_start: bool,
    open_end: bool,
}

/// A number: exact if it is an integer, as account IDs and counters are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// Parses an integer, a decimal or a number in scientific notation, with an optional sign.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return None;
        }
        text.parse().map(Self::Whole).ok().or_else(|| text.parse().map(Self::Real).ok())
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        let real = |number| match number {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        };
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            _ => real(self).partial_cmp(&real(other)),
        }
    }
}

impl Condition {
    /// Parses an operator and its operand. `expressions` counts the regular expressions of the
    /// whole pattern.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        expressions: &mut usize,
    ) -> Result<Self, ApiError> {
        let place = *cursor;
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let operator =
            operators.into_iter().find(|(sign, _)| cursor.eat(sign)).map(|(_, operator)| operator);
        let operator = operator.ok_or_else(|| place.fail("one of = != < > <= >= is missing"))?;
        cursor.skip_spaces();
        let start = *cursor;
        let operand = Operand::parse(cursor)?;
        if let Operand::Regex(_) = operand {
            *expressions += 1;
            if *expressions > 2 {
                return Err(
                    start.fail("a pattern may have two regular expressions at most; one more is")
                );
            }
        }
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordered && !matches!(operand, Operand::Number(..)) {
            return Err(start.fail("< > <= >= compare with numbers only; something else is"));
        }
        Ok(Self { operator, operand })
    }

    /// Returns `true` if a value satisfies the condition: its text, and its number if it is one.
    pub(super) fn holds(&self, text: &str, number: Option<Number>) -> bool {
        let equal = match (&self.operand, number) {
            (Operand::Number(operand, _), Some(number)) => {
                let order = number.compare(*operand);
                return match self.operator {
                    Operator::Equal => order == Some(Ordering::Equal),
                    Operator::NotEqual => order != Some(Ordering::Equal),
                    Operator::Less => order == Some(Ordering::Less),
                    Operator::LessOrEqual => {
                        matches!(order, Some(Ordering::Less | Ordering::Equal))
                    }
                    Operator::Greater => order == Some(Ordering::Greater),
                    Operator::GreaterOrEqual => {
                        matches!(order, Some(Ordering::Greater | Ordering::Equal))
                    }
                };
            }
            (Operand::Number(_, written), None) => text == written,
            (Operand::Text(operand), _) => operand.matches(text),
            (Operand::Regex(regex), _) => regex.matches(text),
        };
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
            // A text is neither less nor greater than a number.
            _ => false,
        }
    }
}

impl Operand {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        let start = *cursor;
        match cursor.peek() {
            Some('%') => return Regex::parse(cursor).map(Self::Regex),
            Some('"') => return Text::quoted(cursor).map(Self::Text),
            _ => {}
        }
        let word = cursor.take_while(|c| c.is_alphanumeric() || "_-+.*:/#".contains(c));
        if word.is_empty() {
            return Err(start.fail("a value is missing, or must be in double quotes,"));
        }
        Ok(match Number::parse(word) {
            Some(number) => Self::Number(number, word.to_owned()),
            None => Self::Text(Text::new(word.chars().map(|character| (character, false)))),
        })
    }
}

impl Text {
    /// Builds a text from characters, each with `true` if it was escaped.
    fn new(characters: impl Iterator<Item = (char, bool)>) -> Self {
        let characters: Vec<(char, bool)> = characters.collect();
        let inner = characters.strip_prefix(&[('*', false)]);
        let open_start = inner.is_some();
        let inner = inner.unwrap_or(&characters);
        let shorter = inner.strip_suffix(&[('*', false)]);
        // A single star matches any text.
        let open_end = shorter.is_some() || (open_start && inner.is_empty());
        let inner = shorter.unwrap_or(inner).iter().map(|(character, _)| character).collect();
        Self { inner, open_start, open_end }
    }

    fn quoted(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        let start = *cursor;
        cursor.next();
        let mut characters = Vec::new();
        loop {
            match cursor.next() {
                Some('"') => return Ok(Self::new(characters.into_iter())),
                Some('\\') => characters.extend(cursor.next().map(|character| (character, true))),
                Some(character) => characters.push((character, false)),
                None => return Err(start.fail("unclosed quote")),
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => text == self.inner,
            (true, false) => text.ends_with(&self.inner),
            (false, true) => text.starts_with(&self.inner),
            (true, true) => text.contains(&self.inner),
        }
    }
}
