//! Merges the events of a live tail with those read in pages, so that each event is reported once
//! and in order. Pure: sources and clocks are plain data.
//!
//! **Once.** A page contains each event's id, so events with equal ids are one. A live tail has no
//! ids: its events are compared by stream, timestamp and text, and counted, for the same line may
//! truly have been written twice in one millisecond. Copies within one update are that many events,
//! as a live tail sends an event once in an update. Copies in two updates may be one event that was
//! sent again (within [`Window::expire`], because older events are forgotten), so only a page shows
//! how many there are.
//!
//! **In order.** Events are sorted by their timestamp; at one timestamp by function and stream; in
//! a stream in the service's order, which is the order of ingestion. So an event that is ingested
//! late is placed among those of its own time, not behind those reported before it, and
//! [`LogLine::rank`] is its position. A batch is in order, and the consumer inserts late lines. A
//! [`LogFix`] corrects the position of a line (a live tail sent two lines of one millisecond in the
//! wrong order) or its request (its START came late).
//!
//! **All.** Each log group is looked at repeatedly. A look begins a little before the end of the
//! last one, and from time to time far back, because events may have come late or a live tail may
//! have omitted them; `Window` has the distances. Events that a live tail reports as left out, or
//! may have left out when it ended, are an open gap ([`Merger::wants_look`]) until a look that
//! began after it has ended.

mod bucket;
mod gaps;
mod links;
mod timeline;

use std::{cmp::Ordering, collections::HashMap};

use lambda_console_model::{LogFix, LogLine, LogMark, MarkKind};

use self::{
    gaps::Gaps,
    timeline::{End, Timeline},
};

/// One event of a source.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The log group's number.
    pub(super) group: usize,
    /// The line, without rank and request.
    pub(super) line: LogLine,
    /// Time of its ingestion, in milliseconds since the Unix epoch.
    pub(super) ingested: i64,
    /// Its id; events of a live tail have none.
    pub(super) id: Option<String>,
}

/// Range of looks, in milliseconds, and the number of events that are stored for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Overlap of a look with the one before, measured from its newest event.
    pub(super) overlap: i64,
    /// Maximum delay of ingestion if more than `most` events are stored.
    pub(super) expire: i64,
    /// Maximum delay of ingestion otherwise.
    pub(super) late: i64,
    /// Interval between two looks that reach back.
    pub(super) late_every: i64,
    /// Maximum difference between this machine's clock and the service's: calls with a larger one
    /// are refused.
    pub(super) skew: i64,
    /// Preferred maximum number of stored events of a group.
    pub(super) most: usize,
    /// Hard limit of stored events of a group.
    pub(super) hard: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            overlap: 10_000,
            expire: 60_000,
            late: 10 * 60_000,
            late_every: 30_000,
            skew: 5 * 60_000,
            most: 20_000,
            hard: 2_000_000,
        }
    }
}

/// Output of one merge step.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Events that are new, in order.
    pub(super) lines: Vec<LogLine>,
    /// Corrections of lines reported before; they apply after the lines.
    pub(super) fixes: Vec<LogFix>,
    /// Gaps that were opened, and those that were filled in.
    pub(super) marks: Vec<LogMark>,
}

/// One update of a live tail.
#[derive(Debug)]
pub(super) struct Update {
    /// The log groups of its session.
    pub(super) groups: Vec<usize>,
    /// Its events, in the order in which they arrived.
    pub(super) entries: Vec<Entry>,
    /// `true` if it left some out.
    pub(super) sampled: bool,
}

/// Reading a log group in pages, from a time on.
#[derive(Debug)]
pub(super) struct Scan {
    /// The log group's number.
    pub(super) group: usize,
    /// Events from this time on.
    pub(super) from: i64,
    started: i64,
    /// Lower bound of the service's clock when it began.
    clock: i64,
    /// `true` if it reads everything that is not settled.
    reaches_back: bool,
    end: End,
    newest: i64,
}

/// Merges the events of several log groups.
#[derive(Debug)]
pub(super) struct Merger {
    window: Window,
    since: i64,
    groups: Vec<Group>,
    gaps: Gaps,
    /// The newest ingestion time of an event.
    ingested: i64,
}

#[derive(Debug)]
struct Group {
    timeline: Timeline,
    /// Pages have been read up to here.
    read_to: i64,
    /// Time of the next look that reaches back.
    late_due: i64,
}

impl Merger {
    /// Creates a merger for so many log groups, and their events from `since` on.
    pub(super) fn new(groups: usize, since: i64, window: Window) -> Self {
        let group = || Group { timeline: Timeline::new(since), read_to: since, late_due: i64::MIN };
        let groups = std::iter::repeat_with(group).take(groups).collect();
        Self { window, since, groups, gaps: Gaps::default(), ingested: i64::MIN }
    }

