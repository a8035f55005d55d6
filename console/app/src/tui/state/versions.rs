//! The list of versions that one to roll back to is chosen from.

use lambda_console_model::{FunctionVersions, Version};

use super::JobId;

/// The versions of a function, to choose one to roll back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picker {
    /// The function's name in the workspace.
    pub function: String,
    /// The job that reads them; none once it has.
    pub job: Option<JobId>,
    /// What it read; none while it reads for the first time.
    pub found: Option<FunctionVersions>,
    /// The chosen one.
    pub selected: usize,
}

impl Picker {
    /// The versions of `function`, which `job` reads.
    pub fn new(function: String, job: JobId) -> Self {
        Self { function, job: Some(job), found: None, selected: 0 }
    }

    /// The chosen version.
    pub fn current(&self) -> Option<&Version> {
        self.found.as_ref()?.versions.get(self.selected)
    }
}
