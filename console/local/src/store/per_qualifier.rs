//! Settings that hang on a function's name and a qualifier, and go with the function: one JSON file a function. Touches
//! these files only.

use super::{damage::Damage, disk};
use crate::http::error::ApiError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

/// By qualifier: an alias, a version's number or `$LATEST`.
type Settings<T> = BTreeMap<String, T>;

/// All settings of one kind.
pub(crate) struct PerQualifier<T> {
    dir: PathBuf,
    known: RwLock<BTreeMap<String, Settings<T>>>,
}

/// A file.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    function: String,
    settings: Settings<T>,
}

impl<T: Clone + Serialize + DeserializeOwned> PerQualifier<T> {
    /// Reads them. Those of a function that is no more, as `exists` tells, go: the process ended before it came to that.
    /// `what` names them in the record of damage.
    pub(crate) fn open(dir: &Path, what: &str, damage: &Damage, exists: impl Fn(&str) -> bool) -> io::Result<Self> {
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

    /// The settings of one function, in the order of the qualifiers.
    pub(crate) fn all(&self, function: &str) -> Settings<T> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(function).cloned().unwrap_or_default()
    }

    /// The settings of one function and one qualifier.
    pub(crate) fn get(&self, function: &str, qualifier: &str) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(function)?.get(qualifier).cloned()
    }

    /// The function, the qualifier and the settings that `wanted` is true of.
    pub(crate) fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<(String, String, T)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find_map(|(function, settings)| {
            let (qualifier, found) = settings.iter().find(|(_, settings)| wanted(settings))?;
            Some((function.clone(), qualifier.clone(), found.clone()))
        })
    }

    /// Sets them. The caller has the turn to change functions.
    pub(crate) fn put(&self, function: &str, qualifier: &str, settings: T) -> Result<(), ApiError> {
        let mut all = self.all(function);
        all.insert(qualifier.to_owned(), settings);
        self.store(function, all)
    }

    /// Takes them away, and says what they were. The caller has the turn to change functions.
    pub(crate) fn remove(&self, function: &str, qualifier: &str) -> Result<Option<T>, ApiError> {
        let mut all = self.all(function);
        let Some(removed) = all.remove(qualifier) else { return Ok(None) };
        self.store(function, all)?;
        Ok(Some(removed))
    }

    /// Takes away all of a function that was removed. What cannot be removed now goes at the next start.
    pub(crate) fn forget(&self, function: &str) {
        if self.all(function).is_empty() {
            return;
        }
        if let Err(error) = self.store(function, Settings::new()) {
            tracing::warn!(error.message, function, "settings of a removed function could not be removed");
        }
    }

    fn store(&self, function: &str, settings: Settings<T>) -> Result<(), ApiError> {
        let file = disk::file_of(&self.dir, function);
        let gone = settings.is_empty();
        let kept = Kept { function: function.to_owned(), settings };
        let written = if gone { fs::remove_file(&file) } else { disk::write_json(&file, &kept) };
        written.map_err(|error| ApiError::service(&format!("could not write {}", file.display()), &error))?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if gone {
            known.remove(function);
        } else {
            known.insert(kept.function, kept.settings);
        }
        Ok(())
    }
}
