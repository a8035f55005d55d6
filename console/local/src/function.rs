//! A function as it is remembered: its `$LATEST`, its published versions and its aliases. Plain data; touches nothing.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

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
    /// Settings that are kept and told, and have no effect here, such as `VpcConfig`.
    pub(crate) other: serde_json::Map<String, serde_json::Value>,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub(crate) code: String,
    /// Size of the zip in bytes.
    pub(crate) code_size: u64,
    /// Changes with every change of what runs; no two versions of any function have the same.
    pub(crate) revision: String,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
    /// How many of the account's concurrent executions are this function's alone, over all its versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u32>,
}

fn latest() -> String {
    LATEST.to_owned()
}

impl Function {
    /// Its ARN: a published version's ends with its number, that of `$LATEST` with the name.
    pub(crate) fn arn(&self, region: &str) -> String {
        arn(region, &self.name, Some(self.version.as_str()).filter(|version| *version != LATEST))
    }

    /// What its sandboxes are kept under: no other version has the same.
    pub(crate) fn key(&self) -> String {
        format!("{}:{}", self.name, self.version)
    }

    /// Marks a change: a new revision, modified now.
    pub(crate) fn touch(mut self) -> Arc<Self> {
        self.revision = uuid::Uuid::new_v4().to_string();
        self.modified = jiff::Timestamp::now().as_millisecond();
        Arc::new(self)
    }
}

/// The ARN of a function, or of what the qualifier names of it.
pub(crate) fn arn(region: &str, name: &str, qualifier: Option<&str>) -> String {
    let account = crate::service::ACCOUNT;
    match qualifier {
        None => format!("arn:aws:lambda:{region}:{account}:function:{name}"),
        Some(qualifier) => format!("arn:aws:lambda:{region}:{account}:function:{name}:{qualifier}"),
    }
}

/// A name for a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// The version that it points to.
    pub(crate) version: String,
    /// What it is for.
    pub(crate) description: String,
    /// Which part of the invocations goes to other versions: from 0 to 1, together at most 1.
    #[serde(default)]
    pub(crate) weights: BTreeMap<String, f64>,
    /// Changes with every change.
    pub(crate) revision: String,
}

impl Alias {
    /// The version for an invocation: `draw` is even over [0, 1).
    pub(crate) fn pick(&self, draw: f64) -> &str {
        let mut end = 0.0;
        for (version, weight) in &self.weights {
            end += weight;
            if draw < end {
                return version;
            }
        }
        &self.version
    }
}

/// All that is kept under a function's name. In its file the fields of `$LATEST` are not nested, as before there was
/// anything else.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `$LATEST`.
    #[serde(flatten)]
    pub(crate) latest: Arc<Function>,
    /// The published versions by their numbers.
    #[serde(default)]
    pub(crate) versions: BTreeMap<u64, Arc<Function>>,
    /// The number of the last published version; a number is given once, even when its version is deleted.
    #[serde(default)]
    pub(crate) published: u64,
    /// The aliases by their names.
    #[serde(default)]
    pub(crate) aliases: BTreeMap<String, Alias>,
}

impl Record {
    /// A function that is new.
    pub(crate) fn new(latest: Arc<Function>) -> Self {
        Self { latest, versions: BTreeMap::new(), published: 0, aliases: BTreeMap::new() }
    }

    /// `$LATEST` or the published version of that number.
    pub(crate) fn version(&self, version: &str) -> Option<&Arc<Function>> {
        match version {
            LATEST => Some(&self.latest),
            number => self.versions.get(&number.parse().ok()?),
        }
    }

    /// `$LATEST` and all published versions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Function>> {
        std::iter::once(&self.latest).chain(self.versions.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_sends_as_many_invocations_elsewhere_as_its_weights_say() {
        let weights = BTreeMap::from([("2".to_owned(), 0.25), ("3".to_owned(), 0.05)]);
        let alias = Alias { version: "1".to_owned(), description: String::new(), weights, revision: String::new() };
        let mut counts = BTreeMap::new();
        for draw in 0..1000 {
            *counts.entry(alias.pick(f64::from(draw) / 1000.0)).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([("1", 700), ("2", 250), ("3", 50)]));
    }
}
