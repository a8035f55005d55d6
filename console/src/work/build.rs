//! Builds functions for Lambda: one cargo call for all of them, with zig as the linker, then checks and packages
//! each. Those that compile are built even where others fail.
//!
//! May touch cargo, through the toolchain, and the workspace's target directory.

mod diagnostics;
mod profile;
pub(crate) mod progress;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use tokio::process::Command;

use super::{
    Job,
    command::{self, Pipe, RunError},
    package, paths, toolchain,
    toolchain::Toolchain,
};
use crate::message::{Architecture, BuildOutcome, Built, Failure, Function, Step, Workspace};
use diagnostics::Transcript;

/// What to build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildRequest {
    /// Names of functions; empty for all.
    pub functions: Vec<String>,
    /// What to build them for.
    pub architecture: Architecture,
    /// Build the dev profile: quick to compile, slow to run.
    pub debug: bool,
}

/// Builds functions of `workspace`, after providing what the toolchain misses. Reports phases, crates done, cargo's
/// output with its colours, and each function that is done.
///
/// # Errors
/// Usage: there is no such function, or none at all. Environment: the toolchain cannot be provided. Interrupted:
/// cancelled; cargo and all that it started have ended by then. Functions that do not compile are no error here: they
/// are in the outcome.
pub async fn build(workspace: &Workspace, request: &BuildRequest, job: &Job) -> Result<BuildOutcome, Failure> {
    let began = Instant::now();
    let functions = chosen(workspace, &request.functions)?;
    let toolchain = toolchain::ready(&workspace.root, request.architecture, request.debug, job).await?;
    let transcript = run(cargo(workspace, &functions, request, &toolchain)?, job).await?;
    let mut outcome = BuildOutcome::default();
    for function in functions {
        if job.cancel.is_cancelled() {
            return Err(Failure::interrupted("could not build"));
        }
        let (name, binary) = (function.name.clone(), function.binary.clone());
        let packaged = match transcript.executable(&binary) {
            None => Err(transcript.failure(&binary, &function.manifest)),
            Some(executable) => {
                let target = workspace.target.clone();
                let (architecture, include) = (request.architecture, function.config.include.clone());
                let package = move || package::package(&target, &binary, architecture, &executable, &include);
                let packaged = tokio::task::spawn_blocking(package).await;
                packaged.unwrap_or_else(|error| {
                    Err(Failure::work(format!("could not package {name}"), error.to_string(), ""))
                })
            }
        };
        match packaged {
            Ok(built) => {
                outcome.built.push(Built { name: name.clone(), ..built });
                job.report(Step::Done(name));
            }
            Err(failure) => outcome.failed.push((name, failure)),
        }
    }
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The functions of that name, sorted; all, if none is named.
fn chosen<'w>(workspace: &'w Workspace, names: &[String]) -> Result<Vec<&'w Function>, Failure> {
    let known = || workspace.functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>().join(", ");
    if workspace.functions.is_empty() {
        let why = format!("{} has no functions", workspace.root.display());
        let hint = "a function is a binary whose package depends on `lambda-console-runtime` or `lambda_runtime`, or has \
                    `[package.metadata.lambda]`";
        return Err(Failure::usage("could not build", why, hint));
    }
    if let Some(unknown) = names.iter().find(|name| workspace.functions.iter().all(|function| function.name != **name))
    {
        let why = format!("there is no function named {unknown}");
        return Err(Failure::usage("could not build", why, format!("the functions are {}", known())));
    }
    Ok(workspace.functions.iter().filter(|function| names.is_empty() || names.contains(&function.name)).collect())
}

async fn run(cargo: Command, job: &Job) -> Result<Transcript, Failure> {
    job.report(Step::Phase { text: "building".into(), done: 0, total: 0 });
    let mut transcript = Transcript::default();
    let ended = command::stream(cargo, &job.cancel, |pipe, line| {
        let step = match pipe {
            Pipe::Stdout => transcript.stdout(line),
            Pipe::Stderr => transcript.stderr(line),
        };
        if let Some(step) = step {
            job.report(step);
        }
    })
    .await;
    match ended {
        // A failed build is seen by the functions that are not there.
        Ok(_) => Ok(transcript),
        Err(RunError::Cancelled) => Err(Failure::interrupted("could not build")),
        Err(error) => Err(Failure::environment("could not build", format!("cargo did not run: {error}"), "")),
    }
}

