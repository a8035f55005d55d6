//! Settings of a function that are more than a number or text.

use serde::{Deserialize, Serialize};

/// Format of a function's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// Lines as they were printed.
    Text,
    /// One JSON object per line; levels can be filtered.
    #[serde(rename = "JSON")]
    Json,
}

impl LogFormat {
    /// Returns AWS's name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Json => "JSON",
        }
    }

    /// Returns the format with this name, case-insensitively.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }
}

/// Logging configuration of a function. `None` leaves a value as it is on the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// Text (default of a new function) or JSON.
    pub format: Option<LogFormat>,
    /// With JSON, the lowest level of the function's own lines: `TRACE` to `FATAL`.
    pub application_level: Option<String>,
    /// With JSON, the lowest level of the platform's lines: `DEBUG`, `INFO`, `WARN`.
    pub system_level: Option<String>,
    /// Log group; empty for `/aws/lambda/` and the function's name.
    pub group: Option<String>,
    /// Retention of lines in days; 0 for no expiry.
    pub retention: Option<u32>,
}

/// Maximum number of sandboxes that a function may have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    /// As many as the account has unreserved.
    Unreserved,
    /// This many, reserved for the function; 0 stops it.
    Reserved(u32),
}

impl std::fmt::Display for Concurrency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreserved => f.pad("unreserved"),
            Self::Reserved(count) => write!(f, "{count} reserved"),
        }
    }
}

/// Function URL, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlSetting {
    /// No URL; an existing one is removed.
    Absent,
    /// This URL.
    Present(FunctionUrl),
}

/// A function's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionUrl {
    /// Auth type.
    pub auth: UrlAuth,
    /// `true` to stream responses. `None` leaves it (`false` for a new URL).
    pub streaming: Option<bool>,
    /// CORS settings for pages of other origins. `None` leaves them; without a value in them,
    /// removes them.
    pub cors: Option<Cors>,
}

/// Auth type of a function's URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlAuth {
    /// IAM identities with permission to invoke it.
    #[default]
    #[serde(rename = "AWS_IAM")]
    Iam,
    /// Everybody.
    #[serde(rename = "NONE")]
    None,
}

impl UrlAuth {
    /// Returns AWS's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "AWS_IAM",
            Self::None => "NONE",
        }
    }

    /// Returns the type with this name, case-insensitively; `iam` is short for `AWS_IAM`.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "AWS_IAM" | "IAM" => Some(Self::Iam),
            "NONE" => Some(Self::None),
            _ => None,
        }
    }
}

/// CORS settings: access of web pages of other origins to a function's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// Origins whose pages may call the URL; `*` for all.
    pub allow_origins: Vec<String>,
    /// HTTP methods; `*` for all.
    pub allow_methods: Vec<String>,
    /// Request headers; `*` for all.
    pub allow_headers: Vec<String>,
    /// Response headers that pages may read.
    pub expose_headers: Vec<String>,
    /// Seconds that a browser caches the CORS settings.
    pub max_age: Option<u32>,
    /// `true` to allow credentials, for example cookies.
    pub allow_credentials: bool,
}

/// VPC that a function is attached to; without subnets, none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vpc {
    /// Subnet IDs.
    pub subnet_ids: Vec<String>,
    /// Security group IDs.
    pub security_group_ids: Vec<String>,
    /// `true` to allow outbound IPv6 traffic.
    pub ipv6_allowed_for_dual_stack: bool,
}
