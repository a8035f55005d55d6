//! The chunked transfer encoding, decoded in place.

use bytes::BytesMut;

use super::{BODY_LIMIT, Malformed};

/// Maximum size of chunk extensions and trailers, which are skipped.
const SKIP_LIMIT: usize = 16 * 1024;

/// Decodes a chunked body in place: framing is removed from the buffer as it arrives, so the buffer
/// holds only the body, and nothing is allocated or read twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunks {
    state: State,
    skipped: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a chunk's size.
    #[default]
    SizeStart,
    /// After a digit.
    Size(usize),
    /// In blanks after the size.
    Blank(usize),
    /// In an extension, which is skipped; the size is kept.
    Extension(usize),
    /// After the CR that ends the line of the size.
    SizeEnd(usize),
    /// Before this many bytes of data.
    Data(usize),
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the empty line at the end.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

impl Chunks {
    /// Decodes the bytes of `buffer` after `from` (its length after the previous call) and removes
    /// the framing. Returns the bytes after the body once it is complete.
    pub(super) fn decode(
        &mut self,
        buffer: &mut BytesMut,
        from: usize,
    ) -> Result<Option<Vec<u8>>, Malformed> {
        let (mut read, mut write) = (from, from);
        while let Some(&byte) = buffer.get(read).filter(|_| self.state != State::Done) {
            if let State::Data(left) = self.state {
                let taken = left.min(buffer.len() - read);
                if read != write {
                    buffer.copy_within(read..read + taken, write);
                }
                (read, write) = (read + taken, write + taken);
                self.state = if taken == left { State::DataCr } else { State::Data(left - taken) };
                continue;
            }
            self.state = self.step(byte)?;
            read += 1;
        }
        let rest =
            (self.state == State::Done).then(|| buffer.get(read..).unwrap_or_default().to_vec());
        buffer.truncate(write);
        Ok(rest)
    }

    /// Handles one byte of framing.
    fn step(&mut self, byte: u8) -> Result<State, Malformed> {
        let digit = || char::from(byte).to_digit(16).map(|digit| digit as usize);
        match (self.state, byte) {
            (State::SizeStart, _) => {
                digit().map(State::Size).ok_or(Malformed("a chunk has no size"))
            }
            (State::Size(size) | State::Blank(size) | State::Extension(size), b'\r') => {
                Ok(State::SizeEnd(size))
            }
            (State::Size(size) | State::Blank(size), b';') => self.skip(State::Extension(size)),
            (State::Size(size) | State::Blank(size), b' ' | b'\t') => self.skip(State::Blank(size)),
            (State::Size(size), _) => match digit() {
                Some(digit) if size <= BODY_LIMIT => Ok(State::Size(size * 16 + digit)),
                Some(_) => Err(Malformed("a chunk is larger than 64 MiB")),
                None => Err(Malformed("a chunk's size is not a hexadecimal number")),
            },
            (
                State::Extension(_) | State::Trailer | State::TrailerName | State::TrailerValue,
                b'\n',
            ) => Err(Malformed("a line of the chunked body does not end with CR LF")),
            (State::Extension(_), _) => self.skip(self.state),
            (State::SizeEnd(0) | State::TrailerLf, b'\n') => Ok(State::Trailer),
            (State::SizeEnd(size), b'\n') => Ok(State::Data(size)),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::SizeStart),
            (State::Trailer, b'\r') => Ok(State::EndLf),
            (State::Trailer | State::TrailerName, _) if is_of_token(byte) => {
                self.skip(State::TrailerName)
            }
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerName, b':') | (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.skip(State::TrailerValue)
            }
            (State::EndLf, b'\n') => Ok(State::Done),
            _ => Err(Malformed("the chunked body is broken")),
        }
    }

    /// Skips one byte of an extension or trailer.
    fn skip(&mut self, next: State) -> Result<State, Malformed> {
        self.skipped += 1;
        if self.skipped > SKIP_LIMIT {
            Err(Malformed("there are more than 16 KiB of trailers"))
        } else {
            Ok(next)
        }
    }
}

/// RFC 9110, section 5.6.2: the characters of a field's name.
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
