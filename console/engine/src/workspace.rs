//! The functions of a Cargo workspace, their settings in the manifests, and their build artifacts.
//!
//! Runs `cargo metadata` (for the functions without dependencies: no network, no lock file) and
//! reads files; changes nothing.

pub(crate) mod artifact;
pub mod dotenv;
pub(crate) mod gitignore;
pub(crate) mod include;
mod manifest;
mod names;
pub mod paths;
pub(crate) mod program;
pub(crate) mod stages;
pub mod text;
mod undetected;
pub mod watch;

use std::path::Path;

use async_recursion::async_recursion as boxed;
use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};
use lambda_console_model::{CargoTarget, EventFile, Failure, Function, RuntimeCrate, Workspace};
use tokio_util::sync::CancellationToken;

use super::compile::{
    child_process::{self, RunError},
    fingerprint::Now,
    toolchain::{WITHOUT_TRACE, not_installed},
};

pub(crate) use artifact::{directory, sha256_of, stamp_of};

/// Summary of the failures of this module.
const WHAT: &str = "could not read the workspace";

/// Reads the workspace that `root` is in. One without functions is no error: the list is empty
/// then.
///
/// Dropping the future ends cargo.
///
/// # Errors
/// Usage: there is no manifest, or cargo cannot read it (with cargo's message, which has the
/// place). Environment: there is no cargo.
#[boxed]
pub async fn discover(root: &Path) -> Result<Workspace, Failure> {
    Ok(read(root, &CancellationToken::new()).await?.0)
}

/// As [`discover`], with cargo's metadata.
pub(crate) async fn read(
    root: &Path,
    cancel: &CancellationToken,
) -> Result<(Workspace, Metadata), Failure> {
    // Without dependencies: no network, no lock file.
    let metadata = metadata(root, &["--no-deps"], cancel).await?;
    tokio::task::spawn_blocking(move || (workspace(&metadata), metadata))
        .await
        .map_err(|error| Failure::work(WHAT, error.to_string(), ""))
}

/// As [`discover`], with the target directory in the workspace, regardless of the environment.
#[cfg(test)]
pub(crate) async fn discover_apart(root: &Path) -> Workspace {
    discover_with(root, &root.join("target")).await
}

/// As [`discover`], with this target directory.
#[cfg(test)]
pub(crate) async fn discover_with(root: &Path, target: &Path) -> Workspace {
    let mut metadata = metadata(root, &["--no-deps"], &CancellationToken::new()).await.unwrap();
    metadata.target_directory = target.to_path_buf().try_into().unwrap();
    workspace(&metadata)
}

/// Runs `cargo metadata` with these arguments for the workspace that `root` is in.
///
/// # Errors
/// As [`discover`]. Interrupted: cancelled.
pub(crate) async fn metadata(
    root: &Path,
    arguments: &[&str],
    cancel: &CancellationToken,
) -> Result<Metadata, Failure> {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    if !root.is_dir() {
        let why = format!("{} is not a directory", root.display());
        return Err(Failure::usage(
            WHAT,
            why,
            "name the directory of a Cargo workspace with `--workspace`",
        ));
    }
    let mut cargo = child_process::command("cargo", &root);
    cargo
        .args(["metadata", "--format-version", "1", "--color", "never"])
        .args(arguments)
        .envs(WITHOUT_TRACE);
    let finished = match child_process::output(cargo, cancel).await {
        Ok(finished) => finished,
        Err(error) if error.is_missing() => {
            let hint = "install Rust with rustup, or put cargo on the PATH";
            return Err(Failure::environment(WHAT, "there is no `cargo` on the PATH", hint));
        }
        Err(RunError::Cancelled) => return Err(Failure::interrupted(WHAT)),
        Err(error) => {
            return Err(Failure::environment(WHAT, format!("could not run cargo: {error}"), ""));
        }
    };
    if !finished.status.success() {
        return Err(refused(&root, &finished.stderr));
    }
    serde_json::from_str(&finished.stdout).map_err(|error| {
        Failure::work(WHAT, format!("`cargo metadata` returned unexpected output: {error}"), "")
    })
}

/// Cargo's own message, with its place, without the word `error:`, which a failure shows itself.
fn refused(root: &Path, stderr: &str) -> Failure {
    if let Some((why, hint)) = not_installed(stderr) {
        return Failure::environment(WHAT, why, hint);
    }
    let message =
        stderr.lines().skip_while(|line| !line.starts_with("error")).collect::<Vec<_>>().join("\n");
    let message = if message.is_empty() {
        stderr.trim()
    } else {
        message.trim_start_matches("error: ").trim()
    };
    // Cargo has no code for it: its text is its only sign.
    if message.contains("could not find `Cargo.toml`") {
        let why =
            format!("there is no Cargo.toml in {} or in a directory above it", root.display());
        let hint = "start in a Cargo workspace, name one with `--workspace`, or create one with \
            `cargo new`";
        return Failure::usage(WHAT, why, hint);
    }
    Failure::usage(WHAT, message, "correct the manifest; `cargo metadata` shows the same message")
}

