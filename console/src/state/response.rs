//! What the last invocation of a function came to.

use super::{Document, Failure, Invocation, JobId};

/// A response with where the view of it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The job that brought it; an older job's response does not replace a newer one's.
    pub job: JobId,
    /// The invocation, or why there is none.
    pub outcome: Result<Invocation, Failure>,
    /// The payload's lines.
    pub body: Document,
    /// The error type of a failed function (`errorType` of the payload).
    pub error_type: Option<String>,
    /// First line shown.
    pub top: usize,
    /// First column shown.
    pub left: usize,
}

impl Response {
    /// The response that `job` brought.
    pub fn new(job: JobId, outcome: Result<Invocation, Failure>) -> Self {
        let payload = outcome.as_ref().map_or("", |invocation| invocation.payload.as_str());
        let body = Document::new(payload);
        let failed = outcome.as_ref().is_ok_and(|invocation| invocation.function_error.is_some());
        let error_type = failed.then(|| error_type(payload)).flatten();
        Self { job, outcome, body, error_type, top: 0, left: 0 }
    }
}

fn error_type(payload: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Diagnostic {
        error_type: String,
    }
    serde_json::from_str::<Diagnostic>(payload).ok().map(|diagnostic| diagnostic.error_type)
}
