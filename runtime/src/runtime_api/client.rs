//! The calls of the Runtime API (next, response, error, init error) and the meaning of each status.
//! One client is one worker: a connection, a reply, a current request.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Message;
use crate::lifecycle::{blocking::wait, panic};
use crate::log::{self, Current};
use crate::runtime_api::connection::{Broken, Connection};
use crate::runtime_api::decode::Malformed;
use crate::runtime_api::end::{End, excerpt};
use crate::runtime_api::endpoint::Endpoint;
use crate::runtime_api::reply::{Reply, Target};
use crate::runtime_api::report::Report;

/// A request and its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exchange {
    Poll,
    Answer,
    /// An answer, and the poll after it in the same write.
    AnswerAndPoll,
    /// The report of a failed start.
    Report,
    Restore,
}

impl Exchange {
    /// Description for error messages.
    const fn doing(self) -> &'static str {
        match self {
            Self::Poll => "requesting the next invocation",
            Self::Answer => "sending a response",
            Self::AnswerAndPoll => "sending a response and requesting the next invocation",
            Self::Report => "reporting the failed start",
            Self::Restore => "waiting for the snapshot to be restored",
        }
    }
}

/// One worker's side of the Runtime API.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Arc<Endpoint>,
    connection: Connection,
    reply: Reply,
    current: Current,
    /// The invocation id to echo with the answer; empty if the platform sent none.
    invocation_id: Vec<u8>,
    /// `true` if the next invocation was requested along with the last answer.
    asked: bool,
}

/// Connects. The error contains the address.
async fn connect(endpoint: &Endpoint) -> Result<Connection, End> {
    let unreachable = |error| End::Unreachable { address: endpoint.authority.clone(), error };
    endpoint.connect().await.map(Connection::new).map_err(unreachable)
}

impl Client {
    /// Connects and creates the client.
    pub(crate) async fn open(endpoint: Arc<Endpoint>) -> Result<Self, End> {
        let connection = connect(&endpoint).await?;
        Ok(Self {
            endpoint,
            connection,
            reply: Reply::new(),
            current: Current::default(),
            // Kept for good, this small block keeps the page that a handler's small blocks come
            // from: musl's allocator would map and unmap that page in each invocation.
            invocation_id: Vec::with_capacity(8),
            asked: false,
        })
    }

