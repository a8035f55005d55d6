//! The settings that reach the compiler: the parts of manifests, the lock file, cargo's
//! configuration, the toolchain file and the environment that are in cargo's own fingerprints. A
//! comment, a new payload or another function's settings are not among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::now::Now;
use crate::workspace::paths::hex;

/// The keys of `[package]` that make cargo compile again.
const PACKAGE: [&str; 6] = ["name", "version", "edition", "build", "links", "autolib"];
/// Those that matter to sources that read them, as `CARGO_PKG_DESCRIPTION` and the like.
const DESCRIPTION: [&str; 8] = [
    "authors",
    "description",
    "homepage",
    "repository",
    "license",
    "license-file",
    "readme",
    "rust-version",
];
/// The tables of a configuration file, except for those that only affect cargo's own work or
/// downloads.
const CONFIGURATION: [&str; 9] =
    ["build", "target", "profile", "env", "unstable", "host", "source", "patch", "paths"];
/// The keys of `[build]` that do not affect the compiled code.
const ELSEWHERE: [&str; 5] = ["jobs", "target-dir", "build-dir", "dep-info-basedir", "warnings"];

/// All files that [`digest`] reads, there or not.
pub(crate) fn sources(root: &Path, manifests: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let now = Now::default();
    let mut files: BTreeSet<PathBuf> =
        manifests.iter().map(|manifest| workspace_of(manifest, &now)).collect();
    files.extend(manifests.iter().cloned());
    files.extend([root.join("Cargo.toml"), root.join("Cargo.lock")]);
    files.extend(configurations(root, &now));
    files.extend(toolchains(root));
    files
}

/// A digest of the settings of `binary` of the package `own`, which is built from those of all
/// `manifests`. With `is_described`, sources read the manifests' descriptions of the packages.
pub(super) fn digest(
    (root, own, binary): (&Path, &Path, &str),
    manifests: &BTreeSet<PathBuf>,
    (release, is_described): (bool, bool),
    now: &Now,
) -> String {
    let mut text = String::new();
    let mut add = |title: &str, value: &dyn std::fmt::Display| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# {title}\n{value}");
    };
    for manifest in manifests {
        let workspace = now.table(&workspace_of(manifest, now));
        let binary = (manifest == own).then_some(binary);
        // Cargo finds these without a key.
        let found = ["build.rs", "src/lib.rs"].map(|file| manifest.with_file_name(file).exists());
        add("found", &format!("{found:?}"));
        add(
            &manifest.display().to_string(),
            &shape(&now.table(manifest), &workspace, binary, is_described),
        );
    }
    let manifest = now.table(&root.join("Cargo.toml"));
    let profile = if release { "release" } else { "dev" };
    let profile = manifest.get("profile").and_then(|profiles| profiles.get(profile));
    for (title, value) in [
        ("profile", profile),
        ("patch", manifest.get("patch")),
        ("replace", manifest.get("replace")),
    ] {
        add(title, &value.map(Value::to_string).unwrap_or_default());
    }
    for (title, manifest, table) in
        [("workspace", &manifest, "workspace"), ("package", &now.table(own), "package")]
    {
        add(
            &format!("build of the {title}"),
            &format!("{:?}", of_console(manifest, table, binary)),
        );
    }
    let resolver = ["workspace", "package"]
        .map(|table| manifest.get(table)?.get("resolver").map(Value::to_string));
    add("resolver", &format!("{resolver:?}"));
    add("lock", &locked(&now.table(&root.join("Cargo.lock")), own, manifests, now).join("\n"));
    for file in configurations(root, now) {
        let mut table = (*now.table(&file)).clone();
        table.retain(|key, _| CONFIGURATION.contains(&key));
        if let Some(Value::Table(build)) = table.get_mut("build") {
            build.retain(|key, _| !ELSEWHERE.contains(&key));
        }
        add("configuration", &table);
    }
    for file in toolchains(root) {
        add("toolchain", &std::fs::read_to_string(file).unwrap_or_default());
    }
    for (name, value) in now.environment() {
        if name.to_str().is_some_and(is_of_compiler) {
            add(&name.to_string_lossy(), &value.to_string_lossy());
        }
    }
    hashed(text.as_bytes())
}

