//! Builds functions for Lambda: one cargo call for as many of them as get the same code in it, with
//! zig as the linker, then checks and packages each. Those that compile are built even if others
//! fail.
//!
//! May touch cargo, through the toolchain, and the workspace's target directory.

mod cargo;
pub(crate) mod cargo_config;
pub(crate) mod child_process;
mod complaint;
mod diagnostics;
mod exec;
pub(crate) mod fingerprint;
pub mod package;
mod plan;
pub(crate) mod progress;
mod shared_target;
pub mod size;
pub mod toolchain;
pub mod zig_wrapper;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use async_recursion::async_recursion as boxed;
use futures_util::{StreamExt, stream};
use lambda_console_model::{
    Architecture, BuildOutcome, Built, Failure, FailureKind, Features, Function, Step, Workspace,
};
use tokio::process::Command;

use self::{
    cargo::{
        Cargo,
        flags::{self, Flags},
    },
    child_process::{Pipe, RunError},
    diagnostics::Transcript,
    fingerprint::{Attempt, Fingerprint, Now},
    plan::{Selection, Units},
};
use crate::{Job, workspace};

pub use self::child_process::leftovers;

/// Number of concurrent calls that list the units cargo would compile.
const AT_ONCE: usize = 4;
/// Summary of a failure that no function caused.
const WHAT: &str = "could not build";

/// Options of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildRequest {
    /// Names of functions; empty for all.
    pub functions: Vec<String>,
    /// Target architecture. `None` means each function's own.
    pub architecture: Option<Architecture>,
    /// Architectures of the functions on the stage, used if neither the request nor the manifest
    /// has one.
    pub deployed: BTreeMap<String, Architecture>,
    /// Features to activate in addition to those of the manifests.
    pub features: Features,
    /// `true` builds the dev profile: quick to compile, slow to run.
    pub debug: bool,
}

impl BuildRequest {
    /// Returns the architecture that `function` is built for.
    pub fn architecture_of(&self, function: &Function) -> Architecture {
        let decided = self.architecture.or(function.config.architecture);
        decided.or_else(|| self.deployed.get(&function.name).copied()).unwrap_or_default()
    }
}

/// Builds functions of `workspace`, after providing the missing parts of the toolchain. Reports
/// phases, crates done, cargo's output with its colours, and each function that is done.
///
/// # Errors
/// Usage: there is no such function, or none at all, or none has a requested feature. Environment:
/// the toolchain cannot be provided. Interrupted: cancelled; cargo and all its child processes have
/// ended by then. Functions that do not compile are no error here: they are in the outcome.
#[boxed]
pub async fn build(
    workspace: &Workspace,
    request: &BuildRequest,
    job: &Job,
) -> Result<BuildOutcome, Failure> {
    let began = Instant::now();
    let functions = chosen(workspace, &request.functions)?;
    check_features(&functions, &request.features)?;
    let mut by_architecture: BTreeMap<Architecture, Vec<&Function>> = BTreeMap::new();
    for function in functions {
        by_architecture.entry(request.architecture_of(function)).or_default().push(function);
    }
    let is_only = by_architecture.len() == 1;
    let mut outcome = BuildOutcome::default();
    for (architecture, functions) in by_architecture {
        match build_for(workspace, architecture, &functions, request, &mut outcome, job).await {
            Err(failure) if is_only || failure.kind == FailureKind::Interrupted => {
                return Err(failure);
            }
            Err(failure) => outcome
                .failed
                .extend(functions.iter().map(|one| (one.name.clone(), failure.clone()))),
            Ok(()) => {}
        }
    }
    outcome.built.sort_by(|one, two| one.name.cmp(&two.name));
    outcome.failed.sort_by(|one, two| one.0.cmp(&two.0));
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}

