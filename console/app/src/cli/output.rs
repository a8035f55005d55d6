//! Prints results to stdout: JSON documents, aligned tables, lines. A closed pipe is not an error.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use lambda_console_model::{
    Failure, FailureKind,
    text::{Cleaner, REPLACED, clean, columns, is_unsafe, one_line},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::tui::theme::Palette;

/// Returns the colours that the process's terminal supports.
pub(super) fn palette() -> Palette {
    Palette::of(|name| std::env::var(name).ok())
}

/// Format of results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// `true` to print JSON.
    pub(super) json: bool,
    is_colourful: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let palette = palette();
        Self {
            json,
            is_colourful: !json && !palette.none && palette.many && io::stdout().is_terminal(),
        }
    }

    /// Prints `faint` in grey if colours are enabled, then `text` and a line break.
    pub(super) fn print_faint(self, faint: &str, text: &str) -> Result<(), Failure> {
        // A grey that is readable on dark and light backgrounds; faint text is not, on all
        // terminals.
        let (begin, end) = if self.is_colourful { ("\x1b[38;5;244m", "\x1b[0m") } else { ("", "") };
        print(&format!("{begin}{}{end}{}\n", clean(faint), clean(text)))
    }

    /// Prints rows with aligned columns, under a header.
    pub(super) fn table<const N: usize>(
        self,
        header: [&str; N],
        rows: &[[String; N]],
    ) -> Result<(), Failure> {
        let lines = align(header, rows);
        let (header, rows) = lines.split_at(1.min(lines.len()));
        let rows = rows.iter().flat_map(|row| ["\n", row]).collect::<String>();
        self.print_faint(&header.concat(), &rows)
    }

    /// Prints a failure, to stdout as JSON or to stderr as text; returns its exit code.
    pub(super) fn failure(self, failure: &Failure) -> ExitCode {
        if self.json {
            // If stdout is closed too, the exit code still reports the failure.
            let _ = print_json(&json!({ "error": error(failure) }));
        } else {
            super::context::progress::failure(failure);
        }
        ExitCode::from(failure.kind.exit_code())
    }

    /// Ends a command that may have partly failed: with JSON, its document contains the failure
    /// already.
    pub(super) fn ended(self, failure: Option<&Failure>) -> ExitCode {
        let Some(failure) = failure else { return ExitCode::SUCCESS };
        if !self.json {
            super::context::progress::failure(failure);
        }
        ExitCode::from(failure.kind.exit_code())
    }
}

/// Prints one JSON document on a line of its own.
pub(super) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document)
        .map_err(|error| Failure::work("could not print the result", error.to_string(), ""))?;
    print(&(escaped(&text) + "\n"))
}

/// Escapes characters in JSON that could control a terminal. In valid JSON they only occur in
/// strings.
fn escaped(json: &str) -> Cow<'_, str> {
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_unsafe(character) {
            // Writing to a string cannot fail; none of them needs a surrogate.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Prints text, cleaned, and a line break.
pub(super) fn print_line(text: &str) -> Result<(), Failure> {
    print(&format!("{}\n", clean(text)))
}

fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints bytes unchanged: never use it for text from outside if standard output is a terminal.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// A response printed to a terminal: text is cleaned, and anything else is not shown.
#[derive(Default)]
pub(super) struct Shown {
    cleaner: Cleaner,
    /// The beginning of a character that is completed by the next bytes.
    cut: Vec<u8>,
}

impl Shown {
    /// Returns the visible part of the next bytes; `None` if they are not text.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<String> {
        self.cut.extend_from_slice(bytes);
        let end = match std::str::from_utf8(&self.cut) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        let rest = self.cut.split_off(end);
        // Text never contains NUL.
        let text = String::from_utf8(std::mem::replace(&mut self.cut, rest))
            .ok()
            .filter(|text| !text.contains('\0'))?;
        let mut shown = String::with_capacity(text.len());
        self.cleaner.push(&text, &mut shown);
        Some(shown)
    }

    /// Returns a replacement for a character that was not completed.
    pub(super) fn end(&self) -> String {
        (!self.cut.is_empty()).then_some(REPLACED).into_iter().collect()
    }
}

/// Returns a failure as JSON.
pub(super) fn error(failure: &Failure) -> Value {
    json!({ "what": failure.what, "why": failure.why, "hint": failure.hint })
}

