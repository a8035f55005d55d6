//! The roles and policies of IAM, as they are kept. Plain data.

use super::{damage::Damage, table::Table};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// How long a session of a role may last: from an hour to twelve.
pub(crate) const SESSION: std::ops::RangeInclusive<u32> = 3_600..=43_200;

/// All that IAM remembers.
pub(crate) struct Iam {
    pub(crate) roles: Table<Role>,
    pub(crate) policies: Table<Policy>,
}

impl Iam {
    /// Reads what is on disk under `dir`.
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
    /// Its path, `/` in most cases.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) id: String,
    /// Who may assume it: a policy document.
    pub(crate) trust: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// When it was made, in ISO 8601.
    pub(crate) created: String,
    /// The ARNs of the policies attached to it.
    pub(crate) policies: Vec<String>,
    /// The policies that it holds itself: documents by name.
    #[serde(default)]
    pub(crate) inline: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// How long its sessions last at most, in seconds.
    #[serde(default = "shortest_session")]
    pub(crate) session: u32,
    /// The ARN of the policy that bounds its permissions.
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
    /// When it was made and changed, in ISO 8601.
    pub(crate) created: String,
    pub(crate) updated: String,
    /// The number of the version that counts.
    pub(crate) default: u32,
    /// The number of the last version; a number is given once.
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
