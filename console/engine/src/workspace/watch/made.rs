//! Inputs of each function's last build, and the check whether a saved file is one of them.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    time::SystemTime,
};

use lambda_console_model::Function;

use crate::{
    compile::fingerprint::{Attempt, Fingerprint, Now, Stamp, settings_files},
    workspace,
};

/// Inputs of a function's last build.
#[derive(Debug, Default)]
pub(super) struct Made {
    fingerprint: Option<Fingerprint>,
    /// The last build of it, if that failed.
    attempt: Option<Attempt>,
    /// The files that were read, by their paths in the system's events: links are resolved. Each
    /// with its own path, and the time until which it was read.
    files: HashMap<PathBuf, (PathBuf, SystemTime)>,
    /// The directories that were read completely, in the same way.
    directories: Vec<(PathBuf, PathBuf, SystemTime)>,
    noted: [Option<Stamp>; 2],
}

impl Made {
    /// Reads the record of `function` again, if it is new; returns `true` if so.
    pub(super) fn read(&mut self, function: &Function, target: &Path) -> bool {
        let directory = workspace::directory(target, function.directory());
        let noted = [Fingerprint::path(&directory), Attempt::path(&directory)]
            .map(|path| Stamp::of(&path).ok());
        if noted == self.noted {
            return false;
        }
        let fingerprint = Fingerprint::read(&directory).filter(|it| it.is_of(function));
        *self = Self {
            attempt: Attempt::read(&directory, &function.manifest),
            noted,
            ..Self::default()
        };
        // Files in the target directory are written only by builds.
        let inputs = fingerprint
            .iter()
            .flat_map(Fingerprint::inputs)
            .filter(|(path, _)| !path.starts_with(target));
        for (path, until) in inputs {
            let is_directory = path.is_dir();
            for place in places(path) {
                if is_directory {
                    self.directories.push((place, path.clone(), *until));
                } else {
                    self.files.insert(place, (path.clone(), *until));
                }
            }
        }
        self.fingerprint = fingerprint;
        true
    }

    /// The directories that are watched for its files.
    pub(super) fn places(&self) -> BTreeSet<&Path> {
        self.files.keys().filter_map(|place| place.parent()).collect()
    }

    /// The directories that are watched with their whole trees.
    pub(super) fn trees(&self) -> impl Iterator<Item = &Path> {
        let listed = self.fingerprint.iter().flat_map(Fingerprint::listings);
        self.directories
            .iter()
            .map(|(place, ..)| place.as_path())
            .chain(listed.map(|listing| listing.directory.as_path()))
    }

    /// The files with its settings.
    pub(super) fn settings(&self, root: &Path) -> BTreeSet<PathBuf> {
        self.fingerprint.as_ref().map(|it| settings_files(root, it.manifests())).unwrap_or_default()
    }

    /// Returns `true` if the settings that reached the compiler have changed since.
    pub(super) fn has_other_settings(&self, root: &Path, now: &Now) -> bool {
        self.fingerprint
            .as_ref()
            .is_some_and(|fingerprint| fingerprint.has_other_settings(root, now))
    }

    /// Returns `true` if its inputs are known: it was built, and the last build did not fail.
    pub(super) fn is_known(&self) -> bool {
        self.fingerprint.is_some() && self.attempt.is_none()
    }

    /// Returns `true` if the failed build has read the current content of the file of the package
    /// in `directory`.
    pub(super) fn has_failed_with(&self, file: &Path, directory: &Path) -> bool {
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        self.attempt
            .as_ref()
            .is_some_and(|attempt| changed.is_ok_and(|time| time <= attempt.until(directory)))
    }

    /// Returns `true` if the file at `path` was read; for a directory, if something in it was.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.files.contains_key(path)
            || self
                .directories
                .iter()
                .any(|(place, ..)| path.starts_with(place) || place.starts_with(path))
            || (!path.is_file() && self.files.keys().any(|place| place.starts_with(path)))
    }

    /// Returns `true` if the file or directory at `path` has changed since it was read.
    pub(super) fn is_outdated_by(&self, path: &Path, now: &Now) -> bool {
        if let Some((file, until)) = self.files.get(path) {
            return now.is_newer(file, *until);
        }
        let in_directory = self
            .directories
            .iter()
            .filter(|(place, ..)| path.starts_with(place) || place.starts_with(path));
        let mut in_directory = in_directory.map(|(_, directory, until)| (directory, until));
        let below = self
            .files
            .iter()
            .filter(|(place, _)| place.starts_with(path))
            .map(|(_, (file, until))| (file, until));
        in_directory.any(|(directory, until)| now.is_newer(directory, *until))
            || (!path.is_file()
                && below.into_iter().any(|(file, until)| now.is_newer(file, *until)))
    }

    /// Returns `true` if a build script that reads the whole package would run again for the file.
    /// Files that the script wrote itself do not count, unless they were saved by the user before
    /// (`was_saved`).
    pub(super) fn is_listed(&self, path: &Path, was_saved: bool) -> bool {
        let mut listings = self.fingerprint.iter().flat_map(Fingerprint::listings);
        listings.any(|listing| listing.is_outdated_by(path, was_saved))
    }

    /// The files that have changed since they were read.
    pub(super) fn outdated(&self, now: &Now) -> impl Iterator<Item = PathBuf> {
        self.files
            .iter()
            .filter(|(_, (file, until))| now.is_newer(file, *until))
            .map(|(place, _)| place.clone())
    }
}

/// Returns the paths at which the system reports changes of the file at `path`: the directory that
/// it is in, and its target.
fn places(path: &Path) -> BTreeSet<PathBuf> {
    let beside =
        path.parent().and_then(|directory| directory.canonicalize().ok()).zip(path.file_name());
    let beside = beside.map(|(directory, name)| directory.join(name));
    beside.into_iter().chain(path.canonicalize().ok()).collect()
}
