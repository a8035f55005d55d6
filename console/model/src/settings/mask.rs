//! The mask of secret values. The value of an environment variable is a secret: no list, plan, log
//! or error has it, and a person reveals it on request.

/// Placeholder for the value of every environment variable.
pub const MASK: &str = "••••••";