/// The manifests of the local packages that the one of `manifest` is built from: through their
/// paths, or because the workspace patches others with them.
pub(crate) fn linked(manifest: &Path, now: &Now) -> Vec<PathBuf> {
    let workspace = workspace_of(manifest, now);
    let (own, shared) = (now.table(manifest), now.table(&workspace));
    let (beside, beside_shared) =
        (manifest.parent().unwrap_or(manifest), workspace.parent().unwrap_or(&workspace));
    let path_of =
        |dependency: &Value| dependency.get("path").and_then(Value::as_str).map(str::to_owned);
    let patches =
        shared.get("patch").and_then(Value::as_table).into_iter().flat_map(toml::Table::values);
    let patches =
        patches.filter_map(Value::as_table).flat_map(toml::Table::values).filter_map(path_of);
    let mut paths: Vec<PathBuf> = patches.map(|path| beside_shared.join(path)).collect();
    for (name, dependency) in dependencies(&own).into_iter().flat_map(|(_, table)| table) {
        let inherited = || shared.get("workspace")?.get("dependencies")?.get(name);
        paths.extend(if is_inherited(dependency) {
            inherited().and_then(path_of).map(|path| beside_shared.join(path))
        } else {
            path_of(dependency).map(|path| beside.join(path))
        });
    }
    let manifests =
        paths.into_iter().map(|path| path.canonicalize().unwrap_or(path).join("Cargo.toml"));
    manifests.filter(|manifest| manifest.exists()).collect()
}

/// Name of the package of `manifest`.
pub(crate) fn package_name(manifest: &Path, now: &Now) -> String {
    name_of(&now.table(manifest))
}

