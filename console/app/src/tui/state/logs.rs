//! Log lines: a ring with a maximum number of lines and bytes, and an index of the lines that match
//! the filter.
//!
//! The ring is always sorted, also if lines arrive late: by time, then by function and stream, and
//! within a stream in the order of the service. The index grows with the lines: appending a batch
//! costs time proportional to the batch, not to the ring. A new filter is applied to the newest
//! lines first and in slices, so that no key waits for it.

mod entry;
mod filter;
pub(super) mod tail;

use std::collections::VecDeque;

use lambda_console_model::{LogFix, LogLine, LogMark};

use self::entry::Shared;

pub use entry::{Entry, Kind};
pub use filter::{Filter, contains as filter_contains, find as filter_find};

/// Maximum number of lines that are kept.
pub const MOST_LINES: usize = 100_000;
/// Maximum size of the messages that are kept, in bytes.
const MOST_BYTES: usize = 64 << 20;
/// Maximum number of lines in one slice of a search: well under a millisecond of work.
const SLICE_LINES: usize = 5_000;
const SLICE_BYTES: usize = 1 << 19;
/// Number of the newest lines that are compared with the next one, to share the texts of function,
/// stream and request.
const NEIGHBOURS: usize = 4;

/// The ring, its filter, and the scroll position.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// Sorted.
    entries: VecDeque<Entry>,
    /// Number of lines dropped from the front so far, which is the number of the first line in the
    /// ring. The number of a line is its position in the log.
    dropped: u64,
    bytes: usize,
    filter: Filter,
    /// Cleared lines, the last clear at the end.
    cleared: Vec<Vec<Entry>>,
    /// Numbers of the lines that match the filter, ascending; unused if all lines match.
    matches: VecDeque<u64>,
    /// Number of the first line from which on the filter was applied to every line.
    matched_from: u64,
    /// `true` to show lines of all functions, not only of the selected one.
    pub all_functions: bool,
    /// `true` if an [`crate::tui::message::Effect::Continue`] was sent, to search the next slice.
    pub continuing: bool,
    /// The last line shown; `None` to follow the newest.
    pub anchor: Option<u64>,
    /// `true` to wrap long lines.
    pub wrap: bool,
    /// First column shown, if lines are not wrapped.
    pub left: usize,
}

impl Logs {
    /// Returns the time of the newest line, in milliseconds since the Unix epoch.
    pub fn newest(&self) -> Option<i64> {
        self.entries.back().map(|entry| entry.timestamp)
    }

    /// Inserts lines, each at its position.
    pub fn push(&mut self, lines: Vec<LogLine>) {
        let mut batch = Vec::with_capacity(lines.len());
        for line in lines {
            batch.push(self.entry(line, &batch));
        }
        self.add(batch);
    }

    /// Creates the entry for a line; shares texts with its neighbours.
    fn entry(&self, line: LogLine, batch: &[Entry]) -> Entry {
        let near = || {
            batch.iter().rev().take(NEIGHBOURS).chain(self.entries.iter().rev().take(NEIGHBOURS))
        };
        let function = near()
            .map(|entry| &entry.function)
            .find(|function| ***function == *line.function)
            .cloned();
        let stream =
            near().map(|entry| &entry.stream).find(|stream| ***stream == *line.stream).cloned();
        let request_id = line.request_id.as_ref().and_then(|id| {
            near()
                .filter_map(|entry| entry.request_id.as_ref())
                .find(|known| ***known == **id)
                .cloned()
        });
        Entry::new(line, Shared { function, stream, request_id })
    }

    /// Inserts entries, each at its position.
    fn add(&mut self, mut batch: Vec<Entry>) {
        batch.sort_by(Entry::order);
        let Some(first) = batch.first() else { return };
        let is_later = self.entries.back().is_none_or(|last| last.order(first).is_le());
        let from = if is_later {
            self.entries.len()
        } else {
            self.entries.partition_point(|entry| entry.order(first).is_le())
        };
        let mut tail = self.cut(from);
        for entry in batch {
            tail.put_before(&entry, self);
            self.append(entry, tail.is_matched());
        }
        tail.put_rest(self);
        while self.entries.len() > MOST_LINES || (self.bytes > MOST_BYTES && self.entries.len() > 1)
        {
            self.drop_first();
        }
    }

    /// Removes the lines from `index` on, to put them back with others between them.
    fn cut(&mut self, index: usize) -> Tail {
        let number = self.dropped + index as u64;
        let entries = self.entries.split_off(index);
        self.bytes -= size(&entries);
        let matches =
            self.matches.split_off(self.matches.partition_point(|&matched| matched < number));
        // An anchor among the removed lines moves with its line.
        let anchor = self.anchor.filter(|&anchor| anchor >= number && !entries.is_empty());
        let is_matched = self.matched_from <= number;
        Tail { entries, matches, next: number, anchor, is_matched }
    }

