//! The layers on disk: one JSON file each, with all its versions. Touches these files only.

use super::{
    code_store::CodeStore,
    damage::{self, Damage},
    disk,
    function_record::Policy,
};
use crate::http::error::ApiError;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A version of a layer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Size of the zip in bytes.
    pub(crate) size: u64,
    /// Size of the zip's files in bytes.
    pub(crate) unpacked: u64,
    /// What it is for.
    pub(crate) description: String,
    /// Its licence.
    pub(crate) license: Option<String>,
    /// The runtimes that it says it is for.
    pub(crate) runtimes: Vec<String>,
    /// The architectures that it says it is for.
    pub(crate) architectures: Vec<String>,
    /// When it was published, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// Who may use it.
    #[serde(default)]
    pub(crate) policy: Policy,
}

/// A layer: what was published under its name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// Its name.
    pub(crate) name: String,
    /// The number of the last version; a number is given once.
    pub(crate) published: u64,
    /// The versions that were not deleted.
    pub(crate) versions: BTreeMap<u64, Version>,
}

/// All layers by name.
pub(crate) struct Layers {
    dir: PathBuf,
    known: Mutex<BTreeMap<String, Arc<Layer>>>,
}

impl Layers {
    /// Reads them, and says to `codes` which zips are in use.
    pub(crate) fn open(dir: &Path, codes: &CodeStore, damage: &Damage) -> io::Result<Self> {
        damage.own_dir(dir)?;
        let mut known = BTreeMap::new();
        for (_, layer) in damage.all(dir, "a layer of the local Lambda", |layer: &Layer| Some(&layer.name))? {
            layer.versions.values().for_each(|version| codes.keep_zip(&version.sha256));
            known.insert(layer.name.clone(), Arc::new(layer));
        }
        Ok(Self { dir: dir.to_owned(), known: Mutex::new(known) })
    }

    /// The layer of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Layer>> {
        self.known().get(name).cloned()
    }

    /// All layers in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Layer>> {
        self.known().values().cloned().collect()
    }

    /// Changes a layer, which is made when there is none, and writes it down. Blocks.
    pub(crate) fn change<T>(&self, name: &str, edit: impl FnOnce(&mut Layer) -> T) -> Result<T, ApiError> {
        let mut known = self.known();
        let mut layer = match known.get(name) {
            Some(layer) => Layer::clone(layer),
            None => Layer { name: name.to_owned(), ..Layer::default() },
        };
        let result = edit(&mut layer);
        let file = disk::file_of(&self.dir, name);
        disk::write_json(&file, &layer)
            .map_err(|error| ApiError::service(&format!("could not write {}", file.display()), &error))?;
        known.insert(name.to_owned(), Arc::new(layer));
        Ok(result)
    }

    /// Whether the files of layers that were set aside may need zips that no other layer needs.
    pub(crate) fn any_set_aside(&self) -> bool {
        damage::asides(&self.dir).next().is_some()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Layer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
