//! The server: auth, start, shutdown and crashes.

mod auth;
mod crash;
mod leave;
pub(crate) mod lifecycle;
