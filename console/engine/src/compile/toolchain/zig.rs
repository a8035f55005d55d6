//! Zig: the linker, and the C compiler of build scripts. One download for all targets, with the C
//! libraries in it.
//!
//! Runs `zig`, `python3` and `pip`; writes to the cache directory.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lambda_console_model::{Failure, Step};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{begin, cache, cache::Staging, on_path, pip};
use crate::{
    Job,
    compile::child_process::{self, RunError},
    workspace::paths,
};

/// The release that is fetched: known to link with cargo-zigbuild 0.24 and Rust 1.95.
const PINNED: &str = "0.15.2";
/// The SHA-256 of its wheels, one for each platform: a download with any other digest is refused.
const WHEELS: [&str; 11] = [
    "806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130", // Linux x86_64
    "edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230", // Linux aarch64
    "04eb9c4135ef431487b920c73312cd3a5e754019839024eeed3521772d1585a2", // Linux i686
    "ad43a4692311512ab55cc918596c814ff44fb811b1299fa9a57cc4e2bf315c6b", // Linux armv7l
    "978ebcc3c6c9624cbc999dd8dcb65427e7474650d9709a889aace8e325705ce2", // Linux s390x
    "d3fe40825e18238e986b305cbf3a4d93a50461b893339e31c81b0d6c73f33937", // Linux riscv64
    "47af4f85e3e59bd672126cc026d3a01b516cad24b9a9ea075abfe8532f4c6bc1", // macOS x86_64
    "acae2a9ce67ed249ad68d42c21bc73b5f9d51a33ba5ea42f609f78683e8d9bb7", // macOS arm64
    "ca80dc9c70dbdfdd9ee51d000de3501a95d33d9782ab9ab9b56f700484ebcd83", // Windows x86_64
    "a81ebfc61e1b7aa43a33add23f93b98954d757434f894eb21bd40b176b6688aa", // Windows arm64
    "b174f7ebb9d1f2210d32d1420333120f6117ebee3de8b3e221e6ebb0c3beec4b", // Windows x86
];
/// Oldest supported version: older ones support neither the processor nor the flags in use.
const OLDEST: (u32, u32) = (0, 11);

/// A zig that works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zig {
    /// Path of the program.
    pub(crate) program: PathBuf,
    /// Its version.
    pub(crate) version: String,
}

/// Checks the last known path, then `PATH`, Python's packages, and the cache.
pub(super) async fn find(cancel: &CancellationToken) -> Result<Option<Zig>, Failure> {
    let named = std::env::var("CARGO_ZIGBUILD_ZIG_PATH").unwrap_or_else(|_| "zig".into());
    let first = on_path(&named);
    if let Some(Remembered { zig, stamp, .. }) = remembered().filter(|last| last.first == first) {
        // An unchanged program has the same version. A script, as version managers have, may start
        // a program that is gone.
        if stamp.is_some() && stamp == stamp_of(&zig.program) {
            return Ok(Some(zig));
        }
    }
    let cached = cache::own(cache::directory().join(part()).join("ziglang/zig"));
    for program in [first.clone(), in_python(cancel).await?, cached].into_iter().flatten() {
        if let Some(zig) = ask(program, cancel).await? {
            remember(&zig, first);
            return Ok(Some(zig));
        }
    }
    Ok(None)
}

/// The program within Python's package `ziglang`.
async fn in_python(cancel: &CancellationToken) -> Result<Option<PathBuf>, Failure> {
    let Some(python) = on_path("python3") else { return Ok(None) };
    let mut command = child_process::command(&python, Path::new("/"));
    let code = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
    command.args(["-c", code]);
    match child_process::output(command, cancel).await {
        Ok(finished) if finished.status.success() => {
            Ok(Some(PathBuf::from(finished.stdout.trim())).filter(|program| program.is_file()))
        }
        Err(RunError::Cancelled) => Err(Failure::interrupted("could not set up")),
        Ok(_) | Err(RunError::Io(_)) => Ok(None),
    }
}

fn part() -> String {
    format!("zig-{PINNED}")
}

async fn ask(program: PathBuf, cancel: &CancellationToken) -> Result<Option<Zig>, Failure> {
    let mut command = child_process::command(&program, Path::new("/"));
    command.arg("version");
    match child_process::output(command, cancel).await {
        Ok(finished) if finished.status.success() && is_usable(finished.stdout.trim()) => {
            Ok(Some(Zig { program, version: finished.stdout.trim().to_owned() }))
        }
        Err(RunError::Cancelled) => Err(Failure::interrupted("could not set up")),
        Ok(_) | Err(RunError::Io(_)) => Ok(None),
    }
}

fn is_usable(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
    numbers.next().flatten().zip(numbers.next().flatten()).is_some_and(|found| found >= OLDEST)
}

/// A zig that works, with the data that identifies it: asking takes longer than a build that
/// changes nothing.
#[derive(Serialize, Deserialize)]
struct Remembered {
    zig: Zig,
    /// Length and modification time of the program; `None` for a script.
    stamp: Option<(u64, i128)>,
    /// The `zig` on the `PATH` at that time: another one takes precedence.
    first: Option<PathBuf>,
}

