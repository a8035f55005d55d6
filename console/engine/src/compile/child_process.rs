//! Cargo, rustc and the other tools as child processes: with a clean environment, in a process
//! group of their own, read line by line, and ended with all their children when the job is
//! cancelled or dropped.
//!
//! May touch processes; does not know their purpose.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::ExitStatus,
    process::Stdio,
    time::Duration,
};

use lambda_console_model::text;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

/// Excerpt of a tool's output for an error message. If output is left out, all of it is logged.
pub(crate) fn excerpt(text: &str) -> String {
    let excerpt = text::excerpt(text);
    if excerpt.len() + 64 < text.len() {
        tracing::error!("the full message: {}", text::clean(text));
    }
    excerpt
}

/// Reason why a command has no exit status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It could not be started, or its output could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The job was cancelled; the whole process group is gone.
    #[error("it was cancelled")]
    Cancelled,
}

impl RunError {
    /// Returns `true` if the program does not exist on `PATH`.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Pipe that a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipe {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Output of a command that ran to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Returns an excerpt for an error message: the errors in the output, or its last lines.
    pub(crate) fn tail(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let tail = excerpt(text);
        if tail.is_empty() { self.status.to_string() } else { tail }
    }
}

/// A command that works in `dir`, reads no input and has an environment without leftovers of an
/// outer cargo.
pub(crate) fn command(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for key in leftovers(dir) {
        command.env_remove(key);
    }
    command
}

/// The variables of the environment that an outer cargo set for its child processes. A cargo that
/// works in `dir` must not see them: build scripts that read them would run again each time.
pub fn leftovers(dir: &Path) -> impl Iterator<Item = OsString> {
    let outer = std::env::var_os("CARGO_MANIFEST_DIR");
    let keys = std::env::vars_os().map(|(key, _)| key);
    keys.filter(move |key| {
        key.to_str().is_some_and(|key| is_leftover(key, dir, outer.as_deref().map(Path::new)))
    })
}

/// Returns `true` if `key` was set by the cargo that runs this program (`cargo run`, `cargo test`)
/// and not by the user.
///
/// `outer` is the manifest directory of that cargo. Its `RUSTUP_TOOLCHAIN` applies in its own
/// workspace only: another one may have a toolchain file.
fn is_leftover(key: &str, dir: &Path, outer: Option<&Path>) -> bool {
    const NAMES: [&str; 11] = [
        "CARGO",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_CRATE_NAME",
        "CARGO_BIN_NAME",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
        "RUST_RECURSION_COUNT",
    ];
    const PREFIXES: [&str; 5] =
        ["CARGO_PKG_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_BIN_EXE_", "DEP_"];
    match key {
        "RUSTUP_TOOLCHAIN" => outer.is_some_and(|outer| !outer.starts_with(dir)),
        _ => NAMES.contains(&key) || PREFIXES.iter().any(|prefix| key.starts_with(prefix)),
    }
}

/// Runs `command` to its end and keeps its output.
pub(crate) async fn output(
    command: Command,
    cancel: &CancellationToken,
) -> Result<Finished, RunError> {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let status = stream(command, cancel, |pipe, line| {
        let text = if pipe == Pipe::Stdout { &mut stdout } else { &mut stderr };
        text.push_str(line);
        text.push('\n');
    })
    .await?;
    Ok(Finished { status, stdout, stderr })
}

/// Runs `command` to its end and passes on each line as it is read. A carriage return ends a line
/// too, since progress bars are drawn with it.
///
/// # Errors
/// Returns an error if it cannot be started, and if `cancel` is cancelled: then its whole process
/// group is ended first.
pub(crate) async fn stream(
    mut command: Command,
    cancel: &CancellationToken,
    mut on_line: impl FnMut(Pipe, &str),
) -> Result<ExitStatus, RunError> {
    if cancel.is_cancelled() {
        return Err(RunError::Cancelled);
    }
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let mut stdout = Lines::new(child.stdout.take());
    let mut stderr = Lines::new(child.stderr.take());
    while stdout.is_open() || stderr.is_open() {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                group.end(&mut child).await;
                return Err(RunError::Cancelled);
            }
            read = stdout.read(), if stdout.is_open() => read?,
            read = stderr.read(), if stderr.is_open() => read?,
        }
        stdout.take(|line| on_line(Pipe::Stdout, line));
        stderr.take(|line| on_line(Pipe::Stderr, line));
    }
    let status = tokio::select! {
        status = child.wait() => status?,
        () = cancel.cancelled() => {
            group.end(&mut child).await;
            return Err(RunError::Cancelled);
        }
    };
    group.release();
    Ok(status)
}

