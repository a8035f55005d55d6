//! Makes a machine able to build functions: zig as the linker, the standard library of the target,
//! and, if it helps, an emulator for ARM64. Each part is searched for, then provided in the cache
//! directory, then checked again.
//!
//! May touch processes, the cache directory and, through `rustup`, the active Rust toolchain.
//! Changes nothing else on the system and needs no root.

mod apt;
mod cache;
pub mod pip;
mod qemu;
mod rust;
mod source;
mod standard;
mod sysroot;
mod zig;

use std::path::{Path, PathBuf};

use async_recursion::async_recursion as boxed;
use lambda_console_model::{Architecture, Failure, Step};
use standard::Standard;
use tokio_util::sync::CancellationToken;

use super::cargo_config::Configuration;
use crate::Job;

pub use lambda_console_model::Part;
pub use qemu::emulator;
pub(crate) use rust::{Rust, WITHOUT_TRACE, not_installed};
pub(crate) use zig::Zig;

/// All that a build for one architecture uses.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    pub(crate) rust: Rust,
    /// Cargo's configuration in the workspace.
    pub(crate) configuration: Configuration,
    /// `None` for a native build, which links as cargo does.
    pub(crate) zig: Option<Zig>,
    /// A private sysroot with the target's standard library; `None` if the compiler has it itself.
    pub(crate) sysroot: Option<PathBuf>,
}

/// The name of the part that is not provided here.
pub const RUST: &str = "rust";

/// The Rust target of a build; `None` for the host's own.
pub(crate) const fn target(architecture: Architecture) -> Option<&'static str> {
    match architecture {
        Architecture::Arm64 => Some("aarch64-unknown-linux-musl"),
        Architecture::X86_64 => Some("x86_64-unknown-linux-musl"),
        Architecture::Native => None,
    }
}

/// Provides the missing parts, for the toolchain of the current directory. See [`setup_in`].
#[boxed]
pub async fn setup(architecture: Architecture, job: &Job) -> Result<Vec<Part>, Failure> {
    setup_in(&current_directory(), architecture, job).await
}

/// Checks the parts, for the toolchain of the current directory. See [`check_in`].
#[boxed]
pub async fn check(architecture: Architecture) -> Vec<Part> {
    check_in(&current_directory(), architecture).await
}

/// Provides the missing parts for building for `architecture` in the workspace `root`. Fast if all
/// exist; safe in two processes at once: the second waits and then finds the parts of the first.
///
/// # Errors
/// Environment: a part could neither be found nor provided; the failure lists the attempts. A
/// missing emulator is no error. Interrupted: the job was cancelled; no incomplete part is left in
/// place.
#[boxed]
pub async fn setup_in(
    root: &Path,
    architecture: Architecture,
    job: &Job,
) -> Result<Vec<Part>, Failure> {
    provided(root, architecture, standard::is_built(root)?, job).await?;
    let emulator = if architecture == Architecture::Arm64 {
        qemu::provide_if_missing(job).await?
    } else {
        None
    };
    let mut parts = check_in(root, architecture).await;
    if let (Some(why), Some(part)) =
        (emulator, parts.iter_mut().find(|part| part.name == qemu::NAME))
    {
        part.detail = why;
    }
    Ok(parts)
}

/// Checks the parts that building for `architecture` in the workspace `root` needs, and provides
/// none.
#[boxed]
pub async fn check_in(root: &Path, architecture: Architecture) -> Vec<Part> {
    let cancel = CancellationToken::new();
    let rust = rust::find(root, &cancel).await.map(|(rust, _)| rust);
    let mut parts = vec![Part {
        name: RUST.into(),
        found: rust
            .as_ref()
            .ok()
            .map(|rust| format!("{} in {}", rust.version, rust.sysroot.display())),
        detail: rust.as_ref().err().map_or_else(
            || "compiles the functions".into(),
            |Failure { why, hint, .. }| {
                if hint.is_empty() { why.clone() } else { format!("{why}: {hint}") }
            },
        ),
        optional: false,
    }];
    let Some(target) = target(architecture) else { return parts };
    let zig = zig::find(&cancel).await.ok().flatten();
    parts.push(Part {
        name: "zig".into(),
        found: zig.as_ref().map(|zig| format!("{} in {}", zig.version, zig.program.display())),
        detail: "links for Lambda from any machine".into(),
        optional: false,
    });
    let built = standard::is_built(root);
    let standard = rust
        .ok()
        .and_then(|rust| standard::find(&rust, target, *built.as_ref().ok()?))
        .map(|found| found.to_string());
    parts.push(Part {
        name: format!("standard library ({target})"),
        found: standard,
        detail: built.map_or_else(|failure| failure.why, |_| "linked into the functions".into()),
        optional: false,
    });
    if architecture == Architecture::Arm64 && qemu::is_of_use() {
        parts.push(Part {
            name: qemu::NAME.into(),
            found: emulator().map(|path| path.display().to_string()),
            detail: "runs the ARM64 bootstrap on this machine".into(),
            optional: true,
        });
    }
    parts
}

/// Returns the toolchain for `architecture`. The emulator is fetched too, unless that failed
/// before: then it is left to
/// [`setup_in`]. `debug`: backtraces are wanted, and so the toolchain's own standard library if it
/// has one.
pub(crate) async fn ready(
    root: &Path,
    architecture: Architecture,
    debug: bool,
    job: &Job,
) -> Result<Toolchain, Failure> {
    let built = !debug && standard::is_built(root)?;
    let toolchain = provided(root, architecture, built, job).await?;
    if architecture == Architecture::Arm64 && !qemu::was_tried_in_vain() {
        qemu::provide_if_missing(job).await?;
    }
    Ok(toolchain)
}

async fn provided(
    root: &Path,
    architecture: Architecture,
    built: bool,
    job: &Job,
) -> Result<Toolchain, Failure> {
    let (rust, configuration) = rust::find(root, &job.cancel).await?;
    let Some(target) = target(architecture) else {
        return Ok(Toolchain { rust, configuration, zig: None, sysroot: None });
    };
    let find = async || {
        Ok::<_, Failure>((zig::find(&job.cancel).await?, standard::find(&rust, target, built)))
    };
    let mut found = find().await?;
    if found.0.is_none() || found.1.is_none() {
        let lock = cache::lock(job).await?;
        // Another process may have provided them while this one waited.
        found = find().await?;
        if found.0.is_none() {
            found.0 = Some(zig::provide(job).await?);
        }
        if found.1.is_none() {
            found.1 = Some(standard::provide(&rust, target, built, job).await?);
        }
        drop(lock);
    }
    let (zig, standard) = found;
    let sysroot = standard.and_then(Standard::private);
    Ok(Toolchain { rust, configuration, zig, sysroot })
}

fn current_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// Reports that a part of unknown length has begun.
fn begin(job: &Job, text: impl Into<String>) {
    job.report(Step::Phase { text: text.into(), done: 0, total: 0 });
}

/// The program `name` of `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    use rustix::fs::{Access, access};
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests;
