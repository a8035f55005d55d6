//! The roles and policies of IAM, as they are stored. Plain data.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::{damage::Damage, table::Table};

/// Bounds of a role's maximum session duration: from one hour to twelve.
pub(crate) const SESSION: std::ops::RangeInclusive<u32> = 3_600..=43_200;

/// State of IAM.
pub(crate) struct Iam {
    pub(crate) roles: Table<Role>,
    pub(crate) policies: Table<Policy>,
}

impl Iam {
    /// Reads the state under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> Self {
        Self {
            roles: Table::open(&dir.join("roles.json"), "the list of roles", damage),
            policies: Table::open(&dir.join("policies.json"), "the list of policies", damage),
        }
    }
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Path, `/` in most cases.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) id: String,
    /// Trust policy: a policy document.
    pub(crate) trust: String,
    /// Description.
    pub(crate) description: Option<String>,
    /// Time of creation, in ISO 8601.
    pub(crate) created: String,
    /// ARNs of the attached policies.
    pub(crate) policies: Vec<String>,
    /// Inline policies: documents by name.
    #[serde(default)]
    pub(crate) inline: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Maximum session duration in seconds.
    #[serde(default = "shortest_session")]
    pub(crate) session: u32,
    /// ARN of the permissions boundary.
    #[serde(default)]
    pub(crate) boundary: Option<String>,
}

pub(crate) fn shortest_session() -> u32 {
    *SESSION.start()
}

/// A managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    /// Times of creation and of the last change, in ISO 8601.
    pub(crate) created: String,
    pub(crate) updated: String,
    /// Number of the default version.
    pub(crate) default: u32,
    /// Number of the last version; a number is used once.
    pub(crate) last: u32,
    pub(crate) versions: BTreeMap<u32, PolicyVersion>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A version of a policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) document: String,
    pub(crate) created: String,
}