/// The SHA-256 of `bytes`, hexadecimal.
pub(super) fn hashed(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns `true` for a variable of the environment that affects how cargo compiles.
fn is_of_compiler(name: &str) -> bool {
    let is_elsewhere = ["_TARGET_DIR", "_BUILD_DIR", "_JOBS", "_RUNNER", "_TMPDIR"]
        .iter()
        .any(|end| name.ends_with(end));
    let is_cargos = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"]
        .iter()
        .any(|start| name.starts_with(start));
    matches!(
        name,
        "RUSTC"
            | "RUSTFLAGS"
            | "CARGO_ENCODED_RUSTFLAGS"
            | "RUSTC_WRAPPER"
            | "RUSTC_WORKSPACE_WRAPPER"
    ) || (is_cargos && !is_elsewhere)
}

/// The manifest of the workspace that the package of `manifest` is in.
fn workspace_of(manifest: &Path, now: &Now) -> PathBuf {
    let directory = manifest.parent().unwrap_or(manifest);
    let table = now.table(manifest);
    if let Some(named) =
        table.get("package").and_then(|package| package.get("workspace")).and_then(Value::as_str)
    {
        return directory.join(named).join("Cargo.toml");
    }
    let mut above = directory.ancestors().map(|directory| directory.join("Cargo.toml"));
    above
        .find(|manifest| now.table(manifest).contains_key("workspace"))
        .unwrap_or_else(|| manifest.to_path_buf())
}

/// The console's own settings that affect how `binary` is compiled. The files included in the zip
/// do not.
fn of_console(manifest: &Table, table: &str, binary: &str) -> Vec<Option<Value>> {
    let lambda = || manifest.get(table)?.get("metadata")?.get("lambda");
    let of_all = lambda().and_then(|lambda| lambda.get("build"));
    let of_binary = lambda().and_then(|lambda| lambda.get("bin")?.get(binary)?.get("build"));
    let compiled = [of_all, of_binary].map(|build| {
        let mut build = build?.as_table()?.clone();
        build.remove("include");
        Some(Value::Table(build))
    });
    compiled
        .into_iter()
        .chain([lambda().and_then(|lambda| lambda.get("build-std")).cloned()])
        .collect()
}

/// The parts of a manifest that reach the compiler, with those inherited from its `workspace`; of
/// the binaries only `binary`.
fn shape(manifest: &Table, workspace: &Table, binary: Option<&str>, is_described: bool) -> Table {
    let shared = workspace.get("workspace").and_then(Value::as_table);
    let shared =
        |table: &str| shared.and_then(|shared| shared.get(table)).and_then(Value::as_table);
    let mut shape = Table::new();
    let package = manifest.get("package").and_then(Value::as_table);
    let is_read =
        |key: &str| PACKAGE.contains(&key) || (is_described && DESCRIPTION.contains(&key));
    for (key, value) in package.into_iter().flatten().filter(|(key, _)| is_read(key)) {
        let inherited = is_inherited(value)
            .then(|| shared("package").and_then(|package| package.get(key)))
            .flatten();
        shape.insert(key.clone(), inherited.unwrap_or(value).clone());
    }
    for key in ["lib", "features", "lints", "cargo-features"] {
        let Some(value) = manifest.get(key) else { continue };
        let inherited = is_inherited(value).then(|| shared(key)).flatten();
        shape.insert(
            format!("[{key}]"),
            inherited.map_or_else(|| value.clone(), |table| Value::Table(table.clone())),
        );
    }
    let binaries = manifest.get("bin").and_then(Value::as_array).into_iter().flatten();
    let own = binaries
        .filter(|bin| binary.is_some() && bin.get("name").and_then(Value::as_str) == binary);
    shape.insert("[bin]".to_owned(), Value::Array(own.cloned().collect()));
    for (place, dependencies) in dependencies(manifest) {
        let mut table = Table::new();
        for (name, dependency) in dependencies {
            let inherited = is_inherited(dependency)
                .then(|| shared("dependencies").and_then(|all| all.get(name)));
            table.insert(
                name.clone(),
                Value::Array(
                    inherited.flatten().into_iter().chain([dependency]).cloned().collect(),
                ),
            );
        }
        shape.insert(place, Value::Table(table));
    }
    shape
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The tables of dependencies that a build takes, each with its place in the manifest.
fn dependencies(manifest: &Table) -> Vec<(String, &Table)> {
    let by_target = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let by_target =
        by_target.filter_map(|(target, table)| Some((format!("[{target}] "), table.as_table()?)));
    let tables = std::iter::once((String::new(), manifest)).chain(by_target);
    let mut found = Vec::new();
    for (place, table) in tables {
        for key in ["dependencies", "build-dependencies"] {
            found.extend(
                table
                    .get(key)
                    .and_then(Value::as_table)
                    .map(|table| (format!("{place}{key}"), table)),
            );
        }
    }
    found
}

/// The lock file's entries of all packages that the one of `own` is built from, sorted. Of local
/// packages, those of `manifests` count: the others are for tests.
fn locked(lock: &Table, own: &Path, manifests: &BTreeSet<PathBuf>, now: &Now) -> Vec<String> {
    let packages =
        lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let word = |package: &'_ Value, key: &str| {
        package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    // The names of the dependencies of each local package: the lock file also has those of its
    // tests.
    let locals: BTreeMap<String, BTreeSet<String>> = manifests
        .iter()
        .map(|manifest| {
            let table = now.table(manifest);
            let names = dependencies(&table)
                .into_iter()
                .flat_map(|(_, table)| table.clone())
                .collect::<Vec<_>>()
                .into_iter();
            let names = names.map(|(name, value)| {
                let renamed = value.get("package").and_then(Value::as_str).map(str::to_owned);
                renamed.unwrap_or(name)
            });
            (name_of(&table), names.collect())
        })
        .collect();
    let mut next = vec![name_of(&now.table(own))];
    let mut found = BTreeSet::new();
    while let Some(wanted) = next.pop() {
        let mut parts = wanted.splitn(3, ' ');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next());
        for package in packages {
            let is_local = package.get("source").is_none();
            let is_wanted = word(package, "name") == name
                && version.is_none_or(|it| word(package, "version") == it);
            if !is_wanted || (is_local && !locals.contains_key(name)) {
                continue;
            }
            let keys = ["name", "version", "source", "checksum"].map(|key| word(package, key));
            // The version of a local package is in its manifest.
            if found.insert(keys.join(" ")) {
                let all =
                    package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
                let all = all.filter_map(Value::as_str).map(str::to_owned);
                let is_built = |wanted: &String| {
                    let name = wanted.split(' ').next().unwrap_or_default();
                    !is_local
                        || locals
                            .get(&word(package, "name"))
                            .is_none_or(|names| names.is_empty() || names.contains(name))
                };
                next.extend(all.filter(is_built));
            }
        }
    }
    found.into_iter().collect()
}

fn name_of(manifest: &Table) -> String {
    let name =
        manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// Cargo's configuration files for a build in `root`, with those that they include.
fn configurations(root: &Path, now: &Now) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(etcetera::home_dir().ok()?.join(".cargo")));
    let directories = root.ancestors().map(|directory| directory.join(".cargo")).chain(home);
    let mut files: Vec<PathBuf> = directories
        .flat_map(|directory| ["config.toml", "config"].map(|name| directory.join(name)))
        .collect();
    let mut at = 0;
    while let Some(file) = files.get(at).cloned() {
        at += 1;
        let directory = file.parent().unwrap_or(&file);
        let table = now.table(&file);
        let included = match table.get("include") {
            Some(Value::Array(included)) => included.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        for one in included {
            let path = one
                .as_str()
                .or_else(|| one.get("path").and_then(Value::as_str))
                .map(|path| directory.join(path));
            files.extend(path.filter(|path| !files.contains(path)));
        }
    }
    files
}

/// The files that choose a toolchain for a build in `root`.
fn toolchains(root: &Path) -> impl Iterator<Item = PathBuf> {
    root.ancestors().flat_map(|directory| {
        ["rust-toolchain.toml", "rust-toolchain"].map(|name| directory.join(name))
    })
}
