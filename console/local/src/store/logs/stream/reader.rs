//! Reads a stream's events in blocks, from either end, without holding the file open: many streams
//! are read at once.

use std::{
    fs::File,
    io::{self, BufRead as _},
    ops::Range,
    os::unix::fs::FileExt as _,
};

use super::{Event, Extent, Stream};

/// Number of bytes that are read to find one event.
pub(crate) const PROBE: usize = 4 << 10;
/// Size of a range that is read completely instead of halved, in bytes.
const STRIDE: u64 = 64 << 10;

/// Direction in which events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The oldest first.
    Forward,
    /// The newest first.
    Backward,
}

/// Events of a stream as it was when reading began. Fails with
/// [`io::ErrorKind::StaleNetworkFileHandle`] if the file is replaced or removed meanwhile; the
/// caller may then start reading again.
pub(crate) struct Reader<'a> {
    stream: &'a Stream,
    replaced: u64,
    direction: Direction,
    /// Range of the file that is still to be fetched.
    range: Range<u64>,
    /// Bytes that were fetched and not returned yet.
    block: Vec<u8>,
    /// Position in the block at which the rest begins; forwards only.
    consumed: usize,
    /// Number of bytes that are fetched at once.
    size: usize,
    /// Event that was read while searching for the starting point.
    pending: Option<Event>,
    /// Number of bytes fetched.
    fetched: usize,
}

impl Stream {
    /// Reads the events from a point on: forwards those for which `before` is false, backwards
    /// those for which it is true. `before` is false for every event after one for which it is
    /// false. `size` is the number of bytes that are fetched at once.
    pub(crate) fn read(
        &self,
        direction: Direction,
        size: usize,
        before: impl Fn(&Event) -> bool,
    ) -> io::Result<Reader<'_>> {
        let (extent, replaced) = self.snapshot();
        let Range { start: low, end: high } = self.seek(extent, replaced, &before)?;
        let range = match direction {
            Direction::Forward => low..extent.end,
            Direction::Backward => extent.start..high,
        };
        let mut reader = self.reader(direction, range, replaced, size);
        while let Some(event) = reader.next()? {
            if before(&event) == (direction == Direction::Backward) {
                reader.pending = Some(event);
                break;
            }
        }
        Ok(reader)
    }

    fn snapshot(&self) -> (Extent, u64) {
        let state = self.state();
        (state.extent, state.replaced)
    }

    fn reader(
        &self,
        direction: Direction,
        range: Range<u64>,
        replaced: u64,
        size: usize,
    ) -> Reader<'_> {
        let block = Vec::new();
        Reader {
            stream: self,
            replaced,
            direction,
            range,
            block,
            consumed: 0,
            size,
            pending: None,
            fetched: 0,
        }
    }

    /// Returns a short range that contains the point: halves the file while it is long.
    fn seek(
        &self,
        extent: Extent,
        replaced: u64,
        before: &impl Fn(&Event) -> bool,
    ) -> io::Result<Range<u64>> {
        let Range { start: mut low, end: mut high } = extent.start..extent.end;
        while high - low > STRIDE {
            let middle = low + (high - low) / 2;
            let mut reader = self.reader(Direction::Forward, middle..high, replaced, PROBE);
            reader.skip_line()?;
            let place = reader.place();
            // The second half has no complete line: it is one long line, which need not be halved.
            let Some(event) = reader.next()? else { break };
            if before(&event) {
                low = reader.place();
            } else {
                high = place;
            }
        }
        Ok(low..high)
    }

    /// Reads bytes of the file or, past its end, of the backlog.
    fn bytes(&self, range: Range<u64>, replaced: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        if state.gone || state.replaced != replaced {
            return Err(io::Error::new(
                io::ErrorKind::StaleNetworkFileHandle,
                "the log stream was changed",
            ));
        }
        let written = state.written();
        let mut bytes = vec![0; range.end.min(written).saturating_sub(range.start) as usize];
        let kept = range.start.max(written)..range.end.max(written);
        let kept = (kept.start - written) as usize..(kept.end - written) as usize;
        let kept = state.backlog.get(kept).unwrap_or_default().to_vec();
        if !bytes.is_empty() {
            let file = File::open(&self.path)?;
            // The bytes before the end do not change; a replaced file stays unchanged for a process
            // that has it open.
            drop(state);
            file.read_exact_at(&mut bytes, range.start)?;
        }
        bytes.extend(kept);
        Ok(bytes)
    }
}

