//! What running work says of itself.

use serde::{Deserialize, Serialize};

/// One report of work in progress: what the screen and stderr show while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// A named part began or went on: `downloading zig 0.15.2`, with how far it is where that is known.
    Phase {
        /// What is being done, lower case, no full stop.
        text: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 where it is not known.
        total: u64,
    },
    /// Cargo finished crate `done` of `total`.
    Crate {
        /// Crates done.
        done: u64,
        /// Crates in all.
        total: u64,
        /// The crate that was just done.
        name: String,
    },
    /// Output for the build pane: one or more lines, possibly with ANSI colours.
    Output(String),
    /// One function of several is done (built or deployed).
    Done(String),
}