fn workspace(metadata: &Metadata) -> Workspace {
    let root = metadata.workspace_root.as_std_path().to_path_buf();
    let target = metadata.target_directory.as_std_path().to_path_buf();
    let name =
        root.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned());
    let mut warnings = Vec::new();
    let mut functions: Vec<Function> = Vec::new();
    let shared = manifest::Layer::of_workspace(&root.join("Cargo.toml"));
    for package in metadata.workspace_packages() {
        functions.extend(of_package(package, &shared, &mut warnings));
    }
    for name in shared.programs().names {
        if functions.iter().all(|function| function.binary != name) {
            functions.extend(of_workspace(name, &root, &shared, &mut warnings));
        }
    }
    warnings.extend(stages::left_out(&root));
    let left_out = names::settle(&mut functions);
    warnings.extend(left_out.iter().map(|(_, failure)| failure.clone()));
    let now = Now::default();
    for function in &mut functions {
        let artifacts = artifact::read((&root, &target), function, &now);
        function.architecture = artifacts.architecture.unwrap_or(function.architecture);
        (function.bootstrap, function.zip, function.stale) =
            (artifacts.bootstrap, artifacts.zip, artifacts.stale);
    }
    functions.sort_by(|one, two| one.name.cmp(&two.name));
    let hints = undetected::hints(metadata);
    Workspace { name, root, target, functions, left_out, hints, warnings }
}

/// The functions of a package.
fn of_package(
    package: &Package,
    shared: &manifest::Layer,
    warnings: &mut Vec<Failure>,
) -> Vec<Function> {
    let Some(runtime) = runtime_of(package) else { return Vec::new() };
    let manifest = package.manifest_path.as_std_path();
    let own = manifest::Layer::of_package(manifest);
    let events = events_of(manifest);
    let mut features: Vec<String> = package.features.keys().cloned().collect();
    features.sort();
    let binaries: Vec<_> =
        package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bin)).collect();
    let names: Vec<String> = binaries.iter().map(|binary| binary.name.clone()).collect();
    let mut functions = Vec::new();
    for name in program::functions(&own.programs(), &package.name, &names) {
        let mut config = manifest::merged(&name, &[shared, &own], warnings);
        config.extension |=
            runtime == RuntimeCrate::Declared && depends_on(package, &["lambda-extension"]);
        program::resolve(&mut config, &names);
        if config.program.is_none() && !names.contains(&name) {
            // Its program is not understood; the warning has the reason.
            continue;
        }
        let mut function = Function {
            name: name.clone(),
            binary: name,
            package: package.name.to_string(),
            manifest: manifest.to_path_buf(),
            target: CargoTarget {
                id: package.id.repr.clone(),
                features: features.clone(),
                required: Vec::new(),
                binaries: names.clone(),
                directory: None,
            },
            runtime,
            architecture: config.architecture.unwrap_or_default(),
            config,
            events: events.clone(),
            bootstrap: None,
            zip: None,
            stale: false,
        };
        let built = binaries.iter().find(|it| function.built_binary() == Some(it.name.as_str()));
        function.target.required =
            built.map_or_else(Vec::new, |binary| binary.required_features.clone());
        functions.push(function);
    }
    if runtime == RuntimeCrate::Declared {
        program::take_executed(&mut functions);
    }
    functions
}

/// The function that the workspace's manifest declares by its program. `None` if the program is not
/// understood; the warning has the reason.
fn of_workspace(
    name: String,
    root: &Path,
    shared: &manifest::Layer,
    warnings: &mut Vec<Failure>,
) -> Option<Function> {
    let mut config = manifest::merged(&name, &[shared], warnings);
    program::resolve(&mut config, &[]);
    let program = config.program.as_ref()?;
    Some(Function {
        name: name.clone(),
        binary: name,
        package: String::new(),
        manifest: root.join("Cargo.toml"),
        target: CargoTarget::default(),
        runtime: RuntimeCrate::Declared,
        architecture: config.architecture.unwrap_or_default(),
        events: program.file().map_or_else(Vec::new, |file| events_of(file)),
        config,
        bootstrap: None,
        zip: None,
        stale: false,
    })
}

/// Returns the reason why the package's binaries are functions; `None` if they are not.
fn runtime_of(package: &Package) -> Option<RuntimeCrate> {
    if depends_on(package, &["lambda-console-runtime"]) {
        Some(RuntimeCrate::Bundled)
    } else if depends_on(package, &["lambda_runtime", "lambda_http"]) {
        Some(RuntimeCrate::Official)
    } else {
        package.metadata.get("lambda").map(|_| RuntimeCrate::Declared)
    }
}

/// Returns `true` if the package depends on one of these, other than for its tests and its build
/// script.
fn depends_on(package: &Package, names: &[&str]) -> bool {
    let mut direct =
        package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    direct.any(|dependency| names.contains(&dependency.name.as_str()))
}

/// The events in the folder `events` beside this file.
fn events_of(file: &Path) -> Vec<EventFile> {
    let Some(directory) = file.parent().map(|beside| beside.join("events")) else {
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut events: Vec<EventFile> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "json") && path.is_file()
        })
        .filter_map(|path| {
            Some(EventFile { name: path.file_stem()?.to_string_lossy().into_owned(), path })
        })
        .collect();
    events.sort_by(|one, two| one.name.cmp(&two.name));
    events
}

#[cfg(test)]
mod tests;
