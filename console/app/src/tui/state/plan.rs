//! The plan of a change on the stage, shown before it is applied.

use lambda_console_model::{
    ChangeKind, DeployAction, DeployPlan, Function, FunctionPlan, Promotion, VersionsChange,
};

use super::{Editor, JobId, Picker};

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
    /// Changes the versions of a function.
    Versions {
        /// The function's name.
        function: String,
        /// The change.
        change: VersionsChange,
    },
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
    /// The word that approves it, as typed so far.
    pub typed: Editor,
    /// First line shown.
    pub top: usize,
    /// The list of versions that it was opened from and returns to.
    pub under: Option<Box<Picker>>,
}

impl Plan {
    /// Creates a plan that `job` computes.
    pub fn new(of: Planned, job: JobId) -> Self {
        Self { of, job, outcome: None, typed: Editor::line(""), top: 0, under: None }
    }

    /// Returns the change, as far as its approval is concerned.
    pub fn kind(&self) -> ChangeKind<'_> {
        match (&self.of, &self.outcome) {
            (Planned::Versions { function, change }, _) => {
                change.kind(std::slice::from_ref(function))
            }
            (_, Some(outcome)) => outcome.kind(),
            (_, None) => ChangeKind::Update,
        }
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
