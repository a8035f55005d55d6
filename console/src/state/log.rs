//! Log lines: a ring bounded in lines and bytes, and an index of those that the filter lets through.
//!
//! The index grows with the lines: a batch costs what the batch holds, never what the ring holds. A new
//! filter is searched newest line first and in slices, so that no key waits for it.

mod filter;

use std::{collections::VecDeque, sync::Arc};

pub use filter::{Filter, contains as filter_contains, find as filter_find};

use super::LogLine;

/// The most lines that are held.
pub const MOST_LINES: usize = 100_000;
/// The most bytes of messages that are held.
const MOST_BYTES: usize = 64 << 20;
/// What one slice of a search judges at most: well under a millisecond's worth.
const SLICE_LINES: usize = 5_000;
const SLICE_BYTES: usize = 1 << 19;

/// What a line is to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The function wrote it.
    Plain,
    /// The function wrote it, and it tells of an error.
    Error,
    /// The function wrote it, and it warns.
    Warning,
    /// `INIT_START`, START or END.
    Platform,
    /// REPORT.
    Report,
}

/// A line as it is held: texts that repeat are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The function's name.
    pub function: Arc<str>,
    /// The request that it belongs to.
    pub request_id: Option<Arc<str>>,
    /// What it is.
    pub kind: Kind,
    /// The line.
    pub message: Box<str>,
}

/// The ring, its filter, and where the view of it stands.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    entries: VecDeque<Entry>,
    /// Lines dropped from the front so far: the number of the first line held. Numbers never repeat.
    dropped: u64,
    bytes: usize,
    filter: Filter,
    /// Numbers of the lines that the filter lets through, ascending; unused when it lets all through.
    matches: VecDeque<u64>,
    /// Every line from this number on is judged.
    judged_from: u64,
    /// Lines of all functions are shown, not only those of the selected one.
    pub all_functions: bool,
    /// An [`crate::message::Effect::Continue`] is on its way, to search the next slice.
    pub continuing: bool,
    /// The last line shown; none: the newest, whatever comes.
    pub anchor: Option<u64>,
    /// Long lines are broken.
    pub wrap: bool,
    /// First column shown, when they are not.
    pub left: usize,
}

impl Logs {
    /// Adds lines, oldest first.
    pub fn push(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            let last = self.entries.back();
            let function = match last {
                Some(last) if *last.function == *line.function => last.function.clone(),
                _ => line.function.into(),
            };
            let request_id = line.request_id.map(|id| match last.and_then(|last| last.request_id.as_ref()) {
                Some(known) if **known == *id => known.clone(),
                _ => id.into(),
            });
            let kind = kind(&line.message);
            let entry =
                Entry { timestamp: line.timestamp, function, request_id, kind, message: line.message.into_boxed_str() };
            self.bytes += entry.message.len();
            if self.filter.is_set() && self.filter.lets_through(&entry) {
                self.matches.push_back(self.dropped + self.entries.len() as u64);
            }
            self.entries.push_back(entry);
            while self.entries.len() > MOST_LINES || (self.bytes > MOST_BYTES && self.entries.len() > 1) {
                self.drop_first();
            }
        }
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.message.len();
            self.dropped += 1;
            if self.matches.front().is_some_and(|&number| number < self.dropped) {
                self.matches.pop_front();
            }
        }
    }

    /// Forgets all lines.
    pub fn clear(&mut self) {
        self.dropped += self.entries.len() as u64;
        self.entries = VecDeque::new();
        self.bytes = 0;
        self.matches.clear();
        self.anchor = None;
    }

    /// What lets lines through.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Sets what lets lines through, and begins to search.
    pub fn set_filter(&mut self, filter: Filter) {
        if filter != self.filter {
            self.filter = filter;
            self.matches.clear();
            self.judged_from = self.dropped + self.entries.len() as u64;
            self.search();
        }
    }

    /// Whether lines are left that the filter has not judged.
    pub fn is_searching(&self) -> bool {
        self.filter.is_set() && self.judged_from > self.dropped
    }

    /// Judges the next slice of older lines.
    pub fn search(&mut self) {
        let mut bytes = 0;
        for _ in 0..SLICE_LINES {
            if !self.is_searching() || bytes > SLICE_BYTES {
                return;
            }
            self.judged_from -= 1;
            let entry = &self.entries[(self.judged_from - self.dropped) as usize];
            bytes += entry.message.len();
            if self.filter.lets_through(entry) {
                self.matches.push_front(self.judged_from);
            }
        }
    }

    /// How many lines are held.
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    /// How many lines the filter lets through (as far as it has searched).
    pub fn len(&self) -> usize {
        if self.filter.is_set() { self.matches.len() } else { self.entries.len() }
    }

    /// Whether no line is shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shown line at `index`.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        let number = self.number(index)?;
        self.entries.get(usize::try_from(number.checked_sub(self.dropped)?).ok()?)
    }

    fn number(&self, index: usize) -> Option<u64> {
        if self.filter.is_set() {
            self.matches.get(index).copied()
        } else {
            (index < self.entries.len()).then_some(self.dropped + index as u64)
        }
    }

    /// The index of the last line to show: that of the anchor, or else of the newest. None when there is none.
    pub fn last_shown(&self) -> Option<usize> {
        let newest = self.len().checked_sub(1)?;
        let Some(anchor) = self.anchor else { return Some(newest) };
        let index = if self.filter.is_set() {
            self.matches.partition_point(|&number| number <= anchor).saturating_sub(1)
        } else {
            anchor.saturating_sub(self.dropped) as usize
        };
        Some(index.min(newest))
    }

    /// Moves the view by `lines` (up is negative) of a pane with `rows` rows. Reaching the newest line follows it.
    pub fn scroll(&mut self, lines: isize, rows: usize) {
        let Some(last) = self.last_shown() else { return };
        let highest = rows.max(1).min(self.len()) - 1;
        let index = last.saturating_add_signed(lines).max(highest);
        self.anchor = if index + 1 >= self.len() && lines > 0 { None } else { self.number(index.min(self.len() - 1)) };
    }

    /// Pauses at the lines that are shown, or follows the newest.
    pub fn toggle_follow(&mut self) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => self.last_shown().and_then(|index| self.number(index)),
        };
    }

    /// Whether a line of this request is among the newest ones held.
    pub fn has_request(&self, request_id: &str) -> bool {
        self.entries.iter().rev().take(2_000).any(|entry| entry.request_id.as_deref() == Some(request_id))
    }

    /// All shown lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Reads off the line what it is. Errors and warnings are known by the level that loggers write first.
fn kind(message: &str) -> Kind {
    if message.starts_with("REPORT RequestId:") {
        return Kind::Report;
    }
    if ["START RequestId:", "END RequestId:", "INIT_START "].iter().any(|start| message.starts_with(start)) {
        return Kind::Platform;
    }
    let head = message.get(..message.floor_char_boundary(160)).unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if says(&["ERROR", "\"level\":\"error\"", "panicked at", "Task timed out", "Runtime exited", "errorType"]) {
        Kind::Error
    } else if says(&["WARN", "\"level\":\"warn"]) {
        Kind::Warning
    } else {
        Kind::Plain
    }
}
