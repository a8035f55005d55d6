//! One connection to the Runtime API: sends requests, and reads responses into one buffer that is
//! reused.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::event::Message;
use crate::runtime_api::decode::{Decoder, Head, Malformed, Progress};
use crate::stream::Writer;

/// Size of one read while the length of a response is unknown. It holds a whole ordinary response.
const READ: usize = 8 * 1024;
/// A buffer that grew beyond this is freed once its response was handled.
const KEEP: usize = 1024 * 1024;

/// Reason for which there is no response.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection ended before a byte of the response arrived: it was closed while idle, or the
    /// server is gone.
    Silent(io::Error),
    /// The connection ended inside the response.
    Cut(io::Error),
    /// The bytes are not a valid response.
    Malformed(Malformed),
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// A connection for one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) writer: Writer,
    /// The head of the last response.
    pub(crate) head: Head,
    /// The last response: its head, then its decoded body, whatever the framing was.
    pub(crate) buffer: BytesMut,
    /// Bytes after the last response: the beginning of the next one.
    rest: Vec<u8>,
    /// `true` if the server accepts no further request on it.
    pub(crate) finished: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            writer: Writer { stream },
            head: Head::default(),
            buffer: BytesMut::new(),
            rest: Vec::new(),
            finished: false,
        }
    }

    /// Sends one request, head and body, and the bytes that follow it at once.
    pub(crate) async fn send(
        &mut self,
        head: &[u8],
        body: Option<&Bytes>,
        follows: &[u8],
    ) -> io::Result<()> {
        if body.is_none() && follows.is_empty() {
            return self.writer.stream.write_all(head).await;
        }
        // One system call for all parts, and no copy of the body.
        let body = body.map(AsRef::as_ref).unwrap_or_default();
        self.writer.stream.write_all_buf(&mut Buf::chain(head, body).chain(follows)).await
    }

    /// Reads one response into the buffer. There is no time limit: between two invocations the
    /// process is frozen, and the wait for the next one may take days. `ahead` is `true` if the
    /// next request was sent already.
    pub(crate) async fn receive(&mut self, ahead: bool) -> Result<(), Broken> {
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.rest);
        let mut decoder = if ahead { Decoder::ahead() } else { Decoder::default() };
        let mut wanted = 0;
        loop {
            // The bytes read with the previous response may be all of this one.
            if self.rest.is_empty() {
                match self.fill(wanted).await {
                    Err(Broken::Cut(error))
                        if error.kind() == io::ErrorKind::UnexpectedEof
                            && decoder.ends_with_connection() =>
                    {
                        break;
                    }
                    filled => filled?,
                }
            }
            self.rest.clear();
            match decoder.advance(&mut self.buffer)? {
                Progress::Wants(more) => wanted = more,
                Progress::Whole => break,
            }
        }
        (self.head, self.rest) = decoder.into_parts();
        self.finished = !self.head.keep_alive;
        Ok(())
    }

    /// Reads more, with room for all `wanted` bytes.
    async fn fill(&mut self, wanted: usize) -> Result<(), Broken> {
        // An unknown length: double the buffer rather than grow in small steps, so that a large
        // body is moved only a few times.
        let room = if wanted == 0 { READ.max(self.buffer.len()) } else { wanted };
        self.buffer.reserve(room);
        let broken =
            |error, received| if received { Broken::Cut(error) } else { Broken::Silent(error) };
        match self.writer.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(broken(io::ErrorKind::UnexpectedEof.into(), !self.buffer.is_empty())),
            Ok(_) => Ok(()),
            Err(error) => Err(broken(error, !self.buffer.is_empty())),
        }
    }

    /// The body of the last response.
    pub(crate) fn body(&self) -> &[u8] {
        self.buffer.get(self.head.length..).unwrap_or_default()
    }

    /// The last response, as an invocation.
    pub(crate) fn message(&mut self) -> Message<'_> {
        Message { head: &self.head, buffer: &mut self.buffer }
    }

    /// Frees the memory of an unusually large response.
    pub(crate) fn trim(&mut self) {
        if self.buffer.capacity() > KEEP {
            self.buffer = BytesMut::with_capacity(READ);
        }
    }
}