async fn build_for(
    workspace: &Workspace,
    architecture: Architecture,
    functions: &[&Function],
    request: &BuildRequest,
    outcome: &mut BuildOutcome,
    job: &Job,
) -> Result<(), Failure> {
    let bootstrap = exec::bootstrap(workspace, architecture, functions, request.debug, job).await;
    let bootstrap = Arc::new(match bootstrap {
        Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
        bootstrap => bootstrap,
    });
    let mut compiled = Vec::new();
    for function in functions {
        if let Some(binary) = function.built_binary() {
            compiled.push(of_binary(function, binary));
        } else {
            let packaged = package(workspace, architecture, function, None, &bootstrap).await;
            report(function, packaged, outcome, job);
        }
    }
    if compiled.is_empty() {
        return Ok(());
    }
    let functions: &[&Function] = &compiled.iter().collect::<Vec<_>>();
    let toolchain = toolchain::ready(&workspace.root, architecture, request.debug, job).await?;
    let target = toolchain::target(architecture).unwrap_or(&toolchain.rust.host);
    let linked = toolchain.zig.is_none().then_some(target);
    toolchain.configuration.check_programs(linked, &job.cancel).await?;
    let flags = match architecture {
        Architecture::Native => None,
        _ => Some(Flags::of(architecture, target, &toolchain, job).await?),
    };
    if let Some(warning) = flags.as_ref().and_then(|flags| flags.warning.as_ref()) {
        job.report(Step::Output(format!("warning: {warning}\n")));
    }
    let cargo = Cargo::new(workspace, &toolchain, target, flags.as_ref(), request.debug);
    let mut selections = plan::selections(functions, &request.features);
    let units = units(&cargo, &selections, job).await?;
    for (selection, units) in selections.iter_mut().zip(&units) {
        let Some(units) = units else { continue };
        let refused = plan::take_refused(selection, units).into_iter();
        outcome.failed.extend(refused.map(|(function, failure)| (function.name.clone(), failure)));
    }
    let (selections, units): (Vec<_>, Vec<_>) = selections
        .into_iter()
        .zip(units)
        .filter(|(selection, _)| !selection.functions.is_empty())
        .unzip();
    let _claim = shared_target::claim(workspace, functions, (target, request.debug), job).await?;
    for call in plan::calls(&selections, &units) {
        let together: Vec<&Selection<'_>> = call.iter().map(|place| &selections[*place]).collect();
        let (transcript, read) = run(cargo.build(&together)?, job).await?;
        let read = Arc::new(read);
        let to_linker = match &flags {
            None if transcript.is_not_linked() => flags::to_linker(target, &toolchain, job).await,
            flags => flags.as_ref().and_then(|flags| flags.to_linker.clone()),
        };
        for place in call {
            let packages = units[place].as_ref().map(Units::packages);
            for function in &selections[place].functions {
                let made = Made {
                    transcript: &transcript,
                    read: &read,
                    is_release: !request.debug,
                    packages: packages.as_ref(),
                    to_linker: to_linker.as_deref(),
                    bootstrap: &bootstrap,
                };
                package_one(workspace, architecture, function, &made, outcome, job).await?;
            }
        }
    }
    Ok(())
}

/// Result of a cargo call, from the point of view of one function.
struct Made<'a> {
    transcript: &'a Transcript,
    read: &'a Arc<fingerprint::Units>,
    is_release: bool,
    packages: Option<&'a HashSet<&'a str>>,
    to_linker: Option<&'a str>,
    bootstrap: &'a Arc<exec::Bootstrap>,
}

/// The function in cargo's terms: by the binary that is built for it, which may be its program.
fn of_binary(function: &Function, binary: &str) -> Function {
    let mut function = function.clone();
    function.target.directory = Some(function.directory().to_owned());
    binary.clone_into(&mut function.binary);
    function
}

async fn package_one(
    workspace: &Workspace,
    architecture: Architecture,
    function: &Function,
    made: &Made<'_>,
    outcome: &mut BuildOutcome,
    job: &Job,
) -> Result<(), Failure> {
    if job.cancel.is_cancelled() {
        return Err(Failure::interrupted(WHAT));
    }
    let packaged = match made.transcript.executable(function) {
        None => Err(made.transcript.failure(function, made.packages, made.to_linker)),
        Some(executable) => {
            let executable = Some((executable, Arc::clone(made.read), made.is_release));
            package(workspace, architecture, function, executable, made.bootstrap).await
        }
    };
    if packaged.is_err() {
        // If it cannot be written, watching works without it.
        let directory = workspace::directory(&workspace.target, function.directory());
        drop(Attempt::write(&directory, &function.manifest, made.read));
    }
    report(function, packaged, outcome, job);
    Ok(())
}

/// Packages a function, and records the inputs of its executable, if cargo has built one: its path,
/// the units that were read, and whether it is a release.
async fn package(
    workspace: &Workspace,
    architecture: Architecture,
    function: &Function,
    executable: Option<(PathBuf, Arc<fingerprint::Units>, bool)>,
    bootstrap: &Arc<exec::Bootstrap>,
) -> Result<Built, Failure> {
    let (root, target) = (workspace.root.clone(), workspace.target.clone());
    let (function, bootstrap) = (function.clone(), Arc::clone(bootstrap));
    let what = format!("could not package {}", function.name);
    let package = move || {
        let path = executable.as_ref().map(|(path, ..)| path.as_path());
        let built = package::function(&target, &function, architecture, path, &bootstrap)?;
        if let Some((path, read, is_release)) = &executable {
            note(&root, &target, (&function, path), read, *is_release)?;
        }
        Ok(built)
    };
    let packaged = tokio::task::spawn_blocking(package).await;
    packaged.unwrap_or_else(|error| Err(Failure::work(what, error.to_string(), "")))
}

