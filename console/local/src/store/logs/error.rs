//! Errors of the Logs API.

use crate::http::error::Fault;

/// `InvalidParameterException`, 400.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterException", message)
}
