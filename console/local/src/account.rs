//! The AWS account of the local Lambda.

/// ID of the account, in every ARN.
pub(crate) const ACCOUNT: &str = "000000000000";
