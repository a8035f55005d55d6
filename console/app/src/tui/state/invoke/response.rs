//! Response of a function's last invocation, while it arrives and afterwards, with its log lines as
//! they are linked to it.

use lambda_console_model::{
    Failure, HttpHead, Invocation, RequestLog, ResponsePart,
    text::{clean, without_end},
};

use crate::tui::state::{Body, Document, JobId};

/// State of a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Streaming: some parts have arrived.
    Arriving(Arriving),
    /// Complete, or as much of it as arrived.
    Done(Box<Invocation>),
    /// The invocation failed without a response.
    Failed(Failure),
}

/// Everything known of a response while it streams, apart from its body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arriving {
    /// Request ID from Lambda.
    pub request_id: String,
    /// Content type of the response.
    pub content_type: Option<String>,
    /// The HTTP response that it encodes.
    pub http: Option<HttpHead>,
    /// Time when it started to arrive, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// A response with its scroll position.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Job of the invocation; an older job's response does not replace a newer one's.
    pub job: JobId,
    /// The invocation, or the error.
    pub outcome: Outcome,
    /// The response's body.
    pub body: Body,
    /// Error details at the end of a stream.
    pub error: Document,
    /// Log lines as shown.
    pub log: Vec<String>,
    /// The error type of a failed function (`errorType` of its error).
    pub error_type: Option<String>,
    /// Job that fetches the log lines that did not arrive with the response.
    pub linking: Option<JobId>,
    /// First line shown.
    pub top: usize,
    /// `true` to keep the end of a growing body in view.
    pub follow: bool,
    /// First column shown.
    pub left: usize,
}

impl Response {
    /// Creates the response from the result of `job`.
    pub fn new(job: JobId, outcome: Result<Invocation, Failure>) -> Self {
        let (body, error, error_type) = outcome.as_ref().map(parts).unwrap_or_default();
        let log = outcome.as_ref().map(|invocation| shown(&invocation.logs)).unwrap_or_default();
        let outcome = match outcome {
            Ok(invocation) => Outcome::Done(Box::new(invocation)),
            Err(failure) => Outcome::Failed(failure),
        };
        Self {
            job,
            outcome,
            body,
            error,
            log,
            error_type,
            linking: None,
            top: 0,
            follow: false,
            left: 0,
        }
    }

    /// Creates a response that starts to arrive for `job` at `now`.
    pub fn arriving(job: JobId, now: i64) -> Self {
        Self {
            job,
            outcome: Outcome::Arriving(Arriving { since: now, ..Arriving::default() }),
            body: Body::default(),
            error: Document::default(),
            log: Vec::new(),
            error_type: None,
            linking: None,
            top: 0,
            follow: true,
            left: 0,
        }
    }

    /// Adds the next part of a response that streams.
    pub fn take(&mut self, part: ResponsePart) {
        let Outcome::Arriving(arriving) = &mut self.outcome else { return };
        match part {
            ResponsePart::Began { request_id, content_type } => {
                arriving.request_id = request_id;
                arriving.content_type = content_type;
            }
            ResponsePart::Http(head) => arriving.http = Some(head),
            ResponsePart::Bytes(bytes) => self.body.push(&bytes),
            ResponsePart::More(bytes) => self.body.skip(bytes),
        }
    }

    /// Sets the outcome at the end of the response. Keeps the lines in view that were in the `rows`
    /// rows of the pane.
    pub fn end(&mut self, outcome: Result<Invocation, Failure>, rows: usize) {
        let (follow, top, left) = (self.follow, self.top, self.left);
        *self = Self::new(self.job, outcome);
        // JSON is formatted only now, which changes its lines.
        if !self.body.is_json() {
            self.top = if follow { self.body.len().saturating_sub(rows) } else { top };
            self.left = left;
        }
    }

    /// Returns the invocation, once it has ended.
    pub fn invocation(&self) -> Option<&Invocation> {
        match &self.outcome {
            Outcome::Done(invocation) => Some(invocation),
            Outcome::Arriving(_) | Outcome::Failed(_) => None,
        }
    }

    /// Returns the request ID, as soon as it is known.
    pub fn request_id(&self) -> Option<&str> {
        let id = match &self.outcome {
            Outcome::Arriving(arriving) => &arriving.request_id,
            Outcome::Done(invocation) => &invocation.request_id,
            Outcome::Failed(_) => return None,
        };
        Some(id.as_str()).filter(|id| !id.is_empty())
    }

    /// Links log lines of the request that arrived later. Incomplete ones are ignored if they are
    /// fewer than before.
    pub fn link(&mut self, log: &RequestLog) {
        let Outcome::Done(invocation) = &mut self.outcome else { return };
        if log.is_whole || log.lines.len() >= invocation.logs.len() {
            invocation.logs = log.lines.iter().map(|line| line.message.clone()).collect();
            self.log = shown(&invocation.logs);
        }
        if log.report.is_some() {
            invocation.report.clone_from(&log.report);
        }
        invocation.logs_pending = !log.is_whole;
    }
}

/// Returns the lines of log messages, cleaned.
fn shown(messages: &[String]) -> Vec<String> {
    let lines = |message: &String| {
        clean(without_end(message)).split('\n').map(str::to_owned).collect::<Vec<_>>()
    };
    messages.iter().flat_map(lines).collect()
}

/// Returns the body, the error details that are not in it, and the error's type.
fn parts(invocation: &Invocation) -> (Body, Document, Option<String>) {
    let body = Body::of(invocation);
    // An error that was not streamed is already the body.
    let details = invocation.error_details().filter(|details| *details != invocation.payload);
    let error = details.map(Document::new).unwrap_or_default();
    (body, error, diagnostic(invocation).map(|diagnostic| diagnostic.error_type))
}

/// A function error, as the runtime reports it.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Type of the error: `Runtime.Panic`.
    pub error_type: String,
    /// Error message; empty if the runtime sent none.
    #[serde(default)]
    pub error_message: String,
}

/// Returns the function error of `invocation`, if it failed and the runtime has reported one.
pub fn diagnostic(invocation: &Invocation) -> Option<Diagnostic> {
    invocation.function_error.as_ref()?;
    let details = invocation.error_details().unwrap_or(&invocation.payload);
    serde_json::from_str(details).ok()
}
