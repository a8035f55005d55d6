//! Execution roles, and what the caller may do.

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
    /// The actions that this caller may not do and that the rest would take: `iam:GetRole`, `lambda:ListFunctions`.
    pub refused: Vec<String>,
}

impl Role {
    /// The action that tells which functions have it.
    pub const LIST_FUNCTIONS: &str = "lambda:ListFunctions";

    /// No function has it. That nobody may tell is no proof.
    pub fn is_unused(&self) -> bool {
        self.functions.is_empty() && !self.refused.iter().any(|action| action == Self::LIST_FUNCTIONS)
    }
}

/// Whether the caller may do one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// `lambda:CreateFunction`
    pub action: String,
    /// The ARN that it would be done to; `*` where the action is to none.
    pub resource: String,
    /// It may.
    pub allowed: bool,
    /// What decides: `allowed`, `no policy allows it`, `a policy denies it`, …
    pub reason: String,
}

/// What the caller needs to be allowed, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The caller's ARN.
    pub caller: String,
    /// The smallest policy that suffices: a JSON document, laid out.
    pub policy: String,
    /// One for each action and resource of the policy; those refused first.
    pub verdicts: Vec<Verdict>,
}
