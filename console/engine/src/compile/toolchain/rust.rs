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
    /// Version: `1.95.0`, `1.97.0-nightly`.
    pub(crate) version: String,
    /// The commit that the compiler was built from; empty if it does not report one.
    pub(crate) commit: String,
    /// The triple of this machine.
    pub(crate) host: String,
    /// Directory of the toolchain.
    pub(crate) sysroot: PathBuf,
}

impl Rust {
    /// A name for parts that depend on exactly this compiler.
    pub(crate) fn key(&self) -> String {
        let commit: String = self.commit.chars().take(9).collect();
        format!("{}-{commit}", self.version)
    }

    /// The program `name` of the toolchain itself, bypassing rustup's proxy; or of `PATH`, if the
    /// toolchain does not have it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let own = self.sysroot.join("bin").join(name);
        if own.is_file() { own } else { PathBuf::from(name) }
    }

    /// Runs `rustc --print` for `target`: `cfg`, `target-cpus`, …
    pub(crate) async fn print(
        &self,
        what: &str,
        target: &str,
        cancel: &CancellationToken,
    ) -> Result<String, Failure> {
        run(&self.program("rustc"), &self.sysroot, &["--print", what, "--target", target], cancel)
            .await
    }

    /// The name of the toolchain in rustup; `None` if it is not rustup's.
    pub(crate) fn rustup_name(&self) -> Option<String> {
        let toolchains = self.sysroot.parent()?;
        (toolchains.file_name()? == "toolchains")
            .then(|| self.sysroot.file_name())?
            .and_then(|name| name.to_str().map(str::to_owned))
    }
}

/// Runs the compiler that cargo uses in `root`: rustup may select another one for each directory,
/// and cargo's configuration, which is returned too, may name yet another one.
pub(crate) async fn find(
    root: &Path,
    cancel: &CancellationToken,
) -> Result<(Rust, Configuration), Failure> {
    let (configuration, rust) =
        tokio::join!(Configuration::read(root, cancel), ask(Path::new("rustc"), root, cancel));
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
        return Err(broken("the output of `rustc -vV` has no release and host"));
    };
    let commit = field("commit-hash").filter(|commit| *commit != "unknown").unwrap_or_default();
    Ok(Rust {
        version: release.to_owned(),
        commit: commit.to_owned(),
        host: host.to_owned(),
        sysroot: PathBuf::from(sysroot.trim()),
    })
}

async fn run(
    program: &Path,
    root: &Path,
    arguments: &[&str],
    cancel: &CancellationToken,
) -> Result<String, Failure> {
    let mut rustc = child_process::command(program, root);
    rustc.args(arguments).envs(WITHOUT_TRACE);
    let finished =
        child_process::output(rustc, cancel).await.map_err(|error| missing(program, &error))?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    Err(match not_installed(&finished.stderr) {
        Some((why, hint)) => Failure::environment(WHAT, why, hint),
        None => broken(&finished.tail()),
    })
}

/// The variables with which rustup writes no backtrace of its own below an error.
pub(crate) const WITHOUT_TRACE: [(&str, &str); 2] =
    [("RUST_BACKTRACE", "0"), ("RUST_LIB_BACKTRACE", "0")];

/// Returns the reason why rustup runs no program if the toolchain of the workspace or the
/// environment is not installed, and the remedy. Rustup's exit code is 1 for every error: its text
/// is the only sign.
pub(crate) fn not_installed(stderr: &str) -> Option<(String, String)> {
    let line = stderr.lines().find_map(|line| line.strip_prefix("error: "))?;
    let (before, rest) = line.split_once("toolchain '")?;
    let (name, rest) = rest.split_once('\'')?;
    if !rest.ends_with("is not installed") {
        return None;
    }
    let place =
        rest.split_once("specified in override file '").and_then(|(_, rest)| rest.split_once('\''));
    let place = match place {
        Some((file, _)) => Some(file.to_owned()),
        None => std::env::var("RUSTUP_TOOLCHAIN")
            .is_ok_and(|named| named == name)
            .then(|| "RUSTUP_TOOLCHAIN".to_owned()),
    };
    let named = place.as_ref().map(|place| format!(", which {place} names,")).unwrap_or_default();
    let is_release = !before.contains("custom")
        && (name.starts_with(|first: char| first.is_ascii_digit())
            || ["stable", "beta", "nightly"].iter().any(|channel| name.starts_with(channel)));
    let hint = if is_release {
        format!("`rustup toolchain install {name}`")
    } else {
        let place = place.unwrap_or_else(|| "rust-toolchain.toml".to_owned());
        format!(
            "name a release in {place}, such as `stable`, or `rustup toolchain link '{name}' \
            DIRECTORY`"
        )
    };
    Some((format!("the Rust toolchain {name}{named} is not installed"), hint))
}

const WHAT: &str = "could not find the Rust compiler";

fn missing(program: &Path, error: &RunError) -> Failure {
    match error {
        RunError::Cancelled => Failure::interrupted("could not set up"),
        error if error.is_missing() => {
            if program == Path::new("rustc") {
                return Failure::environment(
                    WHAT,
                    "there is no `rustc` on the PATH",
                    "install Rust with rustup",
                );
            }
            let program = program.display();
            let why = format!(
                "there is no program `{program}`: the variable RUSTC, or `build.rustc`, names it"
            );
            Failure::environment(WHAT, why, "correct it, or remove it")
        }
        RunError::Io(error) => {
            Failure::environment(WHAT, error.to_string(), "check that `rustc -vV` runs")
        }
    }
}

fn broken(why: &str) -> Failure {
    Failure::environment(WHAT, why, "check that `rustc -vV` runs in the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_that_is_missing_is_named_without_rustups_backtrace() {
        let of = |text: &str| {
            not_installed(&format!("{text}\n\nStack backtrace:\n   0: anyhow::error\n")).unwrap()
        };
        let missing = "error: toolchain '1.70.0-x86_64-unknown-linux-gnu' is not installed\nhelp: \
            run `rustup toolchain install`";
        let (why, hint) = of(missing);
        assert_eq!(why, "the Rust toolchain 1.70.0-x86_64-unknown-linux-gnu is not installed");
        assert_eq!(hint, "`rustup toolchain install 1.70.0-x86_64-unknown-linux-gnu`");
        let custom = "error: custom toolchain 'nope' specified in override file \
            '/w/rust-toolchain.toml' is not installed";
        let (why, hint) = of(custom);
        assert_eq!(
            why,
            "the Rust toolchain nope, which /w/rust-toolchain.toml names, is not installed"
        );
        assert_eq!(
            hint,
            "name a release in /w/rust-toolchain.toml, such as `stable`, or `rustup toolchain link \
            'nope' DIRECTORY`"
        );
        assert_eq!(not_installed("error: could not find `Cargo.toml`"), None);
    }
}
