//! The layers on disk: one JSON file each, with all its versions. Touches these files only.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    code_store::CodeStore,
    damage::{self, Damage},
    disk,
    function_record::Policy,
};
use crate::http::error::ApiError;

/// A layer version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Size of the zip in bytes.
    pub(crate) size: u64,
    /// Size of the zip's files in bytes.
    pub(crate) unpacked: u64,
    /// Description.
    pub(crate) description: String,
    /// Licence.
    pub(crate) license: Option<String>,
    /// Compatible runtimes, as declared.
    pub(crate) runtimes: Vec<String>,
    /// Compatible architectures, as declared.
    pub(crate) architectures: Vec<String>,
    /// Time of publication, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// Resource policy.
    #[serde(default)]
    pub(crate) policy: Policy,
}

/// A layer: the versions published under its name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// Name of the layer.
    pub(crate) name: String,
    /// Number of the last version; a number is used once.
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
    /// Reads the layers, and registers their zips with `codes`.
    pub(crate) fn open(dir: &Path, codes: &CodeStore, damage: &Damage) -> io::Result<Self> {
        damage.own_dir(dir)?;
        let mut known = BTreeMap::new();
        for (_, layer) in
            damage.all(dir, "a layer of the local Lambda", |layer: &Layer| Some(&layer.name))?
        {
            layer.versions.values().for_each(|version| codes.keep_zip(&version.sha256));
            known.insert(layer.name.clone(), Arc::new(layer));
        }
        Ok(Self { dir: dir.to_owned(), known: Mutex::new(known) })
    }

    /// Returns the layer of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Layer>> {
        self.known().get(name).cloned()
    }

    /// Returns all layers in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Layer>> {
        self.known().values().cloned().collect()
    }

    /// Changes a layer, which is created if missing, and writes it to disk. Blocks.
    pub(crate) fn change<T>(
        &self,
        name: &str,
        edit: impl FnOnce(&mut Layer) -> T,
    ) -> Result<T, ApiError> {
        let mut known = self.known();
        let mut layer = match known.get(name) {
            Some(layer) => Layer::clone(layer),
            None => Layer { name: name.to_owned(), ..Layer::default() },
        };
        let result = edit(&mut layer);
        let file = disk::file_of(&self.dir, name);
        disk::write_json(&file, &layer).map_err(|error| {
            ApiError::service(&format!("could not write {}", file.display()), &error)
        })?;
        known.insert(name.to_owned(), Arc::new(layer));
        Ok(result)
    }

    /// Returns `true` if any files of layers were set aside, which may need zips that no other
    /// layer needs.
    pub(crate) fn any_set_aside(&self) -> bool {
        damage::asides(&self.dir).next().is_some()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Layer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
