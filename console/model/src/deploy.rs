//! State of a function on a stage, plan of a deploy, and its outcome.

use serde::{Deserialize, Serialize};

use super::{
    function::Architecture,
    settings::Field,
    stage::{Protection, StageInfo},
};

/// A function as deployed on the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// `$LATEST` or a version number.
    pub version: String,
    /// SHA-256 of the deployed zip, lower-case hexadecimal.
    pub sha256: String,
    /// `true` if the deployed zip is the one in the target directory.
    pub in_sync: bool,
    /// Time of the last change, in milliseconds since the Unix epoch.
    pub modified_at: i64,
    /// Architecture on the stage; `None` if the stage does not report it.
    #[serde(default)]
    pub architecture: Option<Architecture>,
}

/// Consent of the user to exactly this change; without it, a protected stage is never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    /// The user was not asked.
    #[default]
    None,
    /// The user typed the name, or passed `--yes`, for this one change.
    Given,
}

/// A change of a stage, as far as its approval is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind<'a> {
    /// Can be repeated and undone: a deploy, settings, a promotion, a version, a cold start.
    Update,
    /// Makes a function callable by everybody.
    Open,
    /// Routes callers to an earlier version.
    Reroute,
    /// Deletes these functions.
    Delete(&'a [String]),
    /// Deletes old versions of these functions.
    Prune(&'a [String]),
    /// Deletes these execution roles.
    DeleteRoles(&'a [String]),
}

/// Approval that a change needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needed {
    /// None: it is made at once.
    Nothing,
    /// A yes; a command is one.
    Yes,
    /// This word must be typed.
    Word(String),
}

impl Needed {
    /// Returns the word to type on a screen; `None` if nothing is asked.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Yes => Some("yes"),
            Self::Word(word) => Some(word),
        }
    }
}

impl ChangeKind<'_> {
    /// Returns the approval that the change needs on `stage`. The screen, the commands and the
    /// engine all ask here.
    pub fn needs(self, stage: &str, protection: Protection) -> Needed {
        let is_protected = protection == Protection::Protected;
        match self {
            Self::Delete(names) if is_protected => {
                Needed::Word(format!("{stage}/{}", names.join(" ")))
            }
            Self::Delete(names) | Self::Prune(names) | Self::DeleteRoles(names) => {
                Needed::Word(names.join(" "))
            }
            Self::Update | Self::Open | Self::Reroute if is_protected => {
                Needed::Word(stage.to_owned())
            }
            // Only this machine's user can reach the local Lambda.
            Self::Open if stage != StageInfo::LOCAL => Needed::Word(stage.to_owned()),
            Self::Reroute => Needed::Yes,
            Self::Update | Self::Open => Needed::Nothing,
        }
    }
}

/// Action of a deploy on a function, or, in a plan, the action that it will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployAction {
    /// The function did not exist and was created.
    Created,
    /// Code or configuration was updated.
    Updated,
    /// Code and configuration were the same; nothing was sent.
    Unchanged,
}

/// A setting that a deploy changes. Environment values are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting.
    pub field: Field,
    /// Value on the stage; `None` for a new function, and for a setting that is not set there.
    pub from: Option<String>,
    /// The new value.
    pub to: NewValue,
}

/// Value that a setting gets. Its text is what is shown, and its form in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum NewValue {
    /// The setting is set to this value.
    Set(String),
    /// The setting is removed.
    Removed,
}

impl NewValue {
    /// Returns its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Set(value) => value,
            Self::Removed => "removed",
        }
    }
}

impl std::fmt::Display for NewValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<String> for NewValue {
    fn from(value: String) -> Self {
        if value == Self::Removed.as_str() { Self::Removed } else { Self::Set(value) }
    }
}

impl From<NewValue> for String {
    fn from(value: NewValue) -> Self {
        value.as_str().to_owned()
    }
}

/// A function as found on the stage: `None` if it does not exist there; a failure if the caller has
/// no permission to read it.
pub type Found = Result<Option<Deployed>, super::failure::Failure>;

/// Plan for one function of a deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionPlan {
    /// The function's name in the workspace.
    pub name: String,
    /// The planned action.
    pub action: DeployAction,
    /// Differences, in the order of the calls that apply them.
    pub changes: Vec<Change>,
    /// The changing calls in order, by their IAM action names: `lambda:UpdateFunctionCode`, …
    pub calls: Vec<String>,
    /// `true` if the change makes the function callable by everybody, which it is not yet: applied
    /// only with
    /// [`Approval::Given`] on stages that others can reach.
    pub opens: bool,
    /// Version on the stage: `$LATEST`, or the version that the stage's alias points to.
    pub version: String,
    /// SHA-256 of the zip, lower-case hexadecimal: of the zip to be sent, or, if only settings are
    /// compared, of the deployed one.
    pub sha256: String,
    /// `true` if the sources are newer than the zip that would be sent.
    pub stale: bool,
}

impl FunctionPlan {
    /// Returns the warning for a zip that is older than its sources.
    pub fn staleness(&self) -> String {
        format!("its sources are newer than the zip: build {} to deploy them", self.name)
    }
}

