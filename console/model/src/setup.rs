//! What a toolchain that can build functions consists of.

use serde::{Deserialize, Serialize};

/// One part of the toolchain: zig, the target's standard library, the emulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: `zig`, `aarch64-unknown-linux-musl`, `qemu-aarch64`.
    pub name: String,
    /// Where it was found, with its version; none when it is missing.
    pub found: Option<String>,
    /// What it is for, or what was tried to get it.
    pub detail: String,
    /// Builds work without it.
    pub optional: bool,
}
