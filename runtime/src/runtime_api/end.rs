//! Reasons for which the loop ends. Each is logged in one line, and none is waited for.

use std::fmt;

use crate::runtime_api::connection::Broken;
use crate::runtime_api::decode::Malformed;
use crate::runtime_api::report::Report;

/// Maximum number of bytes of a refusal's body that are logged.
const EXCERPT: usize = 512;

/// Reason for which there can be no further invocation.
#[derive(Debug)]
pub(crate) enum End {
    /// The environment has an invalid value.
    Environment(String),
    /// Nothing listens at the Runtime API's address.
    Unreachable { address: String, error: std::io::Error },
    /// The connection ended while `doing`.
    Lost { doing: &'static str, error: std::io::Error },
    /// The response to `doing` is not valid.
    Malformed { doing: &'static str, why: Malformed },
    /// The Runtime API refused permanently.
    Refused { doing: &'static str, status: u16, body: String },
    /// The function's init failed, and it was reported.
    Init(Report),
    /// A snapshot was restored, but the function's hook failed, and it was reported.
    Restore(Report),
    /// A handler or its hook panicked, and it was reported.
    Panicked,
    /// SIGTERM arrived, and the function has a hook for it.
    Terminated,
}

impl End {
    pub(crate) fn broken(doing: &'static str, broken: Broken) -> Self {
        match broken {
            Broken::Silent(error) | Broken::Cut(error) => Self::Lost { doing, error },
            Broken::Malformed(why) => Self::Malformed { doing, why },
        }
    }

    /// Returns `true` if a new connection may help.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }

    pub(crate) fn refused(doing: &'static str, status: u16, body: &[u8]) -> Self {
        Self::Refused { doing, status, body: excerpt(body) }
    }
}

/// Formats a body as part of a log line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let body = body.get(..EXCERPT).unwrap_or(body);
    String::from_utf8_lossy(body.trim_ascii()).replace(char::is_control, " ")
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(why) => f.write_str(why),
            Self::Unreachable { address, error } => {
                write!(
                    f,
                    "cannot connect to the Lambda Runtime API at {address} \
                    (AWS_LAMBDA_RUNTIME_API): {error}"
                )
            }
            Self::Lost { doing, error } if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                write!(f, "the Lambda Runtime API closed the connection while {doing}")
            }
            Self::Lost { doing, error } => {
                write!(f, "the connection to the Lambda Runtime API broke while {doing}: {error}")
            }
            Self::Malformed { doing, why } => {
                write!(
                    f,
                    "the Lambda Runtime API sent an invalid response while {doing}: {}",
                    why.0
                )
            }
            Self::Refused { doing, status, body } => {
                write!(f, "the Lambda Runtime API answered {status} while {doing}: {body}")
            }
            Self::Init(report) => write!(f, "init failed: {}: {}", report.kind, report.message),
            Self::Restore(report) => {
                write!(f, "the restore failed: {}: {}", report.kind, report.message)
            }
            Self::Terminated => f.write_str("the process ends: SIGTERM received"),
            Self::Panicked => f.write_str("the process ends: a panic may have corrupted its state"),
        }
    }
}
