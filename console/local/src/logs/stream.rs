//! One log stream: a file with a line of JSON for each event, in the order of their times. Only appended to, so a
//! killed process leaves at most one torn line, which is cut off when the file is opened again. Touches its file only.

use super::tail::Watchers;
use crate::disk;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many bytes are kept in memory while the disk takes none.
const BACKLOG_LIMIT: usize = 1 << 20;

/// An event as it is on disk. One letter a field: there are many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Its number in the stream.
    pub(super) n: u64,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(super) t: i64,
    /// When it came in.
    pub(super) i: i64,
    /// Its message.
    pub(super) m: String,
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    stream: String,
    created: i64,
}

/// A stream.
pub(crate) struct Stream {
    /// The name of its group.
    pub(super) group: String,
    /// Its name.
    pub(super) name: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub(super) created: i64,
    path: PathBuf,
    watchers: Arc<Watchers>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    extent: Extent,
    next: u64,
    /// Lines that the disk did not take.
    backlog: Vec<u8>,
}

/// What of the file holds events, and from when they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Where the first event's line begins.
    pub(super) start: u64,
    /// Where the last event's line ends.
    pub(super) end: u64,
    /// The first event's time.
    pub(super) first: Option<i64>,
    /// The last event's time.
    pub(super) last: Option<i64>,
    /// When the last event came in.
    pub(super) ingested: Option<i64>,
}

impl Stream {
    /// Makes a new stream in the group's directory.
    pub(super) fn create(group: &str, name: &str, path: &Path, watchers: Arc<Watchers>) -> io::Result<Self> {
        let created = now();
        let mut header = serde_json::to_vec(&Header { stream: name.to_owned(), created })?;
        header.push(b'\n');
        disk::write(path, &header)?;
        let start = header.len() as u64;
        let state = State { extent: Extent { start, end: start, ..Extent::default() }, ..State::default() };
        Ok(Self {
            group: group.to_owned(),
            name: name.to_owned(),
            created,
            path: path.to_owned(),
            watchers,
            state: Mutex::new(state),
        })
    }

