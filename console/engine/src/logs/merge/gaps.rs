//! Gaps: times at which a live tail left out events, until pages have been read since. Pure.

use std::collections::BTreeMap;

use lambda_console_model::{LogMark, MarkKind};

/// A live tail that sampled within this time and samples again has never stopped: one mark
/// represents both.
const SAME: i64 = 10_000;

/// Missed events that are not filled in yet, or were just now.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    gaps: Vec<Gap>,
    next: u64,
}

#[derive(Debug)]
struct Gap {
    mark: LogMark,
    /// The log groups that have not been read since, each with the earliest start of a look that
    /// counts.
    open: BTreeMap<usize, i64>,
    filled: u64,
    touched: i64,
}

impl Gaps {
    /// Records that lines of `groups` were missed at `now`; returns the mark if it is a new one.
    pub(super) fn open(
        &mut self,
        now: i64,
        groups: &[usize],
        timestamp: i64,
        kind: MarkKind,
    ) -> Option<LogMark> {
        let same = self.gaps.iter_mut().find(|gap| {
            kind == MarkKind::Sampled && gap.mark.kind == kind && now - gap.touched < SAME
        });
        if let Some(gap) = same {
            gap.touched = now;
            gap.open.extend(groups.iter().map(|group| (*group, now)));
            return None;
        }
        self.next += 1;
        let mark = LogMark { id: self.next, timestamp, kind, filled: None };
        let open = groups.iter().map(|group| (*group, now)).collect();
        self.gaps.push(Gap { mark: mark.clone(), open, filled: 0, touched: now });
        Some(mark)
    }

    /// A live tail of `groups` has begun at `now`: the missed lines are those written until then.
    pub(super) fn started(&mut self, now: i64, groups: &[usize]) {
        let ended = self.gaps.iter_mut().filter(|gap| gap.mark.kind != MarkKind::Sampled);
        for (_, from) in
            ended.flat_map(|gap| &mut gap.open).filter(|(group, _)| groups.contains(group))
        {
            *from = now;
        }
    }

    /// Returns `true` if a look at the group would fill something in.
    pub(super) fn is_open(&self, group: usize) -> bool {
        self.gaps.iter().any(|gap| gap.open.contains_key(&group))
    }

    /// Adds the number of missed lines that a page had.
    pub(super) fn fill(&mut self, group: usize, lines: u64) {
        for gap in self.gaps.iter_mut().filter(|gap| gap.open.contains_key(&group)) {
            gap.filled += lines;
        }
    }

    /// Records that a scan of the group, started at `started`, ended at `now`. Returns the marks of
    /// the gaps that it filled.
    pub(super) fn close(&mut self, group: usize, started: i64, now: i64) -> Vec<LogMark> {
        let mut marks = Vec::new();
        for gap in &mut self.gaps {
            if gap.open.get(&group).is_none_or(|from| started < *from) {
                continue;
            }
            gap.open.remove(&group);
            if gap.open.is_empty() {
                gap.mark.filled = Some(gap.filled);
                marks.push(gap.mark.clone());
            }
        }
        self.gaps.retain(|gap| !gap.open.is_empty() || now - gap.touched < SAME);
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_filled_by_a_look_at_each_group_that_began_after_it() {
        let mut gaps = Gaps::default();
        let why = MarkKind::Reconnected("it timed out".into());
        assert!(gaps.open(100, &[0, 1], 90, why).is_some());
        gaps.fill(0, 3);
        assert_eq!(gaps.close(0, 99, 110), [], "it was not over when that look began");
        gaps.started(120, &[0, 1]);
        assert_eq!(gaps.close(0, 110, 130), [], "nor when this one did");
        gaps.fill(1, 2);
        assert_eq!(gaps.close(0, 120, 130), []);
        assert!(!gaps.is_open(0) && gaps.is_open(1));
        let marks = gaps.close(1, 125, 130);
        assert_eq!((marks.len(), marks[0].filled, marks[0].timestamp), (1, Some(5), 90));
    }

    #[test]
    fn sampling_that_goes_on_has_one_mark() {
        let mut gaps = Gaps::default();
        let first = gaps.open(1_000, &[0], 900, MarkKind::Sampled).unwrap();
        gaps.fill(0, 10);
        assert_eq!(gaps.close(0, 1_001, 1_100)[0].filled, Some(10));
        assert_eq!(gaps.open(2_000, &[0], 1_900, MarkKind::Sampled), None);
        gaps.fill(0, 7);
        let again = gaps.close(0, 2_000, 2_100);
        assert_eq!((again[0].id, again[0].filled), (first.id, Some(17)));
        assert!(gaps.open(60_000, &[0], 59_000, MarkKind::Sampled).is_some());
    }
}
