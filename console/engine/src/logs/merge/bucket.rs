//! The events of one stream in one millisecond, in order: merges two sources. Pure.
//!
//! If both report the same event they report the same text, but only pages have ids. Events with
//! equal texts are interchangeable, so only their number has to be right: that of the ids, or that
//! of one update of a live tail, whichever is more. Copies in two updates may be one event sent
//! twice: a page decides.

use std::collections::{BTreeSet, HashMap, HashSet};

/// Distance between two neighbours, so that many others fit between them.
const STEP: i64 = 1 << 32;

/// One event that was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Hash of its text.
    key: u64,
    /// Hash of its id; `None` if only a live tail has reported it.
    id: Option<u64>,
    /// Position among the others.
    pub(super) rank: i64,
    /// `true` if its text names its request.
    pub(super) is_named: bool,
}

/// The events of one stream in one millisecond.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    /// In order.
    items: Vec<Item>,
}

/// An event to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    /// Hash of its text.
    pub(super) key: u64,
    /// Hash of its id; events of a live tail have none.
    pub(super) id: Option<u64>,
    /// `true` if its text names its request.
    pub(super) is_named: bool,
}

/// Result of placing events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placed {
    /// For each event its rank if it is new.
    pub(super) ranks: Vec<Option<i64>>,
    /// Events reported before whose rank changes: the old rank and the new one.
    pub(super) moved: Vec<(i64, i64)>,
}

impl Bucket {
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Adds the events of one update, in their order.
    pub(super) fn live(&mut self, events: &[Incoming]) -> Placed {
        let mut known: HashMap<u64, usize> = HashMap::new();
        for item in &self.items {
            *known.entry(item.key).or_default() += 1;
        }
        let mut ranks = Vec::with_capacity(events.len());
        for &Incoming { key, is_named, .. } in events {
            ranks.push(match known.get_mut(&key) {
                Some(copies) if *copies > 0 => {
                    *copies -= 1;
                    None
                }
                _ => {
                    // Events are appended to a stream: the first report of an event now means that
                    // it is the last.
                    let rank = self.items.last().map_or(0, |last| last.rank + STEP);
                    self.items.push(Item { key, id: None, rank, is_named });
                    Some(rank)
                }
            });
        }
        Placed { ranks, moved: Vec::new() }
    }

    /// Adds neighbours on a page, in their order. `after` is the id of the one before them, on the
    /// page before.
    pub(super) fn page(&mut self, events: &[Incoming], after: Option<u64>) -> Placed {
        let mut seen = HashSet::new();
        // A page may contain an event twice.
        let firsts: Vec<usize> =
            (0..events.len()).filter(|&index| seen.insert(events[index].id)).collect();
        let bound = self.bind(events);
        let mut last_id =
            after.filter(|id| !seen.contains(&Some(*id)) && self.place_of(Some(*id)).is_some());
        let mut placed = Placed { ranks: vec![None; events.len()], moved: Vec::new() };

        // Those that are in order stay; the others are removed, to be inserted at their positions.
        let mut last = self.place_of(last_id).map(|place| self.items[place].rank);
        let mut stays = |rank: i64| {
            let sorted = last.is_none_or(|last| last < rank);
            last = if sorted { Some(rank) } else { last };
            sorted
        };
        let stay: HashSet<usize> =
            firsts.iter().copied().filter(|&index| bound[index].is_some_and(&mut stays)).collect();
        let mut run: Vec<(usize, Item)> = Vec::new();
        for index in firsts {
            let Incoming { key, id, is_named } = events[index];
            if stay.contains(&index) {
                self.insert(&mut run, last_id, id, &mut placed);
                last_id = id;
            } else if let Some(place) = self.place_of(id) {
                // No event has this index: it marks one that moves.
                run.push((usize::MAX, self.items.remove(place)));
            } else {
                run.push((index, Item { key, id, rank: 0, is_named }));
            }
        }
        self.insert(&mut run, last_id, None, &mut placed);
        placed
    }

    fn place_of(&self, id: Option<u64>) -> Option<usize> {
        id.and_then(|_| self.items.iter().position(|item| item.id == id))
    }

