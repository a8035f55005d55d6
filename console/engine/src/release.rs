//! Versions of functions: published, rolled back and pruned, shifted by a canary, promoted from
//! stage to stage.

mod canary;
mod code;
mod figures;
pub mod promote;
pub(crate) mod read;
pub mod versions;
