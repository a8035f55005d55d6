//! Promotion: copies code from one stage to another without a rebuild.

use serde::{Deserialize, Serialize};

use crate::{
    deploy::{Change, DeployAction, NewValue},
    failure::Failure,
    function::{Function, short_sha256},
    settings::Field,
};

/// A promotion of functions from one stage to another, without a rebuild.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    /// The functions as last discovered.
    pub functions: Vec<Function>,
    /// The source stage.
    pub from: String,
    /// The target stage.
    pub to: String,
    /// Canary deployment; `None` to shift all traffic at once.
    pub canary: Option<Canary>,
}

/// A canary: steps in which a new version receives more of an alias's traffic, and the limits that
/// end it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Weight of the new version in each step, in per cent; afterwards it receives all traffic.
    pub steps: Vec<f64>,
    /// Duration of a step, in milliseconds.
    pub every_ms: u64,
    /// Maximum difference between the error rates of the new and the old version, in percentage
    /// points.
    pub max_errors: f64,
    /// Maximum increase of the init duration, in per cent, at p50 and at p99.
    pub max_init: f64,
    /// Minimum number of invocations of the new version before its error rate is compared, and at
    /// the end of a step.
    pub least: u64,
}

impl Default for Canary {
    fn default() -> Self {
        Self {
            steps: vec![5.0, 25.0, 50.0],
            every_ms: 300_000,
            max_errors: 1.0,
            max_init: 50.0,
            least: 10,
        }
    }
}

impl Canary {
    /// Returns the steps and limits of the canary as lines of a plan.
    pub fn changes(&self) -> [Change; 2] {
        let Self { steps, every_ms, max_errors, max_init, least } = self;
        let steps: Vec<String> = steps.iter().map(|step| format!("{step} %")).collect();
        let seconds = every_ms / 1000;
        let every = match (seconds / 60, seconds % 60) {
            (0, seconds) => format!("{seconds} s"),
            (minutes, 0) => format!("{minutes} min"),
            (minutes, seconds) => format!("{minutes} min {seconds} s"),
        };
        let rules = format!(
            "rolled back if the error rate is more than {max_errors} percentage points above the \
            old version's (after {least} invocations), or the init more than {max_init} % slower"
        );
        let change = |field, to| Change { field, from: None, to: NewValue::Set(to) };
        [
            change(Field::CanarySteps, format!("{}, then all; each for {every}", steps.join(", "))),
            change(Field::CanaryRules, rules),
        ]
    }
}

/// Result of promoting one function, or the plan for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promoted {
    /// The function's name in the workspace.
    pub name: String,
    /// Action on the target stage.
    pub action: DeployAction,
    /// Version of the code on the source stage.
    pub from_version: String,
    /// Version that the target stage's callers used before; `None` if there was none.
    pub before: Option<String>,
    /// Version that they use now; `None` in a plan if it is not published yet.
    pub version: Option<String>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub sha256: String,
    /// Description of the published version.
    pub description: String,
    /// Differences.
    pub changes: Vec<Change>,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Promoted {
    /// Returns one sentence on the result.
    pub fn story(&self, stage: &str) -> String {
        let Self { name, from_version, .. } = self;
        let version = self.version.as_deref().unwrap_or(from_version);
        let sha256 = short_sha256(&self.sha256);
        match self.action {
            DeployAction::Unchanged => {
                format!("{name}: {stage} already has version {version} ({sha256})")
            }
            DeployAction::Created | DeployAction::Updated => {
                let before =
                    self.before.as_ref().map(|before| format!(", previously version {before}"));
                format!(
                    "{name}: {stage} has version {version} ({sha256}){}",
                    before.unwrap_or_default()
                )
            }
        }
    }
}

/// Outcome of promoting one or more functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PromoteOutcome {
    /// The source stage.
    pub from: String,
    /// The target stage.
    pub to: String,
    /// The functions that were promoted.
    pub functions: Vec<Promoted>,
    /// The functions that were not promoted, each with its error.
    pub failed: Vec<(String, Failure)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_shows_its_steps_and_rules() {
        let [steps, rules] = Canary::default().changes();
        assert_eq!(
            (&steps.field, steps.to.as_str()),
            (&Field::CanarySteps, "5 %, 25 %, 50 %, then all; each for 5 min")
        );
        let expected = "rolled back if the error rate is more than 1 percentage points above the \
            old version's (after 10 invocations), or the init more than 50 % slower";
        assert_eq!((&rules.field, rules.to.as_str()), (&Field::CanaryRules, expected));
        let [steps, _] =
            Canary { steps: vec![2.5], every_ms: 90_000, ..Canary::default() }.changes();
        assert_eq!(steps.to.as_str(), "2.5 %, then all; each for 1 min 30 s");
    }
}
