//! Work that waits for a login: the credentials of a stage are missing or have expired.

use lambda_console_model::{Failure, FailureKind};

use super::Running;
use crate::tui::task::Task;

/// Work that stopped for lack of credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The failure, with the way to get new credentials as its hint.
    pub failure: Failure,
    /// The stopped jobs, to be resumed.
    pub stopped: Vec<Stopped>,
    /// `true` while the new credentials are being tried.
    pub trying: bool,
}

/// A job that stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// The job as it ran.
    pub job: Running,
    /// Time when it stopped, in milliseconds since the Unix epoch.
    pub at: i64,
    /// `true` if it was a step of the run.
    pub in_run: bool,
}

impl Login {
    /// Creates a login without stopped jobs.
    pub const fn new(failure: Failure) -> Self {
        Self { failure, stopped: Vec::new(), trying: false }
    }

    /// Returns the command line that gets new credentials; `None` if no command does.
    pub fn command(&self) -> Option<&str> {
        (self.failure.kind == FailureKind::Login).then_some(self.failure.hint.as_str())
    }

    /// Returns the jobs that will be resumed: `deploy hello, invoke hello`.
    pub fn waiting(&self) -> String {
        let title = |stopped: &Stopped| match &*stopped.job.task {
            Task::ListResources { functions } => format!("delete {}", functions.join(", ")),
            task => task.title().unwrap_or_else(|| "the log tail".to_owned()),
        };
        self.stopped.iter().map(title).collect::<Vec<_>>().join(", ")
    }
}
