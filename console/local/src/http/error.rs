//! An error as AWS answers it: status, code and message. Plain data.

use http::StatusCode;

/// Error that a request was refused or failed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Error code, such as `ResourceNotFoundException`, which SDKs match on.
    pub(crate) code: &'static str,
    /// Message: the problem, and what to do.
    pub(crate) message: String,
    /// Reason for a throttled call, such as `ConcurrentInvocationLimitExceeded`.
    pub(crate) reason: Option<&'static str>,
}

impl ApiError {
    /// Creates an error with any code.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), reason: None }
    }

    /// `InvalidParameterValueException`, 400: a setting that Lambda does not accept.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterValueException", message)
    }

    /// `ValidationException`, 400: a value outside its documented pattern or range.
    pub(crate) fn validation(value: &str, field: &str, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy \
            constraint: Member must {constraint}"
        );
        Self::new(400, "ValidationException", message)
    }

    /// `ResourceNotFoundException`, 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// `ResourceConflictException`, 409: the state of the resource does not allow the call.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceConflictException", message)
    }

    /// `UnknownOperationException`, 404: an operation that is not supported. `served` lists the
    /// supported ones.
    pub(crate) fn unknown<'a>(what: &str, served: impl IntoIterator<Item = &'a str>) -> Self {
        let served: Vec<&str> = served.into_iter().collect();
        let message =
            format!("The local Lambda does not serve {what}. It serves: {}.", served.join(", "));
        Self::new(404, UNKNOWN, message)
    }

    /// `ServiceException`, 500: the server failed, for example on a full disk. `what` states what
    /// it could not do.
    pub(crate) fn service(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new(500, "ServiceException", format!("the local Lambda {what}: {error}"))
    }
}

/// Error code for an operation that is not supported.
pub(super) const UNKNOWN: &str = "UnknownOperationException";
