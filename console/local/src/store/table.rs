//! Values by name, one file per kind. Touches that file only.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use super::{damage::Damage, disk};
use crate::http::error::ApiError;

/// All values of a kind.
pub(crate) struct Table<T> {
    file: PathBuf,
    rows: Mutex<BTreeMap<String, T>>,
}

impl<T: Clone + Serialize + DeserializeOwned> Table<T> {
    /// Reads the file; a missing file means no values. `what` names them in the record of damage.
    pub(crate) fn open(file: &Path, what: &str, damage: &Damage) -> Self {
        let rows = damage.json(file, what).unwrap_or_default();
        Self { file: file.to_owned(), rows: Mutex::new(rows) }
    }

    /// Returns the value of that name.
    pub(crate) async fn get(&self, name: &str) -> Option<T> {
        self.rows.lock().await.get(name).cloned()
    }

    /// Adds a value; returns `false` if one of that name exists, in upper or lower case.
    pub(crate) async fn create(&self, name: &str, row: T) -> Result<bool, ApiError> {
        let mut rows = self.rows.lock().await;
        if rows.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(false);
        }
        let mut changed = rows.clone();
        changed.insert(name.to_owned(), row);
        self.keep(&mut rows, changed)?;
        Ok(true)
    }

    /// Returns the values for which `wanted` returns `true`, sorted by name.
    pub(crate) async fn all(&self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        self.rows.lock().await.values().filter(|row| wanted(row)).cloned().collect()
    }

    /// Changes a value; returns `None` if there is no such value.
    pub(crate) async fn change<R>(
        &self,
        name: &str,
        change: impl FnOnce(&mut T) -> Result<R, ApiError>,
    ) -> Result<Option<R>, ApiError> {
        let mut rows = self.rows.lock().await;
        let mut changed = rows.clone();
        let Some(row) = changed.get_mut(name) else { return Ok(None) };
        let answer = change(row)?;
        self.keep(&mut rows, changed)?;
        Ok(Some(answer))
    }

    /// Removes a value if `may_go` returns no error; returns `false` if there is no such value.
    pub(crate) async fn remove(
        &self,
        name: &str,
        may_go: impl FnOnce(&T) -> Result<(), ApiError>,
    ) -> Result<bool, ApiError> {
        let mut rows = self.rows.lock().await;
        let mut changed = rows.clone();
        let Some(row) = changed.remove(name) else { return Ok(false) };
        may_go(&row)?;
        self.keep(&mut rows, changed)?;
        Ok(true)
    }

    /// Writes first: a change that could not be written does not take effect.
    fn keep(
        &self,
        rows: &mut BTreeMap<String, T>,
        changed: BTreeMap<String, T>,
    ) -> Result<(), ApiError> {
        disk::write_json(&self.file, &changed).map_err(|error| {
            ApiError::service(&format!("could not write {}", self.file.display()), &error)
        })?;
        *rows = changed;
        Ok(())
    }
}
