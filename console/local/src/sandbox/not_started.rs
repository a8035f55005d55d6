//! Reasons for which a bootstrap was not started. Plain data.

use super::extensions::Failure;

/// Reason for which a bootstrap was not started.
pub(crate) enum NotStarted {
    /// It cannot run; with Lambda's error message.
    Entrypoint(String),
    /// An extension, which starts first, failed.
    Extension(Failure),
    /// The extensions took too long to register.
    TimedOut,
}

impl From<String> for NotStarted {
    fn from(why: String) -> Self {
        Self::Entrypoint(why)
    }
}