/// Adds the result of a function to the outcome.
fn report(
    function: &Function,
    packaged: Result<Built, Failure>,
    outcome: &mut BuildOutcome,
    job: &Job,
) {
    let name = function.name.clone();
    match packaged {
        Ok(built) => {
            outcome.built.push(Built { name: name.clone(), ..built });
            job.report(Step::Done(name));
        }
        Err(failure) => outcome.failed.push((name, failure)),
    }
}

/// Records the inputs of the bootstrap beside it.
fn note(
    root: &Path,
    target: &Path,
    (function, executable): (&Function, &Path),
    read: &fingerprint::Units,
    is_release: bool,
) -> Result<(), Failure> {
    let what = || format!("could not package {}", function.name);
    if read.is_replaced(executable) {
        let why = format!("another build has replaced {}", executable.display());
        return Err(Failure::work(what(), why, "build it again"));
    }
    let directory = workspace::directory(target, function.directory());
    Fingerprint::write(&directory, (root, function, executable), read, is_release, &Now::default())
        .map_err(|error| Failure::work(what(), format!("{}: {error}", directory.display()), ""))
}

/// Units that cargo would compile for each selection alone, if they matter: with several selections
/// they decide which share a call, and a binary that requires features may not be built at all.
async fn units(
    cargo: &Cargo<'_>,
    selections: &[Selection<'_>],
    job: &Job,
) -> Result<Vec<Option<Units>>, Failure> {
    let requires = |selection: &Selection<'_>| {
        selection.functions.iter().any(|one| !one.target.required.is_empty())
    };
    if selections.len() < 2 && !selections.iter().any(requires) {
        return Ok(vec![None; selections.len()]);
    }
    let ask = async |command: Command| match child_process::output(command, &job.cancel).await {
        // The build itself reports the error.
        Ok(finished) if finished.status.success() => Ok(Units::read(&finished.stdout).ok()),
        Err(RunError::Cancelled) => Err(Failure::interrupted(WHAT)),
        Ok(_) | Err(RunError::Io(_)) => Ok(None),
    };
    let asks: Vec<_> = selections.iter().map(|selection| ask(cargo.units(selection))).collect();
    stream::iter(asks).buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
}

/// Checks that each requested feature belongs to a function.
fn check_features(functions: &[&Function], features: &Features) -> Result<(), Failure> {
    let is_unknown = |name: &&String| !functions.iter().any(|function| plan::is_of(function, name));
    let Some(unknown) = features.names.iter().find(is_unknown) else { return Ok(()) };
    let mut known: Vec<&str> =
        functions.iter().flat_map(|one| &one.target.features).map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    let why = format!("no package of these functions has the feature {unknown}");
    let hint = if known.is_empty() {
        "they have none".to_owned()
    } else {
        format!("they have {}", known.join(", "))
    };
    Err(Failure::usage(WHAT, why, hint))
}

/// The functions of these names, sorted; all, if no name is given.
fn chosen<'w>(workspace: &'w Workspace, names: &[String]) -> Result<Vec<&'w Function>, Failure> {
    let known = || {
        workspace
            .functions
            .iter()
            .map(|function| function.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    if workspace.functions.is_empty() {
        let why = format!("{} has no functions", workspace.root.display());
        let hint = "a function is a binary whose package depends on `lambda-console-runtime` or \
            `lambda_runtime`, or has `[package.metadata.lambda]`, or any program with `exec` or \
            `prebuilt` in the manifest";
        return Err(Failure::usage(WHAT, why, hint));
    }
    if let Some(unknown) =
        names.iter().find(|name| workspace.functions.iter().all(|function| function.name != **name))
    {
        let why = format!("there is no function named {unknown}");
        return Err(Failure::usage(WHAT, why, format!("the functions are {}", known())));
    }
    Ok(workspace
        .functions
        .iter()
        .filter(|function| names.is_empty() || names.contains(&function.name))
        .collect())
}

async fn run(cargo: Command, job: &Job) -> Result<(Transcript, fingerprint::Units), Failure> {
    job.report(Step::Phase { text: "building".into(), done: 0, total: 0 });
    let (mut transcript, mut read) = (Transcript::default(), fingerprint::Units::default());
    let ended = child_process::stream(cargo, &job.cancel, |pipe, line| {
        let step = match pipe {
            Pipe::Stdout => {
                read.line(line);
                transcript.stdout(line)
            }
            Pipe::Stderr => transcript.stderr(line),
        };
        if let Some(step) = step {
            job.report(step);
        }
    })
    .await;
    match ended {
        // A failed build shows in the functions that are missing.
        Ok(_) => Ok((transcript, read)),
        Err(RunError::Cancelled) => Err(Failure::interrupted(WHAT)),
        Err(error) => Err(Failure::environment(WHAT, format!("could not run cargo: {error}"), "")),
    }
}

#[cfg(test)]
mod tests;
