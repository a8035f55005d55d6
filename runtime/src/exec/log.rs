//! Standard error of a program: copied into the log in whole lines, its end kept for a message.

use std::io::Write as _;

/// Longest end that is kept, in bytes.
const TAIL: usize = 4 * 1024;
/// Longest line that is kept back until it is complete.
const LINE: usize = 32 * 1024;

/// The lines of a program.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// A line without its end.
    line: Vec<u8>,
    tail: Vec<u8>,
}

impl Log {
    /// Takes what the program has written.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        self.line.extend_from_slice(bytes);
        let whole = match self.line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.line.len() > LINE => self.line.len(),
            None => return,
        };
        self.write(whole);
    }

    /// Writes an incomplete last line: the program has ended.
    pub(super) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.line.push(b'\n');
            self.write(self.line.len());
        }
    }

    /// Writes so many bytes in one call, so that lines of concurrent programs stay whole.
    fn write(&mut self, count: usize) {
        let whole: Vec<u8> = self.line.drain(..count).collect();
        // There is nowhere left to report that a line could not be written.
        let _ = std::io::stderr().lock().write_all(&whole);
    }

    /// Returns the last lines, and forgets them.
    pub(super) fn take_tail(&mut self) -> String {
        let tail = std::mem::take(&mut self.tail);
        let start = tail.len().saturating_sub(TAIL);
        let mut tail = tail.get(start..).unwrap_or_default();
        if start > 0 {
            // The first line is not whole.
            let end = tail.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            tail = tail.get(end..).unwrap_or_default();
        }
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_from_the_beginning_of_a_line() {
        let mut log = Log::default();
        for number in 0..2_000 {
            log.push(format!("{number}\n").as_bytes());
        }
        let tail = log.take_tail();
        assert!(tail.ends_with("\n1998\n1999"), "{tail}");
        assert!(tail.len() <= TAIL && tail.starts_with('1'), "{tail}");
        assert_eq!(tail.lines().next().map(str::len), Some(4));
        assert_eq!(log.take_tail(), "");
    }

    #[test]
    fn a_line_is_kept_back_until_it_is_complete() {
        let mut log = Log::default();
        log.push(b"one\ntw");
        assert_eq!(log.line, b"tw");
        log.push(b"o");
        assert_eq!(log.line, b"two");
        log.finish();
        assert!(log.line.is_empty());
        assert_eq!(log.take_tail(), "one\ntwo");
    }
}
