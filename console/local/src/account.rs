//! The AWS account of the local Lambda.

/// The account's id, in every ARN.
pub(crate) const ACCOUNT: &str = "000000000000";
