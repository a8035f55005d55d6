//! Progress of running work, and the parts of the toolchain that `setup` provides.

use serde::{Deserialize, Serialize};

/// A progress report: shown on the screen and stderr while the work runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// A named phase started or progressed: `downloading zig 0.15.2`, with its progress if known.
    Phase {
        /// Current operation, lower case, no full stop.
        text: String,
        /// Units done.
        done: u64,
        /// Total units; 0 if unknown.
        total: u64,
    },
    /// Cargo finished crate `done` of `total`.
    Crate {
        /// Crates done.
        done: u64,
        /// Total crates.
        total: u64,
        /// Name of the crate that was just finished.
        name: String,
    },
    /// Output for the build pane: one or more lines, possibly with ANSI colours.
    Output(String),
    /// One of several functions is done (built or deployed).
    Done(String),
}

/// One part of the toolchain: zig, the target's standard library, the emulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: `zig`, `aarch64-unknown-linux-musl`, `qemu-aarch64`.
    pub name: String,
    /// Path and version; `None` if it is missing.
    pub found: Option<String>,
    /// Purpose of the part, or the attempts to get it.
    pub detail: String,
    /// `true` if builds work without it.
    pub optional: bool,
}