    fn append(&mut self, entry: Entry, is_matched: bool) {
        self.bytes += entry.bytes();
        if is_matched && self.filter.is_set() && self.filter.lets_through(&entry) {
            self.matches.push_back(self.end());
        }
        self.entries.push_back(entry);
    }

    /// Returns the number of the next line at the end.
    fn end(&self) -> u64 {
        self.dropped + self.entries.len() as u64
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.bytes();
            self.dropped += 1;
            if self.matches.front().is_some_and(|&number| number < self.dropped) {
                self.matches.pop_front();
            }
        }
    }

    /// Applies corrections to lines in the ring.
    pub fn fix(&mut self, fixes: Vec<LogFix>) {
        let mut moved = Vec::new();
        for fix in fixes {
            let place = (fix.timestamp, &*fix.function, &*fix.stream, fix.rank);
            let index = self.entries.partition_point(|entry| entry.place() < place);
            let Some(entry) = self.entries.get_mut(index).filter(|entry| entry.place() == place)
            else {
                continue;
            };
            let number = self.dropped + index as u64;
            let was_shown = self.filter.is_set() && self.filter.lets_through(entry);
            if let Some(id) = fix.request_id {
                entry.request_id = Some(id.into());
            }
            let is_shown = self.filter.is_set() && self.filter.lets_through(entry);
            if was_shown != is_shown && number >= self.matched_from {
                let at = self.matches.partition_point(|&matched| matched < number);
                if is_shown {
                    self.matches.insert(at, number);
                } else {
                    self.matches.remove(at);
                }
            }
            if let Some(rank) = fix.new_rank {
                moved.push((index, rank));
            }
        }
        self.rearrange(&moved);
    }

    /// Sets new ranks of lines (by index), and moves the lines to their new positions, which are
    /// close by.
    fn rearrange(&mut self, moved: &[(usize, i64)]) {
        let Some(first) = moved.iter().map(|(index, _)| *index).min() else { return };
        for &(index, rank) in moved {
            self.entries[index].rank = rank;
        }
        // The order can only change among lines with the same timestamp.
        let timestamp = self.entries[first].timestamp;
        let from = self.entries.partition_point(|entry| entry.timestamp < timestamp);
        let tail: Vec<Entry> = self.cut(from).entries.into();
        self.matched_from = self.matched_from.min(self.end());
        self.add(tail);
    }

    /// Inserts a mark at its position, or updates it.
    pub fn mark(&mut self, mark: &LogMark) {
        let place = (mark.timestamp, "", "", mark.id as i64);
        let line = LogLine {
            timestamp: mark.timestamp,
            function: String::new(),
            stream: String::new(),
            rank: mark.id as i64,
            request_id: None,
            message: mark.text(),
        };
        let shown = Entry { kind: Kind::Mark, ..Entry::new(line, Shared::default()) };
        let index = self.entries.partition_point(|entry| entry.place() < place);
        match self.entries.get_mut(index).filter(|entry| entry.place() == place) {
            Some(entry) => {
                self.bytes = self.bytes + shown.bytes() - entry.bytes();
                *entry = shown;
            }
            None => self.add(vec![shown]),
        }
    }

    /// Clears the lines that match the filter, and returns their number. [`Logs::restore_cleared`]
    /// restores them.
    pub fn clear_shown(&mut self) -> usize {
        let entries = std::mem::take(&mut self.entries);
        self.dropped += entries.len() as u64;
        let (cleared, kept): (Vec<Entry>, VecDeque<Entry>) = if self.filter.is_set() {
            let (cleared, kept): (Vec<Entry>, Vec<Entry>) =
                entries.into_iter().partition(|entry| self.filter.lets_through(entry));
            (cleared, kept.into())
        } else {
            (entries.into(), VecDeque::new())
        };
        self.entries = kept;
        self.bytes = size(&self.entries);
        self.matches.clear();
        self.matched_from = self.dropped;
        self.anchor = None;
        let lines = cleared.len();
        if lines > 0 {
            self.cleared.push(cleared);
        }
        // The cleared lines may not use more memory than the ring.
        while self.cleared.len() > 1 && self.cleared.iter().map(size).sum::<usize>() > MOST_BYTES {
            self.cleared.remove(0);
        }
        lines
    }

    /// Restores the lines that were cleared last, each at its position, except for those that have
    /// arrived again since, and returns their number. `None` if none were cleared.
    pub fn restore_cleared(&mut self) -> Option<usize> {
        let mut cleared = self.cleared.pop()?;
        let has = |entry: &Entry| {
            let from = self.entries.partition_point(|held| held.place() < entry.place());
            let same = self.entries.range(from..).take_while(|held| held.place() == entry.place());
            same.into_iter().any(|held| held.message == entry.message)
        };
        cleared.retain(|entry| !has(entry));
        let lines = cleared.len();
        self.add(cleared);
        Some(lines)
    }

    /// Returns the filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Sets the filter, and starts the search.
    pub fn set_filter(&mut self, filter: Filter) {
        if filter != self.filter {
            self.filter = filter;
            self.matches.clear();
            self.matched_from = self.end();
            self.search();
        }
    }

    /// Returns `true` if the filter has not been applied to all lines yet.
    pub fn is_searching(&self) -> bool {
        self.filter.is_set() && self.matched_from > self.dropped
    }

    /// Applies the filter to the next slice of older lines.
    pub fn search(&mut self) {
        let mut bytes = 0;
        for _ in 0..SLICE_LINES {
            if !self.is_searching() || bytes > SLICE_BYTES {
                return;
            }
            self.matched_from -= 1;
            let entry = &self.entries[(self.matched_from - self.dropped) as usize];
            bytes += entry.bytes();
            if self.filter.lets_through(entry) {
                self.matches.push_front(self.matched_from);
            }
        }
    }

    /// Returns the number of lines in the ring.
    pub fn held(&self) -> usize {
        self.entries.len()
    }

    /// Returns the number of lines that match the filter (as far as it has searched).
    pub fn len(&self) -> usize {
        if self.filter.is_set() { self.matches.len() } else { self.entries.len() }
    }

    /// Returns `true` if no line is shown.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the shown line at `index`.
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

    /// Returns the index of the last line to show: that of the anchor, or else of the newest.
    /// `None` if there is none.
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

    /// Scrolls by `lines` (negative is up) in a pane with `rows` rows. Follows the newest line once
    /// it is reached.
    pub fn scroll(&mut self, lines: isize, rows: usize) {
        let Some(last) = self.last_shown() else { return };
        let highest = rows.max(1).min(self.len()) - 1;
        let index = last.saturating_add_signed(lines).max(highest);
        self.anchor = if index + 1 >= self.len() && lines > 0 {
            None
        } else {
            self.number(index.min(self.len() - 1))
        };
    }

    /// Pauses at the lines that are shown, or follows the newest.
    pub fn toggle_follow(&mut self) {
        self.anchor = match self.anchor {
            Some(_) => None,
            None => self.last_shown().and_then(|index| self.number(index)),
        };
    }

    /// Returns `true` if a line of this request is among the newest ones in the ring.
    pub fn has_request(&self, request_id: &str) -> bool {
        self.entries
            .iter()
            .rev()
            .take(2_000)
            .any(|entry| entry.request_id.as_deref() == Some(request_id))
    }

    /// Returns all shown lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Returns the size of the messages of these lines in bytes.
