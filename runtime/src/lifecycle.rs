//! The life of a function's process: its start and init, the loop that serves invocations, panics,
//! hooks, SIGTERM, and its exit.

pub(crate) mod blocking;
mod environment;
pub(crate) mod executor;
pub(crate) mod extension;
pub(crate) mod hooks;
pub(crate) mod init;
pub(crate) mod panic;
pub(crate) mod route;
pub(crate) mod serve;
mod signal;
pub(crate) mod start;
