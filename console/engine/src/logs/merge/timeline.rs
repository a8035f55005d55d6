//! The reported events of one log group, for as long as another source may report them. Pure.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use lambda_console_model::LogFix;

use super::{
    Entry, Output, Window,
    bucket::{Bucket, Incoming},
    by_place,
    links::{LineKind, Links, Place},
};

/// End of a page of a look: the ids of the last events, by stream, and their time.
pub(super) type End = (i64, HashMap<String, u64>);

/// Source of events.
#[derive(Clone, Copy, Debug)]
enum Source {
    Live,
    /// A page; the one before it ended with the event of this id.
    Page {
        after: Option<u64>,
    },
}

/// The events of one log group.
#[derive(Debug)]
pub(super) struct Timeline {
    /// By time.
    cells: BTreeMap<i64, Vec<StreamCell>>,
    links: HashMap<Arc<str>, Links>,
    held: usize,
    /// Older events are not read again, and are forgotten.
    pub(super) settled: i64,
}

#[derive(Debug)]
struct StreamCell {
    stream: Arc<str>,
    bucket: Bucket,
    /// The service's clock at its last change.
    touched: i64,
}

impl Timeline {
    /// Creates a timeline that ignores events before `since`.
    pub(super) fn new(since: i64) -> Self {
        Self { cells: BTreeMap::new(), links: HashMap::new(), held: 0, settled: since }
    }

    /// Adds events: of one update of a live tail, or of a page with the end of the page before it.
    /// Returns the new ones, in order.
    pub(super) fn take(
        &mut self,
        mut entries: Vec<Entry>,
        page: Option<&mut End>,
        clock: i64,
        output: &mut Output,
    ) {
        // Stable: events of one stream and one time keep the order in which they arrive.
        entries.sort_by(|one, other| by_place(&one.line, &other.line));
        let same = |one: &Entry, other: &Entry| {
            one.line.timestamp == other.line.timestamp && one.line.stream == other.line.stream
        };
        let mut end: End = (i64::MIN, HashMap::new());
        let mut rest = entries.into_iter().peekable();
        while let Some(first) = rest.next() {
            let mut run = vec![first];
            while let Some(next) = rest.next_if(|next| same(&run[0], next)) {
                run.push(next);
            }
            let (timestamp, stream) = (run[0].line.timestamp, run[0].line.stream.clone());
            let kinds: Vec<LineKind> =
                run.iter().map(|entry| LineKind::of(&entry.line.message)).collect();
            let incoming = incoming(&run, &kinds, page.is_some());
            let before = page.as_ref().filter(|end| end.0 == timestamp);
            let after = before.and_then(|end| end.1.get(&stream).copied());
            let source = if page.is_some() { Source::Page { after } } else { Source::Live };
            if timestamp != end.0 {
                end = (timestamp, HashMap::new());
            }
            if let Some(id) = incoming.last().and_then(|last| last.id) {
                end.1.insert(stream, id);
            }
            self.place(run, kinds, &incoming, source, clock, output);
        }
        if let Some(page) = page
            && end.0 != i64::MIN
        {
            if page.0 == end.0 {
                page.1.extend(end.1);
            } else {
                *page = end;
            }
        }
    }