/// Plan of a deploy: computed first, shown, then applied as it was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployPlan {
    /// The stage's name.
    pub stage: String,
    /// The functions that could be compared.
    pub functions: Vec<FunctionPlan>,
    /// The functions that could not be compared, each with its error.
    pub failed: Vec<(String, super::failure::Failure)>,
}

impl DeployPlan {
    /// Returns `true` if nothing would be sent.
    pub fn is_empty(&self) -> bool {
        self.functions.iter().all(|function| function.action == DeployAction::Unchanged)
    }

    /// Returns the change that the plan makes, as far as its approval is concerned.
    pub fn kind(&self) -> ChangeKind<'static> {
        if self.opens() { ChangeKind::Open } else { ChangeKind::Update }
    }

    /// Returns `true` if the plan makes a function callable by everybody that is not yet.
    pub fn opens(&self) -> bool {
        self.functions.iter().any(|function| function.opens)
    }
}

/// Result of deploying one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedFunction {
    /// The function's name.
    pub name: String,
    /// The action that was taken.
    pub action: DeployAction,
    /// Resulting version.
    pub version: String,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub sha256: String,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Changes that were made.
    pub changes: Vec<Change>,
}

/// A function that a deploy failed on or did not reach, and its state now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedFunction {
    /// The function's name.
    pub name: String,
    /// The error.
    pub failure: super::failure::Failure,
    /// Changes that were made nevertheless, as read from the stage afterwards.
    pub done: Vec<Change>,
    /// Remaining differences, as read from the stage afterwards: the next deploy applies them.
    pub left: Vec<Change>,
    /// `true` if the stage could be read afterwards. If not, `left` is the plan, and parts of it
    /// may have been applied.
    pub is_known: bool,
}

impl FailedFunction {
    /// Returns one line on which changes were made and which were not; `None` if the deploy had not
    /// started on it.
    pub fn truth(&self) -> Option<String> {
        let fields = |changes: &[Change]| {
            changes.iter().map(|one| one.field.to_string()).collect::<Vec<_>>().join(", ")
        };
        if self.done.is_empty() && self.left.is_empty() {
            return None;
        }
        if !self.is_known {
            return Some(format!("it is unknown which of these were done: {}", fields(&self.left)));
        }
        match (self.done.is_empty(), self.left.is_empty()) {
            (true, _) => Some(format!("nothing was done, still to do: {}", fields(&self.left))),
            (false, true) => Some(format!("done anyway: {}", fields(&self.done))),
            (false, false) => {
                Some(format!("done: {}; still to do: {}", fields(&self.done), fields(&self.left)))
            }
        }
    }
}

/// Outcome of deploying one or more functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeployOutcome {
    /// The stage's name.
    pub stage: String,
    /// The functions that now match the workspace.
    pub functions: Vec<DeployedFunction>,
    /// The functions that do not, each with its error and its state.
    pub failed: Vec<FailedFunction>,
}

impl DeployOutcome {
    /// Returns the functions that failed, each with its error.
    pub fn failures(&self) -> Vec<(String, super::failure::Failure)> {
        self.failed.iter().map(|failed| (failed.name.clone(), failed.failure.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_decides_the_approval_of_each_change() {
        use ChangeKind::{Delete, DeleteRoles, Open, Prune, Reroute, Update};
        let names = ["a".to_owned(), "b".to_owned()];
        let word = |word: &str| Needed::Word(word.to_owned());
        let rows = [
            (Update, Needed::Nothing, Needed::Nothing, word("prod")),
            (Open, Needed::Nothing, word("beta"), word("prod")),
            (Reroute, Needed::Yes, Needed::Yes, word("prod")),
            (Delete(&names), word("a b"), word("a b"), word("prod/a b")),
            (Prune(&names), word("a b"), word("a b"), word("a b")),
            (DeleteRoles(&names), word("a b"), word("a b"), word("a b")),
        ];
        for (change, local, open, protected) in rows {
            assert_eq!(change.needs("local", Protection::Open), local, "{change:?}");
            assert_eq!(change.needs("beta", Protection::Open), open, "{change:?}");
            assert_eq!(change.needs("prod", Protection::Protected), protected, "{change:?}");
        }
    }

    #[test]
    fn a_function_that_was_not_started_has_only_the_reason() {
        let change = |field| Change { field, from: None, to: NewValue::Set("x".into()) };
        let failure = super::super::failure::Failure::usage(
            "could not deploy hello",
            "it has no bootstrap.zip",
            "",
        );
        let mut failed = FailedFunction {
            name: "hello".into(),
            failure,
            done: Vec::new(),
            left: Vec::new(),
            is_known: false,
        };
        assert_eq!(failed.truth(), None);
        failed.is_known = true;
        assert_eq!(failed.truth(), None);
        failed.left = vec![change(Field::Code)];
        assert_eq!(failed.truth().as_deref(), Some("nothing was done, still to do: code"));
        failed.is_known = false;
        assert_eq!(failed.truth().as_deref(), Some("it is unknown which of these were done: code"));
    }
}
