//! Servers, clients and runtimes that we did not write, against ours.
//!
//! They come from `PyPI` into a virtual environment under the target directory, once.

mod boto3;
// The emulator is the x86_64 one.
#[cfg(target_arch = "x86_64")]
mod cases;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only the cases use all of it"))]
mod emulator;
mod official_runtime;
mod python_runtime;
mod rie;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tests::repository;

/// The Python of a virtual environment that has the peers' packages.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let directory = repository().join("target/peers/python");
        let python = directory.join("bin/python");
        let ready = directory.join("ready");
        if !ready.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&directory));
            run(Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "boto3==1.44.5",
                "awslambdaric==4.2.2",
            ]));
            std::fs::write(&ready, "").expect("the target directory is ours");
        }
        python
    })
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
