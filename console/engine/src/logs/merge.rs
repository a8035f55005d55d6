//! Puts together what a live tail tells and what is read in pages, so that each event is given out once and in order.
//! Pure: sources and clocks are plain data.
//!
//! **Once.** A page tells each event's id, so events with equal ids are one. A live tail tells none: its events are
//! compared by stream, timestamp and text, and counted, for the same line may truly have been written twice in one
//! millisecond. Copies within one update are that many events, as a live tail tells an event once in an update. Copies in
//! two updates may be one event that was sent again (within [`Reach::settle`], for what is older is forgotten), so a page has
//! to say how many there are.
//!
//! **In order.** Events stand by their timestamp; at one timestamp by function and stream; in a stream as the service has
//! them, which is the order in which it took them in. So an event that is taken in late stands among those of its own
//! time, not behind what was given out before it, and [`LogLine::rank`] says where. What is given out at once is in
//! order, and whoever holds the lines puts a late one at its place. That a line stands elsewhere than was said (a live
//! tail told two lines of one millisecond in the wrong order) or which request it belongs to (its START came late) is
//! told by a [`LogFix`].
//!
//! **All.** Each log group is looked at again and again. A look begins a little before the end of the last one, and now
//! and then far back, where events may have come late or a live tail may have kept silent; `Reach` says how far. What a
//! live tail owns to have left out, or may have when it ended, stands as an open gap ([`Merger::wants_look`]) until a look
//! that began after it has ended.

mod cell;
mod gaps;
mod links;
mod timeline;

use std::{cmp::Ordering, collections::HashMap};

use lambda_console_model::{LogFix, LogLine, LogMark, MarkKind};

use self::{
    gaps::Gaps,
    timeline::{End, Timeline},
};

/// One event as a source tells it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The log group's number.
    pub(super) group: usize,
    /// The line, without rank and request.
    pub(super) line: LogLine,
    /// When the service took it in, in milliseconds since the Unix epoch.
    pub(super) ingested: i64,
    /// Its id; a live tail tells none.
    pub(super) id: Option<String>,
}

/// How far back looks reach, in milliseconds, and what is remembered for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// A look begins this long before the newest event of the one before.
    pub(super) overlap: i64,
    /// An event is taken in at most this late, if `most` is passed.
    pub(super) settle: i64,
    /// Else at most this late.
    pub(super) late: i64,
    /// Between two looks that reach back.
    pub(super) late_every: i64,
    /// This machine's clock and the service's differ by no more: a call that does is refused.
    pub(super) skew: i64,
    /// How many events of a group are remembered, where that can be chosen.
    pub(super) most: usize,
    /// How many events of a group are remembered at most.
    pub(super) hard: usize,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            overlap: 10_000,
            settle: 60_000,
            late: 10 * 60_000,
            late_every: 30_000,
            skew: 5 * 60_000,
            most: 20_000,
            hard: 2_000_000,
        }
    }
}

/// What there is to tell.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Events that are new, in order.
    pub(super) lines: Vec<LogLine>,
    /// What is known now of lines that were given out before; after the lines.
    pub(super) fixes: Vec<LogFix>,
    /// What was missed, and what was filled in.
    pub(super) marks: Vec<LogMark>,
}

/// One update of a live tail.
#[derive(Debug)]
pub(super) struct Update {
    /// The log groups of its session.
    pub(super) groups: Vec<usize>,
    /// Its events, in the order in which it tells them.
    pub(super) entries: Vec<Entry>,
    /// It left some out.
    pub(super) sampled: bool,
}

/// Reading a log group in pages, from a time on.
#[derive(Debug)]
pub(super) struct Look {
    /// The log group's number.
    pub(super) group: usize,
    /// Events from this time on.
    pub(super) from: i64,
    begun: i64,
    /// The service's clock when it began, at least.
    clock: i64,
    /// It reads all that is not settled.
    reaches_back: bool,
    end: End,
    newest: i64,
}

/// Puts the events of several log groups together.
#[derive(Debug)]
pub(super) struct Merger {
    reach: Reach,
    since: i64,
    groups: Vec<Group>,
    gaps: Gaps,
    /// The newest time at which the service took an event in.
    ingested: i64,
}

#[derive(Debug)]
struct Group {
    timeline: Timeline,
    /// Pages have been read up to here.
    read_to: i64,
    /// When to reach back next.
    late_due: i64,
}

impl Merger {
    /// For so many log groups, and their events from `since` on.
    pub(super) fn new(groups: usize, since: i64, reach: Reach) -> Self {
        let group = || Group { timeline: Timeline::new(since), read_to: since, late_due: i64::MIN };
        let groups = std::iter::repeat_with(group).take(groups).collect();
        Self { reach, since, groups, gaps: Gaps::default(), ingested: i64::MIN }
    }

