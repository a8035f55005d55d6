//! Parts of a toolchain that builds functions.

use serde::{Deserialize, Serialize};

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