    /// Places events of one stream with one timestamp.
    fn place(
        &mut self,
        run: Vec<Entry>,
        kinds: Vec<LineKind>,
        incoming: &[Incoming],
        source: Source,
        clock: i64,
        output: &mut Output,
    ) {
        let (timestamp, function, stream) =
            (run[0].line.timestamp, run[0].line.function.clone(), self.known(&run[0].line.stream));
        let cells = self.cells.entry(timestamp).or_default();
        let index = cells.iter().position(|bucket| bucket.stream == stream).unwrap_or_else(|| {
            cells.push(StreamCell {
                stream: Arc::clone(&stream),
                bucket: Bucket::default(),
                touched: clock,
            });
            cells.len() - 1
        });
        let of_stream = &mut cells[index];
        let placed = match source {
            Source::Live => of_stream.bucket.live(incoming),
            Source::Page { after } => of_stream.bucket.page(incoming, after),
        };
        if placed.ranks.iter().any(Option::is_some) {
            of_stream.touched = clock;
        }
        let fix = |rank| LogFix {
            function: function.clone(),
            stream: stream.to_string(),
            timestamp,
            rank,
            new_rank: None,
            request_id: None,
        };
        for (from, to) in placed.moved {
            if let Some(links) = self.links.get_mut(&stream) {
                links.moved((timestamp, from), (timestamp, to));
            }
            output.fixes.push(LogFix { new_rank: Some(to), ..fix(from) });
        }
        let fresh: HashSet<i64> = placed.ranks.iter().flatten().copied().collect();
        self.held += fresh.len();
        for ((entry, kinds), rank) in run.into_iter().zip(kinds).zip(placed.ranks) {
            let Some(rank) = rank else { continue };
            let links = self.links.entry(Arc::clone(&stream)).or_default();
            let (request_id, from_here) = links.take((timestamp, rank), kinds);
            if let Some((to, request)) = from_here {
                let unnamed = self.unnamed(&stream, (timestamp, rank), to);
                let known = unnamed
                    .into_iter()
                    .filter(|place| place.0 != timestamp || !fresh.contains(&place.1));
                output.fixes.extend(known.map(|(timestamp, rank)| LogFix {
                    timestamp,
                    request_id: Some(request.clone()),
                    ..fix(rank)
                }));
            }
            let mut line = entry.line;
            line.rank = rank;
            line.request_id = request_id;
            output.lines.push(line);
        }
    }

    fn known(&self, stream: &str) -> Arc<str> {
        self.links
            .get_key_value(stream)
            .map_or_else(|| stream.into(), |(known, _)| Arc::clone(known))
    }

    /// The places of a stream's lines between two that do not name their request.
    fn unnamed(&self, stream: &Arc<str>, from: Place, to: Option<Place>) -> Vec<Place> {
        let to = to.unwrap_or((i64::MAX, i64::MAX));
        let mut places = Vec::new();
        for (timestamp, cells) in self.cells.range(from.0..=to.0) {
            let items = cells
                .iter()
                .filter(|bucket| bucket.stream == *stream)
                .flat_map(|bucket| bucket.bucket.items());
            let within = items.filter(|item| !item.is_named).map(|item| (*timestamp, item.rank));
            places.extend(within.filter(|place| from < *place && *place < to));
        }
        places
    }

    /// Records that everything written before `covered` was read when the service's clock was
    /// `clock`: events that are old enough are forgotten.
    pub(super) fn expire(&mut self, covered: i64, clock: i64, window: &Window) {
        let sure = covered.min(clock - window.expire);
        self.settled = self.settled.max(covered.min(clock - window.late));
        let mut left = self.held;
        for (timestamp, cells) in &self.cells {
            if left <= window.most || (*timestamp >= sure && left <= window.hard) {
                break;
            }
            left -= cells.iter().map(|bucket| bucket.bucket.items().len()).sum::<usize>();
            self.settled = self.settled.max(timestamp + 1);
        }
        let kept = self.cells.split_off(&self.settled);
        for (timestamp, mut cells) in std::mem::replace(&mut self.cells, kept) {
            // A new live tail may report late events once more.
            cells.retain(|bucket| {
                let stays = bucket.touched > clock - window.expire && self.held <= window.hard;
                self.held -= if stays { 0 } else { bucket.bucket.items().len() };
                stays
            });
            if !cells.is_empty() {
                self.cells.insert(timestamp, cells);
            }
        }
        let settled = self.settled;
        self.links.retain(|_, links| links.forget(settled));
    }

    /// Returns the number of stored events.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.held
    }
}

/// Converts events for cells. Pages of services without ids get them from the number of equal texts
/// before.
fn incoming(run: &[Entry], kinds: &[LineKind], is_page: bool) -> Vec<Incoming> {
    let mut copies: HashMap<u64, u32> = HashMap::new();
    let incoming = run.iter().zip(kinds).map(|(entry, kinds)| {
        let key = hash(&entry.line.message);
        let id = is_page.then(|| {
            if let Some(id) = &entry.id {
                return hash(id);
            }
            let copy = copies.entry(key).or_default();
            *copy += 1;
            hash(&(key, *copy))
        });
        Incoming { key, id, is_named: kinds.is_named() }
    });
    incoming.collect()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
