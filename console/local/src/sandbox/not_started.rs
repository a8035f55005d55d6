//! Why a bootstrap was not started. Plain data.

use super::extensions::Failure;

/// Why a bootstrap was not started.
pub(crate) enum NotStarted {
    /// It cannot run, in Lambda's words.
    Entrypoint(String),
    /// An extension came before it, and failed.
    Extension(Failure),
    /// The extensions took too long to register.
    TimedOut,
}

impl From<String> for NotStarted {
    fn from(why: String) -> Self {
        Self::Entrypoint(why)
    }
}
