//! The log groups on disk: one directory each. Names may contain any character and be 512 long, so
//! directories and files are named by a hash. Touches the log directory only.

pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod group;
pub(crate) mod pattern;
pub(crate) mod stream;
pub(crate) mod tail_sessions;
pub(crate) mod writer;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use group::{Group, SETTINGS, Settings, file_name};
use tail_sessions::Watchers;

use super::{
    damage::{Damage, is_aside},
    disk,
};
use crate::{account::ACCOUNT, http::error::ApiError};

/// All log groups.
pub(crate) struct Logs {
    dir: PathBuf,
    region: String,
    groups: RwLock<BTreeMap<String, Arc<Group>>>,
    /// Live tails of the groups.
    pub(crate) watchers: Arc<Watchers>,
    damage: Arc<Damage>,
}

impl Logs {
    /// Reads the groups, and removes events past their retention. `names` are the groups that
    /// functions log to.
    pub(crate) fn open(
        dir: &Path,
        region: String,
        names: &[String],
        damage: &Arc<Damage>,
    ) -> io::Result<Arc<Self>> {
        damage.dir(dir)?;
        let watchers = Arc::<Watchers>::default();
        let mut groups = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let dir = entry.path();
            // A deleted group, whose removal an earlier process did not complete.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                if let Err(error) = disk::remove_dir(&dir) {
                    tracing::warn!(%error, dir = %dir.display(), "could not be removed; the next \
                        start tries again");
                }
                continue;
            }
            if is_aside(&dir) {
                continue;
            }
            if !dir.is_dir() {
                damage.set_aside(
                    &dir,
                    "a log group of the local Lambda",
                    "it is not a directory",
                )?;
                continue;
            }
            let file = dir.join(SETTINGS);
            let settings = match damage.json::<Settings>(&file, "the settings of a log group") {
                Some(settings) => settings,
                // Its events are intact: the group is restored if its name is known.
                None => match names
                    .iter()
                    .find(|name| dir.file_name().is_some_and(|dir| *dir == *file_name(name)))
                {
                    Some(name) => {
                        let settings = Settings::new(name, BTreeMap::new());
                        disk::write_json(&file, &settings)?;
                        settings
                    }
                    None => continue,
                },
            };
            let group =
                Arc::new(Group::new(dir, settings, Arc::clone(&watchers), Arc::clone(damage)));
            if group.settings().retention_days.is_some() {
                // Reading the streams removes the events that are too old.
                if let Err(error) = group.streams() {
                    tracing::warn!(%error, group = group.name, "old log events could not be \
                        removed");
                }
            }
            groups.insert(group.name.clone(), group);
        }
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            region,
            groups: RwLock::new(groups),
            watchers,
            damage: Arc::clone(damage),
        }))
    }

    /// Ends the open live tails.
    pub(crate) fn end_tails(&self) {
        self.watchers.end();
    }

    /// Returns the ARN of a group, without the `:*` that some answers append.
    pub(crate) fn arn(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{ACCOUNT}:log-group:{group}", self.region)
    }

    /// Returns all groups in the order of their names.
    pub(crate) fn groups(&self) -> Vec<Arc<Group>> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Number of open live tails.
    #[cfg(test)]
    pub(crate) fn tails(&self) -> usize {
        self.watchers.count()
    }

    /// Returns a group by its name or ARN.
    pub(crate) fn group(&self, identifier: &str) -> Result<Arc<Group>, ApiError> {
        let name = self.group_name(identifier);
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups
            .get(name)
            .cloned()
            .ok_or_else(|| ApiError::not_found("The specified log group does not exist."))
    }

    /// Returns the name in a group's name or ARN; an ARN of another region or account matches no
    /// group.
    fn group_name<'a>(&self, identifier: &'a str) -> &'a str {
        let identifier = identifier.strip_suffix(":*").unwrap_or(identifier);
        identifier.strip_prefix(&self.arn("")).unwrap_or(identifier)
    }

    /// Creates a group; returns `None` if it exists.
    pub(crate) fn create_group(
        &self,
        name: &str,
        tags: BTreeMap<String, String>,
    ) -> io::Result<Option<Arc<Group>>> {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.contains_key(name) {
            return Ok(None);
        }
        let dir = self.dir.join(file_name(name));
        disk::make_dir(&dir)?;
        let settings = Settings::new(name, tags);
        disk::write_json(&dir.join(SETTINGS), &settings)?;
        let group = Arc::new(Group::new(
            dir,
            settings,
            Arc::clone(&self.watchers),
            Arc::clone(&self.damage),
        ));
        groups.insert(name.to_owned(), Arc::clone(&group));
        Ok(Some(group))
    }

    /// Returns a group, which is created if missing.
    pub(crate) fn ensure_group(&self, name: &str) -> io::Result<Arc<Group>> {
        loop {
            if let Ok(group) = self.group(name) {
                return Ok(group);
            }
            if let Some(group) = self.create_group(name, BTreeMap::new())? {
                return Ok(group);
            }
        }
    }

    /// Removes a group and all its events. Blocks.
    pub(crate) fn delete_group(&self, name: &str) -> Result<(), ApiError> {
        let failed = |error| ApiError::service("could not remove a log group", &error);
        let trash = {
            let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
            let missing = || ApiError::not_found("The specified log group does not exist.");
            groups.remove(self.group_name(name)).ok_or_else(missing)?.discard().map_err(failed)?
        };
        // There may be thousands of streams: they are removed without the lock, so that no other
        // call waits.
        disk::remove_dir(&trash).map_err(failed)
    }
}
