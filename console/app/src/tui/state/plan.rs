//! The plan of a change on the stage, shown before it is applied.

use lambda_console_model::{DeployAction, DeployPlan, Function, FunctionPlan, Promotion};

use super::{Editor, JobId};

/// Change that a plan is for.
#[derive(Clone, Debug)]
pub enum Planned {
    /// Deploys these functions.
    Deploy(Vec<String>),
    /// Deploys this function in a run.
    Run(String),
    /// Changes settings of this function.
    Configure {
        /// The function, with only the settings to change.
        function: Box<Function>,
        /// Revision ID of the function when they were edited.
        revision: Option<String>,
    },
    /// Promotes functions from another stage.
    Promote(Box<Promotion>),
}

/// A plan that is shown for approval.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Change that it is for.
    pub of: Planned,
    /// Job that compares with the stage. Its plan is the one that is applied.
    pub job: JobId,
    /// Result of the comparison; `None` while it runs.
    pub outcome: Option<DeployPlan>,
    /// The stage's name as typed, if it must be typed.
    pub typed: Editor,
    /// First line shown.
    pub top: usize,
}

impl Plan {
    /// Creates a plan that `job` computes.
    pub fn new(of: Planned, job: JobId) -> Self {
        Self { of, job, outcome: None, typed: Editor::line(""), top: 0 }
    }

    /// Returns the functions that would be created or updated.
    pub fn changed(&self) -> impl Iterator<Item = &FunctionPlan> {
        self.outcome
            .iter()
            .flat_map(|outcome| &outcome.functions)
            .filter(|one| one.action != DeployAction::Unchanged)
    }

    /// Returns the functions that match the stage already.
    pub fn unchanged(&self) -> impl Iterator<Item = &FunctionPlan> {
        self.outcome
            .iter()
            .flat_map(|outcome| &outcome.functions)
            .filter(|one| one.action == DeployAction::Unchanged)
    }

    /// Returns `true` if the comparison has ended and found changes.
    pub fn is_open(&self) -> bool {
        self.changed().next().is_some()
    }
}
