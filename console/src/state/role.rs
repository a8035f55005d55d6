//! Execution roles.

use serde::{Deserialize, Serialize};

/// An execution role that this program made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What its maker noted.
    pub description: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When a function last used it, in milliseconds since the Unix epoch; none: never, as far as the stage tells.
    pub last_used_at: Option<i64>,
    /// The managed policies attached to it: their ARNs.
    pub policies: Vec<String>,
    /// The names of the policies that it holds itself.
    pub inline: Vec<String>,
    /// The functions on the stage that have it, by their names there.
    pub functions: Vec<String>,
}
