//! Errors of one SDK call, classified by code and message.

use std::any::Any;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lambda_console_model::{Failure, FailureKind, Remedy};

use super::{
    account::no_answer::{NoAnswer, cause, is_refused},
    credentials::assume_role::NoCode,
    genuine::Foreign,
    guard::Refusal,
};
use crate::{aws::denied, compile::child_process::excerpt};

/// Reason why an SDK call returned no answer.
#[derive(Clone, Debug)]
pub(crate) enum CallError {
    /// The stage has no clients.
    Stage(Failure),
    /// The service answered with an error.
    Service {
        /// `ResourceNotFoundException`, …; empty if the answer has none.
        code: String,
        /// The service's message.
        message: String,
        /// The answer's HTTP status; `None` within a stream.
        status: Option<u16>,
    },
    /// There are no credentials that the service accepts: the user has to log in.
    Login {
        /// The service's code; empty where none could be asked for lack of credentials.
        code: String,
        /// Description of the problem.
        message: String,
        /// Way to get new ones; `None` if none is known.
        remedy: Option<Remedy>,
    },
    /// `--read-only` refused the call.
    ReadOnly(String),
    /// Nothing listens at the endpoint: the call was not received.
    Refused(NoAnswer),
    /// No answer came, and the call may have been received.
    Transport(NoAnswer),
    /// Something between the console and the service answered instead of the service.
    Foreign(String),
    /// The job was cancelled before the call was sent again.
    Cancelled,
}

