//! What waits for somebody to log in: the credentials of a stage are missing or have expired.

use lambda_console_model::Failure;

use super::{JobKind, Running};

/// Work that stopped for lack of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What is wrong, with the command that gets new credentials as its hint.
    pub failure: Failure,
    /// The jobs that stopped, to be gone on with.
    pub stopped: Vec<Stopped>,
    /// The new credentials are being tried.
    pub trying: bool,
}

/// A job that stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The job as it ran.
    pub job: Running,
    /// When it stopped, in milliseconds since the Unix epoch.
    pub at: i64,
    /// It was a step of the loop.
    pub in_loop: bool,
}

impl Login {
    /// Nothing has stopped yet.
    pub const fn new(failure: Failure) -> Self {
        Self { failure, stopped: Vec::new(), trying: false }
    }

    /// The command line that gets new credentials; none where what helps is none.
    pub fn command(&self) -> Option<&str> {
        Some(self.failure.hint.as_str()).filter(|hint| hint.starts_with("aws "))
    }

    /// What is gone on with: `deploy hello, invoke hello`.
    pub fn waiting(&self) -> String {
        let title = |stopped: &Stopped| match &stopped.job.kind {
            JobKind::Belongings(function) => format!("delete {function}"),
            kind => kind.title().unwrap_or_else(|| "the logs".to_owned()),
        };
        self.stopped.iter().map(title).collect::<Vec<_>>().join(", ")
    }
}