    /// Opens one that is on disk; none when its first line is damaged.
    pub(super) fn open(group: &str, path: &Path, watchers: Arc<Watchers>) -> io::Result<Option<Self>> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut line = Vec::new();
        let start = BufReader::new(&file).read_until(b'\n', &mut line)? as u64;
        let Ok(header) = serde_json::from_slice::<Header>(&line) else { return Ok(None) };
        let length = file.metadata()?.len();
        let end = last_line_end(&mut file, start, length)?;
        if end < length {
            file.set_len(end)?;
        }
        let first = event_at(&mut file, start, end)?;
        let last_start = last_line_start(&mut file, start, end)?;
        let last = event_at(&mut file, last_start, end)?;
        let extent = Extent {
            start,
            end,
            first: first.as_ref().map(|event| event.t),
            last: last.as_ref().map(|event| event.t),
            ingested: last.as_ref().map(|event| event.i),
        };
        let state = State { extent, next: last.map_or(0, |event| event.n + 1), ..State::default() };
        Ok(Some(Self {
            group: group.to_owned(),
            name: header.stream,
            created: header.created,
            path: path.to_owned(),
            watchers,
            state: Mutex::new(state),
        }))
    }

    /// Adds events, each with its time. Times in a file never go back: an event before the last one is put at its time by
    /// writing the file anew. When the disk is full the lines are kept in memory, up to a limit, and written later.
    pub(crate) fn append(&self, events: Vec<(i64, String)>) -> io::Result<()> {
        let mut state = self.state();
        let ingested = now();
        let sorted =
            events.iter().try_fold(state.extent.last.unwrap_or(i64::MIN), |last, (t, _)| (*t >= last).then_some(*t));
        let mut fresh = Vec::with_capacity(events.len());
        for (t, m) in events {
            fresh.push(Event { n: state.next, t, i: ingested, m });
            state.next += 1;
        }
        let written = if sorted.is_some() { self.extend(&mut state, &fresh) } else { self.merge(&mut state, &fresh) };
        drop(state);
        self.watchers.publish(self, &fresh);
        written
    }

    /// Like [`append`](Self::append) with the present as time, moved forward where the clock went back.
    pub(crate) fn append_now(&self, messages: Vec<String>) -> io::Result<()> {
        let time = now().max(self.extent().last.unwrap_or(i64::MIN));
        self.append(messages.into_iter().map(|message| (time, message)).collect())
    }

    fn extend(&self, state: &mut State, fresh: &[Event]) -> io::Result<()> {
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { return Ok(()) };
        let mut lines = std::mem::take(&mut state.backlog);
        for event in fresh {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        state.extent.first.get_or_insert(first.t);
        (state.extent.last, state.extent.ingested) = (Some(last.t), Some(last.i));
        let end = state.extent.end;
        let result = self.write(state, &lines);
        if result.is_ok() {
            state.extent.end += lines.len() as u64;
            return result;
        }
        // Half a line is taken back; should that fail too, opening the file again does it.
        if let Some(file) = &state.file {
            let _ = file.set_len(end);
        }
        if lines.len() <= BACKLOG_LIMIT {
            state.backlog = lines;
        }
        result
    }

    fn write(&self, state: &mut State, lines: &[u8]) -> io::Result<()> {
        let file = match &mut state.file {
            Some(file) => file,
            None => state.file.insert(OpenOptions::new().append(true).mode(0o600).open(&self.path)?),
        };
        file.write_all(lines)
    }

    fn merge(&self, state: &mut State, fresh: &[Event]) -> io::Result<()> {
        let mut bytes = Vec::new();
        File::open(&self.path)?.take(state.extent.end).read_to_end(&mut bytes)?;
        bytes.extend_from_slice(&state.backlog);
        let header = bytes.get(..state.extent.start as usize).unwrap_or_default().to_vec();
        let old = bytes.get(state.extent.start as usize..).unwrap_or_default();
        let mut all: Vec<Event> =
            old.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        all.extend_from_slice(fresh);
        all.sort_by_key(|event| (event.t, event.n));
        let mut lines = header;
        for event in &all {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        disk::write(&self.path, &lines)?;
        state.file = None;
        state.backlog = Vec::new();
        state.extent.end = lines.len() as u64;
        state.extent.first = all.first().map(|event| event.t);
        state.extent.last = all.last().map(|event| event.t);
        state.extent.ingested = fresh.last().map(|event| event.i);
        Ok(())
    }

    /// Closes the file until the next event.
    pub(crate) fn close(&self) {
        self.state().file = None;
    }

    /// What the file holds at this moment.
    pub(super) fn extent(&self) -> Extent {
        self.state().extent
    }

    /// Reads the events from the time `from` on, as far as the file is written at this moment.
    pub(super) fn read(&self, from: i64) -> io::Result<Events> {
        let extent = self.extent();
        let mut file = File::open(&self.path)?;
        let offset = seek(&mut file, extent.start, extent.end, from)?;
        file.seek(SeekFrom::Start(offset))?;
        let reader = BufReader::with_capacity(64 << 10, file.take(extent.end.saturating_sub(offset)));
        Ok(Events { reader, from, line: Vec::new() })
    }

    /// The id of one of its events: unique, and in the order of time.
    pub(super) fn event_id(&self, event: &Event) -> String {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        format!("{:020}{:016}{:020}", event.t.max(0), hasher.finish() % 10_u64.pow(16), event.n)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of a stream, oldest first.
pub(super) struct Events {
    reader: BufReader<io::Take<File>>,
    from: i64,
    line: Vec<u8>,
}

impl Events {
    /// The next event and the bytes read for it.
    pub(super) fn next(&mut self) -> io::Result<Option<(Event, usize)>> {
        let mut read = 0;
        loop {
            self.line.clear();
            let length = self.reader.read_until(b'\n', &mut self.line)?;
            if length == 0 {
                return Ok(None);
            }
            read += length;
            match serde_json::from_slice::<Event>(&self.line) {
                Ok(event) if event.t >= self.from => return Ok(Some((event, read))),
                // Before the time asked for; or damaged, and then the others still count.
                _ => {}
            }
        }
    }
}

/// The present in milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Where, between `start` and `end`, reading must begin to see every event from time `from` on: halves the file while
/// it is long.
fn seek(file: &mut File, start: u64, end: u64, from: i64) -> io::Result<u64> {
    let (mut low, mut high) = (start, end);
    while high - low > 64 << 10 {
        let middle = low + (high - low) / 2;
        file.seek(SeekFrom::Start(middle))?;
        let mut reader = BufReader::new((&mut *file).take(end - middle));
        let mut line = Vec::new();
        let line_start = middle + reader.read_until(b'\n', &mut line)? as u64;
        line.clear();
        let length = reader.read_until(b'\n', &mut line)? as u64;
        if line_start + length >= high {
            break;
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) if event.t >= from => high = line_start + length,
            _ => low = line_start,
        }
    }
    Ok(low)
}

/// Where the last whole line ends.
fn last_line_end(file: &mut File, start: u64, length: u64) -> io::Result<u64> {
    Ok(newline_before(file, start, length)?.map_or(start, |newline| newline + 1).max(start))
}

/// Where the line begins that ends at `end`.
fn last_line_start(file: &mut File, start: u64, end: u64) -> io::Result<u64> {
    Ok(newline_before(file, start, end.saturating_sub(1))?.map_or(start, |newline| newline + 1))
}

/// Where the last newline before `end` is.
fn newline_before(file: &mut File, start: u64, mut end: u64) -> io::Result<Option<u64>> {
    let mut block = vec![0; 4096];
    while end > start {
        let begin = end.saturating_sub(block.len() as u64).max(start);
        let part = block.get_mut(..(end - begin) as usize).unwrap_or_default();
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(part)?;
        if let Some(index) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(begin + index as u64));
        }
        end = begin;
    }
    Ok(None)
}

