//! Resources of a function on a stage, and the outcome of their deletion.

use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// Kind of a resource of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// The function itself, `$LATEST`.
    Function,
    /// A published version.
    Version,
    /// An alias.
    Alias,
    /// A function URL.
    Url,
    /// A statement of the function's resource-based policy, which lets others invoke it.
    Permission,
    /// Configuration for asynchronous invocation.
    AsyncConfig,
    /// Sandboxes that are kept warm for a version or an alias (AWS: provisioned concurrency).
    ProvisionedConcurrency,
    /// A queue, stream or topic that invokes the function (AWS: an event source mapping).
    Trigger,
    /// The log group.
    LogGroup,
    /// The execution role.
    Role,
}

impl ResourceKind {
    /// Returns the noun for one or more resources of this kind.
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

/// A resource of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Kind of the resource.
    pub kind: ResourceKind,
    /// Name on the stage: the number of a version, an alias, the last part of an ARN, a URL.
    pub name: String,
    /// Details to show before deletion: the size of logs, who may invoke; may be empty.
    pub detail: String,
    /// Reason why it is kept; `None` if it is deleted with the function.
    pub kept: Option<String>,
}

/// All resources of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// The function's name in the workspace.
    pub function: String,
    /// Its name on the stage.
    pub remote: String,
    /// The resources, sorted by kind.
    pub items: Vec<Resource>,
}

impl Resources {
    /// Returns the resources with those in `keep` marked as kept.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> Self {
        for item in &mut self.items {
            let wanted = match item.kind {
                ResourceKind::LogGroup => keep.logs,
                ResourceKind::Role => keep.role,
                _ => false,
            };
            if wanted && item.kept.is_none() {
                item.kept = Some("kept on request".to_owned());
            }
        }
        self
    }

    /// Returns the resources that will be deleted.
    pub fn going(&self) -> impl Iterator<Item = &Resource> {
        self.items.iter().filter(|item| item.kept.is_none())
    }
}

/// Resources that a deletion keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The log group.
    pub logs: bool,
    /// The execution role.
    pub role: bool,
}

/// Result of deleting one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedFunction {
    /// The function's name in the workspace.
    pub name: String,
    /// Its name on the stage.
    pub remote: String,
    /// Resources that were deleted.
    pub gone: Vec<Resource>,
    /// Resources that still exist.
    pub left: Vec<Resource>,
    /// Error, if not everything was deleted.
    pub failure: Option<Failure>,
}

/// Outcome of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOutcome {
    /// The stage's name.
    pub stage: String,
    /// The functions, in the order asked for.
    pub functions: Vec<DeletedFunction>,
}
