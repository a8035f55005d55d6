//! Cargo's configuration, as cargo itself reads it: `cargo config get` merges its files, including
//! the files that they include.
//!
//! Runs `cargo`; changes nothing.

mod rustflags;

use std::path::{Path, PathBuf};

use lambda_console_model::Failure;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    child_process::{self, RunError},
    toolchain::{WITHOUT_TRACE, not_installed, on_path},
};

pub(crate) use rustflags::{Flag, Origin, join};

/// Summary of the failures of this module.
const WHAT: &str = "could not read cargo's configuration";

/// The configuration that applies in a directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configuration {
    directory: PathBuf,
    values: Value,
    variables: Variables,
}

/// The environment, which cargo reads in addition to its files; a test has its own.
#[derive(Clone, Debug, Default)]
enum Variables {
    #[default]
    OfProcess,
    #[cfg(test)]
    Of(std::collections::BTreeMap<String, String>),
}

impl Configuration {
    /// Runs the cargo that works in `directory`.
    ///
    /// # Errors
    /// Usage: cargo cannot read a file (with its message, which has the place). Interrupted:
    /// cancelled.
    pub(crate) async fn read(
        directory: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, Failure> {
        Self::read_with(directory, Variables::default(), cancel).await
    }

    async fn read_with(
        directory: &Path,
        variables: Variables,
        cancel: &CancellationToken,
    ) -> Result<Self, Failure> {
        let mut read = Self { directory: directory.to_owned(), values: Value::Null, variables };
        let text = read.ask(&["--format", "json"], cancel).await?;
        read.values = serde_json::from_str(&text).map_err(|error| {
            Failure::work(
                WHAT,
                format!("`cargo config get` returned unexpected output: {error}"),
                "",
            )
        })?;
        Ok(read)
    }

    /// Runs `cargo config get` with these arguments. The command is not stable yet, so
    /// `RUSTC_BOOTSTRAP` enables it.
    async fn ask(&self, arguments: &[&str], cancel: &CancellationToken) -> Result<String, Failure> {
        let mut cargo = child_process::command("cargo", &self.directory);
        cargo.args(["config", "get", "-Z", "unstable-options", "--color", "never"]).args(arguments);
        cargo.env("RUSTC_BOOTSTRAP", "1").envs(WITHOUT_TRACE);
        #[cfg(test)]
        if let Variables::Of(variables) = &self.variables {
            cargo.envs(variables);
        }
        match child_process::output(cargo, cancel).await {
            Ok(finished) if finished.status.success() => Ok(finished.stdout),
            Ok(finished) => {
                if let Some((why, hint)) = not_installed(&finished.stderr) {
                    return Err(Failure::environment(WHAT, why, hint));
                }
                Err(Failure::usage(
                    WHAT,
                    finished.tail().trim_start_matches("error: "),
                    "correct the file",
                ))
            }
            Err(RunError::Cancelled) => Err(Failure::interrupted(WHAT)),
            // Nothing is configured then; the code that needs cargo reports that it is missing.
            Err(error) if error.is_missing() => Ok("{}".to_owned()),
            Err(error) => {
                Err(Failure::environment(WHAT, format!("could not run cargo: {error}"), ""))
            }
        }
    }

    fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(&self.values, |value, key| value.get(key))
    }

    fn variable(&self, name: &str) -> Option<String> {
        match &self.variables {
            // Cargo ignores values that are not Unicode, too.
            Variables::OfProcess => std::env::var(name).ok(),
            #[cfg(test)]
            Variables::Of(variables) => variables.get(name).cloned(),
        }
    }

    /// The linker that the environment names for `target`, and the variable that does.
    pub(crate) fn linker_of_environment(&self, target: &str) -> Option<(String, Origin)> {
        let variable = variable_of(target, "LINKER");
        Some((self.variable(&variable)?, Origin::Variable(variable)))
    }

    /// The keys of `[profile.release]` that files and the environment set.
    pub(crate) fn release_keys(&self) -> impl Iterator<Item = String> {
        let keys = self.get(&["profile", "release"]).and_then(Value::as_object);
        let written: Vec<String> = keys.into_iter().flat_map(|keys| keys.keys().cloned()).collect();
        let named = std::env::vars_os().filter_map(|(key, _)| {
            Some(
                key.to_str()?
                    .strip_prefix("CARGO_PROFILE_RELEASE_")?
                    .to_lowercase()
                    .replace('_', "-"),
            )
        });
        written.into_iter().chain(named)
    }

    /// The compiler that cargo runs, if it is not the one on the `PATH`.
    pub(crate) async fn rustc(&self, cancel: &CancellationToken) -> Option<PathBuf> {
        Some(self.program(&rustc(), cancel).await?.path)
    }

    /// Checks that the programs that cargo runs instead of its defaults exist: the compiler, its
    /// wrappers, and the linker of `linked`, a target that cargo links itself.
    ///
    /// # Errors
    /// Environment: one does not exist. The variable, or the key and its file, are named.
    pub(crate) async fn check_programs(
        &self,
        linked: Option<&str>,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let linker = linked.map(|target| (variable_of(target, "LINKER"), target));
        let linker = linker.as_ref().map(|(variable, target)| Setting {
            variables: [variable, ""],
            keys: vec!["target", target, "linker"],
        });
        for setting in [rustc(), wrapper(), workspace_wrapper()].into_iter().chain(linker) {
            let Some(program) = self.program(&setting, cancel).await else { continue };
            if is_there(&program.path) {
                continue;
            }
            let origin = self.describe(&program.origin, &program.text, cancel).await;
            return Err(Failure::environment(
                "could not build",
                format!("there is no program `{}`: {origin} names it", program.path.display()),
                "correct it, or remove it",
            ));
        }
        Ok(())
    }

