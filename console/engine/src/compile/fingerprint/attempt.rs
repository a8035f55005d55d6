//! A failed build: the time is all that is known about the files that it read.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::{Units, replace};

/// Name of the file in a function's directory; it exists until the function is built.
const FILE: &str = "attempt.json";

/// The last build of a function, which failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    manifest: PathBuf,
    began: SystemTime,
    /// Times at which the build scripts of packages ended: the compiler has read the files that
    /// they wrote.
    scripts: BTreeMap<PathBuf, SystemTime>,
}

impl Attempt {
    /// Path of the file of the function in `directory`.
    pub(crate) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Reads the one in `directory`, if it was of the package of `manifest`.
    pub(crate) fn read(directory: &Path, manifest: &Path) -> Option<Self> {
        let attempt: Self = serde_json::from_slice(&fs::read(Self::path(directory)).ok()?).ok()?;
        (attempt.manifest == manifest).then_some(attempt)
    }

    /// Records that a build of `units` has produced nothing for the package of `manifest`.
    pub(crate) fn write(directory: &Path, manifest: &Path, units: &Units) -> io::Result<()> {
        let scripts =
            units.scripts().map(|(package, ended)| (package.to_path_buf(), ended)).collect();
        let attempt = Self { manifest: manifest.to_path_buf(), began: units.began(), scripts };
        fs::create_dir_all(directory)?;
        replace(&Self::path(directory), &serde_json::to_vec(&attempt)?)
    }

    pub(super) fn remove(directory: &Path) -> io::Result<()> {
        match fs::remove_file(Self::path(directory)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the time until which the files of `package` were read.
    pub(crate) fn until(&self, package: &Path) -> SystemTime {
        self.scripts.get(package).map_or(self.began, |ended| self.began.max(*ended))
    }
}
