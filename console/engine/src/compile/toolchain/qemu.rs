//! The emulator that runs ARM64 bootstraps on another processor. Builds do not need it, so a
//! missing emulator is not an error.
//!
//! Runs the emulator to check that it works; writes to the cache directory.

use std::path::{Path, PathBuf};

use lambda_console_model::{Architecture, Failure, Step};

use super::{apt, begin, cache, cache::Staging, on_path};
use crate::{
    Job,
    compile::child_process::{self, RunError},
    workspace::artifact,
};

pub(super) const NAME: &str = "qemu-aarch64";

/// `qemu-aarch64`, from `PATH` or the cache. `None` if there is none, or it is of no use: on ARM64
/// itself, and on systems other than Linux, because it passes Linux's system calls on.
pub fn emulator() -> Option<PathBuf> {
    is_of_use().then(find)?
}

fn find() -> Option<PathBuf> {
    let cached = cache::directory().join(NAME).join(NAME);
    [NAME, "qemu-aarch64-static"]
        .iter()
        .find_map(|name| on_path(name))
        .or_else(|| cache::own(cached))
}

pub(super) const fn is_of_use() -> bool {
    cfg!(target_os = "linux") && !cfg!(target_arch = "aarch64")
}

/// Returns `true` if it needs no libraries of another release.
pub(super) fn is_whole(program: &Path) -> bool {
    artifact::architecture_of(program)
        .is_some_and(|architecture| architecture != Architecture::Native)
}

/// Fetches it if it is of use and missing. Returns the reason if it could not be provided.
pub(super) async fn provide_if_missing(job: &Job) -> Result<Option<String>, Failure> {
    if !is_of_use() || find().is_some() {
        return Ok(None);
    }
    let _lock = cache::lock(job).await?;
    if find().is_some() {
        return Ok(None);
    }
    begin(job, "fetching the emulator qemu-aarch64 from the system's package mirror");
    let staging = Staging::new()?;
    let program = match apt::emulator(staging.path(), job).await? {
        Ok(program) => program,
        Err(why) => return Ok(Some(missing(&why, job))),
    };
    let mut command = child_process::command(&program, staging.path());
    command.arg("--version");
    match child_process::output(command, &job.cancel).await {
        Ok(finished) if finished.status.success() => {}
        Ok(finished) => {
            return Ok(Some(missing(&format!("it does not run: {}", finished.tail()), job)));
        }
        Err(RunError::Cancelled) => return Err(Failure::interrupted("could not set up")),
        Err(error) => return Ok(Some(missing(&format!("it does not run: {error}"), job))),
    }
    let ready = staging.path().join("ready");
    std::fs::create_dir(&ready)
        .and_then(|()| std::fs::rename(&program, ready.join(NAME)))
        .map_err(|error| cache::failed("could not install the emulator", &ready, &error))?;
    staging.place("ready", NAME)?;
    Ok(None)
}

/// Returns `true` if fetching it failed before on this machine.
pub(super) fn was_tried_in_vain() -> bool {
    tried_in_vain().exists()
}

fn tried_in_vain() -> PathBuf {
    cache::directory().join("qemu-aarch64-was-not-to-be-had")
}

fn missing(why: &str, job: &Job) -> String {
    // Without the note each build would try again: that is slow, not wrong.
    drop(std::fs::write(tried_in_vain(), why));
    let text = format!(
        "not provided, so ARM64 bootstraps do not run on this machine (build with `--arch native` \
        for the local stage, or install qemu-user-static): {why}"
    );
    job.report(Step::Output(format!("{text}\n")));
    text
}
