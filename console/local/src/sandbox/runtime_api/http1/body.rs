//! The body of a request, piece by piece: of a known length or in chunks, with trailers. Reads
//! missing bytes from the connection, and none of the next request.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use tokio::net::TcpStream;

use super::{
    BLOCK,
    head::{Framing, HEADERS, fields},
};

/// Maximum length of the line before a chunk, and of the trailers, in bytes.
const LINES: usize = 16 << 10;
/// Size of one read of a long body.
const LARGE_BLOCK: usize = 256 << 10;

/// A piece of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Data.
    Data(Bytes),
    /// The trailers, if there are any.
    Trailers(HeaderMap),
}

/// A body that is being read.
pub(crate) struct Body<'a> {
    stream: &'a TcpStream,
    buffer: &'a mut BytesMut,
    framing: Framing,
    /// `true` if the peer waits for `100 Continue`.
    expects: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        stream: &'a TcpStream,
        buffer: &'a mut BytesMut,
        framing: Framing,
        expects: bool,
    ) -> Self {
        Self { stream, buffer, framing, expects }
    }

    /// Returns `true` if all of it was read.
    pub(super) fn is_over(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    /// Returns the next piece, or `None` at the end. There are no other pieces after an error.
    pub(crate) async fn piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            match self.framing {
                Framing::Length(0) => return Ok(None),
                Framing::Length(left) => {
                    let data = self.take(left).await?;
                    self.framing = Framing::Length(left - data.len() as u64);
                    return Ok(Some(Piece::Data(data)));
                }
                Framing::Chunk(left) => {
                    let data = self.take(left).await?;
                    let left = left - data.len() as u64;
                    self.framing = if left == 0 { Framing::LineEnd } else { Framing::Chunk(left) };
                    return Ok(Some(Piece::Data(data)));
                }
                Framing::Size => match httparse::parse_chunk_size(self.buffer) {
                    Ok(httparse::Status::Complete((line, size))) => {
                        self.buffer.advance(line);
                        self.framing =
                            if size == 0 { Framing::Trailers } else { Framing::Chunk(size) };
                    }
                    Ok(httparse::Status::Partial) => self.read_line().await?,
                    Err(_) => return Err(nonsense("invalid chunk size")),
                },
                Framing::LineEnd => match self.buffer.as_ref() {
                    [b'\r', b'\n', ..] => {
                        self.buffer.advance(2);
                        self.framing = Framing::Size;
                    }
                    [] | [b'\r'] => self.read_line().await?,
                    _ => return Err(nonsense("a chunk is longer than its size")),
                },
                Framing::Trailers => match self.trailers()? {
                    Some(trailers) => {
                        self.framing = Framing::Length(0);
                        return Ok(Some(Piece::Trailers(trailers)));
                    }
                    None => self.read_line().await?,
                },
            }
        }
    }

    /// Parses the trailers once they are complete.
    fn trailers(&mut self) -> io::Result<Option<HeaderMap>> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let length = match httparse::parse_headers(self.buffer, &mut headers) {
            Ok(httparse::Status::Complete((length, _))) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(nonsense("invalid trailers")),
        };
        let bytes = self.buffer.split_to(length).freeze();
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let parsed = match httparse::parse_headers(&bytes, &mut headers) {
            Ok(httparse::Status::Complete((_, parsed))) => fields(&bytes, parsed),
            _ => None,
        };
        parsed.map(Some).ok_or_else(|| nonsense("invalid trailers"))
    }

    /// Returns at least one and at most `left` bytes.
    async fn take(&mut self, left: u64) -> io::Result<Bytes> {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if self.buffer.is_empty() {
            self.read(left.clamp(BLOCK, LARGE_BLOCK)).await?;
        }
        Ok(self.buffer.split_to(left.min(self.buffer.len())).freeze())
    }

    /// Reads more of an incomplete line.
    async fn read_line(&mut self) -> io::Result<()> {
        if self.buffer.len() > LINES {
            return Err(nonsense("a line is too long"));
        }
        self.read(BLOCK).await
    }

    async fn read(&mut self, room: usize) -> io::Result<()> {
        if std::mem::take(&mut self.expects) {
            self.send_continue().await?;
        }
        self.buffer.reserve(room);
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn send_continue(&self) -> io::Result<()> {
        let mut left: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        while !left.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(left) {
                Ok(written) => left.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn nonsense(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
