//! Text for cells: cut to columns, cleaned of what could break the screen, and figures in few characters.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for a character that must not reach the terminal.
const REPLACED: char = '\u{fffd}';
const TAB_STOP: usize = 4;

/// The characters of `text` as they may reach the terminal: escape sequences are left out, tabs are left to the
/// caller, what controls or reorders is replaced.
fn clean(text: &str) -> impl Iterator<Item = char> + '_ {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            let character = rest.next()?;
            match character {
                '\u{1b}' => match rest.next_if(|&next| next == '[' || next == ']') {
                    // A control sequence ends with a letter; a title or link with BEL or ESC \.
                    Some('[') => while rest.next().is_some_and(|next| !('\u{40}'..='\u{7e}').contains(&next)) {},
                    Some(_) => {
                        while let Some(next) = rest.next() {
                            if next == '\u{7}' || (next == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                                break;
                            }
                        }
                    }
                    None => return Some(REPLACED),
                },
                '\r' if rest.peek().is_none() => {}
                '\t' => return Some('\t'),
                '\u{200b}' | '\u{feff}' | '\u{ad}' => {}
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => return Some(REPLACED),
                character if character.is_control() => return Some(REPLACED),
                character => return Some(character),
            }
        }
    })
}

/// The columns `left..left + width` of styled pieces that follow each other on one line.
pub(super) fn window<'a>(
    pieces: impl IntoIterator<Item = (&'a str, Style)>,
    left: usize,
    width: usize,
) -> Line<'static> {
    let right = left.saturating_add(width);
    let mut column = 0;
    let mut spans = Vec::new();
    // Characters without width could make a line without end.
    let mut budget = width * 8;
    'pieces: for (text, style) in pieces {
        let mut shown = String::new();
        for character in clean(text) {
            let (character, cells) = match character {
                '\t' => (' ', TAB_STOP - column % TAB_STOP),
                character => (character, character.width().unwrap_or(0)),
            };
            let (start, end) = (column, column + cells);
            if (start >= right && cells > 0) || budget == 0 {
                spans.push(Span::styled(shown, style));
                break 'pieces;
            }
            column = end;
            if end <= left {
                // Left of the window; so is a mark on what is left of it.
            } else if start < left || end > right || (character == ' ' && cells > 1) {
                shown.extend(std::iter::repeat_n(' ', end.min(right) - start.max(left)));
            } else {
                shown.push(character);
                budget -= 1;
            }
        }
        spans.push(Span::styled(shown, style));
    }
    spans.retain(|span| !span.content.is_empty());
    Line::from(spans)
}

/// `text` cut to `width` columns, with `…` where something is cut off.
pub(super) fn fit(text: &str, width: usize) -> String {
    let cut = |width| window([(text, Style::new())], 0, width).spans.pop().map_or_else(String::new, own);
    let all = cut(width + 1);
    if all.width() <= width {
        return all;
    }
    match width {
        0 => String::new(),
        width => format!("{}…", cut(width - 1)),
    }
}

fn own(span: Span<'_>) -> String {
    span.content.into_owned()
}

/// `text` cut or padded on the right to exactly `width` columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let mut text = fit(text, width);
    text.extend(std::iter::repeat_n(' ', width - text.width().min(width)));
    text
}

/// `text` cut or padded on the left to exactly `width` columns.
pub(super) fn pad_left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    format!("{}{text}", " ".repeat(width - text.width().min(width)))
}

/// How many columns `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in lines of at most `width` columns, broken at spaces where it has some.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let mut word = fit(word, 10_000);
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            while word.width() > width {
                let mut cells = 0;
                let fitting = |character: &char| {
                    cells += character.width().unwrap_or(0);
                    cells <= width
                };
                // At least one character a line, however narrow.
                let head = word.chars().take_while(fitting).map(char::len_utf8).sum::<usize>();
                let head = head.max(word.chars().next().map_or(0, char::len_utf8));
                let rest = word.split_off(head);
                lines.push(std::mem::replace(&mut word, rest));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// `3.10 ms`, `120 ms`, `12.3 s`, `2 m 3 s`.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1000.0),
        ms => format!("{:.0} m {:.0} s", (ms / 60_000.0).floor(), (ms / 1000.0) % 60.0),
    }
}

/// `214K`, `1.2M`.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes < 1024.0 => format!("{bytes:.0}B"),
        bytes if bytes < 1024.0 * 1024.0 => format!("{:.0}K", bytes / 1024.0),
        bytes => format!("{:.1}M", bytes / 1024.0 / 1024.0),
    }
}

/// How long ago `then` was: `now`, `2m ago`, `3h ago`, `4d ago`. In minutes at least, for the screen is only drawn
/// once a minute while nothing happens.
pub(super) fn age(then: i64, now: i64) -> String {
    match (now - then) / 60_000 {
        ..=0 => "now".into(),
        minutes @ 1..60 => format!("{minutes}m ago"),
        minutes @ 60..2880 => format!("{}h ago", minutes / 60),
        minutes => format!("{}d ago", minutes / 1440),
    }
}

/// Local hours, minutes, seconds and milliseconds of a time of day.
pub(super) fn clock(at: i64, utc_offset: i32) -> (i64, i64, i64, i64) {
    let ms = (at + i64::from(utc_offset) * 1000).rem_euclid(86_400_000);
    (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// Digits in groups of three: `100,000`.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, left: usize, width: usize) -> String {
        window([(text, Style::new())], left, width).to_string()
    }

    #[test]
    fn nothing_that_controls_the_terminal_gets_through() {
        assert_eq!(plain("a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}b", 0, 20), "aredb");
        assert_eq!(plain("\u{1b}c\u{7}\u{9b}2J\u{202e}x", 0, 20), "\u{fffd}c\u{fffd}\u{fffd}2J\u{fffd}x");
        assert_eq!(plain("cut\u{1b}[", 0, 20), "cut");
        assert_eq!(plain("line\r", 0, 20), "line");
    }

    #[test]
    fn a_window_cuts_columns_not_bytes() {
        assert_eq!(plain("日本語", 0, 4), "日本");
        assert_eq!(plain("日本語", 0, 3), "日 ");
        assert_eq!(plain("日本語", 1, 4), " 本 ");
        assert_eq!(plain("a\tb", 0, 9), "a   b");
        assert_eq!(plain("a\tb", 2, 9), "  b");
        assert_eq!(plain("e\u{301}x", 0, 1), "e\u{301}");
        assert_eq!(plain("abc", 5, 4), "");
        assert!(plain(&format!("a{}", "\u{301}".repeat(1_000_000)), 0, 10).len() < 200);
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        assert_eq!(fit("backend", 7), "backend");
        assert_eq!(fit("ws-connect", 7), "ws-con…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("x", 0), "");
        assert_eq!(pad("日本", 6), "日本  ");
        assert_eq!(pad_left("ab", 4), "  ab");
    }

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("a\nb", 3), ["a", "b"]);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(duration(3.1), "3.10 ms");
        assert_eq!(duration(123_000.0), "2 m 3 s");
        assert_eq!(bytes(219_136), "214K");
        assert_eq!(age(0, 59_999), "now");
        assert_eq!(age(0, 120_000), "2m ago");
        assert_eq!(count(100_000), "100,000");
        assert_eq!(count(7), "7");
        assert_eq!(clock(3_600_001, 3600), (2, 0, 0, 1));
    }
}
