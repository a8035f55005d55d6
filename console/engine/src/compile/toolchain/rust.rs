//! Rust itself: the compiler that the workspace uses, found by asking it.
//!
//! Runs `rustc`; provides nothing, for the console was built with it.

use std::path::{Path, PathBuf};

use lambda_console_model::Failure;
use tokio_util::sync::CancellationToken;

use crate::compile::{
    cargo_config::Configuration,
    child_process::{self, RunError},
};

/// The Rust toolchain of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rust {
    /// `1.95.0`, `1.97.0-nightly`.
    pub(crate) version: String,
    /// The commit that the compiler was built from; empty where it does not say.
    pub(crate) commit: String,
    /// The triple of this machine.
    pub(crate) host: String,
    /// Where the toolchain is.
    pub(crate) sysroot: PathBuf,
}

impl Rust {
    /// A name for what depends on exactly this compiler.
    pub(crate) fn key(&self) -> String {
        let commit: String = self.commit.chars().take(9).collect();
        format!("{}-{commit}", self.version)
    }

    /// The program `name` of the toolchain itself, past rustup's choosing; or of `PATH`, where it has none.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let own = self.sysroot.join("bin").join(name);
        if own.is_file() { own } else { PathBuf::from(name) }
    }

    /// Asks the compiler itself for what it knows of `target`: `cfg`, `target-cpus`, …
    pub(crate) async fn print(&self, what: &str, target: &str, cancel: &CancellationToken) -> Result<String, Failure> {
        run(&self.program("rustc"), &self.sysroot, &["--print", what, "--target", target], cancel).await
    }

    /// The name that rustup knows the toolchain by; none where it is not rustup's.
    pub(crate) fn rustup_name(&self) -> Option<String> {
        let toolchains = self.sysroot.parent()?;
        (toolchains.file_name()? == "toolchains")
            .then(|| self.sysroot.file_name())?
            .and_then(|name| name.to_str().map(str::to_owned))
    }
}

/// Asks the compiler that cargo runs in `root`: rustup may have another one for each directory, and cargo's
/// configuration, which comes along, may name another one still.
pub(crate) async fn find(root: &Path, cancel: &CancellationToken) -> Result<(Rust, Configuration), Failure> {
    let (configuration, rust) = tokio::join!(Configuration::read(root, cancel), ask(Path::new("rustc"), root, cancel));
    let configuration = configuration?;
    let rust = match configuration.rustc(cancel).await {
        Some(named) => ask(&named, root, cancel).await,
        None => rust,
    };
    Ok((rust?, configuration))
}

async fn ask(program: &Path, root: &Path, cancel: &CancellationToken) -> Result<Rust, Failure> {
    let run = async |arguments: &[&str]| run(program, root, arguments, cancel).await;
    let (version, sysroot) = tokio::try_join!(run(&["-vV"]), run(&["--print", "sysroot"]))?;
    let field = |name: &str| {
        let mut lines = version.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
    };
    let (Some(release), Some(host)) = (field("release"), field("host")) else {
        return Err(broken("`rustc -vV` does not say its release and host"));
    };
    let commit = field("commit-hash").filter(|commit| *commit != "unknown").unwrap_or_default();
    Ok(Rust {
        version: release.to_owned(),
        commit: commit.to_owned(),
        host: host.to_owned(),
        sysroot: PathBuf::from(sysroot.trim()),
    })
}

async fn run(program: &Path, root: &Path, arguments: &[&str], cancel: &CancellationToken) -> Result<String, Failure> {
    let mut rustc = child_process::command(program, root);
    rustc.args(arguments);
    let finished = child_process::output(rustc, cancel).await.map_err(|error| missing(program, &error))?;
    if finished.status.success() { Ok(finished.stdout) } else { Err(broken(&finished.tail())) }
}

const WHAT: &str = "could not find the Rust compiler";

fn missing(program: &Path, error: &RunError) -> Failure {
    match error {
        RunError::Cancelled => Failure::interrupted("could not set up"),
        error if error.is_missing() => {
            if program == Path::new("rustc") {
                return Failure::environment(WHAT, "there is no `rustc` on the PATH", "install Rust with rustup");
            }
            let program = program.display();
            let why = format!("there is no program `{program}`: the variable RUSTC, or `build.rustc`, names it");
            Failure::environment(WHAT, why, "correct it, or take it out")
        }
        RunError::Io(error) => Failure::environment(WHAT, error.to_string(), "check that `rustc -vV` runs"),
    }
}

fn broken(why: &str) -> Failure {
    Failure::environment(WHAT, why, "check that `rustc -vV` runs in the workspace")
}
