//! Reads a function's response from its sandbox: collected, or piece by piece while it is made.
//! Reads from the Runtime API's connection; the data that waits for a slow caller is bounded.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
use tokio::sync::mpsc;

use super::{
    http1::{Body, Piece, Response},
    invocation_state::{InvocationState, Part, Reply},
    problem::{accept, error_type, problem, refuse, truncated},
};

/// The largest response that is collected, in bytes: 6 MB and a little. Source: AWS's own emulator.
const RESPONSE_LIMIT: usize = 6_291_556;
/// The largest streamed response, in bytes: 200 MB. Source: AWS Lambda developer guide, "Lambda
/// quotas".
const STREAM_LIMIT: usize = 200 << 20;

/// `POST …/invocation/{id}/response`.
pub(crate) async fn respond(
    id: &str,
    headers: &HeaderMap,
    body: &mut Body<'_>,
    invocation: &InvocationState,
) -> Response {
    let stream = match invocation.expects(id) {
        Ok(event) => event.stream.clone(),
        Err(refused) => return refuse(refused),
    };
    let streamed =
        match headers.get("lambda-runtime-function-response-mode").map(HeaderValue::as_bytes) {
            None => false,
            Some(b"streaming") => true,
            Some(_) => {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "InvalidFunctionResponseMode",
                    "the response mode is not streaming",
                );
            }
        };
    let (limit, mut pieces) = match stream {
        Some(stream) if streamed => (STREAM_LIMIT, Pieces::Passed(stream)),
        _ => (RESPONSE_LIMIT, Pieces::Kept(BytesMut::new())),
    };
    pieces.begin(headers.get(CONTENT_TYPE)).await;
    let Ok(read) = read(body, limit, &mut pieces).await else {
        // The caller is informed as well; a refusal makes no difference to the sandbox.
        let _ = invocation.answer(id, Reply::Truncated, 0);
        return truncated("response");
    };
    if read.length > limit {
        if let Err(refused) = invocation.answer(id, Reply::TooLarge { limit }, read.length) {
            return refuse(refused);
        }
        let message = format!("Exceeded maximum allowed payload size ({limit} bytes).");
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
    }
    // A streamed response may end with an error.
    let reply = match read.trailers.get("lambda-runtime-function-error-type") {
        Some(_) => {
            let error = read.trailers.get("lambda-runtime-function-error-body");
            let body =
                error.and_then(|error| STANDARD.decode(error.as_bytes()).ok()).unwrap_or_default();
            Reply::Error { body: body.into(), kind: error_type(&read.trailers) }
        }
        None => Reply::Response(pieces.end()),
    };
    accept(invocation.answer(id, reply, read.length))
}

/// Reads the body of an error, of which at most `limit` bytes are kept.
pub(crate) async fn collect(body: &mut Body<'_>, limit: usize) -> io::Result<Bytes> {
    let mut pieces = Pieces::Kept(BytesMut::new());
    read(body, limit, &mut pieces).await?;
    Ok(pieces.end())
}

/// Destination of the pieces of a body.
enum Pieces {
    /// Collected in memory.
    Kept(BytesMut),
    /// Sent to the caller at once.
    Passed(mpsc::Sender<Part>),
    /// Discarded: the caller has disconnected, which the function does not notice.
    Dropped,
}

impl Pieces {
    async fn begin(&mut self, content: Option<&HeaderValue>) {
        self.pass(|| Part::Head(content.cloned())).await;
    }

    async fn add(&mut self, data: Bytes) {
        match self {
            Self::Kept(kept) => kept.extend_from_slice(&data),
            _ => self.pass(|| Part::Data(data)).await,
        }
    }

    /// Waits until the caller has received the previous parts.
    async fn pass(&mut self, part: impl FnOnce() -> Part) {
        if let Self::Passed(stream) = self
            && stream.send(part()).await.is_err()
        {
            *self = Self::Dropped;
        }
    }

    fn end(self) -> Bytes {
        match self {
            Self::Kept(kept) => kept.freeze(),
            Self::Passed(_) | Self::Dropped => Bytes::new(),
        }
    }
}

/// A body that was read to its end.
struct Read {
    length: usize,
    trailers: HeaderMap,
}

/// Reads a body to its end. Data beyond `limit` bytes is discarded.
async fn read(body: &mut Body<'_>, limit: usize, pieces: &mut Pieces) -> io::Result<Read> {
    let mut read = Read { length: 0, trailers: HeaderMap::new() };
    while let Some(piece) = body.piece().await? {
        match piece {
            Piece::Data(data) => {
                read.length += data.len();
                if read.length <= limit {
                    pieces.add(data).await;
                }
            }
            Piece::Trailers(trailers) => read.trailers = trailers,
        }
    }
    Ok(read)
}
