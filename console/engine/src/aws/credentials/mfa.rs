//! Asks a person for the code of an MFA device.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use lambda_console_model::{Failure, Remedy};

/// Request for the code of an MFA device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeQuestion {
    /// The role that is to be assumed.
    pub role: String,
    /// The serial number or ARN of the device.
    pub device: String,
    /// The profile that names both.
    pub profile: String,
    /// `true` if the previous code was not accepted.
    pub refused: bool,
}

type Ask = dyn Fn(CodeQuestion) -> BoxFuture<'static, Result<String, Failure>> + Send + Sync;

/// Asks for codes: on the terminal, or on the screen.
#[derive(Clone)]
pub struct Asker(Arc<Ask>);

impl Asker {
    /// Asks with `ask`.
    pub fn new(
        ask: impl Fn(CodeQuestion) -> BoxFuture<'static, Result<String, Failure>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    pub(crate) async fn ask(&self, question: CodeQuestion) -> Result<String, Failure> {
        (self.0)(question).await
    }
}

impl CodeQuestion {
    /// Returns the failure for when nobody can be asked.
    pub fn unanswered(&self, why: &str) -> Failure {
        let Self { role, device, profile, .. } = self;
        Failure::login(
            format!("could not assume the role {role}"),
            format!(
                "the role requires a code from the MFA device {device}, {why}; a session cached \
                by the AWS CLI works too"
            ),
            Remedy::Command(format!("aws sts get-caller-identity --profile {profile}")),
        )
    }
}

impl Default for Asker {
    fn default() -> Self {
        Self::new(|question| {
            Box::pin(async move { Err(question.unanswered("and nothing here can prompt for it")) })
        })
    }
}

/// All askers are equal: the asker is no part of a stage's identity.
impl PartialEq for Asker {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Asker {}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}
