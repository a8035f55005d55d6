//! Text in columns: measured, cut and padded by grapheme cluster.

use super::{clean, clean_start, clusters, is_plain};

const TAB_STOP: usize = 4;

/// Returns the clusters of clean text that begins at column `column` of its line, with their
/// columns: a tab as blanks up to the next stop, a line break as one.
pub fn cells(clean: &str, mut column: usize) -> impl Iterator<Item = (&str, usize)> {
    clusters(clean).flat_map(move |(cluster, columns)| {
        let (cluster, columns, times) = match cluster {
            "\t" => (" ", 1, TAB_STOP - column % TAB_STOP),
            "\n" => (" ", 1, 1),
            cluster => (cluster, columns, 1),
        };
        column += columns * times;
        std::iter::repeat_n((cluster, columns), times)
    })
}

/// Returns `text` cut to `width` columns, with `…` if something is cut off.
pub fn fit(text: &str, width: usize) -> String {
    let text = clean_start(without_end(text), width.saturating_add(1));
    if text.len() <= width && is_plain(&text) {
        return text.into_owned();
    }
    // End of the text that leaves room for the mark.
    let (mut shown, mut end, mut column) = (String::new(), 0, 0);
    for (cluster, columns) in cells(&text, 0) {
        column += columns;
        if column > width {
            shown.truncate(end);
            shown.extend((width > 0).then_some('…'));
            return shown;
        }
        shown.push_str(cluster);
        if column < width {
            end = shown.len();
        }
    }
    shown
}

/// Returns `text` cut or padded on the right to exactly `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    let mut text = fit(text, width);
    text.extend(std::iter::repeat_n(' ', width - columns(&text).min(width)));
    text
}

/// Returns `text` cut or padded on the left to exactly `width` columns.
pub fn pad_left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    format!("{}{text}", " ".repeat(width - columns(&text).min(width)))
}

/// Returns the width of `text` in columns.
pub fn columns(text: &str) -> usize {
    let text = clean(without_end(text));
    if is_plain(&text) { text.len() } else { cells(&text, 0).map(|(_, columns)| columns).sum() }
}

/// Returns `text` without the line breaks at its end.
pub fn without_end(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}

/// Returns `text` on one line: line breaks and tabs become blanks.
pub fn one_line(text: &str) -> String {
    clean(without_end(text)).replace(['\n', '\t'], " ")
}
