//! Zig: the linker, and the C compiler of build scripts. One download for all targets, with the C libraries in it.
//!
//! Runs `zig`, `python3` and `pip`; writes to the cache directory.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{begin, cache, cache::Staging, on_path, pip};
use crate::{
    message::{Failure, Step},
    work::{
        Job,
        command::{self, RunError},
    },
};

/// The release that is fetched: known to link with cargo-zigbuild 0.24 and Rust 1.95.
const PINNED: &str = "0.15.2";
/// Older ones know neither the processor nor the flags that are used.
const OLDEST: (u32, u32) = (0, 11);

/// A zig that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zig {
    /// What to start.
    pub(crate) program: PathBuf,
    /// What comes before zig's own arguments: `-m ziglang` for Python.
    pub(crate) arguments: Vec<String>,
    /// Its version.
    pub(crate) version: String,
}

/// Looks where it was the last time, then in `PATH`, in Python's packages, and in the cache.
pub(super) async fn find(cancel: &CancellationToken) -> Result<Option<Zig>, Failure> {
    if let Some(zig) = remembered() {
        return Ok(Some(zig));
    }
    let named = std::env::var("CARGO_ZIGBUILD_ZIG_PATH").unwrap_or_else(|_| "zig".into());
    let python = ["-m".to_owned(), "ziglang".to_owned()];
    let places = [
        (on_path(&named), [].as_slice()),
        (on_path("python3"), python.as_slice()),
        (Some(cache::directory().join(part()).join("ziglang/zig")), [].as_slice()),
    ];
    for (program, arguments) in places {
        let Some(program) = program.filter(|program| program.is_file()) else { continue };
        if let Some(zig) = ask(program, arguments, cancel).await? {
            remember(&zig);
            return Ok(Some(zig));
        }
    }
    Ok(None)
}

fn part() -> String {
    format!("zig-{PINNED}")
}

async fn ask(program: PathBuf, arguments: &[String], cancel: &CancellationToken) -> Result<Option<Zig>, Failure> {
    let mut command = command::command(&program, Path::new("/"));
    command.args(arguments).arg("version");
    match command::output(command, cancel).await {
        Ok(finished) if finished.status.success() && is_usable(finished.stdout.trim()) => {
            let version = finished.stdout.trim().to_owned();
            Ok(Some(Zig { program, arguments: arguments.to_vec(), version }))
        }
        Err(RunError::Cancelled) => Err(Failure::interrupted("could not set up")),
        Ok(_) | Err(RunError::Io(_)) => Ok(None),
    }
}