    /// Assigns ids to items that a live tail reported, and returns the rank of each event that is
    /// an item.
    fn bind(&mut self, events: &[Incoming]) -> Vec<Option<i64>> {
        let mut bound = vec![None; events.len()];
        if self.items.is_empty() {
            return bound;
        }
        let mut places: HashMap<Option<u64>, usize> = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            places.entry(event.id).or_insert(index);
        }
        for item in self.items.iter().filter(|item| item.id.is_some()) {
            if let Some(&index) = places.get(&item.id) {
                bound[index] = Some(item.rank);
            }
        }
        let mut free: HashMap<u64, BTreeSet<usize>> = HashMap::new();
        for &index in places.values().filter(|&&index| bound[index].is_none()) {
            free.entry(events[index].key).or_default().insert(index);
        }
        // First those in the same order, then any: their texts are equal.
        for sorted in [true, false] {
            let mut next = 0;
            for item in &mut self.items {
                if item.id.is_some() {
                    next = places.get(&item.id).map_or(next, |&place| next.max(place + 1));
                    continue;
                }
                let Some(free) = free.get_mut(&item.key) else { continue };
                let from = if sorted { next } else { 0 };
                let Some(&index) = free.range(from..).next() else { continue };
                free.remove(&index);
                item.id = events[index].id;
                bound[index] = Some(item.rank);
                next = index + 1;
            }
        }
        bound
    }

    /// Puts a run of items behind the one with the id `last`; without, before the one with the id
    /// `next`; without both, at the end.
    fn insert(
        &mut self,
        run: &mut Vec<(usize, Item)>,
        last: Option<u64>,
        next: Option<u64>,
        placed: &mut Placed,
    ) {
        if run.is_empty() {
            return;
        }
        let behind = self.place_of(last).map(|place| place + 1);
        let at = behind.or_else(|| self.place_of(next)).unwrap_or(self.items.len());
        let count = run.len() as i64;
        let low = at.checked_sub(1).map(|before| self.items[before].rank);
        let high = self.items.get(at).map(|item| item.rank);
        let (mut rank, mut step) = match (low, high) {
            (None, None) => (0, STEP),
            (Some(low), None) => (low + STEP, STEP),
            (None, Some(high)) => (high - STEP * count, STEP),
            (Some(low), Some(high)) => {
                (low + (high - low) / (count + 1), (high - low) / (count + 1))
            }
        };
        if step == 0 {
            (rank, step) = (self.make_room(at, count, placed), STEP);
        }
        for (index, item) in run.iter_mut() {
            match placed.ranks.get_mut(*index) {
                Some(new) => *new = Some(rank),
                None => placed.moved.push((item.rank, rank)),
            }
            item.rank = rank;
            rank += step;
        }
        self.items.splice(at..at, run.drain(..).map(|(_, item)| item));
    }

    /// Moves all items from `at` on up, so that `count` others fit before them, and returns the
    /// rank of the first of those.
    fn make_room(&mut self, at: usize, count: i64, placed: &mut Placed) -> i64 {
        let low = at.checked_sub(1).map_or(0, |before| self.items[before].rank);
        let mut rank = low + STEP * (count + 1);
        for item in &mut self.items[at..] {
            placed.moved.push((item.rank, rank));
            item.rank = rank;
            rank += STEP;
        }
        low + STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(text: &str) -> Vec<Incoming> {
        text.chars()
            .map(|letter| Incoming { key: u64::from(u32::from(letter)), id: None, is_named: false })
            .collect()
    }

    /// Events of a page: letters with numbers as ids, `a1b2`.
    fn page(text: &str) -> Vec<Incoming> {
        let letters: Vec<char> = text.chars().collect();
        let one = |pair: &[char]| Incoming {
            id: pair[1].to_digit(10).map(u64::from),
            ..incoming(&pair[0].to_string())[0]
        };
        letters.chunks(2).map(one).collect()
    }

    fn text(bucket: &Bucket) -> String {
        assert!(bucket.items.is_sorted_by(|one, next| one.rank < next.rank), "{bucket:?}");
        bucket.items.iter().map(|item| char::from_u32(item.key as u32).unwrap()).collect()
    }

    fn new(placed: &Placed) -> usize {
        placed.ranks.iter().flatten().count()
    }

    #[test]
    fn a_page_puts_what_was_left_out_where_it_belongs() {
        let mut bucket = Bucket::default();
        assert_eq!(new(&bucket.live(&incoming("ace"))), 3);
        let placed = bucket.page(&page("a1b2c3d4e5f6"), None);
        assert_eq!((new(&placed), placed.moved.len()), (3, 0));
        assert_eq!(text(&bucket), "abcdef");
        assert_eq!(new(&bucket.page(&page("a1b2c3d4e5f6"), None)), 0);
    }

    #[test]
    fn equal_lines_are_as_many_as_there_are() {
        let mut bucket = Bucket::default();
        assert_eq!(new(&bucket.live(&incoming("aab"))), 3);
        assert_eq!(
            new(&bucket.live(&incoming("aa"))),
            0,
            "sent again, or others: a page shows which"
        );
        let placed = bucket.page(&page("a1a2b3a4"), None);
        assert_eq!((new(&placed), placed.moved.len()), (1, 0));
        assert_eq!(text(&bucket), "aaba");
        let mut bucket = Bucket::default();
        bucket.page(&page("a1x2a3"), None);
        assert_eq!(new(&bucket.live(&incoming("aax"))), 0);
    }

    #[test]
    fn a_page_that_ends_within_the_millisecond_goes_on_with_the_next() {
        let mut bucket = Bucket::default();
        bucket.live(&incoming("xb"));
        assert_eq!(new(&bucket.page(&page("b1x2"), None)), 0, "reported in the wrong order");
        assert_eq!(text(&bucket), "bx");
        let placed = bucket.page(&page("b3y4"), Some(2));
        assert_eq!((new(&placed), text(&bucket).as_str()), (2, "bxby"));
        assert_eq!(
            bucket.page(&page("b1x2b3y4"), None),
            Placed { ranks: vec![None; 4], moved: vec![] }
        );
    }

    #[test]
    fn the_same_page_again_or_with_doubles_changes_nothing() {
        let mut bucket = Bucket::default();
        assert_eq!(new(&bucket.page(&page("a1a1b2a1b2"), None)), 2);
        assert_eq!(text(&bucket), "ab");
        assert_eq!(
            bucket.page(&page("a1b2"), Some(2)),
            Placed { ranks: vec![None; 2], moved: vec![] }
        );
        assert_eq!(text(&bucket), "ab");
    }

    #[test]
    fn there_is_always_room_between_two_neighbours() {
        let mut bucket = Bucket::default();
        let one = |id| Incoming { key: id, id: Some(id), is_named: false };
        bucket.page(&[one(1), one(2)], None);
        for id in 3..200 {
            assert_eq!(new(&bucket.page(&[one(1), one(id)], None)), 1);
        }
        assert!(bucket.items.is_sorted_by(|one, next| one.rank < next.rank));
        let ids: Vec<u64> = bucket.items.iter().map(|item| item.key).collect();
        let expected: Vec<u64> = [1].into_iter().chain((3..200).rev()).chain([2]).collect();
        assert_eq!(ids, expected);
    }
}
