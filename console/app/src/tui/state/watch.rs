//! Watching the sources: which functions wait to be rebuilt.

use std::collections::BTreeSet;

use super::JobId;

/// The sources are watched: what is saved is built and deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The job that watches.
    pub job: JobId,
    /// The functions that are to be built next, once no other build, deploy or loop runs.
    pub waiting: BTreeSet<String>,
    /// What made them wait, or what the last rebuild was for.
    pub cause: String,
    /// The build or deploy that watching has started, and its functions.
    pub running: Option<(JobId, Vec<String>)>,
}

impl Watch {
    /// A watch that has seen nothing yet.
    pub const fn new(job: JobId) -> Self {
        Self { job, waiting: BTreeSet::new(), cause: String::new(), running: None }
    }

    /// Notes that `job` has ended. If watching had started it, gives the functions that it was for.
    pub fn ended(&mut self, job: JobId) -> Option<Vec<String>> {
        let (_, functions) = self.running.take_if(|(running, _)| *running == job)?;
        Some(functions)
    }
}