/// Returns `document` with the failure beside its results.
pub(super) fn with_error(mut document: Value, failure: Option<&Failure>) -> Value {
    if let (Some(failure), Some(fields)) = (failure, document.as_object_mut()) {
        fields.insert("error".to_owned(), error(failure));
    }
    document
}

/// Formats milliseconds since the Unix epoch as RFC 3339 in UTC.
pub(super) fn rfc3339(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string()
}

/// Formats milliseconds since the Unix epoch as `2 min ago`.
pub(super) fn ago(then: i64, now: i64) -> String {
    let seconds = (now - then).max(0) / 1000;
    match seconds {
        0..=59 => "just now".to_owned(),
        60..=3_599 => format!("{} min ago", seconds / 60),
        3_600..=86_399 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn align<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let header = header.map(str::to_owned);
    // A row is one line, whatever its cells contain.
    let all: Vec<[String; N]> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| one_line(cell)))
        .collect();
    let width =
        |column: usize| all.iter().map(|row| columns(&row[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let aligned = |row: &[String; N]| {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width - columns(cell) + 2));
        }
        text.trim_end().to_owned()
    };
    all.iter().map(aligned).collect()
}

/// Treats a closed pipe as the end of the output, not as an error.
pub(super) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            let failure = Failure::work("could not print", "the reader closed the output", "");
            Err(Failure { kind: FailureKind::OutputClosed, ..failure })
        }
        Err(error) => {
            Err(Failure::environment("could not print the result", error.to_string(), ""))
        }
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["héllo".to_owned(), "1".to_owned()], ["x".to_owned(), "22".to_owned()]];
        assert_eq!(align(["name", "n"], &rows), ["name   n", "héllo  1", "x      22"]);
    }

    #[test]
    fn a_cell_can_forge_no_row_and_is_measured_as_it_is_drawn() {
        let rows = [
            ["日本\nb".to_owned(), "\u{1b}[1A\u{1b}[2Kx\u{202e}".to_owned()],
            ["⚠\u{fe0f}".into(), "y".into()],
        ];
        assert_eq!(
            align(["n", "d"], &rows),
            ["n       d", "日本 b  x\u{fffd}", "⚠\u{fe0f}      y"]
        );
    }

    #[test]
    fn json_stays_the_same_value_and_drives_no_terminal() {
        let text = "a\u{1b}[2J\u{9b}\u{7f}\u{202e}\n日";
        let json = serde_json::to_string(text).unwrap();
        let escaped = escaped(&json);
        assert_eq!(escaped, r#""a\u001b[2J\u009b\u007f\u202e\n日""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }

    #[test]
    fn a_response_is_cleaned_on_a_terminal_whatever_cuts_it() {
        let text = "gr\u{fc}n \u{1b}]52;c;aGk=\u{7}ok\u{9b}2J\r\n日";
        for cut in 0..=text.len() {
            let mut shown = Shown::default();
            let (first, second) = text.as_bytes().split_at(cut);
            let all =
                [shown.next(first).unwrap(), shown.next(second).unwrap(), shown.end()].concat();
            assert_eq!(all, "gr\u{fc}n ok\n日", "cut at {cut}");
        }
        assert_eq!(Shown::default().next(b"PK\x03\xff\xfe"), None);
        assert_eq!(Shown::default().next(b"a\0b"), None);
        let mut cut = Shown::default();
        assert_eq!((cut.next(b"gr\xc3").as_deref(), cut.end().as_str()), (Some("gr"), "\u{fffd}"));
    }

    #[test]
    fn a_partial_failure_stands_beside_what_was_done() {
        let failure = Failure::work("a", "b", "c");
        let document = with_error(json!({"functions": []}), Some(&failure));
        assert_eq!(
            document.to_string(),
            r#"{"functions":[],"error":{"what":"a","why":"b","hint":"c"}}"#
        );
        assert_eq!(with_error(json!({"functions": []}), None).to_string(), r#"{"functions":[]}"#);
    }

    #[test]
    fn times_are_written_for_machines_and_for_people() {
        assert_eq!(rfc3339(1_250), "1970-01-01T00:00:01.25Z");
        assert_eq!(ago(0, 125_000), "2 min ago");
        assert_eq!(ago(0, 86_400_000 * 3), "3 d ago");
    }
}
