//! Settings of functions that are stored and returned, and have no effect here. Plain data.

use serde::{Deserialize, Serialize};

/// Runtime management of a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RuntimeManagement {
    pub(crate) update_runtime_on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime_version_arn: Option<String>,
}

/// Settings of one version of a function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Controls {
    #[serde(default)]
    pub(crate) runtime: Option<RuntimeManagement>,
    /// `RecursiveLoop`, which applies to the function as a whole.
    #[serde(default)]
    pub(crate) recursion: Option<String>,
}
