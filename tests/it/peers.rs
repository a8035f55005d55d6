//! Servers, clients and runtimes of other projects, tested against ours.
//!
//! They are installed from `PyPI` into the target directory, once, with the pip that the console
//! itself finds.

mod boto3;
// The emulator is an x86_64 program.
#[cfg(target_arch = "x86_64")]
mod cases;
mod coming_from;
#[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only the cases use all of it"))]
mod emulator;
mod export;
mod official_runtime;
mod python_runtime;
mod rie;
mod shell_runtime;
mod terraform;

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tests::python::packages;

/// Directory of the Python client and runtime: their `PYTHONPATH`.
fn python_path() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| packages("python", &["boto3==1.44.5", "awslambdaric==4.2.2"], &[]))
}
