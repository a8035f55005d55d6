//! A function's resources on a stage: listed, deleted; and the roles that functions run with.

pub mod delete;
mod list;
pub mod roles;
