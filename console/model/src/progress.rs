//! Progress of running work.

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