/// Some codes stand for several errors, which differ only in their message. These methods are the
/// only place that reads a message for it, and each has AWS's words in a comment.
impl CallError {
    /// The service's error code; empty for other errors, and for an answer without a code.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Service { code, .. } | Self::Login { code, .. } => code,
            Self::Stage(_)
            | Self::ReadOnly(_)
            | Self::Refused(_)
            | Self::Transport(_)
            | Self::Foreign(_)
            | Self::Cancelled => "",
        }
    }

    /// The service's message, or the transport's error.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Stage(failure) => &failure.why,
            Self::Service { message, .. }
            | Self::Login { message, .. }
            | Self::ReadOnly(message)
            | Self::Foreign(message) => message,
            Self::Refused(unanswered) | Self::Transport(unanswered) => &unanswered.why,
            Self::Cancelled => "it was cancelled",
        }
    }

    /// Returns `true` if the service has not answered with an error.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.code().is_empty() && !matches!(self, Self::Service { .. })
    }

    /// Returns `true` if the requested resource does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(
            self.code(),
            "ResourceNotFoundException" | "NoSuchEntity" | "NoSuchEntityException"
        )
    }

    /// Returns `true` if the caller is not authorized.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.code(), "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation")
    }

    /// Returns `true` if another change of the same function is in progress.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == "ResourceConflictException" && !self.is_existing()
    }

    /// Returns `true` if the function to be created already exists.
    pub(crate) fn is_existing(&self) -> bool {
        // "Function already exist: hello", "Alias already exists: arn:…", "The statement id (…)
        // provided already exists", "… FunctionUrlConfig exists for this Lambda function". While
        // another change is in progress: "The operation cannot be performed at this time. …".
        self.code() == "ResourceConflictException"
            && (self.message().contains("already exist")
                || self.message().contains("FunctionUrlConfig exists"))
    }

    /// Returns `true` if the resource to be changed has changed since it was read.
    pub(crate) fn is_stale(&self) -> bool {
        self.code() == "PreconditionFailedException"
    }

    /// Returns `true` if the service throttles the call.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(
            self.code(),
            "TooManyRequestsException"
                | "ThrottlingException"
                | "Throttling"
                | "RequestLimitExceeded"
                | "SlowDown"
                | "EC2ThrottledException"
        )
    }

    /// Returns `true` if the service was not reached.
    pub(crate) fn is_unreachable(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Transport(_) | Self::Foreign(_) => true,
            Self::Stage(failure) => failure.kind == FailureKind::Environment,
            _ => false,
        }
    }

    /// Returns `true` if the service could not answer now: the same call may work in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Service { code, status, .. } if code.is_empty() => {
                status.is_some_and(|status| status >= 500)
            }
            _ => matches!(
                self.code(),
                "ServiceException"
                    | "ServiceUnavailable"
                    | "ServiceUnavailableException"
                    | "InternalFailure"
                    | "InternalServerError"
                    | "InternalError"
            ),
        }
    }

    /// Returns `true` if Lambda rejects a new or edited role that has not propagated yet.
    pub(crate) fn is_role_pending(&self) -> bool {
        // "The role defined for the function cannot be assumed by Lambda.", "Lambda was unable to
        // configure access to your environment variables because the KMS key is invalid …".
        self.code() == "InvalidParameterValueException"
            && (self.message().contains("cannot be assumed by Lambda")
                || self.message().contains("KMS"))
    }

    /// Returns `true` if IAM cannot change a role now: it is new and has not propagated within IAM
    /// yet, or another change of it is in progress. A policy that does not exist is no such error.
    pub(crate) fn is_role_unsettled(&self) -> bool {
        match self.code() {
            // "The role with name … cannot be found."; of a policy: "Policy … does not exist or is
            // not attachable."
            "NoSuchEntity" | "NoSuchEntityException" => self.message().contains("role with name"),
            code => matches!(
                code,
                "ConcurrentModification"
                    | "ConcurrentModificationException"
                    | "EntityTemporarilyUnmodifiable"
                    | "Throttling"
                    | "ThrottlingException"
            ),
        }
    }

    /// Returns `true` if a resource cannot be deleted now: another change of it is in progress, or
    /// the service is busy.
    pub(crate) fn is_in_use(&self) -> bool {
        self.is_conflict()
            || matches!(
                self.code(),
                "ResourceInUseException"
                    | "OperationAbortedException"
                    | "TooManyRequestsException"
                    | "ThrottlingException"
            )
    }

    /// Returns `true` if `CloudWatch` Logs throttles calls, or has an internal error.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            "ThrottlingException"
                | "Throttling"
                | "TooManyRequestsException"
                | "LimitExceededException"
                | "RequestLimitExceeded"
                | "ServiceUnavailableException"
                | "InternalFailure"
                | "InternalServerException"
        )
    }

    /// Returns `true` if an invocation did not run because the function is not ready yet.
    pub(crate) fn is_not_ready(&self) -> bool {
        // "The operation cannot be performed at this time. The function is currently in the
        // following state: Pending". One that is `Failed` has the same code, and remains so.
        matches!(
            self.code(),
            "ResourceNotReadyException"
                | "CodeArtifactUserPendingException"
                | "SnapStartNotReadyException"
                | "ENINotReadyException"
                | "EC2ThrottledException"
        ) || (self.code() == "ResourceConflictException" && self.message().contains("Pending"))
    }

    /// Returns `true` if an invocation did not run because its log tail was requested.
    pub(crate) fn is_of_tail(&self) -> bool {
        // "Tail logs are not supported for functions …", an `InvalidParameterValueException`.
        self.message().contains("Tail logs are not supported")
    }

    /// Returns the failure of `what`, for people.
    pub(crate) fn into_failure(self, what: impl Into<String>) -> Failure {
        let (code, message) = match self {
            Self::Stage(failure) => return failure,
            Self::Cancelled => return Failure::interrupted(what),
            Self::Refused(unanswered) | Self::Transport(unanswered) => {
                let hint = unanswered.hint();
                return Failure::environment(what, unanswered.why, hint);
            }
            Self::Foreign(message) => {
                let hint = "a proxy or a login page answers in place of AWS: log in to the \
                    network with a browser, or check HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL";
                return Failure::environment(what, message, hint);
            }
            Self::ReadOnly(message) => {
                return Failure::usage(what, message, "run it without --read-only");
            }
            Self::Login { code, message, remedy } => {
                let remedy = remedy.unwrap_or_else(|| {
                    Remedy::Advice("log in again, or name another profile: --profile".to_owned())
                });
                return Failure::login(what, with_code(message, &code), remedy);
            }
            Self::Service { code, message, status } if code.is_empty() => {
                let code = status.map(|status| format!("HTTP status {status}"));
                (code.unwrap_or_else(|| "an unnamed error".to_owned()), message)
            }
            Self::Service { code, message, .. } => (code, message),
        };
        let why = with_code(excerpt(&message), &code);
        match code.as_str() {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                denied::explain(what.into(), &code, &message)
            }
            "PreconditionFailedException" => Failure::work(
                what,
                format!("it was changed by someone else in the meantime ({code})"),
                "run it again: the new differences are shown first (`--dry-run`)",
            ),
            "TooManyRequestsException" | "ThrottlingException" | "Throttling" => {
                Failure::work(what, why, "wait a moment, then try again")
            }
            "CodeStorageExceededException" => {
                Failure::work(what, why, "delete old versions of functions")
            }
            "RequestTooLargeException"
            | "RequestEntityTooLargeException"
            | "InvalidRequestContentException"
            | "UnsupportedMediaTypeException" => {
                Failure::usage(what, why, "the payload must be JSON of at most 6 MB")
            }
            _ => Failure::work(what, why, ""),
        }
    }
}

