//! Log lines: a ring bounded in lines and bytes, and an index of those that the filter lets through.
//!
//! The ring is in order whatever comes late: by time, at one time by function and stream, and in a stream as the
//! service has them. The index grows with the lines: a batch at the end costs what the batch holds, never what the ring
//! holds. A new filter is searched newest line first and in slices, so that no key waits for it.

mod entry;
mod filter;
pub(super) mod tail;

use std::collections::VecDeque;

use lambda_console_model::{LogFix, LogLine, LogMark};

pub use entry::{Entry, Kind};
pub use filter::{Filter, contains as filter_contains, find as filter_find};

/// The most lines that are held.
pub const MOST_LINES: usize = 100_000;
/// The most bytes of messages that are held.
const MOST_BYTES: usize = 64 << 20;
/// What one slice of a search judges at most: well under a millisecond's worth.
const SLICE_LINES: usize = 5_000;
const SLICE_BYTES: usize = 1 << 19;
/// Lines that were pushed last and may have the same function, stream or request as the next.
const NEIGHBOURS: usize = 4;

/// The ring, its filter, and where the view of it stands.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// In order.
    entries: VecDeque<Entry>,
    /// Lines dropped from the front so far: the number of the first line held. A line's number is its place.
    dropped: u64,
    bytes: usize,
    filter: Filter,
    /// What was cleared, the last of it last.
    cleared: Vec<Vec<Entry>>,
    /// Numbers of the lines that the filter lets through, ascending; unused when it lets all through.
    matches: VecDeque<u64>,
    /// Every line from this number on is judged.
    judged_from: u64,
    /// Lines of all functions are shown, not only those of the selected one.
    pub all_functions: bool,
    /// An [`crate::tui::message::Effect::Continue`] is on its way, to search the next slice.
    pub continuing: bool,
    /// The last line shown; none: the newest, whatever comes.
    pub anchor: Option<u64>,
    /// Long lines are broken.
    pub wrap: bool,
    /// First column shown, when they are not.
    pub left: usize,
}

impl Logs {
    /// The time of the newest line, in milliseconds since the Unix epoch.
    pub fn newest(&self) -> Option<i64> {
        self.entries.back().map(|entry| entry.timestamp)
    }

    /// Adds lines, each at its place.
    pub fn push(&mut self, lines: Vec<LogLine>) {
        let mut batch = Vec::with_capacity(lines.len());
        for line in lines {
            batch.push(self.entry(line, &batch));
        }
        self.add(batch);
    }

    /// The line as it is held, with the texts that its neighbours have shared with them.
    fn entry(&self, line: LogLine, batch: &[Entry]) -> Entry {
        let near = || batch.iter().rev().take(NEIGHBOURS).chain(self.entries.iter().rev().take(NEIGHBOURS));
        let function = near().map(|entry| &entry.function).find(|function| ***function == *line.function).cloned();
        let stream = near().map(|entry| &entry.stream).find(|stream| ***stream == *line.stream).cloned();
        let request_id = line.request_id.as_ref().and_then(|id| {
            near().filter_map(|entry| entry.request_id.as_ref()).find(|known| ***known == **id).cloned()
        });
        let mut entry = Entry::new(line);
        entry.function = function.unwrap_or(entry.function);
        entry.stream = stream.unwrap_or(entry.stream);
        entry.request_id = request_id.or(entry.request_id);
        entry
    }

