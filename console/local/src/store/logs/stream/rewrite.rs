//! Replaces a stream's file: to insert events of the past, and to remove expired ones. Works line
//! by line, never with the whole file in memory.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
};

use serde::Deserialize;

use super::{Event, State, Stream, encode};
use crate::store::disk;

/// The fields that determine a line's position.
#[derive(Deserialize)]
struct Key {
    n: u64,
    t: i64,
}

impl Stream {
    /// Inserts events, which are in the order of their times, at their positions. The backlog is
    /// empty.
    pub(super) fn merge(&self, state: &mut State, fresh: &[Event]) -> io::Result<()> {
        let mut length = 0;
        disk::write_with(&self.path, |file| {
            let mut old = BufReader::new(File::open(&self.path)?.take(state.extent.end));
            let mut new = BufWriter::new(file);
            let mut waiting = fresh.iter().peekable();
            io::copy(&mut old.by_ref().take(state.extent.start), &mut new)?;
            length = state.extent.start;
            let mut line = Vec::new();
            loop {
                line.clear();
                old.read_until(b'\n', &mut line)?;
                let key = match serde_json::from_slice::<Key>(&line) {
                    Ok(key) => Some(key),
                    Err(_) if line.is_empty() => None,
                    Err(_) => continue,
                };
                while let Some(event) = waiting.next_if(|event| {
                    key.as_ref().is_none_or(|key| (event.t, event.n) < (key.t, key.n))
                }) {
                    let bytes = encode(std::slice::from_ref(event))?;
                    new.write_all(&bytes)?;
                    length += bytes.len() as u64;
                }
                if key.is_none() {
                    return new.flush();
                }
                new.write_all(&line)?;
                length += line.len() as u64;
            }
        })?;
        state.replaced(length);
        state.extent.cover(fresh);
        state.next += fresh.len() as u64;
        Ok(())
    }

    /// Removes the events before a time, or the whole stream if none are left and no sandbox writes
    /// to it. Returns `true` if the stream was removed.
    pub(crate) fn expire(&self, horizon: i64) -> io::Result<bool> {
        let mut state = self.state();
        if state.writers == 0 && state.extent.last.unwrap_or(self.created) < horizon {
            drop(state);
            self.remove()?;
            return Ok(true);
        }
        if state.gone || state.extent.first.is_none_or(|first| first >= horizon) {
            return Ok(false);
        }
        self.flush(&mut state)?;
        let mut first = None;
        let mut place = state.extent.start;
        let mut old = File::open(&self.path)?;
        old.seek(SeekFrom::Start(place))?;
        let mut old = BufReader::new(old.take(state.extent.end - place));
        let mut line = Vec::new();
        while old.read_until(b'\n', &mut line)? > 0 {
            match serde_json::from_slice::<Key>(&line) {
                Ok(key) if key.t >= horizon => {
                    first = Some(key.t);
                    break;
                }
                _ => place += line.len() as u64,
            }
            line.clear();
        }
        let (start, end) = (state.extent.start, state.extent.end);
        disk::write_with(&self.path, |new| {
            let mut old = File::open(&self.path)?;
            io::copy(&mut (&old).take(start), new)?;
            old.seek(SeekFrom::Start(place))?;
            io::copy(&mut old.take(end - place), new).map(drop)
        })?;
        state.replaced(start + end - place);
        state.extent.first = first;
        if first.is_none() {
            state.extent.last = None;
        }
        Ok(false)
    }
}

impl State {
    /// Records that the file was replaced by another one, of that length.
    fn replaced(&mut self, length: u64) {
        self.file = None;
        self.replaced += 1;
        self.extent.end = length;
    }
}
