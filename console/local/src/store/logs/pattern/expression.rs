//! `&&`, `||` and parentheses over tests of any kind. Pure.

use super::cursor::Cursor;
use crate::http::error::ApiError;

/// Maximum nesting of parentheses: a pattern must not exhaust the stack.
const DEPTH: usize = 32;

/// Tests combined by operators. `&&` has a higher precedence than `||`.
#[derive(Debug)]
pub(super) enum Expression<T> {
    /// A single test.
    Test(T),
    /// All parts must hold.
    All(Vec<Self>),
    /// At least one part must hold.
    Any(Vec<Self>),
}

impl<T> Expression<T> {
    /// Parses an expression; `test` parses one test.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        test: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, ApiError>,
    ) -> Result<Self, ApiError> {
        Self::any(cursor, test, 0)
    }

    fn any(
        cursor: &mut Cursor<'_>,
        test: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, ApiError>,
        depth: usize,
    ) -> Result<Self, ApiError> {
        let mut parts = Vec::new();
        loop {
            parts.push(Self::all(cursor, test, depth)?);
            cursor.skip_spaces();
            if !cursor.eat("||") {
                return Ok(single(parts, Self::Any));
            }
        }
    }

    fn all(
        cursor: &mut Cursor<'_>,
        test: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, ApiError>,
        depth: usize,
    ) -> Result<Self, ApiError> {
        let mut parts = Vec::new();
        loop {
            cursor.skip_spaces();
            let place = *cursor;
            if cursor.eat("(") {
                if depth == DEPTH {
                    return Err(place.fail(&format!("parentheses are nested deeper than {DEPTH}")));
                }
                parts.push(Self::any(cursor, test, depth + 1)?);
                cursor.expect(")")?;
            } else {
                parts.push(Self::Test(test(cursor)?));
            }
            cursor.skip_spaces();
            if !cursor.eat("&&") {
                return Ok(single(parts, Self::All));
            }
        }
    }

    /// Evaluates the expression with the results of its tests.
    pub(super) fn holds(&self, test: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Test(one) => test(one),
            Self::All(parts) => parts.iter().all(|part| part.holds(test)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
        }
    }
}

/// Returns a single part as it is, and joins several.
fn single<T>(
    mut parts: Vec<Expression<T>>,
    join: impl Fn(Vec<Expression<T>>) -> Expression<T>,
) -> Expression<T> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}
