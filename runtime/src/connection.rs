//! One connection to the Runtime API: requests out, responses into one buffer that is used again and again.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::decode::{Decoder, Head, Malformed, Progress};
use crate::stream::Writer;

/// What is read at once while the length of a response is unknown. It holds an ordinary response whole.
const READ: usize = 8 * 1024;
/// A buffer that grew beyond this is given back once its response is done with.
const KEEP: usize = 1024 * 1024;

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection ended before a byte of the response came: it was closed while idle, or the server is gone.
    Silent(io::Error),
    /// The connection ended inside the response.
    Cut(io::Error),
    /// What came is not a response.
    Malformed(Malformed),
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// A connection that answers one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) writer: Writer,
    /// The last response: its head, then its body alone, whatever the framing was.
    pub(crate) buffer: BytesMut,
    /// Whether the server takes no further request on it.
    pub(crate) finished: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { writer: Writer { stream }, buffer: BytesMut::with_capacity(READ), finished: false }
    }

    /// Sends one request, head and body.
    pub(crate) async fn send(&mut self, head: &[u8], body: Option<&Bytes>) -> io::Result<()> {
        match body {
            None => self.writer.stream.write_all(head).await,
            // One system call for both, and no copy of the body.
            Some(body) => {
                let mut both = bytes::Buf::chain(head, body.as_ref());
                self.writer.stream.write_all_buf(&mut both).await
            }
        }
    }

    /// Reads one response into the buffer. There is no time limit: between two invocations the process is frozen, and
    /// the wait for the next one may take days.
    pub(crate) async fn receive(&mut self) -> Result<Head, Broken> {
        self.buffer.clear();
        let mut decoder = Decoder::default();
        let mut wanted = 0;
        loop {
            match self.fill(wanted).await {
                Err(Broken::Cut(error))
                    if error.kind() == io::ErrorKind::UnexpectedEof && decoder.ends_with_connection() =>
                {
                    break;
                }
                filled => filled?,
            }
            match decoder.advance(&mut self.buffer)? {
                Progress::Wants(more) => wanted = more,
                Progress::Whole => break,
            }
        }
        let head = decoder.into_head();
        self.finished = !head.keep_alive;
        Ok(head)
    }

    /// Reads more, with room for all that is `wanted`.
    async fn fill(&mut self, wanted: usize) -> Result<(), Broken> {
        // An unknown length: double rather than grow by little steps, so that a large body is moved a few times only.
        let room = if wanted == 0 { READ.max(self.buffer.len()) } else { wanted };
        self.buffer.reserve(room);
        let broken = |error, received| if received { Broken::Cut(error) } else { Broken::Silent(error) };
        match self.writer.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(broken(io::ErrorKind::UnexpectedEof.into(), !self.buffer.is_empty())),
            Ok(_) => Ok(()),
            Err(error) => Err(broken(error, !self.buffer.is_empty())),
        }
    }

    /// Gives the memory of an unusually large response back.
    pub(crate) fn trim(&mut self) {
        if self.buffer.capacity() > KEEP {
            self.buffer = BytesMut::with_capacity(READ);
        }
    }
}
