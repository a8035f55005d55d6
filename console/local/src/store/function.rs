//! A version of a function as it is remembered. Plain data; touches nothing.

use super::code_store::CodeLease;
use crate::http::hex::hexadecimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// The version that is being worked on.
pub(crate) const LATEST: &str = "$LATEST";

/// The processor that a function's code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Architecture {
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD: AWS's default.
    #[serde(rename = "x86_64")]
    X86,
}

impl Architecture {
    /// Its name in Lambda's API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }
}

/// How Lambda writes its own log lines.
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
    /// The level of the function's own lines; in JSON only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application_log_level: Option<String>,
    /// The level of Lambda's lines; in JSON only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_log_level: Option<String>,
    /// The log group.
    pub(crate) log_group: String,
}

/// How far a version is, `State` and `LastUpdateStatus` in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// `Active`, and its last update was `Successful`.
    #[default]
    Active,
    /// `Pending`: its code is being unpacked for the first time.
    Pending,
    /// `Failed`: it has never had code that could be unpacked.
    Failed(Failure),
    /// `Active`, and an update is `InProgress`: what was there before still runs.
    Updating,
    /// `Active`, and its last update has `Failed`: what was there before still runs.
    UpdateFailed(Failure),
}

/// Why a version cannot be used or an update was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// One of AWS's codes, such as `InvalidZipFileException`.
    pub(crate) code: String,
    /// The same for people.
    pub(crate) reason: String,
}

/// A layer's version that a function uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// The ARN of the layer's version.
    pub(crate) arn: String,
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Size of its zip in bytes.
    pub(crate) size: u64,
    /// Size of its files in bytes.
    pub(crate) unpacked: u64,
}

/// A version of a function: its configuration and which code it runs. No `Debug`: the environment may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Function {
    /// The function's name.
    pub(crate) name: String,
    /// `$LATEST`, or the number of a published version, which nothing changes any more.
    #[serde(default = "latest")]
    pub(crate) version: String,
    /// The ARN of its role.
    pub(crate) role: String,
    /// What `_HANDLER` says.
    pub(crate) handler: String,
    /// `provided.al2023` or another custom runtime.
    pub(crate) runtime: String,
    /// What it is for.
    pub(crate) description: String,
    /// In seconds.
    pub(crate) timeout: u32,
    /// In MB.
    pub(crate) memory: u32,
    /// Its own environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// What its code is for.
    pub(crate) architecture: Architecture,
    /// How and where it is logged.
    pub(crate) logging: Logging,
    /// Its tags.
    pub(crate) tags: BTreeMap<String, String>,
    /// The layers, in the order in which they are laid over each other.
    #[serde(default)]
    pub(crate) layers: Vec<Layer>,
    /// The size of `/tmp` in MB.
    #[serde(default = "ephemeral")]
    pub(crate) ephemeral: u32,
    /// Settings that are kept and told, and have no effect here, such as `VpcConfig`.
    pub(crate) other: serde_json::Map<String, serde_json::Value>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub(crate) code: String,
    /// Size of the zip in bytes.
    pub(crate) code_size: u64,
    /// Size of the zip's files in bytes; 0 for what was made when nobody asked.
    #[serde(default)]
    pub(crate) unpacked: u64,
    /// Says which sandboxes are of this version as it is now: no two versions, and no two states of one, have the same.
    pub(crate) revision: String,
    /// `RevisionId`. Changes more often than [`revision`](Self::revision): when an update is done, too.
    #[serde(default)]
    pub(crate) revision_id: String,
    /// How far it is.
    #[serde(default)]
    pub(crate) state: State,
    /// Of a published version: the [`fingerprint`](Self::fingerprint) of the `$LATEST` that it was made of.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
    /// How many of the account's concurrent executions are this function's alone, over all its versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u32>,
    /// Its code, which stays on disk as long as this or a clone of it lives; none of what is not kept yet.
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
    /// Its ARN: a published version's ends with its number, that of `$LATEST` with the name.
    pub(crate) fn arn(&self, region: &str) -> String {
        arn(region, &self.name, Some(self.version.as_str()).filter(|version| *version != LATEST))
    }

    /// Marks a change: a new revision, modified now.
    pub(crate) fn touch(mut self) -> Arc<Self> {
        self.revision = Uuid::new_v4().to_string();
        self.modified = jiff::Timestamp::now().as_millisecond();
        Arc::new(self.turn(State::default()))
    }

    /// The same in another state, which is another `RevisionId`.
    pub(crate) fn turn(self, state: State) -> Self {
        Self { state, revision_id: Uuid::new_v4().to_string(), ..self }
    }

    /// `RevisionId`; state that was written before it was kept apart has the other one.
    pub(crate) fn revision_id(&self) -> &str {
        if self.revision_id.is_empty() { &self.revision } else { &self.revision_id }
    }

    /// The same when what was in progress has ended well. Its `RevisionId` follows from the one before, so that a process
    /// that finds this out again gives the same.
    pub(crate) fn done(self) -> Self {
        let digest = Sha256::digest(self.revision_id.as_bytes());
        let bytes: [u8; 16] = std::array::from_fn(|index| digest[index]);
        let revision_id = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
        Self { state: State::Active, revision_id, ..self }
    }

    /// What a version is made of, hashed: two that have the same run the same.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { name, role, handler, runtime, description, timeout, memory, environment, architecture, .. } = self;
        let settings = json!([name, role, handler, runtime, description, timeout, memory, environment, architecture]);
        let rest = json!([self.logging, self.layers, self.ephemeral, self.other, self.code]);
        hexadecimal(&Sha256::digest(format!("{settings}{rest}")))
    }

    /// What stands for `/opt`: none when it has no layers, else the name under which [`CodeStore`](crate::store::code_store::Codes) has it.
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

    /// Whether it holds all code that it needs.
    pub(crate) fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_of(self.codes()))
    }

    /// Everything of [`CodeStore`](crate::store::code_store::Codes) that it needs.
    pub(crate) fn codes(&self) -> impl Iterator<Item = String> {
        let layers = self.layers.iter().map(|layer| layer.sha256.clone());
        std::iter::once(self.code.clone()).chain(layers).chain(self.opt())
    }
}

/// The ARN of a function, or of what the qualifier names of it.
pub(crate) fn arn(region: &str, name: &str, qualifier: Option<&str>) -> String {
    let account = crate::account::ACCOUNT;
    match qualifier {
        None => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
        Some(qualifier) => format!("arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}"),
    }
}
