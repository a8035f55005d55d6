//! Destination of telemetry: a loopback port, whatever host name the extension specified. Uses one
//! connection per batch, so that a server that was frozen or restarted in between needs no special
//! case.

use std::io;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::Happening;

/// A listener of the extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Batches as JSON arrays.
    Http {
        /// The port.
        port: u16,
        /// The path and the query.
        path: String,
        /// `POST`, or `PUT` when asked for.
        method: Method,
    },
    /// One event per line.
    Tcp {
        /// The port.
        port: u16,
    },
}

impl Destination {
    /// Sends a batch. Returns an error if it did not arrive.
    pub(super) async fn send(&self, batch: &[Happening]) -> io::Result<()> {
        match self {
            Self::Http { port, path, method } => {
                let stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                let mut body = Vec::with_capacity(
                    batch.iter().map(|happening| happening.json.len() + 1).sum(),
                );
                for (index, happening) in batch.iter().enumerate() {
                    body.push(if index == 0 { b'[' } else { b',' });
                    body.extend_from_slice(&happening.json);
                }
                body.push(b']');
                let request = Request::builder()
                    .method(method.clone())
                    .uri(path)
                    .header(header::HOST, format!("sandbox.localdomain:{port}"))
                    .header(header::CONTENT_TYPE, "application/json")
                    .header(header::CONNECTION, "close")
                    .body(Full::new(Bytes::from(body)))
                    .map_err(io::Error::other)?;
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream))
                        .await
                        .map_err(io::Error::other)?;
                let invocation = async {
                    let response = sender.send_request(request).await.map_err(io::Error::other)?;
                    let status = response.status();
                    let mut body = response.into_body();
                    while let Some(Ok(_)) = body.frame().await {}
                    if status.is_success() {
                        Ok(())
                    } else {
                        Err(io::Error::other(format!("it answered {status}")))
                    }
                };
                // The connection must be polled for as long as the request lasts.
                let (answered, _connection) = tokio::join!(invocation, connection);
                answered
            }
            Self::Tcp { port } => {
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).await?;
                for happening in batch {
                    stream.write_all(&happening.json).await?;
                    stream.write_all(b"\n").await?;
                }
                stream.shutdown().await
            }
        }
    }
}
