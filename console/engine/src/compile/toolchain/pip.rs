//! pip, which fetches packages of Python, such as zig. Debian's Python has none, but its package of
//! pip runs unpacked.
//!
//! Runs `python3` and `apt-get`; writes to the given directory.

use std::path::Path;

use lambda_console_model::Failure;

use super::{apt, begin, on_path};
use crate::{
    Job,
    compile::child_process::{self, RunError},
};

/// A way to call pip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pip {
    /// The program and the arguments before pip's own.
    pub words: Vec<String>,
    /// Better ways that were not available, each with the reason.
    pub tried: Vec<String>,
}

/// Returns the best way to call pip: Python's own, the program, or the package of the system's
/// mirror, which is unpacked in `directory`. The inner error lists the attempts.
///
/// # Errors
/// Interrupted: the job was cancelled.
pub async fn find(
    python: &Path,
    directory: &Path,
    job: &Job,
) -> Result<Result<Pip, Vec<String>>, Failure> {
    let python = python.display().to_string();
    let mut probe = child_process::command(&python, directory);
    probe.args(["-m", "pip", "--version"]);
    let mut tried = Vec::new();
    match child_process::output(probe, &job.cancel).await {
        Ok(finished) if finished.status.success() => {
            return Ok(Ok(Pip { words: vec![python, "-m".into(), "pip".into()], tried }));
        }
        Ok(finished) => tried.push(format!("`python3 -m pip`: {}", finished.tail())),
        Err(RunError::Cancelled) => return Err(Failure::interrupted("could not set up")),
        Err(error) => tried.push(format!("`python3 -m pip`: {error}")),
    }
    if let Some(pip) = on_path("pip3").or_else(|| on_path("pip")) {
        return Ok(Ok(Pip { words: vec![pip.display().to_string()], tried }));
    }
    tried.push("there is no `pip` on the PATH".into());
    begin(job, "fetching pip from the system's package mirror");
    Ok(match apt::pip_wheel(directory, job).await? {
        Ok(wheel) => {
            Ok(Pip { words: vec![python, wheel.join("pip").display().to_string()], tried })
        }
        Err(why) => {
            tried.push(why);
            Err(tried)
        }
    })
}
