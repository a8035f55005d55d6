//! The AWS account of the local Lambda, and the form of every account's ID.

/// ID of the account, in every ARN.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Returns `true` for the ID of any account: 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
