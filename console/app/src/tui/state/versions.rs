//! The list of versions to roll back to.

use lambda_console_model::{FunctionVersions, Version};

use super::JobId;

/// The versions of a function, to choose one to roll back to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picker {
    /// The function's name in the workspace.
    pub function: String,
    /// Job that reads them; `None` once it has ended.
    pub job: Option<JobId>,
    /// The versions; `None` until they were read for the first time.
    pub found: Option<FunctionVersions>,
    /// Index of the selected version.
    pub selected: usize,
}

impl Picker {
    /// Creates the list of the versions of `function`, which `job` reads.
    pub fn new(function: String, job: JobId) -> Self {
        Self { function, job: Some(job), found: None, selected: 0 }
    }

    /// Returns the selected version.
    pub fn current(&self) -> Option<&Version> {
        self.found.as_ref()?.versions.get(self.selected)
    }
}
