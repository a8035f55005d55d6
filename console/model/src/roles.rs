//! Execution roles, and the caller's permissions.

use serde::{Deserialize, Serialize};

/// An execution role that the console created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Description that its creator set.
    pub description: String,
    /// Creation time, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Time of the last use by a function, in milliseconds since the Unix epoch; `None` if the
    /// stage reports no use.
    pub last_used_at: Option<i64>,
    /// ARNs of the attached managed policies.
    pub policies: Vec<String>,
    /// Names of the inline policies.
    pub inline: Vec<String>,
    /// Functions on the stage that use the role, by their names there.
    pub functions: Vec<String>,
    /// Actions that this caller is not allowed to call and that the missing details need:
    /// `iam:GetRole`, `lambda:ListFunctions`.
    pub refused: Vec<String>,
}

impl Role {
    /// Action needed to find the functions that use a role.
    pub const LIST_FUNCTIONS: &str = "lambda:ListFunctions";

    /// Returns `true` if no function uses the role; `false` if the functions could not be listed.
    pub fn is_unused(&self) -> bool {
        self.functions.is_empty()
            && !self.refused.iter().any(|action| action == Self::LIST_FUNCTIONS)
    }
}

/// Result of the permission check for one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `lambda:CreateFunction`
    pub action: String,
    /// ARN of the resource; `*` if the action has none.
    pub resource: String,
    /// `true` if the action is allowed.
    pub allowed: bool,
    /// Reason for the result: `allowed`, `no policy allows it`, `a policy denies it`, …
    pub reason: String,
}

/// Permissions that the caller needs, and the result of checking them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The caller's ARN.
    pub caller: String,
    /// The smallest sufficient policy: a formatted JSON document.
    pub policy: String,
    /// One verdict for each action and resource of the policy; denied ones first.
    pub verdicts: Vec<Verdict>,
}
