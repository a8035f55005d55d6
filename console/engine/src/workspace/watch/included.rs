//! Which functions' zips include which files.
//!
//! May touch files, to read: what is included may be a link.

use std::path::{Component, Path, PathBuf};

use lambda_console_model::{Function, Include};

use crate::workspace::include;

/// What is included, each with the function whose zip it goes into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Included {
    sources: Vec<(PathBuf, String)>,
    target: PathBuf,
}

impl Included {
    /// What `functions` include.
    pub(super) fn of(functions: &[&Function], target: &Path) -> Self {
        let mut sources = Vec::new();
        for function in functions {
            let include = &function.config.include;
            let named = include.iter().map(plain);
            sources.extend(named.chain(linked(function, target)).map(|source| (source, function.name.clone())));
        }
        Self { sources, target: target.to_path_buf() }
    }

    /// The functions that include `path`; more than once, where they include it so.
    pub(super) fn functions(&self, path: &Path) -> impl Iterator<Item = &String> {
        // What is named around the target directory is not meant to be what cargo makes: the build refuses it.
        let is_made = |source: &Path| path.starts_with(&self.target) && !source.starts_with(&self.target);
        let including = self.sources.iter().filter(move |(source, _)| path.starts_with(source) && !is_made(source));
        including.map(|(_, function)| function)
    }

    /// A function includes `path`.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.functions(path).next().is_some()
    }

    /// A function includes `path` by its own name, not as one of all in a directory.
    pub(super) fn is_named(&self, path: &Path) -> bool {
        self.sources.iter().any(|(source, _)| source == path)
    }

    /// Something included is in `directory`, or it is that itself.
    pub(super) fn is_around(&self, directory: &Path) -> bool {
        self.has(directory) || self.sources.iter().any(|(source, _)| source.starts_with(directory))
    }

    /// The included directories.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|(source, _)| source.as_path()).filter(|source| source.is_dir())
    }

    /// Where something included comes and goes: the directory that it is in, or the one in which that will be made.
    pub(super) fn places(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().filter_map(|(source, _)| source.ancestors().skip(1).find(|above| above.is_dir()))
    }
}

/// The path without `.` and `..`, as the system tells of changes below it.
fn plain(include: &Include) -> PathBuf {
    let mut path = PathBuf::new();
    for component in include.source.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(path.pop()),
            other => path.push(other),
        }
    }
    path
}

/// Where the links lead that are among what the function includes: a save there does not touch the link. None where
/// something cannot be included: the build says so, and the save that mends it is one of what is named.
fn linked(function: &Function, target: &Path) -> Vec<PathBuf> {
    let included = include::Included::of(&function.name, &function.config.include, target).unwrap_or_default();
    included.links.iter().filter_map(|link| link.canonicalize().ok()).collect()
}
