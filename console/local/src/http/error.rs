//! An error as AWS answers it: status, code and message. Plain data.

use http::StatusCode;

/// A request that was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The error code, such as `ResourceNotFoundException`: what SDKs match on.
    pub(crate) code: &'static str,
    /// What is wrong, and what to do.
    pub(crate) message: String,
    /// More about a throttled call, such as `ConcurrentInvocationLimitExceeded`.
    pub(crate) reason: Option<&'static str>,
}

impl ApiError {
    /// A fault with any code.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), reason: None }
    }

    /// `InvalidParameterValueException`, 400: a setting that Lambda does not take.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValueException", message)
    }

    /// `ValidationException`, 400: a value outside its documented pattern or range.
    pub(crate) fn validation(value: &str, field: &str, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {constraint}"
        );
        Self::new(400, "ValidationException", message)
    }

    /// `ResourceNotFoundException`, 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// `ResourceConflictException`, 409: the state of something does not allow it.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceConflictException", message)
    }

    /// `UnknownOperationException`, 404: an operation that is not served, and those of its service that are.
    pub(crate) fn unknown<'a>(what: &str, served: impl IntoIterator<Item = &'a str>) -> Self {
        let served: Vec<&str> = served.into_iter().collect();
        let message = format!("The local Lambda does not serve {what}. It serves: {}.", served.join(", "));
        Self::new(404, UNKNOWN, message)
    }

    /// `ServiceException`, 500: this side failed, for example on a full disk. `what` was being done.
    pub(crate) fn service(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new(500, "ServiceException", format!("the local Lambda {what}: {error}"))
    }
}

/// The code for an operation that is not served.
pub(super) const UNKNOWN: &str = "UnknownOperationException";
