//! Files in the zips of functions.
//!
//! May touch files, to read: included files may be links.

use std::path::{Component, Path, PathBuf};

use lambda_console_model::{Function, Program};

use crate::workspace::include;

/// Included paths, each with the function whose zip it goes into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Included {
    sources: Vec<(PathBuf, String)>,
    target: PathBuf,
}

impl Included {
    /// Returns the included paths of `functions`.
    pub(super) fn of(functions: &[&Function], target: &Path) -> Self {
        let mut sources = Vec::new();
        for function in functions {
            let config = &function.config;
            let program = config.program.as_ref().and_then(Program::file);
            let named = config.include.iter().map(|include| &include.source).chain(program);
            let named = named.map(|path| plain(path));
            sources.extend(
                named.chain(linked(function, target)).map(|source| (source, function.name.clone())),
            );
        }
        Self { sources, target: target.to_path_buf() }
    }

    /// The functions that include `path`; a function appears as often as it includes the path.
    pub(super) fn functions(&self, path: &Path) -> impl Iterator<Item = &String> {
        // An include of a directory around the target directory is not meant for cargo's output:
        // the build refuses it.
        let is_made =
            |source: &Path| path.starts_with(&self.target) && !source.starts_with(&self.target);
        let including = self
            .sources
            .iter()
            .filter(move |(source, _)| path.starts_with(source) && !is_made(source));
        including.map(|(_, function)| function)
    }

    /// Returns `true` if a function includes `path`.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.functions(path).next().is_some()
    }

    /// Returns `true` if a function includes `path` by its own name, not as one of all files in a
    /// directory.
    pub(super) fn is_named(&self, path: &Path) -> bool {
        self.sources.iter().any(|(source, _)| source == path)
    }

    /// Returns `true` if `directory` contains an included path, or is one.
    pub(super) fn is_around(&self, directory: &Path) -> bool {
        self.has(directory) || self.sources.iter().any(|(source, _)| source.starts_with(directory))
    }

    /// The included directories.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(|(source, _)| source.as_path()).filter(|source| source.is_dir())
    }

    /// Returns the directories in which included paths are created and removed: their parents, or
    /// the directory in which the parent will be created.
    pub(super) fn places(&self) -> impl Iterator<Item = &Path> {
        self.sources
            .iter()
            .filter_map(|(source, _)| source.ancestors().skip(1).find(|above| above.is_dir()))
    }
}

/// The path without `.` and `..`, as in the system's events.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// Returns the targets of links among the function's included files: a save there does not touch
/// the link. Empty if something cannot be included: the build reports that, and the fix is a save
/// of an included path.
fn linked(function: &Function, target: &Path) -> Vec<PathBuf> {
    let included =
        include::Included::of(&function.name, &function.config.include, target).unwrap_or_default();
    let program = function.config.program.as_ref().and_then(Program::file);
    let links = included.links.iter().chain(program.filter(|file| file.is_symlink()));
    links.filter_map(|link| link.canonicalize().ok()).collect()
}