/// `cargo build` of the functions: by way of cargo-zigbuild for Lambda, plainly for this machine.
fn cargo(
    workspace: &Workspace,
    functions: &[&Function],
    request: &BuildRequest,
    toolchain: &Toolchain,
) -> Result<Command, Failure> {
    let target = toolchain::target(request.architecture).unwrap_or(&toolchain.rust.host);
    let mut command = match &toolchain.zig {
        None => {
            let mut command = command::command("cargo", &workspace.root);
            command.arg("build");
            command
        }
        Some(zig) => {
            let myself = myself()?;
            let mut command = command::command(&myself, &workspace.root);
            command.args(["zig", "build"]);
            command.args(rustflags(request.architecture, toolchain).map(|flag| format!("--rustflag={flag}")));
            command
                // What is known need not be asked for again, by this process or by each linker call.
                .env("CARGO_ZIGBUILD_ZIG_COMMAND", &zig.program)
                .env("CARGO_ZIGBUILD_ZIG_COMMAND_ARGS", zig.arguments.join(" "))
                .env("CARGO_ZIGBUILD_ZIG_VERSION", &zig.version)
                .env("CARGO_ZIGBUILD_RUSTC_VERSION", &toolchain.rust.version)
                // The name under which cargo-zigbuild's wrappers call this program back.
                .env("CARGO_BIN_EXE_cargo-zigbuild", myself);
            if std::env::var_os("CARGO_ZIGBUILD_CACHE_DIR").is_none() {
                command.env("CARGO_ZIGBUILD_CACHE_DIR", paths::cache_dir());
            }
            command
        }
    };
    command.args(["--target", target, "--keep-going", "--message-format", "json-diagnostic-rendered-ansi"]);
    command.args(["--color", "always"]).arg("--manifest-path").arg(workspace.root.join("Cargo.toml"));
    command.arg("--target-dir").arg(&workspace.target);
    let mut packages: Vec<&str> = functions.iter().map(|function| function.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    for package in packages {
        command.args(["--package", package]);
    }
    for function in functions {
        command.args(["--bin", &function.binary]);
    }
    if !request.debug {
        command.arg("--release");
        for setting in profile::configuration(&workspace.root) {
            command.args(["--config", &setting]);
        }
    }
    progress::ask_for(&mut command);
    Ok(command)
}

/// Flags for the crates of the target alone: host crates and macros keep the toolchain's own library.
fn rustflags(architecture: Architecture, toolchain: &Toolchain) -> impl Iterator<Item = String> {
    let processor = (architecture == Architecture::Arm64).then(|| "-Ctarget-cpu=neoverse-n1".to_owned());
    let sysroot = toolchain.sysroot.as_ref().map(|sysroot| {
        // The library cannot name the functions of a backtrace, so the runtime need not walk the stack.
        [format!("--sysroot={}", sysroot.display()), "--cfg=lambda_no_backtrace".to_owned()]
    });
    processor.into_iter().chain(sysroot.into_iter().flatten())
}

/// This program under a name that does not change with where it is: build scripts are run again when the compiler's
/// path changes, and the program itself may be replaced while it runs.
fn myself() -> Result<PathBuf, Failure> {
    const WHAT: &str = "could not build";
    let failed =
        |error: &dyn std::fmt::Display| Failure::environment(WHAT, format!("the console's own program: {error}"), "");
    let program = match std::env::var_os("CARGO_BIN_EXE_cargo-zigbuild") {
        Some(named) => PathBuf::from(named),
        None => std::env::current_exe().map_err(|error| failed(&error))?,
    };
    // Linux says so of a program that was replaced; a new one is there in its stead.
    let program = match program.to_str().and_then(|name| name.strip_suffix(" (deleted)")) {
        Some(name) if Path::new(name).is_file() => PathBuf::from(name),
        _ => program,
    };
    let link = paths::cache_dir().join("bin/lambda-console");
    if link == program || std::fs::read_link(&link).is_ok_and(|to| to == program) {
        return Ok(link);
    }
    let linked = (|| {
        let directory = link.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(directory)?;
        let new = directory.join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
        std::os::unix::fs::symlink(&program, &new)?;
        std::fs::rename(&new, &link)
    })();
    linked.map(|()| link).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_can_run_on_any_thread() {
        fn is_send(_: impl Send) {}
        let (workspace, request, job) = (Workspace::default(), BuildRequest::default(), Job::silent());
        is_send(build(&workspace, &request, &job));
        is_send(crate::work::discover::discover(Path::new("/")));
        is_send(toolchain::setup(Architecture::Arm64, &job));
        is_send(toolchain::check(Architecture::Arm64));
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        let mut workspace = Workspace { root: "/w".into(), ..Workspace::default() };
        assert_eq!(chosen(&workspace, &[]).unwrap_err().why, "/w has no functions");
        let function = serde_json::json!({"name": "hello", "binary": "hello", "package": "hello", "manifest": "/w/Cargo.toml", "runtime": "bundled",
            "architecture": "arm64", "config": {}, "events": [], "bootstrap": null, "zip": null, "stale": false});
        workspace.functions.push(serde_json::from_value(function).unwrap());
        let failure = chosen(&workspace, &["helo".into()]).unwrap_err();
        assert_eq!(
            (failure.why.as_str(), failure.hint.as_str()),
            ("there is no function named helo", "the functions are hello")
        );
        assert_eq!(chosen(&workspace, &[]).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_function_that_does_not_compile_leaves_the_others_built() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"good\", \"bad\"]\n");
        for name in ["good", "bad"] {
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[package.metadata.lambda]\n"
            );
            write(&format!("{name}/Cargo.toml"), &manifest);
        }
        write("good/src/main.rs", "fn main() {}");
        write("bad/src/main.rs", "fn main() {\n    let x: u8 = \"no\";\n}");
        let workspace = crate::work::discover::discover_apart(root.path()).await;
        let steps = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = steps.clone();
        let job = Job::new(tokio_util::sync::CancellationToken::new(), move |step| seen.lock().unwrap().push(step));
        let request = BuildRequest { functions: Vec::new(), architecture: Architecture::Native, debug: true };
        let outcome = build(&workspace, &request, &job).await.unwrap();
        assert_eq!(outcome.built.iter().map(|built| built.name.as_str()).collect::<Vec<_>>(), ["good"]);
        assert_eq!(outcome.failed[0].0, "bad");
        assert!(outcome.failed[0].1.why.ends_with("bad/src/main.rs:2:17: mismatched types"), "{:?}", outcome.failed);
        let steps: Vec<Step> = steps.lock().unwrap().clone();
        assert!(steps.contains(&Step::Done("good".into())));
        assert!(
            steps.iter().any(
                |step| matches!(step, Step::Output(text) if text.contains("\u{1b}[") && text.contains("mismatched"))
            )
        );
        let found = crate::work::discover::discover_apart(root.path()).await;
        assert_eq!(found.functions[1].zip.as_ref(), Some(&outcome.built[0].zip));
        assert!(!found.functions[1].stale);
        assert_eq!(found.functions[1].architecture, Architecture::Native);
    }
}
