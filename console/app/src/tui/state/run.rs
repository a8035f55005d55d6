//! The run: build → deploy → invoke → logs → stats of one function, each step timed.

use lambda_console_model::{Approval, DeployPlan};
use serde::{Deserialize, Serialize};

use super::JobId;

/// Plan that a job has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The job.
    pub job: JobId,
    /// Its plan.
    pub plan: DeployPlan,
}

/// A step of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStep {
    /// Build the function.
    Build,
    /// Deploy it.
    Deploy,
    /// Invoke it.
    Invoke,
    /// Fetch the invocation's log lines.
    Logs,
    /// Read its figures.
    Stats,
}

impl RunStep {
    /// All steps in their order.
    pub const ALL: [Self; 5] = [Self::Build, Self::Deploy, Self::Invoke, Self::Logs, Self::Stats];

    /// Returns its name on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Deploy => "deploy",
            Self::Invoke => "invoke",
            Self::Logs => "logs",
            Self::Stats => "stats",
        }
    }
}

/// State of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// Waits for the steps before it.
    #[default]
    Waiting,
    /// Runs since this time, in milliseconds since the Unix epoch.
    Running(i64),
    /// Succeeded after this many milliseconds.
    Done(f64),
    /// Failed after this many milliseconds; the following steps are skipped.
    Failed(f64),
}

/// A run of one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The function's name.
    pub function: String,
    /// Consent for its deploy.
    pub approval: Approval,
    /// Job of the current step; `None` once the run has ended, or while its plan is shown.
    pub job: Option<JobId>,
    /// Plan of its deploy, until it can be shown.
    pub plan: Option<Compared>,
    /// State of each step of [`RunStep::ALL`].
    pub steps: [Standing; 5],
}

impl Run {
    /// Creates a run whose first step runs as `job` since `now`.
    pub fn new(function: String, approval: Approval, job: JobId, now: i64) -> Self {
        let mut steps: [Standing; 5] = Default::default();
        steps[0] = Standing::Running(now);
        Self { function, approval, job: Some(job), plan: None, steps }
    }

    /// Returns the current step.
    pub fn current(&self) -> Option<RunStep> {
        let index = self.steps.iter().position(|step| matches!(step, Standing::Running(_)))?;
        Some(RunStep::ALL[index])
    }

    /// Ends the current step at `now`; if it succeeded, returns the next step.
    pub fn advance(&mut self, now: i64, worked: bool) -> Option<RunStep> {
        self.job = None;
        let index = self.steps.iter().position(|step| matches!(step, Standing::Running(_)))?;
        let Standing::Running(since) = self.steps[index] else { return None };
        let took = (now - since).max(0) as f64;
        self.steps[index] = if worked { Standing::Done(took) } else { Standing::Failed(took) };
        RunStep::ALL.get(index + 1).copied().filter(|_| worked)
    }

    /// Marks the failed step as started again, as `job` at `now`.
    pub fn resume(&mut self, job: JobId, now: i64) {
        if let Some(step) = self.steps.iter_mut().find(|step| matches!(step, Standing::Failed(_))) {
            *step = Standing::Running(now);
            self.job = Some(job);
        }
    }

    /// Marks `step` as started, as `job` at `now`.
    pub fn run(&mut self, step: RunStep, job: JobId, now: i64) {
        self.job = Some(job);
        self.steps[step as usize] = Standing::Running(now);
    }
}
