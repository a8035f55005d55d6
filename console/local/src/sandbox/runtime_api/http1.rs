//! HTTP/1.1 as a sandbox's APIs need it: one connection, one request at a time, responses with
//! complete bodies. Each request costs one read, each response one write; an HTTP library would
//! cost more than all the other work for such a request. Reads from and writes to its connection
//! only.

mod body;
mod head;
mod response;
#[cfg(test)]
mod tests;

use std::io;

use bytes::{Buf, BytesMut};
use head::{Head, Malformed};
use http::{Method, request::Parts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) use body::{Body, Piece};
pub(crate) use response::Response;

/// Maximum size of a head in bytes: runtimes send the causes of errors in headers.
const HEAD_LIMIT: usize = 400 << 10;
/// Size of one read; a buffer of this size is kept for the next request.
const BLOCK: usize = 8 << 10;
/// Maximum size of a body that is written together with its head; a longer one is not copied.
const SHORT: usize = 4 << 10;

/// A connection from inside a sandbox.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Bytes that were read and belong to no request yet.
    buffer: BytesMut,
    /// The response that is being written.
    out: Vec<u8>,
    /// `true` if another request may follow.
    open: bool,
}

impl Connection {
    /// Wraps a connection that was just accepted.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::new(), out: Vec::new(), open: true }
    }

    /// Returns the next request, or `None` at the end of the connection. Answers malformed requests
    /// itself.
    pub(crate) async fn receive(&mut self) -> io::Result<Option<Request<'_>>> {
        if !self.open {
            return Ok(None);
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 2 * BLOCK {
            self.buffer = BytesMut::new();
        }
        let mut looked = 0;
        let head = loop {
            if let Some(length) = head::length(&self.buffer, looked) {
                break Head::parse(&self.buffer.split_to(length).freeze());
            }
            if self.buffer.len() > HEAD_LIMIT {
                break Err(Malformed::TooLarge);
            }
            // The end of a head is up to four bytes long.
            looked = self.buffer.len().saturating_sub(3);
            self.buffer.reserve(BLOCK / 2);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
            // Empty lines before a request are skipped.
            while looked == 0 && matches!(self.buffer.first(), Some(b'\r' | b'\n')) {
                self.buffer.advance(1);
            }
        };
        match head {
            Ok(head) => Ok(Some(Request { head, connection: self })),
            Err(malformed) => {
                self.open = false;
                self.stream.write_all(malformed.answer()).await?;
                Ok(None)
            }
        }
    }
}

/// A request that waits for its response.
pub(crate) struct Request<'a> {
    head: Head,
    connection: &'a mut Connection,
}

impl Request<'_> {
    /// Its head.
    pub(crate) fn head(&self) -> &Parts {
        &self.head.parts
    }

    /// Calls `handle` and writes its response. Returns an error if the peer closes the connection
    /// before that.
    pub(crate) async fn answer(
        self,
        handle: impl AsyncFnOnce(&Parts, &mut Body<'_>) -> Response,
    ) -> io::Result<()> {
        let Self { head: Head { parts, framing, keep_alive, old, expects }, connection } = self;
        let Connection { stream, buffer, out, open } = connection;
        let mut body = Body::new(stream, buffer, framing, expects);
        let response = tokio::select! {
            biased;
            response = handle(&parts, &mut body) => response,
            () = gone(stream) => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        *open = keep_alive && body.is_over();
        out.clear();
        let connection = match (*open, old) {
            (true, true) => "connection: keep-alive\r\n",
            (false, _) => "connection: close\r\n",
            _ => "",
        };
        let mut rest = response.write(out, connection);
        if parts.method == Method::HEAD {
            rest.clear();
        }
        if rest.len() <= SHORT {
            out.extend_from_slice(&rest);
            stream.write_all(out).await
        } else {
            stream.write_all_buf(&mut Buf::chain(out.as_slice(), rest)).await
        }
    }
}

/// Returns once the peer has closed the connection. Never returns if the peer sends data first.
async fn gone(stream: &TcpStream) {
    if !matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
        std::future::pending::<()>().await;
    }
}