    /// Waits for the next invocation, without a time limit.
    pub(crate) async fn next(&mut self) -> Result<(), End> {
        let mut pause = Duration::from_millis(5);
        loop {
            match self.exchange(Exchange::Poll).await? {
                200 => return self.begin(),
                // Some servers send this when they have nothing yet. Retry, but never in a tight
                // loop.
                204 => {
                    wait(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                status => {
                    return Err(End::refused(
                        Exchange::Poll.doing(),
                        status,
                        self.connection.body(),
                    ));
                }
            }
        }
    }

    /// Takes from an invocation the fields that its answer will need.
    fn begin(&mut self) -> Result<(), End> {
        let message = self.connection.message();
        let fields = &message.head.fields;
        let malformed = |why| End::Malformed { doing: Exchange::Poll.doing(), why: Malformed(why) };
        let id = message
            .field(fields.request_id)
            .ok_or_else(|| malformed("an invocation has no request id"))?;
        // It becomes part of a path.
        if id.is_empty()
            || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        {
            return Err(malformed("an invocation's request id has invalid characters"));
        }
        self.current.request_id.clear();
        self.current.request_id.push_str(id);
        self.current.tenant_id.clear();
        self.current.tenant_id.push_str(message.field(fields.tenant_id).unwrap_or_default());
        self.invocation_id.clear();
        let invocation_id = fields.invocation_id.range().and_then(|span| message.buffer.get(span));
        self.invocation_id.extend_from_slice(invocation_id.unwrap_or_default());
        self.reply.begin(
            &self.endpoint,
            Target::Response(&self.current.request_id),
            &self.invocation_id,
        );
        Ok(())
    }

    /// The parts that a handler's call needs, borrowed at once: the invocation, the reply, the
    /// current request.
    pub(crate) fn call(&mut self) -> (Message<'_>, &mut Reply, &mut Current) {
        let message = self.connection.message();
        (message, &mut self.reply, &mut self.current)
    }

    /// Returns `true` if an answer and the poll after it may be sent in one write.
    pub(crate) fn is_pipelined(&self) -> bool {
        self.endpoint.pipelined
    }

    /// The ids of the current invocation: the request id, and the invocation id to echo.
    pub(crate) fn ids(&self) -> (&str, &[u8]) {
        (&self.current.request_id, &self.invocation_id)
    }

    /// Sends the reply as the handler wrote it. A stream that fails midway reports its error in its
    /// trailers; if it panicked, the report is returned.
    ///
    /// With `pipelined` the next invocation is requested in the same write, unless the answer is a
    /// stream.
    pub(crate) async fn respond(&mut self, pipelined: bool) -> Result<Option<Report>, End> {
        let Some(stream) = self.reply.stream.take() else {
            let status = self
                .exchange(if pipelined { Exchange::AnswerAndPoll } else { Exchange::Answer })
                .await?;
            return self.check_status(status).map(|()| None);
        };
        let mut written = self.connection.send(&self.reply.head, None, &[]).await;
        let mut panic = None;
        if written.is_ok() {
            let writer = &mut self.connection.writer;
            let outcome = panic::catch(&mut self.current, stream.run(writer)).await;
            let report = match outcome {
                Ok(Ok(())) => None,
                Ok(Err(report)) => Some(report),
                Err(report) => {
                    panic = Some(report.clone());
                    Some(report)
                }
            };
            written = self.connection.writer.end(report.as_ref()).await;
            if let Some(report) = report {
                self.log(&report.message, &[("errorType", &report.kind)]);
            }
        }
        match (self.connection.receive(false).await, written) {
            (Ok(()), written) => {
                // A partially written response makes the connection unusable.
                self.connection.finished |= written.is_err();
                self.check_status(self.connection.head.status).map(|()| panic)
            }
            (Err(Broken::Silent(_)), Err(error)) => {
                Err(End::Lost { doing: Exchange::Answer.doing(), error })
            }
            (Err(broken), _) => Err(End::broken(Exchange::Answer.doing(), broken)),
        }
    }

    /// Handles the Runtime API's status for an answer.
    fn check_status(&mut self, status: u16) -> Result<(), End> {
        match status {
            200..300 => {}
            // The platform is in a state in which it accepts nothing more, or has failed.
            status @ (403 | 500..) => {
                return Err(End::refused(Exchange::Answer.doing(), status, self.connection.body()));
            }
            status => {
                let why = match status {
                    410 => "the response came too late".to_owned(),
                    // The caller was informed already; reporting an error now would be a second
                    // answer.
                    413 => "the response is too large; the caller got an error".to_owned(),
                    _ => format!(
                        "the response was rejected ({status}): {}",
                        excerpt(self.connection.body())
                    ),
                };
                self.log(&why, &[]);
            }
        }
        self.reply.trim();
        self.connection.trim();
        Ok(())
    }

    /// Sends a failure instead of the reply, and logs it.
    pub(crate) async fn fail(&mut self, report: &Report) -> Result<(), End> {
        self.log(&report.message, &[("errorType", &report.kind)]);
        self.reply.begin(
            &self.endpoint,
            Target::Error(&self.current.request_id),
            &self.invocation_id,
        );
        self.reply.report(report);
        let status = self.exchange(Exchange::Answer).await?;
        self.check_status(status)
    }

    /// Reports that the function could not be initialized: the init (accepted only before the first
    /// [`Client::next`]), or the restore.
    pub(crate) async fn fail_start(
        &mut self,
        target: Target<'_>,
        report: &Report,
    ) -> Result<(), End> {
        self.reply.begin(&self.endpoint, target, &[]);
        self.reply.report(report);
        match self.exchange(Exchange::Report).await? {
            200..300 => Ok(()),
            status => Err(End::refused(Exchange::Report.doing(), status, self.connection.body())),
        }
    }

    /// Waits until the snapshot, which is taken now, is restored. Later requests have a new
    /// connection: the old one may belong to another machine.
    pub(crate) async fn restored(&mut self) -> Result<(), End> {
        self.reply.head = self.endpoint.restore_next();
        self.reply.body = None;
        match self.exchange(Exchange::Restore).await? {
            200..300 => {
                self.connection.finished = true;
                Ok(())
            }
            status => Err(End::refused(Exchange::Restore.doing(), status, self.connection.body())),
        }
    }

    /// Returns `true` if an invocation ever arrived.
    pub(crate) fn has_served(&self) -> bool {
        !self.current.request_id.is_empty()
    }

    /// Runs the work after an answer, as part of the same request. A panic in it is logged and
    /// returned.
    pub(crate) async fn afterwards(&mut self, work: impl Future) -> Result<(), Report> {
        let outcome = panic::catch(&mut self.current, work).await;
        if let Err(report) = &outcome {
            self.log(&report.message, &[("errorType", &report.kind)]);
        }
        outcome.map(drop)
    }

    /// Sends one request (the poll, or else the reply) and returns the status of its response,
    /// whose head and body are kept. If the connection turns out to be closed before a byte of the
    /// response arrived, the request is sent again on a new one, once.
    async fn exchange(&mut self, exchange: Exchange) -> Result<u16, End> {
        let mut retried = false;
        loop {
            let asked = exchange == Exchange::Poll && std::mem::take(&mut self.asked);
            if self.connection.finished {
                self.connection = connect(&self.endpoint).await?;
            }
            let ahead = exchange == Exchange::AnswerAndPoll;
            let sent = match exchange {
                Exchange::Poll if asked => Ok(()),
                Exchange::Poll => self.connection.send(&self.endpoint.next, None, &[]).await,
                _ => {
                    let follows = if ahead { &self.endpoint.next[..] } else { &[] };
                    self.connection.send(&self.reply.head, self.reply.body.as_ref(), follows).await
                }
            };
            // A server may respond and close before it has read the whole request; its response
            // counts.
            match (self.connection.receive(ahead).await, sent) {
                (Ok(()), sent) => {
                    // A partially written request makes the connection unusable.
                    self.connection.finished |= sent.is_err();
                    self.asked = ahead && !self.connection.finished;
                    return Ok(self.connection.head.status);
                }
                (Err(Broken::Silent(_)), _) if !retried => {
                    retried = true;
                    self.connection.finished = true;
                }
                (Err(Broken::Silent(_)), Err(error)) => {
                    return Err(End::Lost { doing: exchange.doing(), error });
                }
                (Err(broken), _) => return Err(End::broken(exchange.doing(), broken)),
            }
        }
    }

    /// Logs a problem of the current request.
    fn log(&mut self, message: &str, fields: &[(&str, &str)]) {
        let _entered = log::Entered::new(&mut self.current);
        log::write(log::Level::Error, message, fields);
    }
}
