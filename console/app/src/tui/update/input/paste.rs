//! Pasted text as it was before a terminal or a multiplexer sent it.
//!
//! Between the marks of a bracketed paste, tmux with extended keys encodes a line break as the key
//! that makes one: `ESC [ 13 ; 1 u` or `ESC [ 106 ; 5 u`. Line breaks and tabs are decoded from
//! such keys. Other escape sequences are not text: they are removed as a whole, and so are control
//! characters.

use std::{borrow::Cow, str::Chars};

/// Returns the text that was pasted.
pub(crate) fn text_of(pasted: &str) -> Cow<'_, str> {
    if pasted.chars().all(is_text) {
        return Cow::Borrowed(pasted);
    }
    let mut text = String::with_capacity(pasted.len());
    let mut rest = pasted.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => text.extend(escape(&mut rest)),
            '\u{9b}' => text.extend(run(&mut rest)),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => string(&mut rest),
            character if is_text(character) => text.push(character),
            _ => {}
        }
    }
    Cow::Owned(text)
}

fn is_text(character: char) -> bool {
    !character.is_control() || matches!(character, '\n' | '\r' | '\t')
}

/// Skips an escape sequence after ESC. Returns the character that it encodes.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    let behind = rest.clone();
    match rest.next() {
        Some('[') => return run(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => string(rest),
        // A shift to another character set, and its one character.
        Some('N' | 'O') => skip(rest, |c| matches!(c, ' '..='~')),
        Some(' '..='/') => {
            while rest.clone().next().is_some_and(|c| matches!(c, ' '..='/')) {
                rest.next();
            }
            skip(rest, |c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {}
        // No sequence begins like this.
        _ => *rest = behind,
    }
    None
}

fn skip(rest: &mut Chars<'_>, is_of_it: impl Fn(char) -> bool) {
    if rest.clone().next().is_some_and(is_of_it) {
        rest.next();
    }
}

/// Skips the rest of a control sequence, up to its final letter. Returns the character that it
/// encodes.
fn run(rest: &mut Chars<'_>) -> Option<char> {
    let mut parameters = String::new();
    while let Some(character) = rest.clone().next().filter(|c| matches!(c, ' '..='?')) {
        parameters.push(character);
        rest.next();
    }
    let end = rest.clone().next().filter(|c| matches!(c, '@'..='~'))?;
    rest.next();
    // Of `code:other:base;modifiers:event`, the first of each is used.
    let number = |part: &str| part.split(':').next().and_then(|number| number.parse::<u32>().ok());
    let parts: Vec<&str> = parameters.split(';').collect();
    let (code, modifiers) = match (end, parts.as_slice()) {
        ('u', [code, modifiers @ ..]) => (number(code)?, modifiers.first().copied()),
        ('~', ["27", modifiers, code]) => (number(code)?, Some(*modifiers)),
        _ => return None,
    };
    let ctrl = modifiers.and_then(number).is_some_and(|sum| sum.saturating_sub(1) & 4 != 0);
    match (char::from_u32(code)?.to_ascii_lowercase(), ctrl) {
        ('\r', _) | ('m', true) => Some('\r'),
        ('\n', _) | ('j', true) => Some('\n'),
        ('\t', _) | ('i', true) => Some('\t'),
        _ => None,
    }
}

/// Skips a control string, up to BEL or ST. One that does not end on its line is not a control
/// string.
fn string(rest: &mut Chars<'_>) {
    let mut within = rest.clone();
    while let Some(character) = within.next() {
        match character {
            '\n' | '\r' => return,
            '\u{7}' | '\u{9c}' => {
                *rest = within;
                return;
            }
            '\u{1b}' if within.clone().next() == Some('\\') => {
                within.next();
                *rest = within;
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_make_a_line_break_are_line_breaks() {
        for (pasted, text) in [
            ("{\u{1b}[13;1u\"a\":1\u{1b}[106;5u}", "{\r\"a\":1\n}"),
            ("a\u{1b}[13ub\u{1b}[10uc\u{1b}[109;5ud", "a\rb\nc\rd"),
            ("a\u{1b}[27;5;106~b\u{1b}[27;1;13~c", "a\nb\rc"),
            ("a\u{9b}13;1ub", "a\rb"),
            ("a\u{1b}[13:13;1:1ub", "a\rb"),
            ("\u{1b}[9u\u{1b}[105;5u\u{1b}[27;5;105~x", "\t\t\tx"),
        ] {
            assert_eq!(text_of(pasted), text, "{pasted:?}");
        }
    }

    #[test]
    fn other_sequences_are_left_out_whole() {
        for (pasted, text) in [
            ("\u{1b}[31mred\u{1b}[0m\u{7}", "red"),
            ("a\u{1b}[120;5ub\u{1b}[27;5;120~c\u{1b}[3~d", "abcd"),
            ("a\u{1b}OAb\u{1b}[1;5Cc\u{1b}[?25hd\u{1b}(Be", "abcde"),
            ("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}b", "alinkb"),
            ("a\u{1b}Pq#0\u{1b}\\b\u{9d}0;t\u{9c}c", "abc"),
            ("a\u{1b}xb\u{0}\u{8}\u{7f}\u{84}c", "abc"),
            ("end\u{1b}", "end"),
            ("end\u{1b}[13;1", "end"),
            ("a\u{1b}[1é\u{1b}é", "aéé"),
            ("a\u{1b}]never ended\nb", "anever ended\nb"),
        ] {
            assert_eq!(text_of(pasted), text, "{pasted:?}");
        }
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "{\r\n\t\"né\": \"\u{202e}👩\u{200d}👧\u{feff}\"\n}", "13;1u [106;5u"]
        {
            assert!(matches!(text_of(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }
}
