//! Which log entries were given out already. Pure.
//!
//! A live tail and a look at what was written overlap, and the entries of a live tail have no id. The same
//! line may truly have been written twice in one millisecond, so entries are counted, not only remembered.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::Entry;

/// How long an entry is remembered after the newest, in milliseconds.
const REMEMBERED: i64 = 2 * 60 * 1000;

/// Tells new entries from those given out before.
#[derive(Debug, Default)]
pub(super) struct Seen {
    given: HashMap<u64, u32>,
    by_time: BTreeMap<i64, Vec<u64>>,
}

/// One pass over a source that gives each of its entries once.
#[derive(Debug, Default)]
pub(super) struct Pass {
    counted: HashMap<u64, u32>,
}

impl Seen {
    /// The entry is one that no pass has given out before.
    pub(super) fn is_new(&mut self, pass: &mut Pass, entry: &Entry) -> bool {
        let key = key(entry);
        let counted = pass.counted.entry(key).or_default();
        *counted += 1;
        let given = self.given.entry(key).or_default();
        if *counted <= *given {
            return false;
        }
        *given = *counted;
        self.by_time.entry(entry.line.timestamp).or_default().push(key);
        true
    }

    /// Forgets entries much older than the newest, now and then; true where it did.
    pub(super) fn forget_old(&mut self) -> bool {
        let (Some((oldest, _)), Some((newest, _))) = (self.by_time.first_key_value(), self.by_time.last_key_value())
        else {
            return false;
        };
        if newest - oldest < 2 * REMEMBERED {
            return false;
        }
        let kept = self.by_time.split_off(&(newest - REMEMBERED));
        for key in std::mem::replace(&mut self.by_time, kept).into_values().flatten() {
            self.given.remove(&key);
        }
        true
    }

    /// The time of the newest entry that was given out.
    pub(super) fn newest(&self) -> Option<i64> {
        self.by_time.last_key_value().map(|(time, _)| *time)
    }
}

impl Pass {
    /// Forgets the counts of a long pass, whose source gives nothing old any more.
    pub(super) fn forget(&mut self, seen: &Seen) {
        self.counted.retain(|key, _| seen.given.contains_key(key));
    }
}

fn key(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    let line = &entry.line;
    (&line.function, &line.stream, line.timestamp, entry.ingested, &line.message).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::LogLine;

    fn entry(timestamp: i64, message: &str) -> Entry {
        let line = LogLine {
            timestamp,
            function: "hello".into(),
            stream: "s".into(),
            rank: 0,
            request_id: None,
            message: message.into(),
        };
        Entry { line, ingested: timestamp }
    }

    #[test]
    fn what_one_pass_gave_the_next_does_not_give_again() {
        let mut seen = Seen::default();
        let (mut live, mut past) = (Pass::default(), Pass::default());
        assert!(seen.is_new(&mut live, &entry(1, "a")));
        assert!(!seen.is_new(&mut past, &entry(1, "a")));
        assert!(seen.is_new(&mut past, &entry(1, "b")));
        assert!(!seen.is_new(&mut live, &entry(1, "b")));
    }

    #[test]
    fn a_line_written_twice_is_given_twice() {
        let mut seen = Seen::default();
        let (mut live, mut past) = (Pass::default(), Pass::default());
        let given = |seen: &mut Seen, pass: &mut Pass| (0..2).filter(|_| seen.is_new(pass, &entry(1, "a"))).count();
        assert_eq!(given(&mut seen, &mut live), 2);
        assert_eq!(given(&mut seen, &mut past), 0);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut seen = Seen::default();
        let mut live = Pass::default();
        for minute in 0..60 {
            assert!(seen.is_new(&mut live, &entry(minute * 60_000, "a")));
            if seen.forget_old() {
                live.forget(&seen);
            }
        }
        assert!(seen.given.len() <= 4 && live.counted.len() <= 4, "{} {}", seen.given.len(), live.counted.len());
        assert_eq!(seen.newest(), Some(59 * 60_000));
    }
}
