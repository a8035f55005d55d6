//! Failures of a sandbox, with AWS's error messages for the caller and for the log.

use bytes::Bytes;
use serde_json::json;

use super::Invocation;
use crate::sandbox::{Exit, Failure, NotStarted, Reason, Sandbox, Status};

/// Failure of a bootstrap before its first `next`, or before its answer.
pub(super) enum Failed {
    /// It could not be started at all.
    Entrypoint(String),
    /// It reported an init error.
    Reported {
        /// The error as it was posted.
        body: Bytes,
        /// Its type.
        kind: String,
    },
    /// Its process exited.
    Exited {
        exit: Exit,
        /// `Runtime.ExitError`, or the error that an internal extension reported before.
        kind: &'static str,
    },
    /// It was killed because it used more memory than its function has.
    OutOfMemory,
    /// An external extension failed.
    Extension(Failure),
    /// It timed out.
    TimedOut,
}

impl From<NotStarted> for Failed {
    fn from(failure: NotStarted) -> Self {
        match failure {
            NotStarted::Entrypoint(why) => Self::Entrypoint(why),
            NotStarted::Extension(failure) => Self::Extension(failure),
            NotStarted::TimedOut => Self::TimedOut,
        }
    }
}

impl Failed {
    /// Waits for the exit of a bootstrap, including one that is killed for its memory usage.
    pub(super) async fn exited(sandbox: &Sandbox) -> Self {
        let exit = tokio::select! {
            biased;
            exit = sandbox.exited() => exit,
            never = sandbox.guard_memory() => match never {},
        };
        if sandbox.ran_out_of_memory() {
            return Self::OutOfMemory;
        }
        Self::Exited {
            exit,
            kind: sandbox.extensions.reported_error().unwrap_or("Runtime.ExitError"),
        }
    }

    /// Status in the log.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Entrypoint(_) => Status::Error("Runtime.InvalidEntrypoint".to_owned()),
            Self::Reported { kind, .. } => Status::Error(kind.clone()),
            Self::Exited { kind, .. } => Status::Error((*kind).to_owned()),
            Self::OutOfMemory => Status::Error("Runtime.OutOfMemory".to_owned()),
            Self::Extension(failure) => Status::Error(failure.kind.to_owned()),
            Self::TimedOut => Status::Timeout,
        }
    }

    /// Reason reported to the extensions.
    pub(super) fn reason(&self) -> Reason {
        if matches!(self, Self::TimedOut) { Reason::Timeout } else { Reason::Failure }
    }

    /// The payload for the caller and the line for the log.
    pub(super) fn describe(&self, invocation: &Invocation) -> (Bytes, Option<String>) {
        let id = &invocation.id;
        let (kind, message) = match self {
            Self::Reported { body, .. } => return (body.clone(), None),
            Self::TimedOut => {
                let text = format!(
                    "Task timed out after {:.2} seconds",
                    invocation.timeout().as_secs_f64()
                );
                let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
                let payload = error("Sandbox.Timedout", &format!("RequestId: {id} Error: {text}"));
                return (payload, Some(format!("{time} {id} {text}\n\n")));
            }
            Self::Entrypoint(why) => ("Runtime.InvalidEntrypoint", why.clone()),
            Self::Exited { exit, kind } if exit.is_success() => {
                (*kind, "Runtime exited without providing a reason".to_owned())
            }
            Self::Exited { exit, kind } => (*kind, format!("Runtime exited with error: {exit}")),
            // The report's status has the cause; the caller gets only this.
            Self::OutOfMemory => {
                ("Runtime.ExitError", "Runtime exited with error: signal: killed".to_owned())
            }
            Self::Extension(failure) => (failure.kind, failure.message.clone()),
        };
        let message = format!("RequestId: {id} Error: {message}");
        (error(kind, &message), Some(format!("{message}\n{kind}\n")))
    }
}

/// An error as the caller gets it.
pub(super) fn error(kind: &str, message: &str) -> Bytes {
    json!({ "errorType": kind, "errorMessage": message }).to_string().into()
}
