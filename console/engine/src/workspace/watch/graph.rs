//! Source files of each function, according to the manifests: the packages of the workspace and of
//! path dependencies outside it, the functions that link each, and the files in their zips.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use cargo_metadata::Metadata;
use lambda_console_model::Function;

use super::included::Included;
use crate::compile::fingerprint::{Now, linked_manifests};

/// Files of the workspace's root that every build reads.
const FOR_ALL: [&str; 6] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo/config",
    ".cargo/config.toml",
];
/// Folders of a package that are not sources of a function.
const FOR_TESTS: [&str; 3] = ["tests", "benches", "examples"];
/// Files of a package that are targets without a key in the manifest.
const TARGETS: [&str; 3] = ["src/main.rs", "src/lib.rs", "build.rs"];

/// The local packages with the functions that are made from each, and the files included in zips.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    root: PathBuf,
    target: PathBuf,
    /// The innermost before the outer ones.
    packages: Vec<Package>,
    /// The root source files of targets.
    targets: BTreeSet<PathBuf>,
    included: Included,
    /// All functions that are watched, sorted by name.
    functions: Vec<Function>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    directory: PathBuf,
    is_member: bool,
    /// The watched functions that link it, sorted.
    functions: BTreeSet<String>,
}

impl Graph {
    /// Creates the graph of `functions`, from a `cargo metadata` without dependencies: external
    /// packages do not change, and may never have been downloaded.
    pub(super) fn new(metadata: &Metadata, functions: Vec<Function>) -> Self {
        let now = Now::default();
        let mut users: BTreeMap<PathBuf, (bool, BTreeSet<String>)> = BTreeMap::new();
        for package in metadata.workspace_packages() {
            users
                .insert(package.manifest_path.as_std_path().to_path_buf(), (true, BTreeSet::new()));
        }
        let mut linked: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
        // The files of the others are included.
        for function in functions.iter().filter(|function| function.built_binary().is_some()) {
            let mut next = vec![function.manifest.clone()];
            while let Some(manifest) = next.pop() {
                let (_, names) = users.entry(manifest.clone()).or_default();
                if names.insert(function.name.clone()) {
                    let linked = linked
                        .entry(manifest)
                        .or_insert_with_key(|manifest| linked_manifests(manifest, &now));
                    next.extend(linked.iter().cloned());
                }
            }
        }
        let package = |(manifest, (is_member, functions)): (PathBuf, (bool, BTreeSet<String>))| {
            Some(Package { directory: manifest.parent()?.to_path_buf(), is_member, functions })
        };
        let mut packages: Vec<Package> = users.into_iter().filter_map(package).collect();
        packages.sort_by_key(|package| std::cmp::Reverse(package.directory.components().count()));
        let members = metadata.workspace_packages();
        let targets = members.iter().flat_map(|package| &package.targets);
        let target = metadata.target_directory.as_std_path().to_path_buf();
        Self {
            root: metadata.workspace_root.as_std_path().to_path_buf(),
            packages,
            targets: targets.map(|target| target.src_path.as_std_path().to_path_buf()).collect(),
            included: Included::of(&functions.iter().collect::<Vec<_>>(), &target),
            target,
            functions,
        }
    }

    /// The workspace's root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// All functions that are watched.
    pub(super) fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Their names, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        self.functions.iter().map(|function| function.name.clone()).collect()
    }

    /// Returns the files included in zips.
    pub(super) fn included(&self) -> &Included {
        &self.included
    }

    /// The directories whose whole trees are watched: those of the packages that a function is made
    /// from, and included ones.
    pub(super) fn trees(&self) -> impl Iterator<Item = &Path> {
        self.used().chain(self.included.directories())
    }

    fn used(&self) -> impl Iterator<Item = &Path> {
        let used = self.packages.iter().filter(|package| !package.functions.is_empty());
        used.map(|package| package.directory.as_path())
    }

    /// The directories that are watched without their subdirectories: the root with its settings,
    /// and those in which members and included files are created and removed.
    pub(super) fn places(&self) -> BTreeSet<PathBuf> {
        let members = self.packages.iter().filter_map(|package| package.directory.parent());
        let mut places: BTreeSet<PathBuf> =
            members.filter(|place| place.starts_with(&self.root)).map(Path::to_path_buf).collect();
        places.extend([self.root.clone(), self.root.join(".cargo")]);
        let manifests = self.functions.iter().filter_map(|function| function.manifest.parent());
        places.extend(manifests.map(Path::to_path_buf));
        places.extend(self.included.places().map(Path::to_path_buf));
        places
    }

    /// Returns `true` if nothing below this directory is watched: cargo's output, and packages that
    /// no function is made from.
    pub(super) fn is_foreign(&self, directory: &Path) -> bool {
        let is_unused =
            |package: &Package| package.directory == directory && package.functions.is_empty();
        // `CACHEDIR.TAG` is in every target directory of cargo.
        directory.starts_with(&self.target)
            || directory.join("CACHEDIR.TAG").exists()
            || (self.packages.iter().any(is_unused)
                && !self.used().any(|tree| tree.starts_with(directory)))
    }

    /// The directory of the package that `file` belongs to; the root's for a file of none.
    pub(super) fn home(&self, file: &Path) -> &Path {
        self.package(file).map_or(&self.root, |package| &package.directory)
    }

    fn package(&self, file: &Path) -> Option<&Package> {
        self.packages.iter().find(|package| file.starts_with(&package.directory))
    }

    /// Returns `true` if it is in the workspace or in a package outside it.
    pub(super) fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || self.package(path).is_some()
    }

    /// The functions that may be made from `file`, by its path.
    pub(super) fn may_make(&self, file: &Path) -> Vec<&str> {
        if FOR_ALL.iter().any(|name| file == self.root.join(name)) {
            return self.functions.iter().map(|function| function.name.as_str()).collect();
        }
        let Some(package) = self.package(file) else { return Vec::new() };
        let inside = file.strip_prefix(&package.directory).unwrap_or(file);
        let is_event = inside.parent() == Some(Path::new("events"))
            && inside.extension().is_some_and(|it| it == "json");
        if is_event || FOR_TESTS.iter().any(|folder| inside.starts_with(folder)) {
            return Vec::new();
        }
        package.functions.iter().map(String::as_str).collect()
    }

    /// Returns `true` if cargo's metadata, or the console's settings, depend on `file`.
    pub(super) fn is_manifest(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default();
        let is_setting = name == "Cargo.toml" || is_environment(file);
        (is_setting && self.is_inside(file))
            || FOR_ALL.iter().any(|name| file == self.root.join(name))
            || (self.may_begin_target(file) && file.exists() != self.targets.contains(file))
    }

    /// Returns `true` if cargo finds a target by a file of this name.
    fn may_begin_target(&self, file: &Path) -> bool {
        let Some(package) = self.package(file).filter(|package| package.is_member) else {
            return false;
        };
        let inside = file.strip_prefix(&package.directory).unwrap_or(file);
        let in_bin = inside.strip_prefix("src/bin").is_ok_and(|inside| {
            let depth = inside.components().count();
            // For a removed directory, this is the only event.
            (depth == 1 && inside.extension().is_none_or(|it| it == "rs"))
                || (depth == 2 && inside.ends_with("main.rs"))
        });
        in_bin || TARGETS.iter().any(|target| inside == Path::new(target))
    }
}

/// Returns `true` for a file of environment variables: `.env`, `.env.local`, `test.env`.
pub(super) fn is_environment(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == ".env" || name.starts_with(".env.") || name.ends_with(".env")
}
