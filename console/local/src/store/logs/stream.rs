//! One log stream: a file with a line of JSON for each event, in the order of their times and
//! numbers. It is appended to or replaced, so a killed process leaves at most one incomplete line,
//! which is cut off when the file is opened again. Touches its file only, and keeps it open only
//! while a sandbox writes to it.

mod reader;
mod rewrite;

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader},
    ops::Range,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    event::{Event, now},
    tail_sessions::Watchers,
};
use crate::store::disk;

pub(crate) use reader::{Direction, Reader};

/// Maximum number of bytes that are kept in memory while writes to the disk fail.
const BACKLOG_LIMIT: usize = 1 << 20;

/// First line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    stream: String,
    created: i64,
}

/// A log stream.
pub(crate) struct Stream {
    /// Name of its group.
    pub(crate) group: String,
    /// Name of the stream.
    pub(crate) name: String,
    /// Time of creation, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    path: PathBuf,
    watchers: Arc<Watchers>,
    /// Part of its events' IDs that identifies the stream.
    mark: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Open as long as a sandbox writes.
    file: Option<File>,
    extent: Extent,
    /// Number of the next event.
    next: u64,
    /// Lines that could not be written to the disk: they count as the end of the file, and are read
    /// from here.
    backlog: Vec<u8>,
    /// Number of lines that the backlog had no room for.
    lost: usize,
    /// Number of times that the file was replaced, which invalidates all positions in it.
    replaced: u64,
    /// Number of sandboxes that may still write to it.
    writers: usize,
    gone: bool,
}

/// Range of the file that contains events, and their times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// Position at which the first event's line begins.
    pub(crate) start: u64,
    /// Position at which the last event's line ends, including the backlog.
    pub(crate) end: u64,
    /// Time of the first event.
    pub(crate) first: Option<i64>,
    /// Time of the last event.
    pub(crate) last: Option<i64>,
    /// Ingestion time of the last event.
    pub(crate) ingested: Option<i64>,
}

impl Extent {
    /// Extends the range by events that were added.
    fn cover(&mut self, fresh: &[Event]) {
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else { return };
        self.first = Some(self.first.map_or(first.t, |known| known.min(first.t)));
        self.last = Some(self.last.map_or(last.t, |known| known.max(last.t)));
        self.ingested = Some(last.i);
    }
}

impl State {
    /// Numbers new events. Their ingestion times never go back, even if the clock does.
    fn number(&self, events: Vec<(i64, String)>) -> Vec<Event> {
        let i = now().max(self.extent.ingested.unwrap_or(i64::MIN));
        events.into_iter().zip(self.next..).map(|((t, m), n)| Event { n, t, i, m }).collect()
    }

    /// Position at which the file itself ends.
    fn written(&self) -> u64 {
        self.extent.end - self.backlog.len() as u64
    }

    /// Adds lines to the backlog.
    fn add(&mut self, fresh: &[Event], lines: &[u8]) {
        self.backlog.extend_from_slice(lines);
        self.extent.end += lines.len() as u64;
        self.extent.cover(fresh);
        self.next += fresh.len() as u64;
    }
}

