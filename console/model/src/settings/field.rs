//! Settings that a plan changes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A setting that a plan changes. Written as in plans and `--json`: `memory`, `env.NAME`,
/// `url.auth`, `alias.live`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// State after a failed change.
    State,
    /// The zip.
    Code,
    /// Architecture.
    Architecture,
    /// Runtime.
    Runtime,
    /// Handler.
    Handler,
    /// Memory.
    Memory,
    /// Timeout.
    Timeout,
    /// Size of `/tmp`.
    EphemeralStorage,
    /// Execution role.
    Role,
    /// Statements of the role's own policy.
    RoleStatements,
    /// Description.
    Description,
    /// Tracing mode.
    Tracing,
    /// Layers.
    Layers,
    /// Format of the logs.
    LogFormat,
    /// Level of the function's log lines.
    LogApplicationLevel,
    /// Level of Lambda's log lines.
    LogSystemLevel,
    /// Log group.
    LogGroup,
    /// Retention of the log group.
    LogRetention,
    /// Subnets and security groups.
    Vpc,
    /// Reserved concurrency.
    Concurrency,
    /// Function URL, as a whole.
    Url,
    /// Authentication of the URL.
    UrlAuth,
    /// Response streaming of the URL.
    UrlStreaming,
    /// CORS of the URL.
    UrlCors,
    /// Permission to call the URL without an identity.
    UrlPermission,
    /// Published versions.
    Version,
    /// Steps of a canary.
    CanarySteps,
    /// Limits that end a canary.
    CanaryRules,
    /// A managed policy of the role, by the last part of its ARN.
    RolePolicy(String),
    /// An environment variable.
    Env(String),
    /// A tag.
    Tag(String),
    /// An alias.
    Alias(String),
}

impl Field {
    /// The fields without a name of their own, each as it is written.
    const PLAIN: [(Self, &str); 28] = [
        (Self::State, "state"),
        (Self::Code, "code"),
        (Self::Architecture, "architecture"),
        (Self::Runtime, "runtime"),
        (Self::Handler, "handler"),
        (Self::Memory, "memory"),
        (Self::Timeout, "timeout"),
        (Self::EphemeralStorage, "ephemeral_storage"),
        (Self::Role, "role"),
        (Self::RoleStatements, "role.statements"),
        (Self::Description, "description"),
        (Self::Tracing, "tracing"),
        (Self::Layers, "layers"),
        (Self::LogFormat, "log.format"),
        (Self::LogApplicationLevel, "log.application_level"),
        (Self::LogSystemLevel, "log.system_level"),
        (Self::LogGroup, "log.group"),
        (Self::LogRetention, "log.retention"),
        (Self::Vpc, "vpc"),
        (Self::Concurrency, "concurrency"),
        (Self::Url, "url"),
        (Self::UrlAuth, "url.auth"),
        (Self::UrlStreaming, "url.streaming"),
        (Self::UrlCors, "url.cors"),
        (Self::UrlPermission, "url.permission"),
        (Self::Version, "version"),
        (Self::CanarySteps, "canary.steps"),
        (Self::CanaryRules, "canary.rules"),
    ];

    /// Returns `true` for the function's URL and its parts.
    pub const fn is_of_url(&self) -> bool {
        matches!(
            self,
            Self::Url | Self::UrlAuth | Self::UrlStreaming | Self::UrlCors | Self::UrlPermission
        )
    }

    /// Returns `true` for the function's logging configuration, which Lambda replaces as a whole.
    pub const fn is_of_logging(&self) -> bool {
        matches!(
            self,
            Self::LogFormat | Self::LogApplicationLevel | Self::LogSystemLevel | Self::LogGroup
        )
    }

    /// Returns `true` for the permissions of the execution role.
    pub const fn is_of_role(&self) -> bool {
        matches!(self, Self::RolePolicy(_) | Self::RoleStatements)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, name) = match self {
            Self::RolePolicy(name) => ("role.policy.", name.as_str()),
            Self::Env(name) => ("env.", name.as_str()),
            Self::Tag(name) => ("tag.", name.as_str()),
            Self::Alias(name) => ("alias.", name.as_str()),
            plain => {
                let written = Self::PLAIN.iter().find(|(field, _)| field == plain);
                ("", written.map_or("", |(_, name)| name))
            }
        };
        write!(f, "{prefix}{name}")
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((field, _)) = Self::PLAIN.into_iter().find(|(_, name)| *name == text) {
            return Ok(field);
        }
        let name = |prefix| text.strip_prefix(prefix).map(str::to_owned);
        name("role.policy.")
            .map(Self::RolePolicy)
            .or_else(|| name("env.").map(Self::Env))
            .or_else(|| name("tag.").map(Self::Tag))
            .or_else(|| name("alias.").map(Self::Alias))
            .ok_or_else(|| format!("no field is called `{text}`"))
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_read_as_it_is_written() {
        let named = ["role.policy.ReadOnly", "env.API_KEY", "tag.team", "alias.live", "env.a.b"];
        for text in Field::PLAIN.map(|(_, name)| name).into_iter().chain(named) {
            let field: Field = text.parse().unwrap();
            assert_eq!(field.to_string(), text);
            let json = serde_json::to_string(&field).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
        }
        assert!("memori".parse::<Field>().is_err());
    }
}
