//! A build that has failed: what it has read of a package is known by the time alone.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use super::{Units, replace};

/// What the file in a function's directory is called; it is there until the function is built.
const FILE: &str = "attempt.json";

/// The last build of a function, which has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    manifest: PathBuf,
    began: SystemTime,
    /// When the build scripts of packages had ended: the compiler has read what they wrote.
    scripts: BTreeMap<PathBuf, SystemTime>,
}

impl Attempt {
    /// Where that of the function in `directory` is.
    pub(crate) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// That in `directory`, if it was of the package of `manifest`.
    pub(crate) fn read(directory: &Path, manifest: &Path) -> Option<Self> {
        let attempt: Self = serde_json::from_slice(&fs::read(Self::path(directory)).ok()?).ok()?;
        (attempt.manifest == manifest).then_some(attempt)
    }

    /// Notes that a build of `units` has made nothing of the package of `manifest`.
    pub(crate) fn write(directory: &Path, manifest: &Path, units: &Units) -> io::Result<()> {
        let scripts = units.scripts().map(|(package, ended)| (package.to_path_buf(), ended)).collect();
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

    /// Until when the files of `package` were read.
    pub(crate) fn until(&self, package: &Path) -> SystemTime {
        self.scripts.get(package).map_or(self.began, |ended| self.began.max(*ended))
    }
}
