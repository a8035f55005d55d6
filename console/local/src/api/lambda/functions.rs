//! The operations on functions: their lifecycle, code and configuration.

mod activate;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod describe;
pub(super) mod read;
mod settings;
pub(super) mod update;
