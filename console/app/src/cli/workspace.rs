//! The commands that work on the workspace alone: `list`, `build`, `package`, `setup`, `size`,
//! `export`.

pub(super) mod build;
pub(super) mod export;
pub(super) mod list;
pub(super) mod setup;
pub(super) mod size;
