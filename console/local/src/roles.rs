//! The IAM roles, in one file. Touches that file only.

use crate::{disk, fault::Fault};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use tokio::sync::Mutex;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Its path, `/` in most cases.
    pub(crate) path: String,
    /// Its name.
    pub(crate) name: String,
    /// Its id.
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
}

impl Role {
    /// A new role.
    pub(crate) fn new(path: &str, name: &str, trust: &str, description: Option<&str>) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            id: format!("AROA{}", id.get(..17).unwrap_or_default()),
            trust: trust.to_owned(),
            description: description.map(str::to_owned),
            created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            policies: Vec::new(),
            inline: BTreeMap::new(),
        }
    }
}

/// All roles.
pub(crate) struct Roles {
    file: PathBuf,
    roles: Mutex<BTreeMap<String, Role>>,
}

impl Roles {
    /// Reads the file; none yet means no roles.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let roles = disk::read_json(file)?.unwrap_or_default();
        Ok(Self { file: file.to_owned(), roles: Mutex::new(roles) })
    }

    /// The role of that name.
    pub(crate) async fn get(&self, name: &str) -> Option<Role> {
        self.roles.lock().await.get(name).cloned()
    }

    /// Adds a role; false when one of that name is there.
    pub(crate) async fn create(&self, role: Role) -> Result<bool, Fault> {
        let mut roles = self.roles.lock().await;
        if roles.contains_key(&role.name) {
            return Ok(false);
        }
        let mut changed = roles.clone();
        changed.insert(role.name.clone(), role);
        self.keep(&mut roles, changed)?;
        Ok(true)
    }

    /// The roles whose path begins with `prefix`, sorted by name.
    pub(crate) async fn below(&self, prefix: &str) -> Vec<Role> {
        self.roles.lock().await.values().filter(|role| role.path.starts_with(prefix)).cloned().collect()
    }

    /// Changes a role; none when there is no such role.
    pub(crate) async fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Role) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut roles = self.roles.lock().await;
        let mut changed = roles.clone();
        let Some(role) = changed.get_mut(name) else { return Ok(None) };
        let answer = change(role)?;
        self.keep(&mut roles, changed)?;
        Ok(Some(answer))
    }

    /// Removes a role that holds no policy any more; false when there is no such role.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, Fault> {
        let mut roles = self.roles.lock().await;
        let mut changed = roles.clone();
        let Some(role) = changed.remove(name) else { return Ok(false) };
        let first = if !role.inline.is_empty() {
            "delete policies"
        } else if !role.policies.is_empty() {
            "detach all policies"
        } else {
            self.keep(&mut roles, changed)?;
            return Ok(true);
        };
        Err(Fault::new(409, "DeleteConflict", format!("Cannot delete entity, must {first} first.")))
    }

    /// Writes first: what could not be written did not happen.
    fn keep(&self, roles: &mut BTreeMap<String, Role>, changed: BTreeMap<String, Role>) -> Result<(), Fault> {
        disk::write_json(&self.file, &changed)
            .map_err(|error| Fault::service(&format!("could not write {}", self.file.display()), &error))?;
        *roles = changed;
        Ok(())
    }
}
