//! A function as it is remembered. Plain data; touches nothing.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

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

/// A function: its configuration and which code it runs. No `Debug`: the environment may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
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
    /// Settings that are kept and told, and have no effect here, such as `VpcConfig`.
    pub(crate) other: serde_json::Map<String, serde_json::Value>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub(crate) code: String,
    /// Size of the zip in bytes.
    pub(crate) code_size: u64,
    /// Changes with every change.
    pub(crate) revision: String,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
}

impl Function {
    /// Its ARN.
    pub(crate) fn arn(&self, region: &str) -> String {
        format!("arn:aws:lambda:{region}:{}:function:{}", crate::service::ACCOUNT, self.name)
    }

    /// Marks a change: a new revision, modified now.
    pub(crate) fn touch(mut self) -> Arc<Self> {
        self.revision = uuid::Uuid::new_v4().to_string();
        self.modified = jiff::Timestamp::now().as_millisecond();
        Arc::new(self)
    }
}
