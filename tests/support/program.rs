//! Runs the real `lambda-console` binary, as a user or a script does: its own process, its own
//! home.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::{Account, target, workspace::repository};

/// A temporary directory that functions on the local Lambda see as well: each sandbox has a `/tmp`
/// of its own.
pub fn shared_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").expect("a temporary directory")
}

/// The `lambda-console` binary of the current sources. Cargo builds a binary for tests of its own
/// package only, so the first call runs cargo: a no-op if it is up to date.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| executable(&["--bin=lambda-console"]))
}

/// Runs `cargo build` with these arguments, into the target directory of these tests. Returns the
/// path of the executable. `--workspace`, so that dependencies have the same features as in `cargo
/// test --workspace` and are not compiled twice.
pub fn executable(arguments: &[&str]) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    for key in lambda_console_engine::compile::leftovers(&repository()) {
        command.env_remove(key);
    }
    let output = command
        .env_remove("RUSTC_BOOTSTRAP")
        .args(["build", "--workspace", "--message-format=json", "--target-dir"])
        .arg(target())
        .args(arguments)
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo build failed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable")
}

/// Result of a command.
#[derive(Debug)]
pub struct Outcome {
    /// Exit code, or `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("not JSON ({error}):\n{}\nstderr:\n{}", self.stdout, self.stderr)
        })
    }

    /// Panics with all output unless the command exited 0.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often all that is asked is that it worked"
    )]
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A home directory for state (history, local Lambda) and configuration; the cache (zig, standard
/// libraries) is the user's, so that it is filled once.
pub struct Home {
    directory: tempfile::TempDir,
    workspace: PathBuf,
    account: Option<Account>,
}

impl Home {
    /// A fresh home whose commands work on `workspace`.
    pub fn new(workspace: impl Into<PathBuf>) -> Self {
        Self { directory: shared_directory(), workspace: workspace.into(), account: None }
    }

    /// The same home, with an environment for `account`.
    #[must_use]
    pub fn on(self, account: &Account) -> Self {
        Self { account: Some(account.clone()), ..self }
    }

    /// The directory used as the user's home.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// An environment in which AWS's clients use only the files of this home and no network
    /// settings of this machine. `None` removes the variable.
    pub fn apart(&self) -> Vec<(String, Option<String>)> {
        const FOREIGN: [&str; 21] = [
            "ALL_PROXY",
            "AWS_ACCESS_KEY_ID",
            "AWS_CA_BUNDLE",
            "AWS_CONFIG_FILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SHARED_CREDENTIALS_FILE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_DIR",
            "all_proxy",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ];
        let mut variables: Vec<_> = FOREIGN.map(|name| (name.to_owned(), None)).into();
        variables.push(("HOME".to_owned(), Some(self.path().display().to_string())));
        variables.push(("AWS_EC2_METADATA_DISABLED".to_owned(), Some("true".to_owned())));
        variables
    }

    /// A command for the console with this home, ready to be run or spawned.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        self.command_for(binary(), arguments)
    }

    /// The same for another build of the console, or another program.
    pub fn command_for(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.workspace)
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_CA_BUNDLE")
            .env_remove("REQUESTS_CA_BUNDLE")
            // The files of a workspace are in its own target directory, even if the tests
            // themselves are built elsewhere.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET_DIR")
            .env_remove("RUSTC_BOOTSTRAP")
            .stdin(Stdio::null());
        if let Some(account) = &self.account {
            account.lead(&mut command, self.path());
        }
        command
    }

    /// Runs the console to its end.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        finish(&mut self.command(arguments), None)
    }

    /// Runs the console to its end with `input` on standard input.
    pub fn run_with_input(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &str,
    ) -> Outcome {
        finish(&mut self.command(arguments), Some(input))
    }
}

fn finish(command: &mut Command, input: Option<&str>) -> Outcome {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the console starts");
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.as_bytes()).expect("the console reads its input");
    }
    let output = child.wait_with_output().expect("the console ends");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