fn size<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> usize {
    entries.into_iter().map(Entry::bytes).sum()
}

/// Lines that were removed from the end and are put back between others.
struct Tail {
    entries: VecDeque<Entry>,
    /// The old numbers of those that match the filter.
    matches: VecDeque<u64>,
    /// The old number of the first line.
    next: u64,
    /// The anchor's old number, if its line is among these.
    anchor: Option<u64>,
    /// `true` if the filter was applied to all lines from here on.
    is_matched: bool,
}

impl Tail {
    /// Returns `true` if a line inserted now is at a position where the filter was applied to all
    /// lines.
    const fn is_matched(&self) -> bool {
        self.is_matched
    }

    /// Puts the lines back that belong before `entry`.
    fn put_before(&mut self, entry: &Entry, logs: &mut Logs) {
        while self.entries.front().is_some_and(|next| next.order(entry).is_le()) {
            self.put(logs);
        }
        self.reach(logs);
    }

    fn put_rest(mut self, logs: &mut Logs) {
        while !self.entries.is_empty() {
            self.put(logs);
        }
        self.reach(logs);
    }

    /// Marks the lines from here on as searched, if the line at which the searched range starts
    /// comes next.
    fn reach(&mut self, logs: &mut Logs) {
        if !self.is_matched && self.next >= logs.matched_from {
            self.is_matched = true;
            logs.matched_from = logs.end();
        }
    }

    fn put(&mut self, logs: &mut Logs) {
        self.reach(logs);
        let Some(entry) = self.entries.pop_front() else { return };
        let number = logs.end();
        logs.bytes += entry.bytes();
        logs.entries.push_back(entry);
        if self.anchor == Some(self.next) {
            logs.anchor = Some(number);
        }
        if self.matches.front() == Some(&self.next) {
            self.matches.pop_front();
            logs.matches.push_back(number);
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests;
