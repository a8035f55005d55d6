//! Programs of other projects from `PyPI`: installed into the target directory, once, with the pip
//! that the console itself finds.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use lambda_console_engine::{Job, compile::toolchain::pip};

use crate::target;

/// A directory with the packages `wanted` and their dependencies: a `PYTHONPATH`.
pub fn packages(name: &str, wanted: &[&str], arguments: &[&str]) -> PathBuf {
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = target().join("peers").join(name);
    let ready = directory.join("ready");
    if !ready.exists() {
        std::fs::create_dir_all(&directory).expect("the target directory is ours");
        let executor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an executor");
        let found = executor.block_on(pip::find(Path::new("python3"), &directory, &Job::silent()));
        let pip =
            found.expect("nobody cancels").unwrap_or_else(|tried| panic!("no pip: {tried:?}"));
        let mut install = Command::new(&pip.words[0]);
        install
            .args(&pip.words[1..])
            .args(["install", "--quiet", "--disable-pip-version-check", "--target"])
            .arg(&directory);
        run(install.args(arguments).args(wanted));
        std::fs::write(&ready, "").expect("the target directory is ours");
    }
    directory
}

/// Runs the command. Returns its output.
///
/// # Panics
/// If it fails; with its output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
