//! Sandboxes: their processes, files and APIs, and their end.

mod extensions;
mod families;
pub(crate) mod faults;
mod isolation;
mod memory;
pub(crate) mod reuse;
mod runtime_api;
mod telemetry;