    /// The configured program; `None` if none is, or only an empty text.
    async fn program(&self, setting: &Setting<'_>, cancel: &CancellationToken) -> Option<Program> {
        let named = setting
            .variables
            .iter()
            .find_map(|name| Some((self.variable(name)?, (*name).to_owned())));
        if let Some((text, name)) = named {
            let path =
                if text.contains('/') { self.directory.join(&text) } else { PathBuf::from(&text) };
            return (!text.is_empty()).then_some(Program {
                path,
                text,
                origin: Origin::Variable(name),
            });
        }
        let text = self.get(&setting.keys)?.as_str().filter(|text| !text.is_empty())?.to_owned();
        let origin = Origin::Key(setting.keys.iter().map(|key| (*key).to_owned()).collect());
        let mut path = PathBuf::from(&text);
        if text.contains('/') && path.is_relative() {
            // Relative to the directory that has `.cargo`.
            let file = self.place(&origin, &text, cancel).await;
            path = file
                .as_deref()
                .and_then(Path::parent)
                .and_then(Path::parent)
                .unwrap_or(&self.directory)
                .join(path);
        }
        Some(Program { path, text, origin })
    }

    /// Description of the file that has `text` in the setting, for people: ``the variable
    /// RUSTFLAGS``, ``build.rustflags in /w/…``.
    pub(crate) async fn describe(
        &self,
        origin: &Origin,
        text: &str,
        cancel: &CancellationToken,
    ) -> String {
        match origin {
            Origin::Variable(name) => format!("the variable {name}"),
            Origin::Key(keys) => match self.place(origin, text, cancel).await {
                Some(file) => format!("{} in {}", key(keys), file.display()),
                None => format!("{} in cargo's configuration", key(keys)),
            },
        }
    }

    /// The file that has `text` in the setting.
    async fn place(
        &self,
        origin: &Origin,
        text: &str,
        cancel: &CancellationToken,
    ) -> Option<PathBuf> {
        let Origin::Key(keys) = origin else { return None };
        place_in(&self.ask(&["--show-origin"], cancel).await.ok()?, &keys.join("."), text)
    }
}

/// The file behind the value of `key` that has `text`, in lines like `build.rustflags = [`,
/// `    "-C", # /w/.cargo/config.toml` and `]`.
fn place_in(shown: &str, key: &str, text: &str) -> Option<PathBuf> {
    // Cargo chooses the quotes of a key.
    let bare = |text: &str| text.replace(['"', '\'', '\\'], "");
    let first = bare(key) + " = ";
    let mut lines = shown.lines().skip_while(|line| !bare(line).starts_with(&first));
    let head = lines.next()?;
    let values = lines.take_while(|line| head.ends_with('[') && *line != "]");
    let values: Vec<(&str, &str)> =
        std::iter::once(head).chain(values).filter_map(|line| line.rsplit_once(" # ")).collect();
    let quoted = toml::Value::from(text).to_string();
    let exact = values.iter().find(|(value, _)| value.trim().trim_end_matches(',') == quoted);
    // A string may contain several flags; otherwise the first one is used.
    let found =
        exact.or_else(|| values.iter().find(|(value, _)| value.contains(text))).or(values.first());
    found.map(|(_, file)| PathBuf::from(file.trim()))
}

/// A key as TOML and `cargo config get` have it.
fn key(keys: &[String]) -> String {
    let is_bare =
        |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let quoted = |key: &String| if is_bare(key) { key.clone() } else { format!("'{key}'") };
    keys.iter().map(quoted).collect::<Vec<_>>().join(".")
}

/// `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER`
pub(crate) fn variable_of(target: &str, key: &str) -> String {
    format!("CARGO_TARGET_{}_{key}", target.to_uppercase().replace(['-', '.'], "_"))
}

/// A setting that names a program: the variables that take precedence over the files, and the key
/// in the files.
struct Setting<'a> {
    variables: [&'a str; 2],
    keys: Vec<&'a str>,
}

fn rustc() -> Setting<'static> {
    Setting { variables: ["RUSTC", "CARGO_BUILD_RUSTC"], keys: vec!["build", "rustc"] }
}

fn wrapper() -> Setting<'static> {
    Setting {
        variables: ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"],
        keys: vec!["build", "rustc-wrapper"],
    }
}

fn workspace_wrapper() -> Setting<'static> {
    Setting {
        variables: ["RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"],
        keys: vec!["build", "rustc-workspace-wrapper"],
    }
}

/// A program that is set.
struct Program {
    path: PathBuf,
    /// As it is written.
    text: String,
    origin: Origin,
}

fn is_there(program: &Path) -> bool {
    if program.components().count() > 1 {
        program.is_file()
    } else {
        program.to_str().is_some_and(|name| on_path(name).is_some())
    }
}

#[cfg(test)]
mod tests;
