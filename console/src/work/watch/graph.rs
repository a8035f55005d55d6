//! Which functions are made from which files: the packages of the workspace and of path dependencies outside it, the
//! functions that link each, and what goes into their zips.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use super::included::Included;
use crate::message::Function;

/// Files of the workspace's root that every build reads.
const FOR_ALL: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo/config", ".cargo/config.toml"];
/// Folders of a package that a function is not made from.
const FOR_TESTS: [&str; 3] = ["tests", "benches", "examples"];

/// The local packages with the functions that are made from each, and what is included in zips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graph {
    root: PathBuf,
    target: PathBuf,
    /// The innermost before those around it.
    packages: Vec<Package>,
    included: Included,
    /// All functions that are watched, sorted.
    functions: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    directory: PathBuf,
    /// The watched functions that link it, sorted.
    functions: Vec<String>,
}

impl Graph {
    /// The graph of `functions`, of a whole `cargo metadata`.
    pub(super) fn new(metadata: &Metadata, functions: &[&Function]) -> Self {
        let mut linked: HashMap<&PackageId, Vec<&PackageId>> = HashMap::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let is_built = |kind: DependencyKind| kind != DependencyKind::Development;
            let built = node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|info| is_built(info.kind)));
            linked.insert(&node.id, built.map(|dep| &dep.pkg).collect());
        }
        let mut users: HashMap<&PackageId, Vec<String>> = HashMap::new();
        for function in functions {
            let own = metadata.packages.iter().find(|package| package.manifest_path.as_std_path() == function.manifest);
            let mut next: Vec<&PackageId> = own.map(|package| &package.id).into_iter().collect();
            let mut seen = HashSet::new();
            while let Some(id) = next.pop() {
                if seen.insert(id) {
                    users.entry(id).or_default().push(function.name.clone());
                    next.extend(linked.get(id).into_iter().flatten());
                }
            }
        }
        let local = metadata.packages.iter().filter(|package| package.source.is_none());
        let mut packages: Vec<Package> = local
            .filter_map(|package| {
                let directory = package.manifest_path.as_std_path().parent()?.to_path_buf();
                let mut functions = users.remove(&package.id).unwrap_or_default();
                functions.sort();
                Some(Package { directory, functions })
            })
            .collect();
        packages.sort_by_key(|package| std::cmp::Reverse(package.directory.components().count()));
        let target = metadata.target_directory.as_std_path().to_path_buf();
        let included = Included::of(functions, &target);
        let mut functions: Vec<String> = functions.iter().map(|function| function.name.clone()).collect();
        functions.sort();
        Self { root: metadata.workspace_root.as_std_path().to_path_buf(), target, packages, included, functions }
    }

    /// The workspace's root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// All functions that are watched.
    pub(super) fn functions(&self) -> &[String] {
        &self.functions
    }

    /// What is included in zips.
    pub(super) fn included(&self) -> &Included {
        &self.included
    }

    /// The directories whose whole trees are watched: those of the packages that a function is made from, and those that
    /// are included.
    pub(super) fn trees(&self) -> impl Iterator<Item = &Path> {
        self.used().chain(self.included.directories())
    }

    fn used(&self) -> impl Iterator<Item = &Path> {
        let used = self.packages.iter().filter(|package| !package.functions.is_empty());
        used.map(|package| package.directory.as_path())
    }

    /// The directories that are watched alone: the root with its settings, and where members and what is included come
    /// and go.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let members = self.packages.iter().filter_map(|package| package.directory.parent());
        let mut places: Vec<PathBuf> =
            members.filter(|place| place.starts_with(&self.root)).map(Path::to_path_buf).collect();
        places.extend([self.root.clone(), self.root.join(".cargo")]);
        places.extend(self.included.places().map(Path::to_path_buf));
        places.sort();
        places.dedup();
        places
    }

    /// Nothing below this directory is looked at: what cargo makes, and packages that no function is made from.
    pub(super) fn is_foreign(&self, directory: &Path) -> bool {
        let is_unused = |package: &Package| package.directory == directory && package.functions.is_empty();
        // Cargo marks every target directory so.
        directory.starts_with(&self.target)
            || directory.join("CACHEDIR.TAG").exists()
            || (self.packages.iter().any(is_unused) && !self.used().any(|tree| tree.starts_with(directory)))
    }

    /// The directory of the package that `file` belongs to; the root's for a file of none.
    pub(super) fn home(&self, file: &Path) -> &Path {
        self.package(file).map_or(&self.root, |package| &package.directory)
    }

    fn package(&self, file: &Path) -> Option<&Package> {
        self.packages.iter().find(|package| file.starts_with(&package.directory))
    }

    /// It is in the workspace or in a package outside it.
    pub(super) fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || self.package(path).is_some()
    }

    /// The functions that are made from `file` or include it.
    pub(super) fn affected(&self, file: &Path) -> impl Iterator<Item = &String> {
        self.made(file).iter().chain(self.included.functions(file))
    }

    /// The functions that are made from `file`, sorted.
    fn made(&self, file: &Path) -> &[String] {
        if FOR_ALL.iter().any(|name| file == self.root.join(name)) {
            return &self.functions;
        }
        let Some(package) = self.package(file) else { return &[] };
        let inside = file.strip_prefix(&package.directory).unwrap_or(file);
        let is_event =
            inside.parent() == Some(Path::new("events")) && inside.extension().is_some_and(|it| it == "json");
        if is_event || FOR_TESTS.iter().any(|folder| inside.starts_with(folder)) {
            return &[];
        }
        &package.functions
    }

    /// What cargo, or the console, reads of the workspace depends on `file`.
    pub(super) fn is_manifest(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default();
        name == "Cargo.toml" || is_environment(file) || FOR_ALL.iter().any(|name| file == self.root.join(name))
    }
}

/// A file of environment variables: `.env`, `.env.local`, `test.env`.
pub(super) fn is_environment(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == ".env" || name.starts_with(".env.") || name.ends_with(".env")
}
