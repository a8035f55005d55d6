//! Regular expressions between percent signs: AWS's subset, run by a matcher without backtracking.
//! Pure. Source: `CloudWatch` Logs user guide, "Supported regular expressions (regex) syntax".

use super::cursor::Cursor;
use crate::http::error::ApiError;

/// Maximum size of a compiled expression, in bytes: the cost of a message is at most its length
/// times this.
const SIZE: usize = 64 << 10;

/// A regular expression.
#[derive(Debug)]
pub(super) struct Regex(regex_lite::Regex);

impl Regex {
    /// Parses `%expression%`.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ApiError> {
        let start = *cursor;
        cursor.next();
        let mut source = String::new();
        loop {
            let place = *cursor;
            match cursor.next() {
                None => {
                    return Err(start.fail("regular expression without a closing '%'"));
                }
                Some('%') => break,
                Some('\\') => source.push_str(&escaped(cursor, place)?),
                Some(character) if is_plain(character) || is_operator(character) => {
                    source.push(character);
                }
                Some(character) => {
                    let code = match character {
                        ' ' => "; write \\s".to_owned(),
                        _ if character.is_ascii() => {
                            format!("; write \\x{:02x}", u32::from(character))
                        }
                        _ => String::new(),
                    };
                    let what = format!(
                        "{character:?} is not supported in a regular expression{code}; it is"
                    );
                    return Err(place.fail(&what));
                }
            }
        }
        if source.is_empty() {
            return Err(start.fail("a regular expression is empty"));
        }
        let built = regex_lite::RegexBuilder::new(&source).size_limit(SIZE).build();
        built.map(Self).map_err(|error| start.fail(&format!("{error}: the regular expression")))
    }

    /// Returns `true` if the expression matches anywhere in a text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || ":_#=@/;,-".contains(character)
}

fn is_operator(character: char) -> bool {
    r"^$?[]{}|\*+.".contains(character)
}

/// Parses the part after a backslash: a class, a character's code, or an escaped operator.
fn escaped(cursor: &mut Cursor<'_>, place: Cursor<'_>) -> Result<String, ApiError> {
    match cursor.next() {
        Some(class) if "dDsSwW".contains(class) => Ok(format!("\\{class}")),
        Some('x') => {
            let digits: String = cursor.rest().chars().take(2).collect();
            let code = u8::from_str_radix(&digits, 16)
                .ok()
                .filter(|code| digits.len() == 2 && code.is_ascii());
            let Some(code) = code else {
                return Err(place.fail("\\x needs two hexadecimal digits of an ASCII character"));
            };
            cursor.next();
            cursor.next();
            Ok(format!("\\x{code:02x}"))
        }
        // Only these characters have a special meaning.
        Some(character) if is_operator(character) || character == '-' => {
            Ok(format!("\\{character}"))
        }
        Some(character) if is_plain(character) && !character.is_ascii_alphanumeric() => {
            Ok(character.to_string())
        }
        _ => Err(place.fail(
            "a backslash must be followed by an operator, d, D, s, S, w, W or x with two digits",
        )),
    }
}
