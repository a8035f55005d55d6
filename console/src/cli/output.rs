//! Prints results to stdout: JSON documents, aligned tables, lines. A reader that went away is no error.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use serde::Serialize;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::message::Failure;

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// As JSON.
    pub(super) json: bool,
    is_colourful: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, is_colourful: !json && !no_color && io::stdout().is_terminal() }
    }

    /// `text` made faint, where colours are wanted.
    pub(super) fn faint(self, text: &str) -> String {
        if self.is_colourful { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints rows with their columns aligned, under a header.
    pub(super) fn table<const N: usize>(self, header: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
        let mut lines = align(header, rows).into_iter();
        let header = lines.next().unwrap_or_default();
        let mut text = self.faint(&header);
        for row in lines {
            text.push('\n');
            text.push_str(&row);
        }
        print_line(&text)
    }

    /// Prints a failure, to stdout as JSON or to stderr for people; with its exit code.
    pub(super) fn failure(self, failure: &Failure) -> ExitCode {
        if self.json {
            // When stdout is gone too, the exit code still tells.
            let _ = print_json(&json!({ "error": error(failure) }));
        } else {
            super::progress::failure(failure);
        }
        ExitCode::from(failure.kind.exit_code())
    }

    /// The end of a command that may have failed in part: with JSON the failure is in `document` already.
    pub(super) fn ended(self, failure: Option<&Failure>) -> ExitCode {
        let Some(failure) = failure else { return ExitCode::SUCCESS };
        if !self.json {
            super::progress::failure(failure);
        }
        ExitCode::from(failure.kind.exit_code())
    }
}

/// Prints one JSON document on a line of its own.
pub(super) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(document)
        .map_err(|error| Failure::work("could not print the result", error.to_string(), ""))?;
    print_line(&text)
}

/// Prints text and a line break.
pub(super) fn print_line(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Prints bytes as they are.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// A failure as it stands in JSON.
pub(super) fn error(failure: &Failure) -> Value {
    json!({ "what": failure.what, "why": failure.why, "hint": failure.hint })
}

/// `document` with the failure beside what was done.
pub(super) fn with_error(mut document: Value, failure: Option<&Failure>) -> Value {
    if let (Some(failure), Some(fields)) = (failure, document.as_object_mut()) {
        fields.insert("error".to_owned(), error(failure));
    }
    document
}

/// Bytes for people: `214 KB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{count} B"),
        10_000..=9_999_999 => format!("{} KB", count / 1000),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// RFC 3339 in UTC, of milliseconds since the Unix epoch.
pub(super) fn rfc3339(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string()
}

/// `2 min ago`, of milliseconds since the Unix epoch.
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
    let all: Vec<&[String; N]> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].width()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let aligned = |row: &&[String; N]| {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.trim_end().to_owned()
    };
    all.iter().map(aligned).collect()
}

/// A reader that went away has had enough: that is an end, not an error.
pub(super) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::work(BROKEN_PIPE, "", "")),
        Err(error) => Err(Failure::environment("could not print the result", error.to_string(), "")),
        Ok(()) => Ok(()),
    }
}

/// Marks the failure that is none.
const BROKEN_PIPE: &str = "the reader went away";

/// The command ended because nobody reads its output any more.
pub(super) fn is_broken_pipe(failure: &Failure) -> bool {
    failure.what == BROKEN_PIPE
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
    fn a_partial_failure_stands_beside_what_was_done() {
        let failure = Failure::work("a", "b", "c");
        let document = with_error(json!({"functions": []}), Some(&failure));
        assert_eq!(document.to_string(), r#"{"functions":[],"error":{"what":"a","why":"b","hint":"c"}}"#);
        assert_eq!(with_error(json!({"functions": []}), None).to_string(), r#"{"functions":[]}"#);
    }

    #[test]
    fn times_are_written_for_machines_and_for_people() {
        assert_eq!(rfc3339(1_250), "1970-01-01T00:00:01.25Z");
        assert_eq!(ago(0, 125_000), "2 min ago");
        assert_eq!(ago(0, 86_400_000 * 3), "3 d ago");
        assert_eq!(bytes(214_300), "214 KB");
    }
}
