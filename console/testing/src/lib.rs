//! Test support of every crate: bootstraps in Python, and waiting for conditions.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// The Runtime API in Python, and functions that many bootstraps use.
pub const PRELUDE: &str = include_str!("prelude.py");

/// Timeout for conditions that must come true: far longer than they take on a busy machine. A
/// passing test never waits for it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Time between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(2);

/// The interpreter behind `python3`, for processes without our `PATH`.
///
/// # Panics
/// If there is none.
pub fn python() -> &'static Path {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let script = "import sys; print(sys.executable, end='')";
        let output = Command::new("python3").args(["-c", script]).output().expect("python3 runs");
        assert!(output.status.success(), "{output:?}");
        PathBuf::from(String::from_utf8(output.stdout).expect("a path in UTF-8"))
    })
}

/// A bootstrap that runs this program after the [`PRELUDE`].
pub fn bootstrap(program: &str) -> String {
    format!("#!{}\n{PRELUDE}\n{program}\n", python().display())
}

/// Waits until the condition is true.
///
/// # Panics
/// If it does not become true.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "not within {PATIENCE:?}: {what}");
}

/// Waits until the condition is true, in a thread without an executor.
///
/// # Panics
/// If it does not become true.
#[track_caller]
pub fn eventually_blocking(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(PAUSE);
    }
}