    /// Adds entries, each at its place.
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
            self.append(entry, tail.is_judged());
        }
        tail.put_rest(self);
        while self.entries.len() > MOST_LINES || (self.bytes > MOST_BYTES && self.entries.len() > 1) {
            self.drop_first();
        }
    }

    /// Takes the lines from `index` on off, to put them back with others between them.
    fn cut(&mut self, index: usize) -> Tail {
        let number = self.dropped + index as u64;
        let entries = self.entries.split_off(index);
        self.bytes -= size(&entries);
        let matches = self.matches.split_off(self.matches.partition_point(|&matched| matched < number));
        // A place within what was cut moves with its line.
        let anchor = self.anchor.filter(|&anchor| anchor >= number && !entries.is_empty());
        let is_judged = self.judged_from <= number;
        Tail { entries, matches, next: number, anchor, is_judged }
    }

    fn append(&mut self, entry: Entry, is_judged: bool) {
        self.bytes += entry.bytes();
        if is_judged && self.filter.is_set() && self.filter.lets_through(&entry) {
            self.matches.push_back(self.end());
        }
        self.entries.push_back(entry);
    }

    /// The number that the next line at the end has.
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

    /// Takes in what is known only now of lines that are held.
    pub fn fix(&mut self, fixes: Vec<LogFix>) {
        let mut moved = Vec::new();
        for fix in fixes {
            let place = (fix.timestamp, &*fix.function, &*fix.stream, fix.rank);
            let index = self.entries.partition_point(|entry| entry.place() < place);
            let Some(entry) = self.entries.get_mut(index).filter(|entry| entry.place() == place) else { continue };
            let number = self.dropped + index as u64;
            let was_shown = self.filter.is_set() && self.filter.lets_through(entry);
            if let Some(id) = fix.request_id {
                entry.request_id = Some(id.into());
            }
            let is_shown = self.filter.is_set() && self.filter.lets_through(entry);
            if was_shown != is_shown && number >= self.judged_from {
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

    /// Gives lines (by index) other ranks, and puts them where they then stand: never far away.
    fn rearrange(&mut self, moved: &[(usize, i64)]) {
        let Some(first) = moved.iter().map(|(index, _)| *index).min() else { return };
        for &(index, rank) in moved {
            self.entries[index].rank = rank;
        }
        // Of the same time: only there can the order have changed.
        let timestamp = self.entries[first].timestamp;
        let from = self.entries.partition_point(|entry| entry.timestamp < timestamp);
        let tail: Vec<Entry> = self.cut(from).entries.into();
        self.judged_from = self.judged_from.min(self.end());
        self.add(tail);
    }

    /// Shows a mark at its place, or what it says now.
    pub fn mark(&mut self, mark: &LogMark) {
        let place = (mark.timestamp, "", "", mark.id as i64);
        let shown = Entry {
            kind: Kind::Mark,
            ..Entry::new(LogLine {
                timestamp: mark.timestamp,
                function: String::new(),
                stream: String::new(),
                rank: mark.id as i64,
                request_id: None,
                message: mark.text(),
            })
        };
        let index = self.entries.partition_point(|entry| entry.place() < place);
        match self.entries.get_mut(index).filter(|entry| entry.place() == place) {
            Some(entry) => {
                self.bytes = self.bytes + shown.bytes() - entry.bytes();
                *entry = shown;
            }
            None => self.add(vec![shown]),
        }
    }

    /// Takes the lines away that the filter lets through, and says how many they were. [`Logs::bring_back`] has them.
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
        self.judged_from = self.dropped;
        self.anchor = None;
        let lines = cleared.len();
        if lines > 0 {
            self.cleared.push(cleared);
        }
        // No more is held for that than the ring holds.
        while self.cleared.len() > 1 && self.cleared.iter().map(size).sum::<usize>() > MOST_BYTES {
            self.cleared.remove(0);
        }
        lines
    }

    /// Puts the lines back that were cleared last, each at its place, but for those that have come again since, and says
    /// how many they are. None: none were cleared.
    pub fn bring_back(&mut self) -> Option<usize> {
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

    /// What lets lines through.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Sets what lets lines through, and begins to search.
    pub fn set_filter(&mut self, filter: Filter) {
        if filter != self.filter {
            self.filter = filter;
            self.matches.clear();
            self.judged_from = self.end();
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
            bytes += entry.bytes();
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

/// How many bytes the messages of these lines have.
fn size<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> usize {
    entries.into_iter().map(Entry::bytes).sum()
}

/// Lines that were taken off the end and are put back between others.
struct Tail {
    entries: VecDeque<Entry>,
    /// The old numbers of those that the filter lets through.
    matches: VecDeque<u64>,
    /// The old number of the first.
    next: u64,
    /// The anchor's old number, where its line is among these.
    anchor: Option<u64>,
    /// The lines from here on are judged.
    is_judged: bool,
}

impl Tail {
    /// Whether a line that comes now stands where all are judged.
    const fn is_judged(&self) -> bool {
        self.is_judged
    }

    /// Puts those back that stand before `entry`.
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

    /// The line from which on all are judged stands at the end now, where it is the next.
    fn reach(&mut self, logs: &mut Logs) {
        if !self.is_judged && self.next >= logs.judged_from {
            self.is_judged = true;
            logs.judged_from = logs.end();
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
