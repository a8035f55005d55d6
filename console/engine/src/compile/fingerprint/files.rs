//! Modification times of files, directories and packages, by cargo's rules.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::workspace::gitignore;

/// A package whose build script reads all files, because it does not declare which files it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) directory: PathBuf,
    /// The newest file before the script ran: cargo runs it again when another file is the newest.
    newest: Option<(PathBuf, SystemTime)>,
    /// Time at which the script ended: until then, it may have written files itself.
    pub(crate) ended: SystemTime,
}

impl Listing {
    /// The state of the package when its script began, at `began`, and until it `ended`.
    pub(super) fn new(directory: &Path, began: SystemTime, ended: SystemTime) -> Self {
        let newest =
            listed(directory, |time| time <= began).into_iter().max_by_key(|(_, time)| *time);
        Self { directory: directory.to_path_buf(), newest, ended }
    }

    /// Returns `true` if cargo would run the script again for the file at `path`, which changed
    /// after the script had ended, or was `saved` by the user before.
    pub(crate) fn is_outdated_by(&self, path: &Path, saved: bool) -> bool {
        let Ok(inside) = path.strip_prefix(&self.directory) else { return false };
        let is_hidden = inside.iter().any(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || inside.starts_with("target") {
            return false;
        }
        let newest = self.newest.as_ref();
        match changed_at(path) {
            None => newest.is_some_and(|(newest, _)| newest == path),
            Some(time) if saved => newest.is_none_or(|(_, newest)| time > *newest),
            Some(time) => time > self.ended,
        }
    }

    /// Returns `true` if cargo would run the script again.
    pub(super) fn is_stale(&self) -> bool {
        let Some((path, time)) = &self.newest else {
            return !listed(&self.directory, |_| true).is_empty();
        };
        changed_at(path) != Some(*time)
            || !listed(&self.directory, |other| other > *time).is_empty()
    }
}

/// The files of the package whose modification time is `wanted`: without hidden or ignored files,
/// cargo's own directory, and packages in it.
fn listed(package: &Path, wanted: impl Fn(SystemTime) -> bool) -> Vec<(PathBuf, SystemTime)> {
    let mut files = Vec::new();
    let is_listed = |path: &Path, depth: usize| {
        let name = path.file_name().unwrap_or_default();
        let is_cargos = depth == 1 && name == "target";
        !name.as_encoded_bytes().starts_with(b".")
            && !is_cargos
            && !path.join("Cargo.toml").exists()
    };
    walk(package, &is_listed, &mut |path, is_directory| {
        if !is_directory && let Some(time) = changed_at(path).filter(|time| wanted(*time)) {
            files.push((path.to_path_buf(), time));
        }
    });
    if !files.is_empty() {
        let paths: Vec<&Path> = files.iter().map(|(path, _)| path.as_path()).collect();
        let ignored = gitignore::ignored(package, &paths);
        files.retain(|(path, _)| !ignored.has(path));
    }
    files
}

/// Returns the time at which the file last changed, or the newest time of all files in the
/// directory. Links are followed, and links in a directory count themselves too. `None` if nothing
/// can be read.
pub(super) fn changed_at(path: &Path) -> Option<SystemTime> {
    let metadata = path.metadata().ok()?;
    let own = metadata.modified().ok();
    if !metadata.is_dir() {
        return own;
    }
    let mut newest = own;
    walk(path, &|_, _| true, &mut |path, _| {
        let of_link = path.symlink_metadata().and_then(|metadata| metadata.modified()).ok();
        let followed = path.metadata().and_then(|metadata| metadata.modified()).ok();
        newest = newest.max(of_link).max(followed);
    });
    newest
}

/// Walks a directory, each directory once, following links, and calls `each` for each entry that
/// `is_taken` accepts by its path and depth, with `true` if it is a directory. Entries that cannot
/// be read are skipped.
fn walk(
    directory: &Path,
    is_taken: &dyn Fn(&Path, usize) -> bool,
    each: &mut dyn FnMut(&Path, bool),
) {
    let mut seen = HashSet::new();
    let mut next = vec![(directory.to_path_buf(), 0)];
    while let Some((directory, depth)) = next.pop() {
        let Ok(metadata) = directory.metadata() else { continue };
        if !seen.insert((metadata.dev(), metadata.ino())) {
            continue;
        }
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if is_taken(&path, depth + 1) {
                let is_directory = path.is_dir();
                each(&path, is_directory);
                if is_directory {
                    next.push((path, depth + 1));
                }
            }
        }
    }
}
