//! The commands for all that belongs to functions: `delete`, `iam`.

pub(super) mod delete;
pub(super) mod roles;