fn is_usable(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    matches!((numbers.next().flatten(), numbers.next().flatten()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

/// What was found the last time, if its program is still there: asking Python takes longer than a no-op build.
fn remembered() -> Option<Zig> {
    let text = std::fs::read_to_string(cache::directory().join("zig.json")).ok()?;
    let zig: Zig = serde_json::from_str(&text).ok()?;
    zig.program.is_file().then_some(zig)
}

/// Not being able to is no failure: it is looked for again the next time.
fn remember(zig: &Zig) {
    let directory = cache::directory();
    if let Ok(text) = serde_json::to_string(zig)
        && std::fs::create_dir_all(&directory).is_ok()
    {
        let new = directory.join(format!("zig.json.{}", std::process::id()));
        let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, directory.join("zig.json")));
    }
}

/// Fetches the pinned release as Python's package, which is how zig reaches a machine without root.
pub(super) async fn provide(job: &Job) -> Result<Zig, Failure> {
    const WHAT: &str = "could not provide zig";
    let hint = format!(
        "connect to the network and run `lambda-console setup` again, or install zig {PINNED} yourself: \
         `pip install ziglang=={PINNED}`, or put `zig` on the PATH"
    );
    let Some(python) = on_path("python3") else {
        let why = "there is no `zig` on the PATH, and no `python3` to fetch it with";
        return Err(Failure::environment(WHAT, why, format!("install python3 and pip, or {hint}")));
    };
    let staging = Staging::new()?;
    let failed = |tried: &[String]| Failure::environment(WHAT, format!("tried {}", tried.join("; ")), hint.clone());
    let mut pip = match pip::find(&python, staging.path(), job).await? {
        Ok(pip) => pip,
        Err(tried) => return Err(failed(&tried)),
    };
    match install(&pip.words, &staging, job).await {
        Ok(()) => {}
        Err(RunError::Cancelled) => return Err(Failure::interrupted("could not set up")),
        Err(RunError::Io(error)) => {
            pip.tried.push(format!("`{}`: {error}", pip.words.join(" ")));
            return Err(failed(&pip.tried));
        }
    }
    let directory = staging.place("packages", &part())?;
    let program = directory.join("ziglang/zig");
    match ask(program.clone(), &[], &job.cancel).await? {
        Some(zig) => {
            remember(&zig);
            Ok(zig)
        }
        None => Err(Failure::environment(WHAT, format!("{} was fetched but does not run", program.display()), hint)),
    }
}

/// Runs pip, and reports how much it has fetched: it draws no bar into a pipe, but its temporary files grow.
async fn install(pip: &[String], staging: &Staging, job: &Job) -> Result<(), RunError> {
    let text = format!("downloading zig {PINNED}");
    let unpacking = format!("unpacking zig {PINNED}");
    begin(job, &*text);
    let temporary = staging.path().join("tmp");
    std::fs::create_dir_all(&temporary)?;
    let mut command = command::command(&pip[0], staging.path());
    command
        .args(&pip[1..])
        .args(["install", "--disable-pip-version-check", "--no-input", "--no-compile", "--progress-bar", "off"])
        .args(["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--target", "packages"])
        .arg(format!("ziglang=={PINNED}"))
        .env("TMPDIR", &temporary);
    let total = AtomicU64::new(0);
    let errors = Mutex::new(Vec::new());
    let mut is_fetched = false;
    let run = command::stream(command, &job.cancel, |_, line| {
        if let Some(bytes) = megabytes(line) {
            total.store(bytes, Ordering::Relaxed);
        } else if line.starts_with("ERROR")
            && let Ok(mut errors) = errors.lock()
        {
            errors.push(line.to_owned());
        }
    });
    tokio::pin!(run);
    let status = loop {
        tokio::select! {
            status = &mut run => break status?,
            () = tokio::time::sleep(Duration::from_millis(250)) => {
                let total = total.load(Ordering::Relaxed);
                let done = if is_fetched { total } else { wheel_bytes(&temporary) };
                // Then pip unpacks it, and nothing grows that could be measured.
                is_fetched = total > 0 && done >= total;
                job.report(if is_fetched {
                    Step::Phase { text: unpacking.clone(), done: 0, total: 0 }
                } else {
                    Step::Phase { text: text.clone(), done, total }
                });
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    let errors = errors.lock().map(|errors| errors.join(" ")).unwrap_or_default();
    Err(RunError::Io(std::io::Error::other(if errors.is_empty() { status.to_string() } else { errors })))
}

/// The size in pip's line `Downloading ziglang-….whl (97.9 MB)`, in bytes.
fn megabytes(line: &str) -> Option<u64> {
    let size = line.trim().strip_prefix("Downloading ")?.rsplit_once('(')?.1.strip_suffix(" MB)")?;
    Some((size.parse::<f64>().ok()? * 1e6) as u64)
}

fn wheel_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => wheel_bytes(&entry.path()),
            Ok(metadata) if entry.path().extension().is_some_and(|extension| extension == "whl") => metadata.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_line_tells_the_size_of_the_download() {
        assert_eq!(megabytes("  Downloading ziglang-0.15.2-py3-none-any.whl (97.9 MB)"), Some(97_900_000));
        assert_eq!(megabytes("Collecting ziglang==0.15.2"), None);
    }

    #[test]
    fn a_zig_that_is_too_old_or_says_nothing_is_not_used() {
        assert!(is_usable("0.15.2") && is_usable("0.11.0") && is_usable("1.0.0") && is_usable("0.16.0-dev.1+ab"));
        assert!(!is_usable("0.9.1") && !is_usable("") && !is_usable("No module named ziglang"));
    }
}
