//! What goes from one stage to another without being built anew, and what came of it.

use serde::{Deserialize, Serialize};

use super::{Change, Consent, DeployAction, Failure, Function, short_sha256};

/// What of a stage shall go to another one, without building it anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Promotion {
    /// The functions as last discovered.
    pub functions: Vec<Function>,
    /// The stage that has the code.
    pub from: String,
    /// The stage that gets it.
    pub to: String,
    /// Little by little; none: at once.
    pub canary: Option<Canary>,
    /// For a protected stage.
    pub consent: Consent,
}

/// How a new version gets more and more of an alias's invocations, and what ends that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// What the new version gets in each step, in per cent; then all.
    pub steps: Vec<f64>,
    /// How long a step is, in milliseconds.
    pub every_ms: u64,
    /// How many percentage points more of its invocations may fail than of the old version's.
    pub max_errors: f64,
    /// By how many per cent its init may be slower, at p50 and at p99.
    pub max_init: f64,
    /// How many invocations the new version must have had before it is judged by its errors, and at the end of a step.
    pub least: u64,
}

impl Default for Canary {
    fn default() -> Self {
        Self { steps: vec![5.0, 25.0, 50.0], every_ms: 300_000, max_errors: 1.0, max_init: 50.0, least: 10 }
    }
}

impl Canary {
    /// How the new version gets more and more, and what ends that, as lines of a plan.
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
            "rolled back where over {max_errors} % more fail than of the version before (from {least} \
             invocations on), or the init is slower by more than {max_init} %"
        );
        let change = |field: &str, to| Change { field: format!("canary.{field}"), from: None, to };
        [change("steps", format!("{}, then all; each for {every}", steps.join(", "))), change("rules", rules)]
    }
}

/// What a promotion did, or would do, to one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Promoted {
    /// The function's name in the workspace.
    pub name: String,
    /// What is done to the function on the target stage.
    pub action: DeployAction,
    /// The code's version on the stage that it comes from.
    pub from_version: String,
    /// The version that the target stage's callers got; none where there was none.
    pub before: Option<String>,
    /// The version that they get; none in a plan where it is not published yet.
    pub version: Option<String>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub sha256: String,
    /// What was said of the version when it was published.
    pub description: String,
    /// What differed.
    pub changes: Vec<Change>,
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Promoted {
    /// What was done, in a sentence.
    pub fn story(&self, stage: &str) -> String {
        let Self { name, from_version, .. } = self;
        let version = self.version.as_deref().unwrap_or(from_version);
        let sha256 = short_sha256(&self.sha256);
        match self.action {
            DeployAction::Unchanged => format!("{name}: {stage} has it already, as version {version} ({sha256})"),
            DeployAction::Created | DeployAction::Updated => {
                let before = self.before.as_ref().map(|before| format!(", not version {before} any more"));
                format!("{name}: {stage} has version {version} ({sha256}){}", before.unwrap_or_default())
            }
        }
    }
}

/// What a promotion of one or more functions came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PromoteOutcome {
    /// The stage that has the code.
    pub from: String,
    /// The stage that gets it.
    pub to: String,
    /// The functions that were promoted.
    pub functions: Vec<Promoted>,
    /// The functions that were not, each with why.
    pub failed: Vec<(String, Failure)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_says_its_steps_and_rules() {
        let [steps, rules] = Canary::default().changes();
        assert_eq!(
            (steps.field.as_str(), steps.to.as_str()),
            ("canary.steps", "5 %, 25 %, 50 %, then all; each for 5 min")
        );
        let expected = "rolled back where over 1 % more fail than of the version before (from 10 invocations on), \
                        or the init is slower by more than 50 %";
        assert_eq!((rules.field.as_str(), rules.to.as_str()), ("canary.rules", expected));
        let [steps, _] = Canary { steps: vec![2.5], every_ms: 90_000, ..Canary::default() }.changes();
        assert_eq!(steps.to, "2.5 %, then all; each for 1 min 30 s");
    }
}