    /// Takes an update in.
    pub(super) fn live(&mut self, update: Update, now: i64) -> Given {
        let mut given = Given::default();
        let time = update.entries.iter().map(|entry| entry.line.timestamp).min();
        let clock = self.clock(now);
        for (group, entries) in self.by_group(update.entries) {
            self.groups[group].timeline.take(entries, None, clock, &mut given);
        }
        if update.sampled {
            let time = time.unwrap_or(clock);
            given.marks.extend(self.gaps.open(now, &update.groups, time, MarkKind::Sampled));
        }
        self.in_order(given)
    }

    /// A live tail of `groups` has begun.
    pub(super) fn begun(&mut self, groups: &[usize], now: i64) {
        self.gaps.begun(now, groups);
    }

    /// A live tail of `groups` ended by itself.
    pub(super) fn ended(&mut self, groups: &[usize], why: &str, now: i64) -> Given {
        let time = if self.ingested == i64::MIN { now } else { self.ingested };
        let mark = self.gaps.open(now, groups, time, MarkKind::Reconnected(why.to_owned()));
        Given { marks: mark.into_iter().collect(), ..Given::default() }
    }

    /// Whether something is missed that a look at the group would fill in.
    pub(super) fn wants_look(&self, group: usize) -> bool {
        self.gaps.is_open(group)
    }

    /// What to read of the group now.
    pub(super) fn look(&mut self, group: usize, now: i64) -> Look {
        let clock = self.clock(now);
        let state = &mut self.groups[group];
        let reaches_back = now >= state.late_due;
        if reaches_back {
            state.late_due = now + self.reach.late_every;
        }
        let settled = state.timeline.settled;
        let from = if reaches_back { settled } else { settled.max(state.read_to - self.reach.overlap) };
        let end = (i64::MIN, HashMap::new());
        Look { group, from, begun: now, clock, reaches_back: from == settled, end, newest: i64::MIN }
    }

    /// Takes the next page of a look in.
    pub(super) fn page(&mut self, look: &mut Look, entries: Vec<Entry>, now: i64) -> Given {
        let mut given = Given::default();
        let first = entries.iter().map(|entry| entry.line.timestamp).min();
        // A client's clock may be far ahead: an event is no newer than when it was taken in.
        let newest = entries.iter().map(|entry| entry.line.timestamp.min(entry.ingested)).max();
        look.newest = look.newest.max(newest.unwrap_or(i64::MIN));
        let clock = self.clock(now);
        for (group, entries) in self.by_group(entries) {
            self.groups[group].timeline.take(entries, Some(&mut look.end), clock, &mut given);
        }
        if look.reaches_back
            && let Some(first) = first
        {
            self.groups[look.group].timeline.settle(first, look.clock, &self.reach);
        }
        self.gaps.fill(look.group, given.lines.len() as u64);
        self.in_order(given)
    }

    /// All pages of a look were read.
    pub(super) fn looked(&mut self, look: &Look, now: i64) -> Given {
        let group = &mut self.groups[look.group];
        group.read_to = group.read_to.max(look.newest).max(look.begun - self.reach.skew);
        if look.reaches_back {
            group.timeline.settle(i64::MAX, look.clock, &self.reach);
        }
        Given { marks: self.gaps.close(look.group, look.begun, now), ..Given::default() }
    }

    /// The service's clock, at least.
    fn clock(&self, now: i64) -> i64 {
        self.ingested.max(now - self.reach.skew)
    }

    /// The entries that are of interest, by log group.
    fn by_group(&mut self, entries: Vec<Entry>) -> HashMap<usize, Vec<Entry>> {
        let mut by_group: HashMap<usize, Vec<Entry>> = HashMap::new();
        for entry in entries.into_iter().filter(|entry| entry.line.timestamp >= self.since) {
            self.ingested = self.ingested.max(entry.ingested);
            by_group.entry(entry.group).or_default().push(entry);
        }
        by_group
    }

    /// Each group's lines are in order: all of them are.
    fn in_order(&self, mut given: Given) -> Given {
        if self.groups.len() > 1 {
            // Ranks are in order already.
            given.lines.sort_by(by_place);
        }
        given
    }

    /// How many events are remembered.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.groups.iter().map(|group| group.timeline.held()).sum()
    }
}

/// By time; at one time by function and stream.
fn by_place(one: &LogLine, other: &LogLine) -> Ordering {
    (one.timestamp, &one.function, &one.stream).cmp(&(other.timestamp, &other.function, &other.stream))
}

#[cfg(test)]
mod tests;