    /// Adds an update.
    pub(super) fn live(&mut self, update: Update, now: i64) -> Output {
        let mut output = Output::default();
        let time = update.entries.iter().map(|entry| entry.line.timestamp).min();
        let clock = self.clock(now);
        for (group, entries) in self.by_group(update.entries) {
            self.groups[group].timeline.take(entries, None, clock, &mut output);
        }
        if update.sampled {
            let time = time.unwrap_or(clock);
            output.marks.extend(self.gaps.open(now, &update.groups, time, MarkKind::Sampled));
        }
        self.sorted(output)
    }

    /// Records that a live tail of `groups` has begun.
    pub(super) fn started(&mut self, groups: &[usize], now: i64) {
        self.gaps.started(now, groups);
    }

    /// Records that a live tail of `groups` was ended by the service.
    pub(super) fn ended(&mut self, groups: &[usize], why: &str, now: i64) -> Output {
        let time = if self.ingested == i64::MIN { now } else { self.ingested };
        let mark = self.gaps.open(now, groups, time, MarkKind::Reconnected(why.to_owned()));
        Output { marks: mark.into_iter().collect(), ..Output::default() }
    }

    /// Returns `true` if a look at the group would fill a gap.
    pub(super) fn wants_look(&self, group: usize) -> bool {
        self.gaps.is_open(group)
    }

    /// Returns the next look at the group.
    pub(super) fn scan(&mut self, group: usize, now: i64) -> Scan {
        let clock = self.clock(now);
        let state = &mut self.groups[group];
        let reaches_back = now >= state.late_due;
        if reaches_back {
            state.late_due = now + self.window.late_every;
        }
        let settled = state.timeline.settled;
        let from =
            if reaches_back { settled } else { settled.max(state.read_to - self.window.overlap) };
        let end = (i64::MIN, HashMap::new());
        Scan {
            group,
            from,
            started: now,
            clock,
            reaches_back: from == settled,
            end,
            newest: i64::MIN,
        }
    }

    /// Adds the next page of a look.
    pub(super) fn page(&mut self, scan: &mut Scan, entries: Vec<Entry>, now: i64) -> Output {
        let mut output = Output::default();
        let first = entries.iter().map(|entry| entry.line.timestamp).min();
        // A client's clock may be far ahead: an event is not newer than its ingestion.
        let newest = entries.iter().map(|entry| entry.line.timestamp.min(entry.ingested)).max();
        scan.newest = scan.newest.max(newest.unwrap_or(i64::MIN));
        let clock = self.clock(now);
        for (group, entries) in self.by_group(entries) {
            self.groups[group].timeline.take(entries, Some(&mut scan.end), clock, &mut output);
        }
        if scan.reaches_back
            && let Some(first) = first
        {
            self.groups[scan.group].timeline.expire(first, scan.clock, &self.window);
        }
        self.gaps.fill(scan.group, output.lines.len() as u64);
        self.sorted(output)
    }

    /// Records that all pages of a look were read.
    pub(super) fn scanned(&mut self, scan: &Scan, now: i64) -> Output {
        let group = &mut self.groups[scan.group];
        group.read_to = group.read_to.max(scan.newest).max(scan.started - self.window.skew);
        if scan.reaches_back {
            group.timeline.expire(i64::MAX, scan.clock, &self.window);
        }
        Output { marks: self.gaps.close(scan.group, scan.started, now), ..Output::default() }
    }

    /// Lower bound of the service's clock.
    fn clock(&self, now: i64) -> i64 {
        self.ingested.max(now - self.window.skew)
    }

    /// The relevant entries, by log group.
    fn by_group(&mut self, entries: Vec<Entry>) -> HashMap<usize, Vec<Entry>> {
        let mut by_group: HashMap<usize, Vec<Entry>> = HashMap::new();
        for entry in entries.into_iter().filter(|entry| entry.line.timestamp >= self.since) {
            self.ingested = self.ingested.max(entry.ingested);
            by_group.entry(entry.group).or_default().push(entry);
        }
        by_group
    }

    /// Sorts the lines of all groups; each group's lines are in order already.
    fn sorted(&self, mut output: Output) -> Output {
        if self.groups.len() > 1 {
            // Ranks are in order already.
            output.lines.sort_by(by_place);
        }
        output
    }

    /// Returns the number of stored events.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.groups.iter().map(|group| group.timeline.held()).sum()
    }
}

/// By time; at one time by function and stream.
fn by_place(one: &LogLine, other: &LogLine) -> Ordering {
    (one.timestamp, &one.function, &one.stream).cmp(&(
        other.timestamp,
        &other.function,
        &other.stream,
    ))
}

#[cfg(test)]
mod tests;
