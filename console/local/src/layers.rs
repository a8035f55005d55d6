//! The layers on disk: one JSON file each, with all its versions. Touches these files only.

use crate::{code::Codes, disk, fault::Fault, record::Policy};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
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
    /// Reads them, and says to `codes` which zips are in use. A damaged file is set aside and told, not lost.
    pub(crate) fn open(dir: &Path, codes: &Codes) -> io::Result<Self> {
        disk::make_dir(dir)?;
        disk::sweep(dir)?;
        let mut known = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let file = entry?.path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match disk::read_json::<Layer>(&file) {
                Ok(Some(layer)) => {
                    layer.versions.values().for_each(|version| codes.keep_zip(&version.sha256));
                    known.insert(layer.name.clone(), Arc::new(layer));
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::warn!(%error, "a layer of the local Lambda is set aside");
                    fs::rename(&file, file.with_extension("damaged"))?;
                }
                Err(error) => return Err(error),
            }
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
    pub(crate) fn change<T>(&self, name: &str, edit: impl FnOnce(&mut Layer) -> T) -> Result<T, Fault> {
        use sha2::Digest as _;
        let mut known = self.known();
        let mut layer = match known.get(name) {
            Some(layer) => Layer::clone(layer),
            None => Layer { name: name.to_owned(), ..Layer::default() },
        };
        let result = edit(&mut layer);
        // Two names that differ in case alone are two files, on every file system.
        let hash = crate::call::hexadecimal(&sha2::Sha256::digest(name.as_bytes()));
        let file = self.dir.join(format!("{name}-{}.json", hash.get(..8).unwrap_or_default()));
        disk::write_json(&file, &layer)
            .map_err(|error| Fault::service(&format!("could not write {}", file.display()), &error))?;
        known.insert(name.to_owned(), Arc::new(layer));
        Ok(result)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Layer>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
