//! Stages: the places that functions are deployed to.

use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// A stage as the screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInfo {
    /// `local`, `beta`, …
    pub name: String,
    /// The AWS account; `000000000000` for the local Lambda.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// `true` if changes need a confirmation.
    pub protected: bool,
    /// The endpoint, for the local Lambda.
    pub endpoint: Option<String>,
    /// ARN of the caller; empty for the local Lambda.
    pub identity: String,
    /// Source of the credentials: `SSO`, `role deployer with SSO`, …; empty for the local Lambda.
    pub credentials: String,
    /// Expiration of the credentials, in milliseconds since the Unix epoch; `None` if they do not
    /// expire.
    pub expires_at: Option<i64>,
    /// Emulator that runs ARM64 bootstraps; `None` on ARM64 hosts and on AWS.
    pub emulator: Option<String>,
    /// Damage found in the state on disk, one sentence each; only for the local Lambda.
    #[serde(default)]
    pub damage: Vec<String>,
}

impl StageInfo {
    /// Name of the local Lambda's stage, which always exists.
    pub const LOCAL: &str = "local";

    /// Returns a notice of the damage found in the state on disk; `None` if there was none.
    pub fn damage_notice(&self) -> Option<Failure> {
        let (first, rest) = self.damage.split_first()?;
        let more = match rest.len() {
            0 => String::new(),
            count => format!(" (and {count} more, in console.log)"),
        };
        Some(Failure::environment(
            "part of the local Lambda's state cannot be used",
            format!("{first}{more}"),
            "everything else works; redeploy what is missing",
        ))
    }

    /// Returns the caller in short: `deployer/me` for
    /// `arn:aws:sts::111111111111:assumed-role/deployer/me`.
    pub fn caller(&self) -> &str {
        let resource = self.identity.rsplit(':').next().unwrap_or_default();
        ["assumed-role/", "user/", "federated-user/"]
            .iter()
            .find_map(|kind| resource.strip_prefix(kind))
            .unwrap_or(resource)
    }
}

/// Protection of a stage against changes by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Most changes are made at once.
    Open,
    /// Each change needs a typed word.
    Protected,
}

impl Protection {
    /// Returns the protection of a stage with this setting.
    pub const fn of(protected: bool) -> Self {
        if protected { Self::Protected } else { Self::Open }
    }
}

/// A stage as its settings specify it, without any request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    /// `local`, `beta`, …
    pub name: String,
    /// AWS profile; `None` for that of the environment.
    pub profile: Option<String>,
    /// AWS region; `None` for that of the profile.
    pub region: Option<String>,
    /// Source of the credentials, as in [`StageInfo`].
    pub credentials: String,
    /// `true` if changes need a confirmation.
    pub protected: bool,
}

/// A request for the code of an MFA device, without which there are no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAsked {
    /// ID of the request.
    pub id: u64,
    /// Role to assume.
    pub role: String,
    /// Serial number or ARN of the device.
    pub device: String,
    /// Profile that specifies both.
    pub profile: String,
    /// `true` if the previous code was not accepted.
    pub refused: bool,
}
