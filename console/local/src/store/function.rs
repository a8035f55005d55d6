//! A version of a function as it is stored. Plain data; touches nothing.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::code_store::CodeLease;
use crate::http::hex::hexadecimal;

/// The unpublished version.
pub(crate) const LATEST: &str = "$LATEST";

/// The processor architecture of a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Architecture {
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD: the default on AWS.
    #[serde(rename = "x86_64")]
    X86,
}

impl Architecture {
    /// Name of the architecture in Lambda's API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// Format of Lambda's own log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LogFormat {
    /// `START`, `END`, `REPORT`.
    #[default]
    Text,
    /// `platform.*` events.
    #[serde(rename = "JSON")]
    Json,
}

/// `LoggingConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Logging {
    /// Text or JSON.
    pub(crate) log_format: LogFormat,
    /// Log level of the function's own lines; JSON only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application_log_level: Option<String>,
    /// Log level of Lambda's lines; JSON only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_log_level: Option<String>,
    /// The log group.
    pub(crate) log_group: String,
}

/// State of a version: `State` and `LastUpdateStatus` in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// `Active`, and its last update was `Successful`.
    #[default]
    Active,
    /// `Pending`: its code is being unpacked for the first time.
    Pending,
    /// `Failed`: its code has never been unpacked successfully.
    Failed(Failure),
    /// `Active`, and an update is `InProgress`: the previous code still runs.
    Updating,
    /// `Active`, and its last update has `Failed`: the previous code still runs.
    UpdateFailed(Failure),
}

/// Reason that a version cannot be used or that an update failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// AWS's reason code, such as `InvalidZipFileException`.
    pub(crate) code: String,
    /// Message for people.
    pub(crate) reason: String,
}

/// A layer version that a function uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// ARN of the layer version.
    pub(crate) arn: String,
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Size of its zip in bytes.
    pub(crate) size: u64,
    /// Size of its files in bytes.
    pub(crate) unpacked: u64,
}

/// A version of a function: its configuration and its code. No `Debug`: the environment may contain
/// secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Function {
    /// The function's name.
    pub(crate) name: String,
    /// `$LATEST`, or the number of a published version, which never changes.
    #[serde(default = "latest")]
    pub(crate) version: String,
    /// ARN of its role.
    pub(crate) role: String,
    /// Value of `_HANDLER`.
    pub(crate) handler: String,
    /// `provided.al2023` or another custom runtime.
    pub(crate) runtime: String,
    /// Description.
    pub(crate) description: String,
    /// Timeout in seconds.
    pub(crate) timeout: u32,
    /// Memory in MB.
    pub(crate) memory: u32,
    /// The function's own environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// Architecture of its code.
    pub(crate) architecture: Architecture,
    /// Logging configuration.
    pub(crate) logging: Logging,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
    /// The layers, in the order in which they are merged.
    #[serde(default)]
    pub(crate) layers: Vec<Layer>,
    /// Size of `/tmp` in MB.
    #[serde(default = "ephemeral")]
    pub(crate) ephemeral: u32,
    /// Settings that are stored and returned, and have no effect here, such as `VpcConfig`.
    pub(crate) other: serde_json::Map<String, serde_json::Value>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub(crate) code: String,
    /// Size of the zip in bytes.
    pub(crate) code_size: u64,
    /// Size of the zip's files in bytes; 0 for state that was written before the size was recorded.
    #[serde(default)]
    pub(crate) unpacked: u64,
    /// Identifies the sandboxes of this version in its current state: no two versions, and no two
    /// states of one, have the same revision.
    pub(crate) revision: String,
    /// `RevisionId`. Changes more often than [`revision`](Self::revision): also when an update is
    /// complete.
    #[serde(default)]
    pub(crate) revision_id: String,
    /// State of the version.
    #[serde(default)]
    pub(crate) state: State,
    /// For a published version: the [`fingerprint`](Self::fingerprint) of the `$LATEST` that it was
    /// published from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
    /// Time of the last change, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
    /// Part of the account's concurrency that is reserved for this function, over all its versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u32>,
    /// Lease on its code, which stays on disk as long as this or a clone of it lives; `None` before
    /// the function is stored.
    #[serde(skip)]
    pub(crate) held: Option<Arc<CodeLease>>,
}

fn latest() -> String {
    LATEST.to_owned()
}

fn ephemeral() -> u32 {
    512
}

impl Function {
    /// Returns the ARN: that of a published version ends with its number, that of `$LATEST` with
    /// the name.
    pub(crate) fn arn(&self, region: &str) -> String {
        arn(region, &self.name, Some(self.version.as_str()).filter(|version| *version != LATEST))
    }

    /// Records a change: a new revision, modified now.
    pub(crate) fn touch(mut self) -> Arc<Self> {
        self.revision = Uuid::new_v4().to_string();
        self.modified = jiff::Timestamp::now().as_millisecond();
        Arc::new(self.turn(State::default()))
    }

    /// Returns the version in another state, with another `RevisionId`.
    pub(crate) fn turn(self, state: State) -> Self {
        Self { state, revision_id: Uuid::new_v4().to_string(), ..self }
    }

    /// Returns the `RevisionId`; older state has only the revision.
    pub(crate) fn revision_id(&self) -> &str {
        if self.revision_id.is_empty() { &self.revision } else { &self.revision_id }
    }

    /// Returns the version after the operation in progress succeeded. Its `RevisionId` is derived
    /// from the previous one, so that a process that repeats this gets the same.
    pub(crate) fn done(self) -> Self {
        let digest = Sha256::digest(self.revision_id.as_bytes());
        let bytes: [u8; 16] = std::array::from_fn(|index| digest[index]);
        let revision_id = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
        Self { state: State::Active, revision_id, ..self }
    }

    /// Returns a hash of everything that determines how a version runs: two versions with the same
    /// hash run the same.
    pub(crate) fn fingerprint(&self) -> String {
        let Self {
            name,
            role,
            handler,
            runtime,
            description,
            timeout,
            memory,
            environment,
            architecture,
            ..
        } = self;
        let settings = json!([
            name,
            role,
            handler,
            runtime,
            description,
            timeout,
            memory,
            environment,
            architecture
        ]);
        let rest = json!([self.logging, self.layers, self.ephemeral, self.other, self.code]);
        hexadecimal(&Sha256::digest(format!("{settings}{rest}")))
    }

    /// Name of the code for `/opt` in [`CodeStore`](crate::store::code_store::CodeStore): `None`
    /// without layers.
    pub(crate) fn opt(&self) -> Option<String> {
        match self.layers.as_slice() {
            [] => None,
            [only] => Some(only.sha256.clone()),
            layers => {
                let names: Vec<&str> = layers.iter().map(|layer| layer.sha256.as_str()).collect();
                Some(hexadecimal(&Sha256::digest(names.join(" "))))
            }
        }
    }

    /// Returns `true` if it holds a lease on all code that it needs.
    pub(crate) fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_of(self.codes()))
    }

    /// Names of all code in [`CodeStore`](crate::store::code_store::CodeStore) that it needs.
    pub(crate) fn codes(&self) -> impl Iterator<Item = String> {
        let layers = self.layers.iter().map(|layer| layer.sha256.clone());
        std::iter::once(self.code.clone()).chain(layers).chain(self.opt())
    }
}

/// Returns the ARN of a function, or of the version or alias that the qualifier names.
pub(crate) fn arn(region: &str, name: &str, qualifier: Option<&str>) -> String {
    let account = crate::account::ACCOUNT;
    match qualifier {
        None => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
        Some(qualifier) => format!("arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}"),
    }
}
