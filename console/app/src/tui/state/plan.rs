//! A change of the stage that is shown before it is made.

use lambda_console_model::{DeployAction, DeployPlan, Function, FunctionPlan, Promotion};

use super::{Editor, JobId};

/// What a plan is of.
#[derive(Clone, Debug)]
pub enum Planned {
    /// These functions are deployed.
    Deploy(Vec<String>),
    /// The loop deploys this function.
    Loop(String),
    /// Settings of this function are changed.
    Configure {
        /// The function, with the settings that are to be changed and none else.
        function: Box<Function>,
        /// What the function is to be as when they were edited.
        revision: Option<String>,
    },
    /// What another stage has is taken over.
    Promote(Box<Promotion>),
}

/// What would be changed, and whether it shall.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is of.
    pub of: Planned,
    /// The job that compares them with the stage; none once it has.
    pub job: Option<JobId>,
    /// What it found; none while it compares.
    pub outcome: Option<DeployPlan>,
    /// The stage's name as it is typed, where that is asked for.
    pub typed: Editor,
    /// The first line that is shown.
    pub top: usize,
}

impl Plan {
    /// A plan that `job` makes.
    pub fn new(of: Planned, job: JobId) -> Self {
        Self { of, job: Some(job), outcome: None, typed: Editor::line(""), top: 0 }
    }

    /// A plan whose comparison found `outcome`.
    pub fn of(of: Planned, outcome: DeployPlan) -> Self {
        Self { of, job: None, outcome: Some(outcome), typed: Editor::line(""), top: 0 }
    }

    /// The functions that would be created or updated.
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
