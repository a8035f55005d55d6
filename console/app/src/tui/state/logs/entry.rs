//! A line in the ring, and its kind.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use lambda_console_model::{
    LogLine,
    text::{clean, without_end},
};

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Written by the function.
    Plain,
    /// Written by the function; reports an error.
    Error,
    /// Written by the function; reports a warning.
    Warning,
    /// Written by the platform when a sandbox starts and requests start and end.
    Platform,
    /// The figures of a request.
    Report,
    /// Added by the console: lines were missed, and how many were filled in.
    Mark,
}

/// A line in the ring: repeated texts are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The function's name.
    pub function: Arc<str>,
    /// The log stream.
    pub stream: Arc<str>,
    /// Rank among the lines of its stream with this timestamp.
    pub rank: i64,
    /// Request ID.
    pub request_id: Option<Arc<str>>,
    /// Kind of the line.
    pub kind: Kind,
    /// The line as written.
    pub message: Box<str>,
    /// The line as shown.
    pub(super) shown: Shown,
}

/// Texts of a line that other entries have already; `None` for one that none has.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) function: Option<Arc<str>>,
    pub(super) stream: Option<Arc<str>>,
    pub(super) request_id: Option<Arc<str>>,
}

/// A line as shown. Most lines are shown as they are, less the line break at their end: these are
/// not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The first bytes of the message.
    Start(usize),
    /// Another text.
    Cleaned(Box<str>),
}

impl Shown {
    fn text<'t>(&'t self, message: &'t str) -> &'t str {
        match self {
            Self::Start(end) => message.get(..*end).unwrap_or(message),
            Self::Cleaned(text) => text,
        }
    }
}

impl Entry {
    /// Creates an entry that shares these texts with others.
    pub(super) fn new(line: LogLine, shared: Shared) -> Self {
        let shown = match clean(without_end(&line.message)) {
            Cow::Borrowed(text) if line.message.starts_with(text) => Shown::Start(text.len()),
            text => Shown::Cleaned(text.into()),
        };
        let kind = kind(shown.text(&line.message));
        Self {
            timestamp: line.timestamp,
            function: shared.function.unwrap_or_else(|| line.function.into()),
            stream: shared.stream.unwrap_or_else(|| line.stream.into()),
            rank: line.rank,
            request_id: shared.request_id.or_else(|| line.request_id.map(Into::into)),
            kind,
            message: line.message.into_boxed_str(),
            shown,
        }
    }

    /// Returns the line as shown and searched: without characters that would control the terminal.
    /// May have several lines.
    pub fn text(&self) -> &str {
        self.shown.text(&self.message)
    }

    /// Returns the size of the line in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.message.len() + if let Shown::Cleaned(text) = &self.shown { text.len() } else { 0 }
    }

    /// Returns `true` if its timestamp is the time at which it was written; a line from a response
    /// has none.
    pub fn is_timed(&self) -> bool {
        self.kind == Kind::Mark || !self.stream.is_empty()
    }

    /// Compares lines by time, then by function and stream, and within a stream by rank.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }

    /// Returns the key that [`Self::order`] compares.
    pub(super) fn place(&self) -> (i64, &str, &str, i64) {
        (self.timestamp, &self.function, &self.stream, self.rank)
    }
}

/// Determines the kind of a cleaned line. Errors and warnings are recognised by the level that
/// loggers write first.
pub(super) fn kind(message: &str) -> Kind {
    let starts = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
    if starts(&["REPORT RequestId:"]) {
        return Kind::Report;
    }
    if starts(&[
        "START RequestId:",
        "END RequestId:",
        "INIT_START ",
        "RESTORE_START ",
        "RESTORE_REPORT ",
    ]) {
        return Kind::Platform;
    }
    let head = message.get(..message.floor_char_boundary(160)).unwrap_or_default();
    let contains = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if message.starts_with('{') && contains(&["\"platform."]) {
        return if contains(&["\"platform.report\""]) { Kind::Report } else { Kind::Platform };
    }
    if starts(&["INIT_REPORT "]) {
        return if contains(&["Status: "]) { Kind::Error } else { Kind::Platform };
    }
    if contains(&[
        "ERROR",
        "\"level\":\"error\"",
        "panicked at",
        "Task timed out",
        "Runtime exited",
        "errorType",
    ]) {
        Kind::Error
    } else if contains(&["WARN", "\"level\":\"warn"]) {
        Kind::Warning
    } else {
        Kind::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_lines_are_recognised_as_text_and_as_json() {
        for (line, expected) in [
            ("REPORT RequestId: a\tDuration: 1 ms", Kind::Report),
            (r#"{"time":"t","type":"platform.report","record":{"requestId":"a"}}"#, Kind::Report),
            ("START RequestId: a Version: 1", Kind::Platform),
            ("RESTORE_START Runtime Version: x", Kind::Platform),
            (r#"{"time":"t","type":"platform.initStart","record":{}}"#, Kind::Platform),
            ("INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout", Kind::Error),
            ("INIT_REPORT Init Duration: 150.79 ms\tPhase: init", Kind::Platform),
            (r#"{"timestamp":"t","level":"ERROR","message":"x"}"#, Kind::Error),
            (r#"{"message":"see platform.report"}"#, Kind::Plain),
            ("WARN retrying", Kind::Warning),
        ] {
            assert_eq!(kind(line), expected, "{line}");
        }
    }
}
