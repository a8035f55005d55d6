//! Text from outside, cleaned for the terminal, and its width on a terminal.
//!
//! Text is stored, copied and sent unchanged, and shown through [`clean`]: a function, a stage, a
//! file or a tool must neither control the terminal nor forge its content.

mod columns;
mod encoding;
mod excerpt;
mod figure;
mod nearest;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub use columns::{cells, columns, fit, one_line, pad, pad_left, without_end};
pub use encoding::decode;
pub use excerpt::{bounded, excerpt};
pub use figure::{bytes, count, counted, duration};
pub use nearest::nearest;

/// Replacement for a character that must not reach the terminal.
pub const REPLACED: char = '\u{fffd}';
/// Maximum size of one grapheme cluster in bytes: twice the longest emoji, and more marks than any
/// script puts on a letter.
const LONGEST_CLUSTER: usize = 64;

/// Returns `text` safe to show: of control characters only tabs and line breaks are kept (each line
/// break as `\n`), escape sequences are removed as a whole, and characters that control or reorder
/// are replaced. Invisible characters without effect are removed. Idempotent.
pub fn clean(text: &str) -> Cow<'_, str> {
    // Most text. A fold without an early exit is compiled to fast code.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\t' | b'\n'))
        || text
            .chars()
            .all(|character| is_cluster_alone(character) && shown(character) == Some(character))
    {
        return Cow::Borrowed(text);
    }
    let mut cleaner = Cleaner::default();
    let shown = match text
        .char_indices()
        .find(|(_, character)| cleaner.pass(*character) != Some(*character))
    {
        None => Cow::Borrowed(text),
        Some((from, _)) => {
            let mut shown = String::with_capacity(text.len());
            let (plain, rest) = text.split_at(from);
            shown.push_str(plain);
            Cleaner::default().push(rest, &mut shown);
            Cow::Owned(shown)
        }
    };
    without_piles(shown)
}

/// Like [`clean`], but keeps colours, and resets them at the end.
pub fn clean_but_colours(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default();
    if first.len() == text.len() {
        return clean(text);
    }
    let mut shown = String::with_capacity(text.len());
    // A piece without a colour before it continues the text before: it may be part of a sequence
    // that began there.
    let (mut plain, mut is_coloured) = (first.to_owned(), false);
    for piece in pieces {
        let Some((colour, rest)) = colour(piece) else {
            plain.push('\u{1b}');
            plain.push_str(piece);
            continue;
        };
        shown.push_str(&clean(&plain));
        shown.push('\u{1b}');
        shown.push_str(colour);
        is_coloured = !matches!(colour, "[m" | "[0m");
        plain.clear();
        plain.push_str(rest);
    }
    shown.push_str(&clean(&plain));
    if is_coloured {
        shown.push_str("\u{1b}[0m");
    }
    Cow::Owned(shown)
}

/// Returns the colour that a piece after an escape character begins with (`[1;31m`), and the rest.
fn colour(piece: &str) -> Option<(&str, &str)> {
    let parameters = piece.strip_prefix('[')?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    let is_colour = parameters.get(end..)?.starts_with('m');
    is_colour.then(|| piece.split_at(end + 2))
}

/// Returns the beginning of `text`, cleaned: at least `columns` columns and what follows them, if
/// there are that many. The rest is not read, so that a line of a megabyte costs only its visible
/// part.
pub fn clean_start(text: &str, columns: usize) -> Cow<'_, str> {
    let mut bytes = columns.saturating_mul(4).saturating_add(LONGEST_CLUSTER);
    loop {
        let end = text.floor_char_boundary(bytes);
        let shown = clean(text.get(..end).unwrap_or(text));
        let is_enough = || {
            let most = columns + 2;
            if is_plain(&shown) {
                shown.len() > most
            } else {
                clusters(&shown).take(most + 1).count() > most
            }
        };
        // The last cluster may continue after the end.
        if end == text.len() || is_enough() {
            return shown;
        }
        bytes = bytes.saturating_mul(4);
    }
}

/// Returns the grapheme clusters of text, with the columns in which ratatui, and so the terminal,
/// draws them. Tabs and line breaks have no columns.
pub fn clusters(clean: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = clean;
    std::iter::from_fn(move || {
        let (cluster, behind) = rest.split_at_checked(first_cluster(rest))?;
        rest = behind;
        match cluster.as_bytes() {
            [] => None,
            [b' '..=b'~'] => Some((cluster, 1)),
            // ratatui neither draws nor measures control characters.
            _ if cluster.contains(char::is_control) => Some((cluster, 0)),
            _ => Some((cluster, cluster.width() + sound_marks(cluster))),
        }
    })
}

/// Returns the length of the first cluster in bytes.
fn first_cluster(text: &str) -> usize {
    let mut characters = text.chars();
    match characters.next() {
        None => 0,
        // `\r\n` is one cluster.
        Some(first)
            if first != '\r'
                && is_cluster_alone(first)
                && characters.next().is_none_or(is_cluster_alone) =>
        {
            first.len_utf8()
        }
        Some(_) => text.graphemes(true).next().map_or(0, str::len),
    }
}

