//! A program of a sandbox that is ready to start. Plain values.

use std::{collections::BTreeMap, ffi::OsString, fs::File, path::PathBuf};

use super::mark::Mark;
use crate::sandbox::isolation::{Mounts, Namespace};

/// A program of a sandbox, ready to start.
pub(crate) struct Program {
    /// File to run.
    pub(crate) path: PathBuf,
    /// Its name and its arguments.
    pub(crate) arguments: Vec<PathBuf>,
    /// All variables of its environment.
    pub(crate) variables: BTreeMap<String, OsString>,
    /// Its working directory, or `None` if its namespace determines it.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) confinement: Confinement,
    /// The emulator that runs it.
    pub(crate) emulator: Option<&'static str>,
}

/// Changes to make to a process before it runs a program of a sandbox.
pub(crate) struct Confinement {
    /// Identifies it and all its descendants.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux marks processes"))]
    pub(crate) mark: Mark,
    /// Its mounts, or `None` if it sees the same files as this process.
    pub(crate) mounts: Option<(&'static Namespace, Mounts)>,
    /// A file that the command needs open.
    pub(crate) kept: Option<File>,
}
