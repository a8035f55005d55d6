//! Watching the sources: the functions that wait to be rebuilt.

use std::collections::BTreeSet;

use super::JobId;

/// State of watching, which builds and deploys saved changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The job that watches.
    pub job: JobId,
    /// Functions to build next, once no other build, deploy or run is active.
    pub waiting: BTreeSet<String>,
    /// Cause of the wait, or of the last rebuild.
    pub cause: String,
    /// Build or deploy that watching has started, with its functions.
    pub running: Option<(JobId, Vec<String>)>,
}

impl Watch {
    /// Creates a watch that has seen no changes yet.
    pub const fn new(job: JobId) -> Self {
        Self { job, waiting: BTreeSet::new(), cause: String::new(), running: None }
    }

    /// Records that `job` has ended. If watching had started it, returns its functions.
    pub fn ended(&mut self, job: JobId) -> Option<Vec<String>> {
        let (_, functions) = self.running.take_if(|(running, _)| *running == job)?;
        Some(functions)
    }
}