/// Returns `true` if each byte of `clean` is a cluster of one column.
pub fn is_plain(clean: &str) -> bool {
    clean.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// Counts the halfwidth sound marks of Japanese in `cluster`: Unicode joins them with the character
/// before, terminals and ratatui give each a column.
fn sound_marks(cluster: &str) -> usize {
    cluster.chars().filter(|character| matches!(character, '\u{ff9e}' | '\u{ff9f}')).count()
}

/// Returns `true` if `character` could control a terminal or reorder its content.
pub const fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Cleans text that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cleaner(Within);

/// Sequence that the next character is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// After a carriage return that was a line break: a line feed after it is part of the same one.
    Return,
    /// After ESC.
    Escape,
    /// After ESC and the designation of a character set.
    Designation,
    /// A control sequence (CSI): up to its final letter.
    Sequence,
    /// A control string (OSC, DCS, SOS, PM, APC): up to BEL or ST.
    String,
    /// After an ESC in a control string: a backslash ends it.
    StringEscape,
}

impl Cleaner {
    /// Appends the visible part of the next piece to `shown`.
    pub fn push(&mut self, piece: &str, shown: &mut String) {
        shown.extend(piece.chars().filter_map(|character| self.pass(character)));
    }

    /// Returns the visible form of the next character.
    fn pass(&mut self, character: char) -> Option<char> {
        let within = std::mem::take(&mut self.0);
        self.0 = match (within, character) {
            (Within::Escape, '[') | (Within::Sequence, ' '..='?') => Within::Sequence,
            (Within::Escape, ']' | 'P' | 'X' | '^' | '_') => Within::String,
            (Within::Escape | Within::Designation, ' '..='/') => Within::Designation,
            // The removed part ends here.
            (Within::Return, '\n')
            | (Within::Escape | Within::Designation, '0'..='~')
            | (Within::Sequence, '@'..='~')
            | (Within::String, '\u{7}' | '\u{18}' | '\u{1a}' | '\u{9c}')
            | (Within::StringEscape, '\\') => return None,
            (Within::String, '\u{1b}') => Within::StringEscape,
            (Within::StringEscape, character) => {
                self.0 = Within::Escape;
                return self.pass(character);
            }
            // A control string that is not terminated ends with its line, so that it hides no more.
            (Within::String, character) if break_of(character).is_none() => Within::String,
            (_, '\u{1b}') => Within::Escape,
            (_, '\u{9b}') => Within::Sequence,
            (_, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}') => Within::String,
            (_, '\r') => {
                self.0 = Within::Return;
                return Some('\n');
            }
            (_, character) => return shown(character),
        };
        None
    }
}

/// Returns the line break for `character`.
const fn break_of(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        _ => None,
    }
}

/// Returns the visible form of a character.
fn shown(character: char) -> Option<char> {
    match character {
        ' '..='~' | '\t' => Some(character),
        _ if break_of(character).is_some() => break_of(character),
        _ if is_unsafe(character) => Some(REPLACED),
        // Invisible, and never part of a cluster.
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e001f}'
        | '\u{e0080}'..='\u{e00ff}'
        | '\u{e01f0}'..='\u{e0fff}' => None,
        _ => Some(character),
    }
}

/// Returns `text` with marks without a base character replaced, because terminals draw them
/// differently and they would join text that is put before; and with overlong clusters cut: a
/// million marks on a letter would be an endless line.
fn without_piles(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.chars().all(is_cluster_alone) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut begins = true;
    for (cluster, columns) in clusters(&text) {
        if matches!(cluster, "\t" | "\n") {
            shown.push_str(cluster);
        } else if columns == 0 || (begins && joins(cluster)) {
            shown.push(REPLACED);
        } else if cluster.len() > LONGEST_CLUSTER {
            let end = cluster.floor_char_boundary(LONGEST_CLUSTER - REPLACED.len_utf8());
            let head = cluster.get(..end).unwrap_or_default();
            let is_drawn = |(_, columns): &(&str, usize)| *columns > 0;
            shown.extend(clusters(head).filter(is_drawn).map(|(cluster, _)| cluster));
            shown.push(REPLACED);
        } else {
            shown.push_str(cluster);
        }
        begins = matches!(cluster, "\t" | "\n");
    }
    if shown == text { text } else { Cow::Owned(shown) }
}

/// Returns `true` if `cluster` becomes part of a blank before it.
fn joins(cluster: &str) -> bool {
    let first = cluster.chars().next();
    first.is_some_and(|first| [' ', first].iter().collect::<String>().graphemes(true).count() == 1)
}

/// Returns `true` if `character` is from a common range in which each character is a cluster of its
/// own with a width.
const fn is_cluster_alone(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{ff}'
            | '\u{100}'..='\u{2ff}'
            | '\u{370}'..='\u{482}'
            | '\u{2010}'..='\u{2027}'
            | '\u{2030}'..='\u{205e}'
            | '\u{2190}'..='\u{25ff}'
            | '\u{3000}'..='\u{3029}'
            | '\u{3041}'..='\u{3096}'
            | '\u{309b}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{ff01}'..='\u{ff9d}'
            | '\u{fffd}'
    )
}
