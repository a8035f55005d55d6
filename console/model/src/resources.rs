//! What belongs to a function on a stage, and what a deletion did to it.

use serde::{Deserialize, Serialize};

use super::Failure;

/// What a thing that belongs to a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BelongingKind {
    /// The function itself, `$LATEST`.
    Function,
    /// A published version.
    Version,
    /// An alias.
    Alias,
    /// A function URL.
    Url,
    /// A statement of the function's own policy, which lets others invoke it.
    Permission,
    /// How asynchronous invocations are dealt with.
    AsyncConfig,
    /// Sandboxes kept warm for a version or an alias.
    ProvisionedConcurrency,
    /// A queue, stream or topic that invokes the function (AWS: an event source mapping).
    Trigger,
    /// The log group.
    LogGroup,
    /// The execution role.
    Role,
}

impl BelongingKind {
    /// The word for one or more of them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Version => "versions",
            Self::Alias => "aliases",
            Self::Url => "URLs",
            Self::Permission => "permissions",
            Self::AsyncConfig => "async config",
            Self::ProvisionedConcurrency => "provisioned",
            Self::Trigger => "triggers",
            Self::LogGroup => "log group",
            Self::Role => "role",
        }
    }
}

/// A thing that belongs to a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// What it is.
    pub kind: BelongingKind,
    /// The name that the stage has for it: a version's number, an alias, an ARN's last part, a URL.
    pub name: String,
    /// What there is to know of it before it goes: how many bytes of logs, who may invoke; may be empty.
    pub detail: String,
    /// Why it is kept; none: it is deleted with the function.
    pub kept: Option<String>,
}

/// All that belongs to a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongings {
    /// The function's name in the workspace.
    pub function: String,
    /// Its name on the stage.
    pub remote: String,
    /// What belongs to it, sorted by kind.
    pub items: Vec<Belonging>,
}

impl Belongings {
    /// The same with what `keep` says kept.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> Self {
        for item in &mut self.items {
            let wanted = match item.kind {
                BelongingKind::LogGroup => keep.logs,
                BelongingKind::Role => keep.role,
                _ => false,
            };
            if wanted && item.kept.is_none() {
                item.kept = Some("you keep it".to_owned());
            }
        }
        self
    }

    /// What is deleted.
    pub fn going(&self) -> impl Iterator<Item = &Belonging> {
        self.items.iter().filter(|item| item.kept.is_none())
    }
}

/// What a deletion leaves although it belongs to the function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The log group.
    pub logs: bool,
    /// The execution role.
    pub role: bool,
}

/// What became of a function that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedFunction {
    /// The function's name in the workspace.
    pub name: String,
    /// Its name on the stage.
    pub remote: String,
    /// What is gone.
    pub gone: Vec<Belonging>,
    /// What is still there.
    pub left: Vec<Belonging>,
    /// Why not all that should go is gone.
    pub failure: Option<Failure>,
}

/// What a deletion came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOutcome {
    /// The stage's name.
    pub stage: String,
    /// The functions, in the order asked for.
    pub functions: Vec<DeletedFunction>,
}
