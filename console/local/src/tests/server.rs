//! The server: who may ask it, and how it starts, ends and dies.

mod auth;
mod crash;
mod leave;
pub(crate) mod lifecycle;