impl<E, R> From<SdkError<E, R>> for CallError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        if let Some(foreign) = cause::<Foreign>(&error) {
            return Self::Foreign(foreign.to_string());
        }
        if let SdkError::ServiceError(service) = &error {
            let meta = service.err().meta();
            let code = meta.code().unwrap_or_default().to_owned();
            let message = meta.message().unwrap_or_default().to_owned();
            return if is_of_credentials(&code) {
                Self::Login { code, message, remedy: None }
            } else {
                let answer = (service.raw() as &dyn Any).downcast_ref::<HttpResponse>();
                let status = answer.map(|answer| answer.status().as_u16());
                Self::Service { code, message, status }
            };
        }
        if let Some(Refusal(call)) = cause(&error) {
            return Self::ReadOnly(Refusal(call.clone()).to_string());
        }
        let unanswered = NoAnswer::of(&error);
        if let Some(credentials) = cause::<CredentialsError>(&error) {
            return without_credentials(credentials, unanswered);
        }
        if is_refused(&error) { Self::Refused(unanswered) } else { Self::Transport(unanswered) }
    }
}

/// Returns `true` for the codes with which services reject credentials.
fn is_of_credentials(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

/// Credentials could not be obtained. The reason need not be a missing login: the connection may
/// have failed, or assuming the role may be denied.
fn without_credentials(error: &CredentialsError, unanswered: NoAnswer) -> CallError {
    if let Some(NoCode(failure)) = cause(error) {
        let (message, remedy) = (failure.why.clone(), failure.remedy());
        return CallError::Login { code: String::new(), message, remedy };
    }
    if cause::<ConnectorError>(error).is_some() {
        return CallError::Transport(unanswered);
    }
    if let Some(assume) = cause::<AssumeRoleError>(error) {
        let code = assume.meta().code().unwrap_or_default().to_owned();
        let message = assume.meta().message().unwrap_or_default().to_owned();
        return if is_of_credentials(&code) {
            CallError::Login { code, message, remedy: None }
        } else {
            CallError::Service { code, message, status: None }
        };
    }
    CallError::Login { code: String::new(), message: unanswered.why, remedy: None }
}

fn with_code(message: String, code: &str) -> String {
    match (message.is_empty(), code.is_empty()) {
        (true, _) => code.to_owned(),
        (false, true) => message,
        (false, false) => format!("{message} ({code})"),
    }
}

/// Returns `None` if the requested resource does not exist.
pub(crate) fn present<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
