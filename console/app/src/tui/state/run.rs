//! The loop: build → deploy → invoke → logs → stats of one function, each step timed.

use lambda_console_model::{Consent, DeployPlan};
use serde::{Deserialize, Serialize};

use super::JobId;

/// A step of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopStep {
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

impl LoopStep {
    /// All steps in their order.
    pub const ALL: [Self; 5] = [Self::Build, Self::Deploy, Self::Invoke, Self::Logs, Self::Stats];

    /// Its name on screen.
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

/// How a step of the loop stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Standing {
    /// It waits for those before it.
    #[default]
    Waiting,
    /// It runs since then, in milliseconds since the Unix epoch.
    Running(i64),
    /// It took so many milliseconds.
    Done(f64),
    /// It failed after so many milliseconds; the steps after it do not run.
    Failed(f64),
}

/// One run of the loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// The function's name.
    pub function: String,
    /// For its deploy.
    pub consent: Consent,
    /// The job of the step that runs; none once the loop has ended, or while its plan is looked at.
    pub job: Option<JobId>,
    /// What its deploy would change, until that can be shown.
    pub plan: Option<DeployPlan>,
    /// How each step of [`LoopStep::ALL`] stands.
    pub steps: [Standing; 5],
}

impl Sequence {
    /// A loop whose first step runs as `job` since `now`.
    pub fn new(function: String, consent: Consent, job: JobId, now: i64) -> Self {
        let mut steps: [Standing; 5] = Default::default();
        steps[0] = Standing::Running(now);
        Self { function, consent, job: Some(job), plan: None, steps }
    }

    /// The step that runs.
    pub fn current(&self) -> Option<LoopStep> {
        let index = self.steps.iter().position(|step| matches!(step, Standing::Running(_)))?;
        Some(LoopStep::ALL[index])
    }

    /// Ends the running step at `now`; if it worked, gives the step that comes next.
    pub fn advance(&mut self, now: i64, worked: bool) -> Option<LoopStep> {
        self.job = None;
        let index = self.steps.iter().position(|step| matches!(step, Standing::Running(_)))?;
        let Standing::Running(since) = self.steps[index] else { return None };
        let took = (now - since).max(0) as f64;
        self.steps[index] = if worked { Standing::Done(took) } else { Standing::Failed(took) };
        LoopStep::ALL.get(index + 1).copied().filter(|_| worked)
    }

    /// Notes that the step that failed is taken again, as `job` since `now`.
    pub fn resume(&mut self, job: JobId, now: i64) {
        if let Some(step) = self.steps.iter_mut().find(|step| matches!(step, Standing::Failed(_))) {
            *step = Standing::Running(now);
            self.job = Some(job);
        }
    }

    /// Notes that `step` runs as `job` since `now`.
    pub fn run(&mut self, step: LoopStep, job: JobId, now: i64) {
        self.job = Some(job);
        self.steps[step as usize] = Standing::Running(now);
    }
}
