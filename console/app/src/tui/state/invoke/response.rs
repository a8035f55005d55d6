//! What the last invocation of a function came to: its response, growing while it comes, and its log lines as they are
//! linked to it.

use lambda_console_model::{
    Failure, HttpHead, Invocation, RequestLog, ResponsePart,
    text::{clean, without_end},
};

use crate::tui::state::{Body, Document, JobId};

/// How far a response is.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is being made: parts of it have come.
    Arriving(Arriving),
    /// It is there, or as much of it as came.
    Done(Box<Invocation>),
    /// There is none.
    Failed(Failure),
}

/// What is known of a response that is being made, but for its body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arriving {
    /// The request id that Lambda gave it.
    pub request_id: String,
    /// What it says of its content.
    pub content_type: Option<String>,
    /// The HTTP response that it means.
    pub http: Option<HttpHead>,
    /// When it began to come, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// A response with where the view of it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The job that brought it; an older job's response does not replace a newer one's.
    pub job: JobId,
    /// The invocation, or why there is none.
    pub outcome: Outcome,
    /// The response's body.
    pub body: Body,
    /// What a stream says of the error that ended it.
    pub error: Document,
    /// The lines of the log as they are shown.
    pub log: Vec<String>,
    /// The error type of a failed function (`errorType` of its error).
    pub error_type: Option<String>,
    /// The job that brings the log lines which did not come with the response.
    pub linking: Option<JobId>,
    /// First line shown.
    pub top: usize,
    /// The end of a body that grows is shown.
    pub follow: bool,
    /// First column shown.
    pub left: usize,
}

impl Response {
    /// The response that `job` brought.
    pub fn new(job: JobId, outcome: Result<Invocation, Failure>) -> Self {
        let (body, error, error_type) = outcome.as_ref().map(parts).unwrap_or_default();
        let log = outcome.as_ref().map(|invocation| shown(&invocation.logs)).unwrap_or_default();
        let outcome = match outcome {
            Ok(invocation) => Outcome::Done(Box::new(invocation)),
            Err(failure) => Outcome::Failed(failure),
        };
        Self { job, outcome, body, error, log, error_type, linking: None, top: 0, follow: false, left: 0 }
    }

    /// A response that `job` begins to bring at `now`.
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

    /// Takes in the next part of a response that is being made.
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

    /// Takes in what the response came to at its end. What of it was looked at stays in view in `rows` rows.
    pub fn end(&mut self, outcome: Result<Invocation, Failure>, rows: usize) {
        let (follow, top, left) = (self.follow, self.top, self.left);
        *self = Self::new(self.job, outcome);
        // JSON is laid out only now, and has other lines.
        if !self.body.is_json() {
            self.top = if follow { self.body.len().saturating_sub(rows) } else { top };
            self.left = left;
        }
    }

    /// The invocation, once it has ended.
    pub fn invocation(&self) -> Option<&Invocation> {
        match &self.outcome {
            Outcome::Done(invocation) => Some(invocation),
            Outcome::Arriving(_) | Outcome::Failed(_) => None,
        }
    }

    /// The request id, as soon as it is known.
    pub fn request_id(&self) -> Option<&str> {
        let id = match &self.outcome {
            Outcome::Arriving(arriving) => &arriving.request_id,
            Outcome::Done(invocation) => &invocation.request_id,
            Outcome::Failed(_) => return None,
        };
        Some(id.as_str()).filter(|id| !id.is_empty())
    }

    /// Links the log lines of the request that came since. Fewer than are there already tell nothing new.
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

/// The lines of log messages, cleaned.
fn shown(messages: &[String]) -> Vec<String> {
    let lines = |message: &String| clean(without_end(message)).split('\n').map(str::to_owned).collect::<Vec<_>>();
    messages.iter().flat_map(lines).collect()
}

/// The body, what is beside it of an error, and the error's type.
fn parts(invocation: &Invocation) -> (Body, Document, Option<String>) {
    let body = Body::of(invocation);
    // An error that was not streamed is the body already.
    let details = invocation.error_details().filter(|details| *details != invocation.payload);
    let error = details.map(Document::new).unwrap_or_default();
    let told = invocation.error_details().unwrap_or(&invocation.payload);
    let error_type = invocation.function_error.as_ref().and_then(|_| error_type(told));
    (body, error, error_type)
}

fn error_type(payload: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Diagnostic {
        error_type: String,
    }
    serde_json::from_str::<Diagnostic>(payload).ok().map(|diagnostic| diagnostic.error_type)
}
