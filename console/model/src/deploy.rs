//! What is deployed on a stage, what a deploy is going to do, and what it did.

use serde::{Deserialize, Serialize};

use super::Architecture;

/// A function as it is on the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// `$LATEST` or a version number.
    pub version: String,
    /// SHA-256 of the deployed zip, lower-case hexadecimal.
    pub sha256: String,
    /// The deployed zip is the one in the target directory.
    pub in_sync: bool,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub modified_at: i64,
    /// What it is for there; none where the stage does not say.
    #[serde(default)]
    pub architecture: Option<Architecture>,
}

/// Whether a person said that exactly this change shall be made; a protected stage is changed in no other case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Consent {
    /// Nobody was asked.
    #[default]
    None,
    /// A name was typed, or `--yes` given, for this one change.
    Given,
}

/// What a deploy did to a function, or, in a plan, is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployAction {
    /// It was not there.
    Created,
    /// Its code or its configuration was changed.
    Updated,
    /// Code and configuration were the same: nothing was sent.
    Unchanged,
}

/// One setting that a deploy changes. Environment values are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting: `code`, `memory`, `env.NAME`, `url.auth`, `alias.live`, …
    pub field: String,
    /// What it is on the stage; none for a new function, and for what is not there.
    pub from: Option<String>,
    /// What it becomes; `removed` for what is taken away.
    pub to: String,
}

/// What the stage has of a function: `None` where it is not there; a failure where this caller may not look.
pub type Found = Result<Option<Deployed>, super::Failure>;

/// What a deploy is going to do to one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionPlan {
    /// The function's name in the workspace.
    pub name: String,
    /// What would be done.
    pub action: DeployAction,
    /// What differs, in the order of the calls that change it.
    pub changes: Vec<Change>,
    /// The changing calls in their order, as IAM names them: `lambda:UpdateFunctionCode`, …
    pub calls: Vec<String>,
    /// Everybody may call it afterwards, which they may not now: only done with [`Consent::Given`] where others can
    /// reach the stage.
    pub opens: bool,
    /// The version that is on the stage: `$LATEST`, or the number that the stage's alias points at.
    pub version: String,
    /// SHA-256 of the zip, lower-case hexadecimal: the one that would be sent, or where only settings are compared, the
    /// one that is there.
    pub sha256: String,
    /// The sources are newer than the zip that would be sent.
    pub stale: bool,
    /// A digest of the values that `changes` mask, before and after. It means something in this process alone.
    #[serde(skip)]
    pub values: u64,
}

impl FunctionPlan {
    /// What is to be known of code that is older than its sources.
    pub fn staleness(&self) -> String {
        format!("its sources are newer than the zip: build {} to deploy them", self.name)
    }
}

/// What a deploy is going to do: compared first, shown, then carried out as it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployPlan {
    /// The stage's name.
    pub stage: String,
    /// The functions that could be compared.
    pub functions: Vec<FunctionPlan>,
    /// The functions that could not, each with why.
    pub failed: Vec<(String, super::Failure)>,
}

impl DeployPlan {
    /// Nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.functions.iter().all(|function| function.action == DeployAction::Unchanged)
    }

    /// Some function would be open to everybody, which is not so now.
    pub fn opens(&self) -> bool {
        self.functions.iter().any(|function| function.opens)
    }
}

/// What was deployed of one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedFunction {
    /// The function's name.
    pub name: String,
    /// What was done.
    pub action: DeployAction,
    /// The version that resulted.
    pub version: String,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub sha256: String,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What was changed.
    pub changes: Vec<Change>,
}

/// A function that a deploy failed on or did not come to, and what is true of it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedFunction {
    /// The function's name.
    pub name: String,
    /// Why.
    pub failure: super::Failure,
    /// What was changed nevertheless, as read from the stage afterwards.
    pub done: Vec<Change>,
    /// What still differs, as read from the stage afterwards: the next deploy does it.
    pub left: Vec<Change>,
    /// Whether the stage could be asked afterwards. If not, `left` is what was planned, and some of it may be done.
    pub is_known: bool,
}

impl FailedFunction {
    /// What was done and what not, in a line; none where nothing was begun.
    pub fn truth(&self) -> Option<String> {
        let fields = |changes: &[Change]| changes.iter().map(|one| one.field.as_str()).collect::<Vec<_>>().join(", ");
        if self.done.is_empty() && self.left.is_empty() {
            return None;
        }
        if !self.is_known {
            return Some(format!("not known is which of these were done: {}", fields(&self.left)));
        }
        match (self.done.is_empty(), self.left.is_empty()) {
            (true, _) => Some(format!("nothing was done, still to do: {}", fields(&self.left))),
            (false, true) => Some(format!("done nevertheless: {}", fields(&self.done))),
            (false, false) => Some(format!("done: {}; still to do: {}", fields(&self.done), fields(&self.left))),
        }
    }
}

/// What a deploy of one or more functions came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeployOutcome {
    /// The stage's name.
    pub stage: String,
    /// The functions that are now as the workspace has them.
    pub functions: Vec<DeployedFunction>,
    /// The functions that are not, each with why and with what is true of it.
    pub failed: Vec<FailedFunction>,
}

impl DeployOutcome {
    /// The functions that failed, each with why.
    pub fn failures(&self) -> Vec<(String, super::Failure)> {
        self.failed.iter().map(|failed| (failed.name.clone(), failed.failure.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_was_not_begun_has_no_more_to_say_than_why() {
        let change = |field: &str| Change { field: field.into(), from: None, to: "x".into() };
        let failure = super::super::Failure::usage("could not deploy hello", "it has no bootstrap.zip", "");
        let mut failed =
            FailedFunction { name: "hello".into(), failure, done: Vec::new(), left: Vec::new(), is_known: false };
        assert_eq!(failed.truth(), None);
        failed.is_known = true;
        assert_eq!(failed.truth(), None);
        failed.left = vec![change("code")];
        assert_eq!(failed.truth().as_deref(), Some("nothing was done, still to do: code"));
        failed.is_known = false;
        assert_eq!(failed.truth().as_deref(), Some("not known is which of these were done: code"));
    }
}
