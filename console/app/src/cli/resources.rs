//! The commands for resources of functions: `delete`, `iam`.

pub(super) mod delete;
pub(super) mod roles;
