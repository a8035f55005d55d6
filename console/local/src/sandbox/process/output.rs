//! Output of a bootstrap: one pipe for its standard output and error, read as it arrives and split
//! into lines. At most one event's worth of it is in memory.

use std::{
    io::{self, PipeReader},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::io::{ioctl_fionread, read};
use tokio::net::unix::pipe::Receiver;

use crate::sandbox::{log::writer::LogWriter, telemetry::Category};

/// Maximum size of a log event in bytes: 256 KB in `CloudWatch`. Longer lines become several
/// events.
const EVENT: usize = 256 * 1024;

/// A sandbox's output.
pub(crate) struct Output {
    pipe: Receiver,
    lines: Mutex<Lines>,
    log: Arc<LogWriter>,
    by: Category,
}

/// Result of one read of the pipe.
#[derive(PartialEq, Eq)]
enum Found {
    Bytes,
    Nothing,
    End,
}

impl Output {
    /// Copies the output of the function or of an extension from `pipe` to `log`.
    pub(crate) fn new(pipe: PipeReader, log: Arc<LogWriter>, by: Category) -> io::Result<Self> {
        Ok(Self { pipe: Receiver::from_owned_fd(pipe.into())?, lines: Mutex::default(), log, by })
    }

    /// Reads until no process has the pipe open for writing.
    pub(crate) async fn follow(&self) {
        while self.pipe.readable().await.is_ok() {
            match self.pump(usize::MAX, |buffer| self.pipe.try_read(buffer)) {
                // Lets other tasks run, even if the output never pauses.
                Found::Bytes => tokio::task::yield_now().await,
                Found::Nothing => {}
                Found::End => break,
            }
        }
        self.finish();
    }

    /// Reads all that is in the pipe now, and ends its last line. Reads the pipe directly: tokio
    /// would report it as empty until its next poll.
    pub(crate) fn drain(&self) {
        let mut left = ioctl_fionread(&self.pipe).unwrap_or(0) as usize;
        while left > 0 {
            let before = self.lines().read;
            if self.pump(left, |buffer| Ok(read(&self.pipe, buffer)?)) != Found::Bytes {
                break;
            }
            left = left.saturating_sub(self.lines().read.wrapping_sub(before));
        }
        self.finish();
    }

    fn finish(&self) {
        let mut lines = self.lines();
        let rest: Vec<String> = lines.rest().into_iter().collect();
        self.log.printed(self.by, rest);
    }

    fn pump(&self, most: usize, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> Found {
        let mut lines = self.lines();
        let mut buffer = std::mem::take(&mut lines.buffer);
        buffer.resize(64 << 10, 0);
        let room = buffer.len().min(most);
        let found = match read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => Found::End,
            Ok(length) => {
                let messages = lines.take(buffer.get(..length).unwrap_or_default());
                // Written while the lines are locked: a concurrent drain writes its lines after
                // these.
                self.log.printed(self.by, messages);
                Found::Bytes
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Found::Nothing,
                io::ErrorKind::Interrupted => Found::Bytes,
                _ => Found::End,
            },
        };
        lines.buffer = buffer;
        found
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are split into lines.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    partial: Vec<u8>,
    read: usize,
}

impl Lines {
    /// The lines that these bytes complete, and parts of a line that is too long.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.read = self.read.wrapping_add(bytes.len());
        let mut messages = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") && self.partial.len() <= EVENT {
                messages.extend(self.rest());
                continue;
            }
            // The byte after the cut shows whether it is between characters.
            while self.partial.len() > EVENT {
                let cut = boundary(&self.partial, EVENT);
                let rest = self.partial.split_off(cut);
                messages.push(text(&std::mem::replace(&mut self.partial, rest)));
            }
            if piece.ends_with(b"\n") {
                messages.extend(self.rest());
            }
        }
        messages
    }

    fn rest(&mut self) -> Option<String> {
        (!self.partial.is_empty()).then(|| {
            let message = text(&self.partial);
            self.partial.clear();
            self.partial.shrink_to(64 << 10);
            message
        })
    }
}

/// Decodes text, with invalid UTF-8 replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last position at or before `limit` that splits no character.
fn boundary(bytes: &[u8], limit: usize) -> usize {
    let starts = |index: &usize| bytes.get(*index).is_none_or(|byte| byte & 0xC0 != 0x80);
    (limit.saturating_sub(3)..=limit).rev().find(starts).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"one\ntw"), ["one\n"]);
        assert_eq!(lines.take(b"o\n\nthree"), ["two\n", "\n"]);
        assert_eq!(lines.rest().as_deref(), Some("three"));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_long_line_is_cut_at_256_kb_between_characters() {
        let mut lines = Lines::default();
        // Two bytes each, one byte off: the limit is in the middle of one.
        let long = format!("x{}\n", "ä".repeat(400_000));
        let mut messages: Vec<String> =
            long.as_bytes().chunks(65_536).flat_map(|chunk| lines.take(chunk)).collect();
        messages.extend(lines.rest());
        assert!(messages.iter().all(|message| message.len() <= EVENT));
        assert_eq!(messages.len(), 4);
        assert_eq!(messages.concat(), long);
    }

    #[test]
    fn invalid_utf_8_is_kept_as_replacement_characters() {
        assert_eq!(Lines::default().take(b"a\xff\xfeb\n"), ["a\u{fffd}\u{fffd}b\n"]);
    }
}