fn event_at(file: &mut File, offset: u64, end: u64) -> io::Result<Option<Event>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut line = Vec::new();
    BufReader::new(file.take(end.saturating_sub(offset))).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(path: &Path) -> Stream {
        Stream::create("group", "stream", path, Arc::default()).unwrap()
    }

    fn messages(stream: &Stream, from: i64) -> Vec<String> {
        let mut events = stream.read(from).unwrap();
        std::iter::from_fn(|| events.next().unwrap()).map(|(event, _)| event.m).collect()
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_next_event_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        stream(&path).append(vec![(1, "one".into()), (2, "two".into())]).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"n":2,"t":3,"i":3,"m":"to"#).unwrap();
        let again = Stream::open("group", &path, Arc::default()).unwrap().unwrap();
        again.append(vec![(4, "four".into())]).unwrap();
        assert_eq!(messages(&again, 0), ["one", "two", "four"]);
        let last = Stream::open("group", &path, Arc::default()).unwrap().unwrap();
        assert_eq!(last.extent().last, Some(4));
        assert_eq!(last.state().next, 3);
    }

    #[test]
    fn reading_from_a_time_begins_at_the_first_event_of_that_time() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(&dir.path().join("s"));
        // Long enough to be halved, with runs of equal times.
        stream.append((0..20_000).map(|n| (n / 10, format!("message {n}"))).collect()).unwrap();
        for from in [-1, 0, 1, 777, 1999] {
            let found = messages(&stream, from);
            assert_eq!(found.len() as i64, 20_000 - from.max(0) * 10, "from {from}");
            assert_eq!(found[0], format!("message {}", from.max(0) * 10));
        }
        assert!(messages(&stream, 2000).is_empty());
    }

    #[test]
    fn an_event_of_the_past_is_put_at_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(&dir.path().join("s"));
        stream.append(vec![(10, "b".into()), (30, "d".into())]).unwrap();
        stream.append(vec![(5, "a".into()), (20, "c".into())]).unwrap();
        stream.append(vec![(40, "e".into())]).unwrap();
        assert_eq!(messages(&stream, 0), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn what_a_full_disk_refuses_is_written_later() {
        let dir = tempfile::tempdir().unwrap();
        let stream = stream(&dir.path().join("s"));
        stream.append(vec![(1, "one".into())]).unwrap();
        // /dev/full answers every write as a full disk does.
        stream.state().file = Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let error = stream.append(vec![(2, "two".into())]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        stream.close();
        stream.append(vec![(3, "three".into())]).unwrap();
        assert_eq!(messages(&stream, 0), ["one", "two", "three"]);
    }
}
