//! Text for cells: cleaned, measured and cut by grapheme cluster, as the terminal draws it; and
//! short formats of times.

mod field;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use lambda_console_model::text::{cells, clean, clean_start, is_plain, without_end};
use ratatui::{
    buffer::Buffer,
    style::Style,
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;

pub(crate) use field::field;
pub(super) use lambda_console_model::text::{
    bytes, columns, count, counted, duration, fit, pad, pad_left,
};

/// Returns the columns `left..left + width` of styled pieces on one line.
pub(super) fn window<'a>(
    pieces: impl IntoIterator<Item = (&'a str, Style)>,
    left: usize,
    width: usize,
) -> Line<'static> {
    let right = left.saturating_add(width);
    let mut column = 0;
    let mut spans = Vec::new();
    'pieces: for (text, style) in pieces {
        let mut shown = String::new();
        let text = clean_start(without_end(text), right - column.min(right));
        if is_plain(&text) {
            let (from, to) =
                (left.saturating_sub(column), right.saturating_sub(column).min(text.len()));
            shown.push_str(text.get(from..to).unwrap_or_default());
            spans.push(Span::styled(shown, style));
            if column + text.len() > right {
                break;
            }
            column += text.len();
            continue;
        }
        for (cluster, columns) in cells(&text, column) {
            let (start, end) = (column, column + columns);
            if start >= right {
                spans.push(Span::styled(shown, style));
                break 'pieces;
            }
            column = end;
            if end <= left {
                // Left of the window.
            } else if start < left || end > right {
                // A cluster cut by an edge is replaced by blanks.
                shown.extend(std::iter::repeat_n(' ', end.min(right) - start.max(left)));
            } else {
                shown.push_str(cluster);
            }
        }
        spans.push(Span::styled(shown, style));
    }
    spans.retain(|span| !span.content.is_empty());
    Line::from(spans)
}

/// Draws a line, cleaned; returns the column after it.
pub(super) fn put_line(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    line: &Line<'_>,
    width: u16,
) -> u16 {
    let style = line.style;
    let pieces = || line.spans.iter().map(|span| (&*span.content, style.patch(span.style)));
    put_pieces(buffer, (x, y), pieces, usize::from(width))
}

/// Draws text, cleaned; returns the column after it.
pub(super) fn put(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    text: impl AsRef<str>,
    width: usize,
    style: Style,
) -> u16 {
    put_pieces(buffer, (x, y), || std::iter::once((text.as_ref(), style)), width)
}

/// Draws pieces of text, cleaned; returns the column after them.
fn put_pieces<'a, I: Iterator<Item = (&'a str, Style)>>(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    pieces: impl Fn() -> I,
    width: usize,
) -> u16 {
    let mut column = x;
    let mut put_clean = |text: &str, style| {
        let left = width.saturating_sub(usize::from(column.saturating_sub(x)));
        column = if is_plain(text) {
            put_plain(buffer, (column, y), text, left, style)
        } else {
            buffer.set_stringn(column, y, text, left, style).0
        };
    };
    if pieces().all(|(text, _)| is_plain(text)) {
        pieces().for_each(|(text, style)| put_clean(text, style));
    } else {
        let shown = window(pieces(), 0, width);
        shown.spans.iter().for_each(|span| put_clean(&span.content, span.style));
    }
    column
}

/// Draws text of which each byte is a cluster of one column, as `Buffer::set_stringn` does, which
/// would look for clusters; returns the column after it.
fn put_plain(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    plain: &str,
    width: usize,
    style: Style,
) -> u16 {
    let width = width.min(usize::from(buffer.area.right().saturating_sub(x))).min(plain.len());
    if width == 0 {
        return x;
    }
    let from = buffer.index_of(x, y);
    for (cell, byte) in buffer.content[from..from + width].iter_mut().zip(plain.bytes()) {
        cell.set_char(char::from(byte)).set_style(style);
    }
    x + width as u16
}

/// Returns the width of `line` in columns.
pub(super) fn line_columns(line: &Line<'_>) -> usize {
    line.spans.iter().map(|span| columns(&span.content)).sum()
}

/// Wraps `text` into lines of at most `width` columns, at spaces if there are any. A cluster that
/// is wider is put on a line of its own: only spaces are lost.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in clean(text).lines() {
        let mut broken = Broken::default();
        for (cluster, columns) in cells(paragraph, 0) {
            broken.push(cluster, columns, width, &mut lines);
        }
        if !broken.line.is_empty() || !broken.goes_on {
            lines.push(broken.line);
        }
    }
    lines
}

/// The line that [`wrap`] fills.
#[derive(Default)]
struct Broken {
    line: String,
    column: usize,
    /// Bytes and columns up to the last space after a word, where the line can be broken.
    space: Option<(usize, usize)>,
    has_word: bool,
    /// `true` if the previous line was full.
    goes_on: bool,
}

impl Broken {
    fn push(&mut self, cluster: &str, columns: usize, width: usize, lines: &mut Vec<String>) {
        let is_space = cluster == " ";
        if is_space && (self.column + columns > width || (self.goes_on && self.column == 0)) {
            // Spaces at an edge become the line break.
            if self.column > 0 {
                self.end(self.line.len(), self.column, lines);
            }
            return;
        }
        while self.column + columns > width && self.column > 0 {
            let (bytes, to) = self.space.unwrap_or((self.line.len(), self.column));
            self.end(bytes, to, lines);
        }
        self.line.push_str(cluster);
        self.column += columns;
        self.has_word |= !is_space;
        if is_space && self.has_word {
            self.space = Some((self.line.len(), self.column));
        }
    }

    /// Ends the line after these bytes and columns; the rest begins the next line.
    fn end(&mut self, bytes: usize, columns: usize, lines: &mut Vec<String>) {
        let rest = self.line.split_off(bytes);
        let mut full = std::mem::replace(&mut self.line, rest);
        while full.graphemes(true).next_back() == Some(" ") {
            full.pop();
        }
        lines.push(full);
        self.column -= columns;
        (self.space, self.has_word, self.goes_on) = (None, !self.line.is_empty(), true);
    }
}

/// Wraps `text` into at most `max` lines of at most `width` columns, broken where they are full. A
/// cluster that is wider is put on a line of its own: nothing is lost before the last line.
pub(super) fn rows(text: &str, width: usize, max: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for paragraph in clean_start(text, width.saturating_add(1).saturating_mul(max)).lines() {
        let (mut row, mut column) = (String::new(), 0);
        for (cluster, columns) in cells(paragraph, 0) {
            if column > 0 && column + columns > width {
                rows.push(std::mem::take(&mut row));
                column = 0;
            }
            row.push_str(cluster);
            column += columns;
            if rows.len() >= max {
                return rows;
            }
        }
        rows.push(row);
    }
    rows.truncate(max);
    rows
}

/// Formats the time since `then`: `now`, `2m ago`, `3h ago`, `4d ago`. At least a minute, because
/// an idle screen is drawn only once a minute.
pub(super) fn age(then: i64, now: i64) -> String {
    match (now - then) / 60_000 {
        ..=0 => "now".into(),
        minutes @ 1..60 => format!("{minutes}m ago"),
        minutes @ 60..2880 => format!("{}h ago", minutes / 60),
        minutes => format!("{}d ago", minutes / 1440),
    }
}

/// Returns local hours, minutes, seconds and milliseconds of a time of day.
pub(super) fn clock(at: i64, utc_offset: i32) -> (i64, i64, i64, i64) {
    let ms = (at + i64::from(utc_offset) * 1000).rem_euclid(86_400_000);
    (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
