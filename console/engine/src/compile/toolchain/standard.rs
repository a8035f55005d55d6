//! The standard library of the target: the compiler's own, rustup's, or one built from source into
//! a private sysroot.
//!
//! Runs `rustup` and reads the workspace's manifest; sibling modules do the rest.

use std::path::{Path, PathBuf};

use lambda_console_model::{Failure, Step};
use serde::Deserialize;

use super::{Rust, begin, cache, on_path, source, sysroot};
use crate::{
    Job,
    compile::child_process::{self, RunError},
    workspace::text,
};

/// Location of a target's standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    /// In the toolchain, at this place.
    Installed(PathBuf),
    /// In this sysroot of the cache.
    Private(PathBuf),
}

impl Standard {
    pub(super) fn private(self) -> Option<PathBuf> {
        match self {
            Self::Installed(_) => None,
            Self::Private(sysroot) => Some(sysroot),
        }
    }
}

impl std::fmt::Display for Standard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Installed(path) => write!(f, "of the toolchain, in {}", path.display()),
            Self::Private(path) => write!(f, "built from source, in {}", path.display()),
        }
    }
}

/// The name of the private sysroot: it depends on the compiler, the target, and the recipe.
pub(super) fn part(rust: &Rust, target: &str) -> String {
    format!("sysroot-{}-{target}-v{}", rust.key(), sysroot::RECIPE)
}

/// Returns `true` for `build-std = true` in `[workspace.metadata.lambda]`: release builds use a
/// library built from source even if the toolchain has one. It makes a small bootstrap a third
/// smaller, because it has no code that prints the names of a backtrace's functions, which a
/// stripped bootstrap does not have either.
///
/// `root`: the workspace's directory, or one in it.
///
/// # Errors
/// Usage: the key is neither `true` nor `false`.
pub(super) fn is_built(root: &Path) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Manifest {
        workspace: Workspace,
    }
    #[derive(Deserialize)]
    struct Workspace {
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        lambda: toml::Table,
    }
    let manifest =
        root.ancestors().map(|directory| directory.join("Cargo.toml")).find_map(|path| {
            // Cargo reports a directory without a workspace, or invalid TOML.
            let manifest = toml::from_str::<Manifest>(&text::read(&path).ok()?).ok()?;
            Some((path, manifest.workspace.metadata.lambda))
        });
    let Some((path, lambda)) = manifest else { return Ok(false) };
    match lambda.get("build-std") {
        None => Ok(false),
        Some(toml::Value::Boolean(wanted)) => Ok(*wanted),
        Some(other) => {
            let why =
                format!("workspace.metadata.lambda.build-std is {other}; it must be true or false");
            Err(Failure::usage(
                "could not read the workspace's settings",
                why,
                format!("correct {}", path.display()),
            ))
        }
    }
}

/// Returns the library that exists; with `built`, only one that was built from source counts.
pub(super) fn find(rust: &Rust, target: &str, built: bool) -> Option<Standard> {
    let installed = libraries(&rust.sysroot, target);
    if !built && has_std(&installed) {
        return Some(Standard::Installed(installed));
    }
    let private = cache::own(cache::directory().join(part(rust, target)))?;
    has_std(&libraries(&private, target)).then_some(Standard::Private(private))
}

pub(super) fn libraries(sysroot: &Path, target: &str) -> PathBuf {
    sysroot.join("lib/rustlib").join(target).join("lib")
}

fn has_std(libraries: &Path) -> bool {
    let mut entries =
        std::fs::read_dir(libraries).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.any(|path| {
        let is_library = path.extension().is_some_and(|extension| extension == "rlib");
        is_library
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libstd-"))
    })
}

pub(super) async fn provide(
    rust: &Rust,
    target: &str,
    built: bool,
    job: &Job,
) -> Result<Standard, Failure> {
    let what = format!("could not provide the standard library for {target}");
    let otherwise = if built {
        "or remove `build-std` from the workspace's manifest".to_owned()
    } else {
        format!("or install it yourself: `rustup target add {target}`")
    };
    let hint = format!("connect to the network and run `lambda-console setup` again, {otherwise}");
    let mut tried = Vec::new();
    if !built {
        let text = format!("installing the standard library for {target}");
        match rustup(rust, &["target", "add", target], &text, job).await? {
            Ok(()) => match find(rust, target, built) {
                Some(standard) => return Ok(standard),
                None => {
                    tried.push("`rustup target add` succeeded, but the library is missing".into());
                }
            },
            Err(why) => tried.push(why),
        }
    }
    let Some(library) = source::provide(rust, job, &mut tried).await? else {
        return Err(Failure::environment(what, format!("tried {}", tried.join("; ")), hint));
    };
    sysroot::build(rust, target, &library, built, job).await?;
    find(rust, target, built)
        .ok_or_else(|| Failure::environment(what, "it was built, but the library is missing", hint))
}

/// Runs `rustup` for the workspace's toolchain. The inner error is the reason why it did not help.
pub(super) async fn rustup(
    rust: &Rust,
    arguments: &[&str],
    text: &str,
    job: &Job,
) -> Result<Result<(), String>, Failure> {
    let shown = format!("`rustup {}`", arguments.join(" "));
    let (Some(program), Some(toolchain)) = (on_path("rustup"), rust.rustup_name()) else {
        return Ok(Err(format!(
            "{shown}: the toolchain in {} is not rustup's",
            rust.sysroot.display()
        )));
    };
    begin(job, text);
    let mut command = child_process::command(program, &std::env::temp_dir());
    command
        .args(arguments)
        .args(["--toolchain", &toolchain])
        .env("RUSTUP_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0");
    match child_process::output(command, &job.cancel).await {
        Ok(finished) if finished.status.success() => Ok(Ok(())),
        Ok(finished) => {
            let why = format!("{shown}: {}", finished.tail().replace('\n', " "));
            job.report(Step::Output(format!("{why}\n")));
            Ok(Err(why))
        }
        Err(RunError::Cancelled) => Err(Failure::interrupted("could not set up")),
        Err(error) => Ok(Err(format!("{shown}: {error}"))),
    }
}