/// Encodes events as they are on disk.
fn encode(events: &[Event]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

impl Stream {
    /// Creates a new stream in the group's directory.
    pub(crate) fn create(
        group: &str,
        name: &str,
        path: &Path,
        watchers: Arc<Watchers>,
    ) -> io::Result<Self> {
        let created = now();
        let mut header = serde_json::to_vec(&Header { stream: name.to_owned(), created })?;
        header.push(b'\n');
        disk::write(path, &header)?;
        let length = header.len() as u64;
        let header = Header { stream: name.to_owned(), created };
        Ok(Self::new(group, header, path, watchers, length..length))
    }

    /// Opens a stream that is on disk; returns `None` if its first line is damaged.
    pub(crate) fn open(
        group: &str,
        path: &Path,
        watchers: Arc<Watchers>,
    ) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut line = Vec::new();
        let start = BufReader::new(&file).read_until(b'\n', &mut line)? as u64;
        let Ok(header) = serde_json::from_slice::<Header>(&line) else { return Ok(None) };
        let length = file.metadata()?.len();
        let end = reader::whole_lines(&file, start..length)?;
        if end < length {
            tracing::warn!(
                stream = header.stream,
                group,
                bytes = length - end,
                "the last line of a log stream was cut off when its writer was killed; it is left \
                out"
            );
            file.set_len(end)?;
        }
        let stream = Self::new(group, header, path, watchers, start..end);
        let first = stream.read(Direction::Forward, reader::PROBE, |_| false)?.next()?;
        let last = stream.read(Direction::Backward, reader::PROBE, |_| true)?.next()?;
        let mut state = stream.state();
        state.extent.first = first.map(|event| event.t);
        state.extent.last = last.as_ref().map(|event| event.t);
        state.extent.ingested = last.as_ref().map(|event| event.i);
        state.next = last.map_or(0, |event| event.n.saturating_add(1));
        drop(state);
        Ok(Some(stream))
    }

    fn new(
        group: &str,
        header: Header,
        path: &Path,
        watchers: Arc<Watchers>,
        events: Range<u64>,
    ) -> Self {
        let Header { stream: name, created } = header;
        let digest = Sha256::digest(name.as_bytes());
        let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
            % 10_u64.pow(16);
        let extent = Extent { start: events.start, end: events.end, ..Extent::default() };
        let state = Mutex::new(State { extent, ..State::default() });
        Self {
            group: group.to_owned(),
            name,
            created,
            path: path.to_owned(),
            watchers,
            mark,
            state,
        }
    }

    /// Adds events in the order of their times: all or, on an error, none. An event that is older
    /// than the last one is inserted by replacing the file.
    pub(crate) fn append(&self, events: Vec<(i64, String)>) -> io::Result<()> {
        let mut state = self.usable()?;
        self.flush(&mut state)?;
        let fresh = state.number(events);
        if fresh.first().is_some_and(|first| state.extent.last.is_some_and(|last| first.t < last)) {
            self.merge(&mut state, &fresh)?;
        } else {
            let (extent, next) = (state.extent, state.next);
            state.add(&fresh, &encode(&fresh)?);
            if let Err(error) = self.flush(&mut state) {
                (state.extent, state.next) = (extent, next);
                state.backlog.clear();
                return Err(error);
            }
        }
        drop(state);
        self.watchers.publish(&self.group, &self.name, &fresh);
        Ok(())
    }

    /// Adds a sandbox's messages with the current time, or with the last event's time if the clock
    /// went back. On an error they are kept in memory and written later, as long as there is room;
    /// those that do not fit are counted, and the stream reports their number when it can.
    pub(crate) fn append_now(&self, mut messages: Vec<String>) -> io::Result<()> {
        let mut state = self.usable()?;
        let before = self.flush(&mut state);
        if before.is_ok() && state.lost > 0 {
            messages.insert(
                0,
                format!("{} log lines before this one were lost: the disk was full\n", state.lost),
            );
            state.lost = 0;
        }
        let time = now().max(state.extent.last.unwrap_or(i64::MIN));
        let fresh = state.number(messages.into_iter().map(|message| (time, message)).collect());
        let lines = encode(&fresh)?;
        let written = match before {
            Err(error) if state.backlog.len() + lines.len() > BACKLOG_LIMIT => {
                state.lost += fresh.len();
                Err(io::Error::new(
                    error.kind(),
                    format!("{error}; there is no more memory for such lines, these are lost"),
                ))
            }
            _ => {
                state.add(&fresh, &lines);
                self.flush(&mut state).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("{error}; they are kept in memory until there is room"),
                    )
                })
            }
        };
        drop(state);
        self.watchers.publish(&self.group, &self.name, &fresh);
        written
    }

    /// Writes the backlog to the file.
    fn flush(&self, state: &mut State) -> io::Result<()> {
        if state.backlog.is_empty() {
            return Ok(());
        }
        let written = state.written();
        let file = match &mut state.file {
            Some(file) => file,
            None => state.file.insert(OpenOptions::new().write(true).mode(0o600).open(&self.path)?),
        };
        if let Err(error) = file.write_all_at(&state.backlog, written) {
            // An incomplete line is removed. If that fails too, it is overwritten or, after a kill,
            // cut off at opening.
            let _ = file.set_len(written);
            return Err(error);
        }
        state.backlog = Vec::new();
        if state.writers == 0 {
            state.file = None;
        }
        Ok(())
    }

    /// Counts a sandbox that will write; [`release`](Self::release) it.
    pub(crate) fn hold(&self) {
        self.state().writers += 1;
    }

    /// Records that a sandbox has finished writing.
    pub(crate) fn release(&self) {
        let mut state = self.state();
        state.writers -= 1;
        if let Err(error) = self.flush(&mut state) {
            tracing::warn!(%error, stream = self.name, "the last log lines of a sandbox could not \
                be written so far");
        }
        state.file = None;
    }

    /// Removes the stream from the disk permanently.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let mut state = self.state();
        state.gone = true;
        state.file = None;
        state.backlog = Vec::new();
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns `true` if the stream was removed.
    pub(crate) fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// Returns the current extent of the file.
    pub(crate) fn extent(&self) -> Extent {
        self.state().extent
    }

    /// Returns the ID of an event of that time and number: 56 digits, unique, and in the order of
    /// time.
    pub(crate) fn id(&self, time: i64, number: u64) -> String {
        format!("{:020}{:016}{number:020}", time.max(0), self.mark)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.gone {
            Err(io::Error::new(io::ErrorKind::NotFound, "the log stream was deleted"))
        } else {
            Ok(state)
        }
    }
}

#[cfg(test)]
mod tests;
