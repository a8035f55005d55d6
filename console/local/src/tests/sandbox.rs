//! What happens inside a sandbox, and what becomes of it.

mod extensions;
mod families;
pub(crate) mod faults;
mod isolation;
mod memory;
pub(crate) mod reuse;
mod telemetry;
