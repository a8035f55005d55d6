//! Stages: where functions are deployed to.

use serde::{Deserialize, Serialize};

use super::Failure;

/// Where functions are deployed to, as the screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInfo {
    /// `local`, `beta`, …
    pub name: String,
    /// The AWS account; `000000000000` for the local Lambda.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// It changes only after a confirmation.
    pub protected: bool,
    /// The endpoint, for the local Lambda.
    pub endpoint: Option<String>,
    /// Who the caller is: an ARN; empty for the local Lambda.
    pub identity: String,
    /// Where the credentials come from: `SSO`, `role deployer with SSO`, …; empty for the local Lambda.
    pub credentials: String,
    /// When the credentials expire, in milliseconds since the Unix epoch; none where they do not.
    pub expires_at: Option<i64>,
    /// ARM64 bootstraps run under this emulator; none on ARM64 hosts and on AWS.
    pub emulator: Option<String>,
    /// Damage found in the state on disk, a sentence each; of the local Lambda alone.
    #[serde(default)]
    pub damage: Vec<String>,
}

impl StageInfo {
    /// The name of the stage that is always there: the local Lambda.
    pub const LOCAL: &str = "local";

    /// A notice of the damage found in the state on disk; `None` where there was none.
    pub fn damage_notice(&self) -> Option<Failure> {
        let (first, rest) = self.damage.split_first()?;
        let more = match rest.len() {
            0 => String::new(),
            count => format!(" (and {count} more, in console.log)"),
        };
        Some(Failure::environment(
            "part of the local Lambda's state cannot be used",
            format!("{first}{more}"),
            "everything else works; deploy again what is missing",
        ))
    }

    /// Who the caller is, in short: `deployer/me` of `arn:aws:sts::111111111111:assumed-role/deployer/me`.
    pub fn caller(&self) -> &str {
        let resource = self.identity.rsplit(':').next().unwrap_or_default();
        ["assumed-role/", "user/", "federated-user/"]
            .iter()
            .find_map(|kind| resource.strip_prefix(kind))
            .unwrap_or(resource)
    }
}

/// A stage as its settings say, without asking anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    /// `local`, `beta`, …
    pub name: String,
    /// The AWS profile; none: that of the environment.
    pub profile: Option<String>,
    /// The AWS region; none: the profile's.
    pub region: Option<String>,
    /// Where the credentials come from, as in [`StageInfo`].
    pub credentials: String,
    /// It changes only after a confirmation.
    pub protected: bool,
}

/// A code of an MFA device that is asked for, because credentials cannot be had without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAsked {
    /// Which question it is.
    pub id: u64,
    /// The role that is to be assumed.
    pub role: String,
    /// The serial number or ARN of the device.
    pub device: String,
    /// The profile that names both.
    pub profile: String,
    /// The code that was given before was not accepted.
    pub refused: bool,
}
