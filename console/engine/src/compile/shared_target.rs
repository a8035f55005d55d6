//! A target directory that several workspaces share, as git worktrees do. Cargo identifies a
//! package by its path in the workspace, so it uses what another workspace has compiled as its own
//! if that is newer.
//!
//! May touch the target directory, and runs `cargo clean` on the workspace's own packages.

use std::{
    collections::BTreeSet,
    fs::{self, File, TryLockError},
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use lambda_console_model::{Failure, Function, Step, Workspace};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::{
    Job,
    compile::{
        child_process::{self, RunError},
        fingerprint::{Now, linked_manifests, package_name},
    },
};

/// Summary of the failures of this module.
const WHAT: &str = "could not build";
/// The file with the workspace that last built there.
const MARK: &str = ".lambda-console-workspace";
/// Interval between two checks for the end of another build.
const LOOK: Duration = Duration::from_millis(100);
/// Characters that are encoded in the path of a package id.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%');

/// Makes a shared target directory this workspace's own until the returned value is dropped:
/// another build of the console waits, and the artifacts of another workspace's packages at the
/// same paths are removed. `None` if it is not shared.
///
/// # Errors
/// Work: it cannot be written. Interrupted: cancelled.
pub(super) async fn claim(
    workspace: &Workspace,
    functions: &[&Function],
    (target, debug): (&str, bool),
    job: &Job,
) -> Result<Option<File>, Failure> {
    if workspace.target.starts_with(&workspace.root) {
        return Ok(None);
    }
    let unwritten = |error: io::Error| {
        Failure::work(WHAT, format!("{}: {error}", workspace.target.display()), "")
    };
    let lock = lock(&workspace.target, job).await?.map_err(unwritten)?;
    // Cargo keeps the crates that run in the build apart from those that are built.
    let profile = if debug { "debug" } else { "release" };
    let directories = [workspace.target.join(profile), workspace.target.join(target).join(profile)];
    let root = workspace.root.as_os_str().as_bytes();
    let is_own =
        |directory: &PathBuf| fs::read(directory.join(MARK)).is_ok_and(|marked| marked == root);
    if !directories.iter().all(is_own) {
        if directories.iter().any(|directory| directory.exists()) {
            clean(workspace, functions, (target, debug), job).await?;
        }
        for directory in directories {
            fs::create_dir_all(&directory)
                .and_then(|()| fs::write(directory.join(MARK), root))
                .map_err(unwritten)?;
        }
    }
    Ok(Some(lock))
}

async fn lock(target: &Path, job: &Job) -> Result<io::Result<File>, Failure> {
    let directory = target.join("lambda");
    let file = fs::create_dir_all(&directory).and_then(|()| {
        File::options().create(true).truncate(false).write(true).open(directory.join(".lock"))
    });
    let file = match file {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    let mut is_reported = false;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Ok(Err(error)),
            Ok(()) => return Ok(Ok(file)),
        }
        if !std::mem::replace(&mut is_reported, true) {
            job.report(Step::Phase {
                text: "waiting for another workspace's build".into(),
                done: 0,
                total: 0,
            });
        }
        tokio::select! {
            () = job.cancel.cancelled() => return Err(Failure::interrupted(WHAT)),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Removes the compiled files of the packages in the workspace that `functions` are built from.
async fn clean(
    workspace: &Workspace,
    functions: &[&Function],
    (target, debug): (&str, bool),
    job: &Job,
) -> Result<(), Failure> {
    // `None` is for crates that run in the build, such as build scripts.
    for target in [None, Some(target)] {
        let mut cargo = child_process::command("cargo", &workspace.root);
        cargo.args(["clean", "--profile", if debug { "dev" } else { "release" }]);
        cargo.args(target.into_iter().flat_map(|target| ["--target", target]));
        cargo
            .arg("--manifest-path")
            .arg(workspace.root.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&workspace.target);
        for (manifest, name) in packages(workspace, functions) {
            let directory = manifest.parent().unwrap_or(&manifest).as_os_str().as_bytes();
            cargo
                .arg("--package")
                .arg(format!("path+file://{}#{name}", percent_encode(directory, ENCODED)));
        }
        let why = match child_process::output(cargo, &job.cancel).await {
            Ok(finished) if finished.status.success() => continue,
            Ok(finished) => finished.tail(),
            Err(RunError::Cancelled) => return Err(Failure::interrupted(WHAT)),
            Err(error) => format!("could not run cargo: {error}"),
        };
        let why = format!("the build artifacts of another workspace could not be removed: {why}");
        return Err(Failure::work(
            WHAT,
            why,
            "use a target directory of this workspace alone, or remove the shared one",
        ));
    }
    Ok(())
}

/// All packages in the workspace that `functions` are built from: their manifests and names.
fn packages(workspace: &Workspace, functions: &[&Function]) -> Vec<(PathBuf, String)> {
    let now = Now::default();
    let mut manifests = BTreeSet::new();
    let mut next: Vec<PathBuf> =
        functions.iter().map(|function| function.manifest.clone()).collect();
    while let Some(manifest) = next.pop() {
        if manifest.starts_with(&workspace.root) && manifests.insert(manifest.clone()) {
            next.extend(linked_manifests(&manifest, &now));
        }
    }
    let named = |manifest: PathBuf| {
        let name = package_name(&manifest, &now);
        (manifest, name)
    };
    manifests.into_iter().map(named).collect()
}
