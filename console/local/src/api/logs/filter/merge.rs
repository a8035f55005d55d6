//! The events of many streams as one sequence, in the order that AWS documents: by time, by
//! ingestion time, then by stream and number. Reads the streams' files, each only when its first
//! event is due.

use std::{cmp::Reverse, collections::BinaryHeap, io, ops::RangeInclusive, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::store::logs::{
    event::Event,
    stream::{Direction, Reader, Stream},
};

/// Memory limit for the blocks of all streams together, in bytes; each has a part of it.
const BLOCKS: usize = 8 << 20;

/// A place in the sequence: right after an event, or at the beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// `true` if the oldest event comes first.
    pub(super) forward: bool,
    /// The event: its time, its ingestion time, its stream and its number.
    event: Option<(i64, i64, String, u64)>,
}

/// Sort key of an event in the sequence, in ascending order. The third part orders streams.
type Rank = (i64, i64, i64, i64);

/// An event: its time, its ingestion time, its stream's index and its number.
type Key = (i64, i64, usize, u64);

/// The merged sequence.
pub(super) struct Merge<'a> {
    streams: &'a [Arc<Stream>],
    times: RangeInclusive<i64>,
    forward: bool,
    /// Rank of the last event returned, by this page or the previous one.
    after: Option<Rank>,
    /// Place at which the sequence begins.
    begin: Place,
    /// The last event returned, and the one before it.
    last: Option<Key>,
    before: Option<Key>,
    /// For each unfinished stream: the rank of its next event, or a lower bound of it while the
    /// stream is not opened.
    order: BinaryHeap<Reverse<(Rank, usize)>>,
    /// For each stream, once opened: the rest of it, and its next event.
    heads: Vec<Option<(Reader<'a>, Event)>>,
    block: usize,
    fetched: usize,
}

impl<'a> Merge<'a> {
    /// Merges the events of `streams`, which are ordered by name, within `times`, that come after a
    /// place. Files are read in blocks of at most `block` bytes.
    pub(super) fn new(
        streams: &'a [Arc<Stream>],
        times: RangeInclusive<i64>,
        forward: bool,
        after: Option<Place>,
        block: usize,
    ) -> Self {
        let begin = after.unwrap_or(Place { forward, event: None });
        let sign = if forward { 1 } else { -1 };
        let rank = begin.event.as_ref().map(|(time, ingested, name, number)| {
            let stream = match streams.binary_search_by(|stream| stream.name.cmp(name)) {
                Ok(index) => index as i64 * 2 + 1,
                // The stream was deleted meanwhile: the place is between its neighbours.
                Err(index) => index as i64 * 2,
            };
            (sign * time, sign * ingested, sign * stream, sign * *number as i64)
        });
        let mut merge = Self {
            streams,
            times,
            forward,
            after: rank,
            begin,
            last: None,
            before: None,
            order: BinaryHeap::new(),
            heads: Vec::new(),
            block: 0,
            fetched: 0,
        };
        let (start, end) = merge.times.clone().into_inner();
        for (index, stream) in streams.iter().enumerate() {
            merge.heads.push(None);
            let extent = stream.extent();
            let (Some(first), Some(last)) = (extent.first, extent.last) else { continue };
            if first.max(start) > last.min(end) {
                continue;
            }
            let earliest = if forward { first.max(start) } else { -last.min(end) };
            let latest = if forward { last } else { -first };
            if merge.after.is_none_or(|(after, ..)| latest >= after) {
                let rank = (
                    earliest.max(rank.map_or(i64::MIN, |rank| rank.0)),
                    i64::MIN,
                    i64::MIN,
                    i64::MIN,
                );
                merge.order.push(Reverse((rank, index)));
            }
        }
        merge.block = (BLOCKS / merge.order.len().max(1)).clamp(4 << 10, block);
        merge
    }

    /// Returns the next event and its stream.
    pub(super) fn next(&mut self) -> io::Result<Option<(&'a Stream, Event)>> {
        while let Some(Reverse((rank, index))) = self.order.pop() {
            let Some((stream, head)) = self.streams.get(index).zip(self.heads.get_mut(index))
            else {
                continue;
            };
            match head.take() {
                None => {
                    let reader = self.open(stream, index)?;
                    self.advance(reader, index)?;
                }
                Some((reader, event)) => {
                    self.advance(reader, index)?;
                    self.after = Some(rank);
                    self.before = self.last.replace((event.t, event.i, index, event.n));
                    return Ok(Some((stream, event)));
                }
            }
        }
        Ok(None)
    }

    /// Moves back to the place before the event that [`next`](Self::next) returned last: it does
    /// not count as returned. The sequence ends with that.
    pub(super) fn put_back(&mut self) {
        self.last = self.before.take();
        self.order.clear();
    }

    /// Returns the place after the last event.
    pub(super) fn place(&self) -> Place {
        let last = self.last.and_then(|(time, ingested, index, number)| {
            Some((time, ingested, self.streams.get(index)?.name.clone(), number))
        });
        match last {
            Some(event) => Place { forward: self.forward, event: Some(event) },
            None => self.begin.clone(),
        }
    }

    /// Returns `true` if there are certainly no more events.
    pub(super) fn is_done(&self) -> bool {
        self.order.is_empty()
    }

    /// Number of bytes read.
    pub(super) fn fetched(&self) -> usize {
        self.fetched
    }

    fn rank(&self, event: &Event, index: usize) -> Rank {
        let sign = if self.forward { 1 } else { -1 };
        (sign * event.t, sign * event.i, sign * (index as i64 * 2 + 1), sign * event.n as i64)
    }

    fn open(&mut self, stream: &'a Stream, index: usize) -> io::Result<Reader<'a>> {
        let (start, end) = self.times.clone().into_inner();
        let due = |event: &Event| self.after.is_none_or(|after| self.rank(event, index) > after);
        if self.forward {
            stream.read(Direction::Forward, self.block, |event| event.t < start || !due(event))
        } else {
            stream.read(Direction::Backward, self.block, |event| event.t <= end && due(event))
        }
    }

    /// Reads the next event of a stream, if it has one.
    fn advance(&mut self, mut reader: Reader<'a>, index: usize) -> io::Result<()> {
        let next = reader.next()?;
        self.fetched += reader.take_fetched();
        let Some(event) = next.filter(|event| self.times.contains(&event.t)) else { return Ok(()) };
        self.order.push(Reverse((self.rank(&event, index), index)));
        if let Some(head) = self.heads.get_mut(index) {
            *head = Some((reader, event));
        }
        Ok(())
    }
}
