//! Responses that are sent while they are made.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::pin::Pin;

use bytes::Buf as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::event::AsItIs;
use crate::failure::Fault;
use crate::respond::{Respond, header_safe};
use crate::runtime_api::base64;
use crate::runtime_api::reply::Reply;
use crate::runtime_api::report::Report;

type Produced<'a> = Pin<Box<dyn Future<Output = Result<(), Report>> + 'a>>;
type Produce = Box<dyn for<'a> FnOnce(&'a mut Writer) -> Produced<'a>>;

/// A response that a closure writes, part by part. A caller that invokes with response streaming
/// (or a function URL in that mode) gets each part at once. If the closure fails, the parts already
/// sent are kept, and the error follows them.
///
/// ```
/// use lambda::{Error, Stream};
///
/// async fn count(to: u32) -> Result<Stream, Error> {
///     Ok(Stream::new("text/plain", async move |out| {
///         for number in 1..=to {
///             out.write(format!("{number}\n")).await?;
///         }
///         Ok::<_, Error>(())
///     }))
/// }
/// ```
pub struct Stream {
    content_type: Cow<'static, str>,
    /// Bytes that are sent before all that the closure writes.
    prelude: Vec<u8>,
    produce: Produce,
}

impl Stream {
    /// Creates a stream of this content type, written by `produce`.
    pub fn new<P, E, M>(content_type: impl Into<Cow<'static, str>>, produce: P) -> Self
    where
        P: AsyncFnOnce(&mut Writer) -> Result<(), E> + 'static,
        E: Fault<M>,
    {
        Self::reported(content_type, async move |out| produce(out).await.map_err(Fault::report))
    }

    /// Creates a stream whose closure reports its failure itself.
    pub(crate) fn reported<P>(content_type: impl Into<Cow<'static, str>>, produce: P) -> Self
    where
        P: AsyncFnOnce(&mut Writer) -> Result<(), Report> + 'static,
    {
        Self {
            content_type: header_safe(content_type.into()),
            prelude: Vec::new(),
            produce: Box::new(|out| Box::pin(produce(out))),
        }
    }

    /// Adds bytes that are sent first.
    #[cfg(feature = "http")]
    pub(crate) fn with_prelude(mut self, prelude: Vec<u8>) -> Self {
        self.prelude = prelude;
        self
    }

    /// Writes the whole stream.
    pub(crate) async fn run(self, out: &mut Writer) -> Result<(), Report> {
        if let Err(error) = out.write(&self.prelude).await {
            return Err(Report::runtime("StreamError", error.to_string()));
        }
        (self.produce)(out).await
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl Respond<AsItIs> for Stream {
    fn respond(self, reply: &mut Reply) -> Result<(), Report> {
        reply.stream(self.content_type.clone().as_bytes(), self);
        Ok(())
    }
}

/// The writing end of a response. Every write is sent to the caller at once, and waits while the
/// caller is slower.
#[derive(Debug)]
pub struct Writer {
    pub(crate) stream: TcpStream,
}

impl Writer {
    /// Sends bytes. Returns an error once the caller is gone: stop writing then.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let bytes = bytes.as_ref();
        // A chunk of no bytes would end the response.
        if bytes.is_empty() {
            return Ok(());
        }
        let size = format!("{:x}\r\n", bytes.len());
        let mut chunk = size.as_bytes().chain(bytes).chain(&b"\r\n"[..]);
        self.stream.write_all_buf(&mut chunk).await
    }

    /// Ends the response, normally or with an error in its trailers.
    pub(crate) async fn end(&mut self, report: Option<&Report>) -> io::Result<()> {
        let trailers = report.map(|report| {
            let body = base64::encode(report.json().as_bytes());
            format!(
                "Lambda-Runtime-Function-Error-Type: {}\r\nLambda-Runtime-Function-Error-Body: \
                {body}\r\n",
                report.kind
            )
        });
        let end = format!("0\r\n{}\r\n", trailers.unwrap_or_default());
        self.stream.write_all(end.as_bytes()).await
    }
}
