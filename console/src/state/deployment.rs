//! What is deployed on a stage, and what a deploy did.

use serde::{Deserialize, Serialize};

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

/// What a deploy did to a function.
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
    /// The setting: `code`, `memory`, `env.NAME`, …
    pub field: String,
    /// What it is on the stage; none for a new function.
    pub from: Option<String>,
    /// What it becomes.
    pub to: String,
}

/// What was or would be deployed of one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedFunction {
    /// The function's name.
    pub name: String,
    /// What was done, or, in a dry run, would be.
    pub action: DeployAction,
    /// The version that resulted.
    pub version: String,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub sha256: String,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What differed.
    pub changes: Vec<Change>,
}

/// What a deploy of one or more functions came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeployOutcome {
    /// The stage's name.
    pub stage: String,
    /// The functions that are now as the workspace has them.
    pub functions: Vec<DeployedFunction>,
    /// The functions that failed, each with why.
    pub failed: Vec<(String, super::Failure)>,
}
