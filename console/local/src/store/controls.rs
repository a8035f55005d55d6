//! Settings of functions that are kept and returned, and change nothing here. Plain data.

use serde::{Deserialize, Serialize};

/// When the runtime of a version is updated.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RuntimeManagement {
    pub(crate) update_runtime_on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime_version_arn: Option<String>,
}

/// What a version of a function has of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Controls {
    #[serde(default)]
    pub(crate) runtime: Option<RuntimeManagement>,
    /// `RecursiveLoop`, of the function as a whole.
    #[serde(default)]
    pub(crate) recursion: Option<String>,
}
