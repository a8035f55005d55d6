//! The calls of cargo that a build makes: through cargo-zigbuild for Lambda, directly for this
//! machine.
//!
//! Writes the link to this program in the cache directory; starts nothing.

pub(super) mod flags;
mod profile;

use std::path::{Path, PathBuf};

use lambda_console_model::{Failure, Features, Workspace};
use tokio::process::Command;

use self::flags::Flags;
use super::{plan::Selection, progress};
use crate::{
    compile::{cargo_config::variable_of, child_process, toolchain::Toolchain},
    workspace::paths,
};

/// All calls for one target.
pub(super) struct Cargo<'a> {
    workspace: &'a Workspace,
    toolchain: &'a Toolchain,
    target: &'a str,
    flags: Option<&'a Flags>,
    /// The arguments of `--config`; `None` for a debug build.
    settings: Option<Vec<String>>,
}

impl<'a> Cargo<'a> {
    /// `flags`: those of a build for Lambda; without them, cargo reads the flags from their usual
    /// sources.
    pub(super) fn new(
        workspace: &'a Workspace,
        toolchain: &'a Toolchain,
        target: &'a str,
        flags: Option<&'a Flags>,
        debug: bool,
    ) -> Self {
        let settings =
            (!debug).then(|| profile::configuration(&workspace.root, &toolchain.configuration));
        Self { workspace, toolchain, target, flags, settings }
    }

    /// Builds the binaries of `selections`, which have the same features, with JSON messages.
    pub(super) fn build(&self, selections: &[&Selection<'_>]) -> Result<Command, Failure> {
        let mut command = match &self.toolchain.zig {
            None => self.plain(),
            Some(zig) => {
                let myself = myself()?;
                let mut command = child_process::command(&myself, &self.workspace.root);
                command
                    .arg("zig")
                    // Set here, so that neither this process nor each linker call has to find it
                    // again.
                    .env("CARGO_ZIGBUILD_ZIG_COMMAND", &zig.program)
                    .env("CARGO_ZIGBUILD_ZIG_COMMAND_ARGS", "")
                    .env("CARGO_ZIGBUILD_ZIG_VERSION", &zig.version)
                    .env("CARGO_ZIGBUILD_RUSTC_VERSION", &self.toolchain.rust.version)
                    // It would take precedence over zig; the warning of the flags names it.
                    .env_remove(variable_of(self.target, "LINKER"))
                    // The name with which cargo-zigbuild's wrappers call this program back.
                    .env("CARGO_BIN_EXE_cargo-zigbuild", myself);
                if std::env::var_os("CARGO_ZIGBUILD_CACHE_DIR").is_none() {
                    command.env("CARGO_ZIGBUILD_CACHE_DIR", paths::cache_dir());
                }
                command
            }
        };
        self.shared(&mut command, selections.iter().copied());
        command.args([
            "--keep-going",
            "--message-format",
            "json-diagnostic-rendered-ansi",
            "--color",
            "always",
        ]);
        command.arg("--target-dir").arg(&self.workspace.target);
        for function in selections.iter().flat_map(|selection| &selection.functions) {
            command.args(["--bin", &function.binary]);
        }
        progress::ask_for(&mut command);
        Ok(command)
    }

    /// Prints what [`Cargo::build`] would compile for a selection alone, and compiles nothing. The
    /// option is not stable yet, so `RUSTC_BOOTSTRAP` enables it.
    pub(super) fn units(&self, selection: &Selection<'_>) -> Command {
        let mut command = self.plain();
        self.shared(&mut command, std::iter::once(selection));
        command.args(["--bins", "--unit-graph", "-Z", "unstable-options", "--color", "never"]);
        // The compiler's answers that cargo caches here would differ from those of a stable cargo.
        command.arg("--target-dir").arg(paths::cache_dir().join("units"));
        command.env("RUSTC_BOOTSTRAP", "1");
        command
    }

    fn plain(&self) -> Command {
        child_process::command("cargo", &self.workspace.root)
    }

    /// Adds the arguments that decide which crates are compiled, and with which options.
    fn shared<'s>(
        &self,
        command: &mut Command,
        selections: impl Iterator<Item = &'s Selection<'s>>,
    ) {
        command.args(["build", "--target", self.target]);
        command.arg("--manifest-path").arg(self.workspace.root.join("Cargo.toml"));
        for selection in selections {
            command.args(["--package", selection.package]);
            let Features { names, all, no_default } = &selection.features;
            if !names.is_empty() {
                command.args(["--features", &names.join(",")]);
            }
            command
                .args(all.then_some("--all-features"))
                .args(no_default.then_some("--no-default-features"));
        }
        if let Some(settings) = &self.settings {
            command.arg("--release");
            command.args(settings.iter().flat_map(|setting| ["--config", setting]));
        }
        if let Some(flags) = self.flags {
            command.env("CARGO_ENCODED_RUSTFLAGS", &flags.encoded);
        }
    }
}

/// This program under a name that does not depend on its location: build scripts are run again when
/// the compiler's path changes, and the program itself may be replaced while it runs.
fn myself() -> Result<PathBuf, Failure> {
    const WHAT: &str = "could not build";
    let failed = |error: &dyn std::fmt::Display| {
        Failure::environment(WHAT, format!("the console's own program: {error}"), "")
    };
    let program = match std::env::var_os("CARGO_BIN_EXE_cargo-zigbuild") {
        Some(named) => PathBuf::from(named),
        None => std::env::current_exe().map_err(|error| failed(&error))?,
    };
    // Linux adds this to the name of a program that was replaced; the new one has the original
    // name.
    let program = match program.to_str().and_then(|name| name.strip_suffix(" (deleted)")) {
        Some(name) if Path::new(name).is_file() => PathBuf::from(name),
        _ => program,
    };
    let link = paths::cache_dir().join("bin/lambda-console");
    let is_there = || std::fs::read_link(&link).is_ok_and(|to| to == program);
    if link == program || (is_there() && paths::is_own(&link, &paths::cache_dir())) {
        return Ok(link);
    }
    let linked = (|| {
        let directory = link.parent().unwrap_or(Path::new("/"));
        paths::make_private(&paths::cache_dir())?;
        paths::make_private(directory)?;
        let new = directory.join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
        std::os::unix::fs::symlink(&program, &new)?;
        std::fs::rename(&new, &link)
    })();
    linked.map(|()| link).map_err(|error| failed(&error))
}
