//! Servers, clients and runtimes that we did not write, against ours.
//!
//! They come from `PyPI` into the target directory, once, by the pip that the console itself finds.

mod boto3;
// The emulator is the x86_64 one.
#[cfg(target_arch = "x86_64")]
mod cases;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only the cases use all of it"))]
mod emulator;
mod official_runtime;
mod python_runtime;
mod rie;
mod shell_runtime;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use lambda_console::work::{Job, toolchain::pip};
use tests::repository;

/// A directory with these packages of Python and all that they need.
fn packages(name: &str, wanted: &[&str], arguments: &[&str]) -> PathBuf {
    let directory = repository().join("target/peers").join(name);
    let ready = directory.join("ready");
    if !ready.exists() {
        std::fs::create_dir_all(&directory).expect("the target directory is ours");
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an executor");
        let found = executor.block_on(pip::find(Path::new("python3"), &directory, &Job::silent()));
        let pip = found.expect("nobody cancels").unwrap_or_else(|tried| panic!("no pip: {tried:?}"));
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

/// Where the client and the runtime that are Python are: its `PYTHONPATH`.
fn python_path() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| packages("python", &["boto3==1.44.5", "awslambdaric==4.2.2"], &[]))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