/// A process group that is killed when this is dropped, so that a dropped job leaves no process
/// behind.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Sends SIGTERM to the group, then SIGKILL, and waits until no process of it is left.
    async fn end(mut self, child: &mut Child) {
        let Some(group) = self.0.take() else { return };
        // An error means that it has already ended.
        let _ = kill_process_group(group, Signal::TERM);
        let _ = tokio::time::timeout(Duration::from_millis(1500), child.wait()).await;
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait().await;
        // A killed orphan is a zombie until init has reaped it, which some containers never do.
        let gone = async {
            while test_kill_process_group(group).is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), gone).await;
    }

    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A pipe, cut into lines.
struct Lines<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    const fn new(pipe: Option<R>) -> Self {
        Self { pipe, bytes: Vec::new() }
    }

    const fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    async fn read(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        self.bytes.reserve(8 * 1024);
        if pipe.read_buf(&mut self.bytes).await? == 0 {
            self.pipe = None;
        }
        Ok(())
    }

    /// Passes on the whole lines, and, at the end of the pipe, the rest.
    fn take(&mut self, mut on_line: impl FnMut(&str)) {
        let end = match self.bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(last) => last + 1,
            None if self.pipe.is_none() => self.bytes.len(),
            None => return,
        };
        for line in self.bytes[..end].split(|byte| matches!(byte, b'\n' | b'\r')) {
            if !line.is_empty() {
                on_line(&String::from_utf8_lossy(line));
            }
        }
        self.bytes.drain(..end);
        if self.pipe.is_none() && !self.bytes.is_empty() {
            on_line(&String::from_utf8_lossy(&self.bytes));
            self.bytes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command("sh", &std::env::temp_dir());
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_is_cut_at_line_feeds_and_carriage_returns() {
        let mut lines = Vec::new();
        let script = "printf 'one\\rtwo\\n\\nthree'";
        let status =
            stream(shell(script), &CancellationToken::new(), |_, line| lines.push(line.to_owned()))
                .await;
        assert!(status.unwrap().success());
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[tokio::test]
    async fn a_cancelled_command_takes_its_children_with_it() {
        let cancel = CancellationToken::new();
        let mut grandchild = None;
        // The grandchild ignores SIGTERM and would outlive its parent.
        let script = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait";
        let result = stream(shell(script), &cancel, |_, line| {
            grandchild = line.parse().ok().and_then(Pid::from_raw);
            cancel.cancel();
        })
        .await;
        assert!(matches!(result, Err(RunError::Cancelled)));
        let grandchild = grandchild.unwrap();
        // A killed orphan may be a zombie until init reaps it.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", grandchild.as_raw_nonzero()))
            .unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }

    #[tokio::test]
    async fn a_missing_program_is_distinguished() {
        let missing =
            output(command("no-such-program-here", Path::new("/")), &CancellationToken::new())
                .await;
        assert!(missing.unwrap_err().is_missing());
    }

    #[test]
    fn what_an_outer_cargo_set_is_left_out_and_what_the_user_set_is_kept() {
        let (here, outer) = (Path::new("/w"), Some(Path::new("/w/console")));
        for leftover in [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_MANIFEST_DIR",
            "CARGO_BIN_EXE_x",
            "RUST_RECURSION_COUNT",
        ] {
            assert!(is_leftover(leftover, here, outer), "{leftover}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "RUSTFLAGS",
            "CARGO_REGISTRIES_X_INDEX",
            "CARGO_HTTP_PROXY",
        ] {
            assert!(!is_leftover(kept, here, outer), "{kept}");
        }
        assert!(!is_leftover("RUSTUP_TOOLCHAIN", here, outer), "the same workspace");
        assert!(!is_leftover("RUSTUP_TOOLCHAIN", here, None), "the user's own");
        assert!(is_leftover("RUSTUP_TOOLCHAIN", Path::new("/elsewhere"), outer));
    }
}
