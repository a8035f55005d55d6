//! Errors of the Logs API.

use crate::http::error::ApiError;

/// `InvalidParameterException`, 400.
pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameterException", message)
}
