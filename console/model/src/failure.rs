//! Errors as data: sent in events, printed by the headless commands and shown on the screen.

use serde::{Deserialize, Serialize};

/// An error for users: what failed, why, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Operation that failed, lower case, no full stop: `could not build hello`.
    pub what: String,
    /// The cause, with its place (file, line, column, request id) where there is one.
    pub why: String,
    /// Suggested next step; empty if there is none.
    pub hint: String,
    /// Kind of failure; determines the exit code.
    #[serde(skip, default)]
    pub kind: FailureKind,
}

/// Kind of failure; each has an exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The work itself failed: build error, function error, deploy refused. Exit code 1.
    #[default]
    Work,
    /// Wrong usage or input. Exit code 2.
    Usage,
    /// The environment is missing something: toolchain, network, credentials. Exit code 3.
    Environment,
    /// The caller has no permission. Exit code 3.
    Denied,
    /// The credentials are missing or have expired; the hint is the command that gets new ones.
    /// Exit code 3.
    Login,
    /// As [`Login`](Self::Login), but no command gets new ones: the hint is a sentence. Exit code
    /// 3.
    Credentials,
    /// The user interrupted it. Exit code 130.
    Interrupted,
    /// The reader of the output closed it. Nothing is reported. Exit code 0.
    OutputClosed,
}

/// Way to get new credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A command line, which can be run unmodified.
    Command(String),
    /// Advice, in a sentence.
    Advice(String),
}

impl FailureKind {
    /// Returns `true` if the credentials are missing or have expired.
    pub const fn is_login(self) -> bool {
        matches!(self, Self::Login | Self::Credentials)
    }

    /// Returns the process's exit code for a failure of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Work => 1,
            Self::Usage => 2,
            Self::Environment | Self::Denied | Self::Login | Self::Credentials => 3,
            Self::Interrupted => 130,
            Self::OutputClosed => 0,
        }
    }
}

impl Failure {
    /// Creates a failure of the work itself (exit code 1).
    pub fn work(what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), hint: hint.into(), kind: FailureKind::Work }
    }

    /// Creates a failure for wrong usage or input (exit code 2).
    pub fn usage(what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: FailureKind::Usage, ..Self::work(what, why, hint) }
    }

    /// Creates a failure for something missing in the environment (exit code 3).
    pub fn environment(
        what: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { kind: FailureKind::Environment, ..Self::work(what, why, hint) }
    }

    /// Creates a failure for a missing permission (exit code 3).
    pub fn denied(
        what: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { kind: FailureKind::Denied, ..Self::work(what, why, hint) }
    }

    /// Creates a failure for missing or rejected credentials (exit code 3), with the way to get new
    /// ones.
    pub fn login(what: impl Into<String>, why: impl Into<String>, remedy: Remedy) -> Self {
        let (kind, hint) = match remedy {
            Remedy::Command(command) => (FailureKind::Login, command),
            Remedy::Advice(advice) => (FailureKind::Credentials, advice),
        };
        Self { kind, ..Self::work(what, why, hint) }
    }

    /// Returns the way to get new credentials; `None` if they are not the reason.
    pub fn remedy(&self) -> Option<Remedy> {
        match self.kind {
            FailureKind::Login => Some(Remedy::Command(self.hint.clone())),
            FailureKind::Credentials => Some(Remedy::Advice(self.hint.clone())),
            _ => None,
        }
    }

    /// Creates a failure for `what` interrupted by the user (exit code 130).
    pub fn interrupted(what: impl Into<String>) -> Self {
        Self { kind: FailureKind::Interrupted, ..Self::work(what, "it was cancelled", "") }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Failure {}