impl Reader<'_> {
    /// Returns the next event. Damaged lines are skipped and logged.
    pub(crate) fn next(&mut self) -> io::Result<Option<Event>> {
        if let Some(event) = self.pending.take() {
            return Ok(Some(event));
        }
        loop {
            let Some(line) = (match self.direction {
                Direction::Forward => self.line_after()?,
                Direction::Backward => self.line_before()?,
            }) else {
                return Ok(None);
            };
            let event = serde_json::from_slice(self.block.get(line.clone()).unwrap_or_default());
            match self.direction {
                Direction::Forward => self.consumed = line.end,
                Direction::Backward => self.block.truncate(line.start),
            }
            match event {
                Ok(event) => return Ok(Some(event)),
                Err(error) => {
                    let (stream, group) = (&self.stream.name, &self.stream.group);
                    tracing::warn!(%error, stream, group, "a damaged line of a log stream is left \
                        out");
                }
            }
        }
    }

    /// Returns the number of bytes fetched since the last call.
    pub(crate) fn take_fetched(&mut self) -> usize {
        std::mem::take(&mut self.fetched)
    }

    /// Range of the next line in the block.
    fn line_after(&mut self) -> io::Result<Option<Range<usize>>> {
        let mut searched = self.consumed;
        loop {
            let mut rest = self.block.get(searched..).unwrap_or_default();
            let length = rest.skip_until(b'\n')?;
            if length > 0 && self.block.get(searched + length - 1) == Some(&b'\n') {
                return Ok(Some(self.consumed..searched + length));
            }
            if self.range.is_empty() {
                return Ok(None);
            }
            self.block.drain(..self.consumed);
            searched = self.block.len();
            self.consumed = 0;
            let end = self.range.end.min(self.range.start + self.block.len().max(self.size) as u64);
            let bytes = self.stream.bytes(self.range.start..end, self.replaced)?;
            self.fetched += bytes.len();
            self.range.start = end;
            self.block.extend(bytes);
        }
    }

    /// Range of the last line in the block.
    fn line_before(&mut self) -> io::Result<Option<Range<usize>>> {
        loop {
            let inner = self.block.get(..self.block.len().saturating_sub(1)).unwrap_or_default();
            match inner.iter().rposition(|byte| *byte == b'\n') {
                Some(newline) => return Ok(Some(newline + 1..self.block.len())),
                None if self.range.is_empty() => {
                    return Ok((!self.block.is_empty()).then_some(0..self.block.len()));
                }
                None => {}
            }
            let start = self
                .range
                .start
                .max(self.range.end.saturating_sub(self.block.len().max(self.size) as u64));
            let mut bytes = self.stream.bytes(start..self.range.end, self.replaced)?;
            self.fetched += bytes.len();
            self.range.end = start;
            bytes.append(&mut self.block);
            self.block = bytes;
        }
    }

    /// Skips the rest of a line; forwards only.
    fn skip_line(&mut self) -> io::Result<()> {
        if let Some(line) = self.line_after()? {
            self.consumed = line.end;
        }
        Ok(())
    }

    /// Position in the file at which the rest begins; forwards only.
    fn place(&self) -> u64 {
        self.range.start - (self.block.len() - self.consumed) as u64
    }
}

/// Position at which the last complete line ends, in a range of a file.
pub(crate) fn whole_lines(file: &File, range: Range<u64>) -> io::Result<u64> {
    let mut end = range.end;
    while end > range.start {
        let begin = end.saturating_sub(PROBE as u64).max(range.start);
        let mut block = vec![0; (end - begin) as usize];
        file.read_exact_at(&mut block, begin)?;
        if let Some(newline) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + newline as u64 + 1);
        }
        end = begin;
    }
    Ok(range.start)
}
