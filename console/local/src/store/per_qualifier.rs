//! Settings that belong to a function's name and a qualifier, and are deleted with the function:
//! one JSON file per function. Touches these files only.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{damage::Damage, disk};
use crate::http::error::ApiError;

/// By qualifier: an alias, a version's number or `$LATEST`.
type Settings<T> = BTreeMap<String, T>;

/// All settings of one kind.
pub(crate) struct PerQualifier<T> {
    dir: PathBuf,
    known: RwLock<BTreeMap<String, Settings<T>>>,
}

/// Content of a file.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    function: String,
    settings: Settings<T>,
}

impl<T: Clone + Serialize + DeserializeOwned + Send> PerQualifier<T> {
    /// Reads the settings. Those of a function that no longer exists, as `exists` reports, are
    /// removed: the process ended before it did so. `what` names them in the record of damage.
    pub(crate) fn open(
        dir: &Path,
        what: &str,
        damage: &Damage,
        exists: impl Fn(&str) -> bool,
    ) -> io::Result<Self> {
        damage.own_dir(dir)?;
        let mut known = BTreeMap::new();
        for (file, kept) in damage.all(dir, what, |kept: &Kept<T>| Some(&kept.function))? {
            if exists(&kept.function) {
                known.insert(kept.function, kept.settings);
            } else {
                fs::remove_file(&file)?;
            }
        }
        Ok(Self { dir: dir.to_owned(), known: RwLock::new(known) })
    }

    /// Returns the settings of one function, in the order of the qualifiers.
    pub(crate) fn all(&self, function: &str) -> Settings<T> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(function)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the settings of one function and one qualifier.
    pub(crate) fn get(&self, function: &str, qualifier: &str) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(function)?.get(qualifier).cloned()
    }

    /// Returns the first function, qualifier and settings for which `wanted` returns `true`.
    pub(crate) fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<(String, String, T)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find_map(|(function, settings)| {
            let (qualifier, found) = settings.iter().find(|(_, settings)| wanted(settings))?;
            Some((function.clone(), qualifier.clone(), found.clone()))
        })
    }

    /// Stores the settings. The caller must hold the right to change functions.
    pub(crate) fn put(&self, function: &str, qualifier: &str, settings: T) -> Result<(), ApiError> {
        let mut all = self.all(function);
        all.insert(qualifier.to_owned(), settings);
        self.store(function, all)
    }

    /// Removes the settings, and returns them. The caller must hold the right to change functions.
    pub(crate) fn remove(&self, function: &str, qualifier: &str) -> Result<Option<T>, ApiError> {
        let mut all = self.all(function);
        let Some(removed) = all.remove(qualifier) else { return Ok(None) };
        self.store(function, all)?;
        Ok(Some(removed))
    }

    /// Removes all settings of a function that was removed. If that fails, the next start removes
    /// them.
    pub(crate) fn forget(&self, function: &str) {
        if self.all(function).is_empty() {
            return;
        }
        if let Err(error) = self.store(function, Settings::new()) {
            tracing::warn!(
                error.message,
                function,
                "settings of a removed function could not be removed"
            );
        }
    }

    fn store(&self, function: &str, settings: Settings<T>) -> Result<(), ApiError> {
        let file = disk::file_of(&self.dir, function);
        let gone = settings.is_empty();
        let kept = Kept { function: function.to_owned(), settings };
        let written = if gone { fs::remove_file(&file) } else { disk::write_json(&file, &kept) };
        written.map_err(|error| {
            ApiError::service(&format!("could not write {}", file.display()), &error)
        })?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if gone {
            known.remove(function);
        } else {
            known.insert(kept.function, kept.settings);
        }
        Ok(())
    }
}