fn stamp_of(program: &Path) -> Option<(u64, i128)> {
    let mut start = [0; 2];
    std::io::Read::read_exact(&mut std::fs::File::open(program).ok()?, &mut start).ok()?;
    let metadata = std::fs::metadata(program).ok()?;
    let changed = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    (start != *b"#!").then_some((metadata.len(), changed))
}

fn remembered() -> Option<Remembered> {
    let file = cache::own(cache::directory().join("zig.json"))?;
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

/// Errors are ignored: zig is searched for again the next time.
fn remember(zig: &Zig, first: Option<PathBuf>) {
    let directory = cache::directory();
    let last = Remembered { stamp: stamp_of(&zig.program), zig: zig.clone(), first };
    let private =
        || paths::make_private(&paths::cache_dir()).and_then(|()| paths::make_private(&directory));
    if let Ok(text) = serde_json::to_string(&last)
        && private().is_ok()
    {
        let new = directory.join(format!("zig.json.{}", std::process::id()));
        let _ = std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, directory.join("zig.json")));
    }
}

/// Fetches the pinned release as Python's package, which installs zig without root.
pub(super) async fn provide(job: &Job) -> Result<Zig, Failure> {
    const WHAT: &str = "could not provide zig";
    let hint = format!(
        "connect to the network and run `lambda-console setup` again, or install zig {PINNED} \
        yourself: `pip install ziglang=={PINNED}`, or put `zig` on the PATH"
    );
    let Some(python) = on_path("python3") else {
        let why = "there is no `zig` on the PATH, and no `python3` to fetch it with";
        return Err(Failure::environment(WHAT, why, format!("install python3 and pip, or {hint}")));
    };
    let staging = Staging::new()?;
    let failed = |tried: &[String]| {
        Failure::environment(WHAT, format!("tried {}", tried.join("; ")), hint.clone())
    };
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
    match ask(program.clone(), &job.cancel).await? {
        Some(zig) => {
            let named = std::env::var("CARGO_ZIGBUILD_ZIG_PATH").unwrap_or_else(|_| "zig".into());
            remember(&zig, on_path(&named));
            Ok(zig)
        }
        None => Err(Failure::environment(
            WHAT,
            format!("{} was fetched but does not run", program.display()),
            hint,
        )),
    }
}

/// Runs pip, and reports how much it has fetched: it draws no bar into a pipe, but its temporary
/// files grow.
async fn install(pip: &[String], staging: &Staging, job: &Job) -> Result<(), RunError> {
    let text = format!("downloading zig {PINNED}");
    let unpacking = format!("unpacking zig {PINNED}");
    begin(job, &*text);
    let temporary = staging.path().join("tmp");
    std::fs::create_dir_all(&temporary)?;
    let hashes = WHEELS.map(|hash| format!(" --hash=sha256:{hash}")).concat();
    std::fs::write(
        staging.path().join("requirements.txt"),
        format!("ziglang=={PINNED}{hashes}\n"),
    )?;
    let mut command = child_process::command(&pip[0], staging.path());
    command
        .args(&pip[1..])
        .args([
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "--no-compile",
            "--progress-bar",
            "off",
        ])
        .args(["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--target", "packages"])
        .args(["--require-hashes", "-r", "requirements.txt"])
        .env("TMPDIR", &temporary);
    let total = AtomicU64::new(0);
    let errors = Mutex::new(Vec::new());
    let mut is_fetched = false;
    let run = child_process::stream(command, &job.cancel, |_, line| {
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
                // Then pip unpacks it, and no size that grows can be measured.
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
    Err(RunError::Io(std::io::Error::other(if errors.is_empty() {
        status.to_string()
    } else {
        errors
    })))
}

/// The size in pip's line `Downloading ziglang-….whl (97.9 MB)`, in bytes.
fn megabytes(line: &str) -> Option<u64> {
    let size =
        line.trim().strip_prefix("Downloading ")?.rsplit_once('(')?.1.strip_suffix(" MB)")?;
    Some((size.parse::<f64>().ok()? * 1e6) as u64)
}

fn wheel_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => wheel_bytes(&entry.path()),
            Ok(metadata)
                if entry.path().extension().is_some_and(|extension| extension == "whl") =>
            {
                metadata.len()
            }
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_line_has_the_size_of_the_download() {
        assert_eq!(
            megabytes("  Downloading ziglang-0.15.2-py3-none-any.whl (97.9 MB)"),
            Some(97_900_000)
        );
        assert_eq!(megabytes("Collecting ziglang==0.15.2"), None);
    }

    #[test]
    fn a_zig_that_is_too_old_or_prints_nothing_is_not_used() {
        assert!(
            is_usable("0.15.2")
                && is_usable("0.11.0")
                && is_usable("1.0.0")
                && is_usable("0.16.0-dev.1+ab")
        );
        assert!(!is_usable("0.9.1") && !is_usable("") && !is_usable("No module named ziglang"));
    }
}
