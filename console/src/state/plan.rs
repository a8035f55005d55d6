//! A change of the stage that is shown before it is made.

use ratatui_textarea::TextArea;

use super::{DeployAction, DeployPlan, FunctionPlan, JobId, overlay::line};

/// What a deploy would change, and whether it shall.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The functions that shall be deployed.
    pub names: Vec<String>,
    /// The job that compares them with the stage; none once it has.
    pub job: Option<JobId>,
    /// What it found; none while it compares.
    pub outcome: Option<DeployPlan>,
    /// The stage's name as it is typed, where the stage is protected.
    pub typed: TextArea<'static>,
    /// The first line that is shown.
    pub top: usize,
}

impl Plan {
    /// A plan that `job` makes.
    pub fn new(names: Vec<String>, job: JobId) -> Self {
        Self { names, job: Some(job), outcome: None, typed: line(""), top: 0 }
    }

    /// The functions that the deploy would create or update.
    pub fn changed(&self) -> impl Iterator<Item = &FunctionPlan> {
        self.outcome.iter().flat_map(|outcome| &outcome.functions).filter(|one| one.action != DeployAction::Unchanged)
    }

    /// The functions that are on the stage as the workspace has them.
    pub fn unchanged(&self) -> impl Iterator<Item = &FunctionPlan> {
        self.outcome.iter().flat_map(|outcome| &outcome.functions).filter(|one| one.action == DeployAction::Unchanged)
    }

    /// The comparison has ended, and found something to do.
    pub fn is_open(&self) -> bool {
        self.changed().next().is_some()
    }
}
