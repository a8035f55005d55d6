//! Settings of a function that are more than a number or a text.

use serde::{Deserialize, Serialize};

/// How Lambda writes a function's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// Lines as they were printed.
    Text,
    /// One object a line; levels can be filtered.
    #[serde(rename = "JSON")]
    Json,
}

impl LogFormat {
    /// As AWS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Json => "JSON",
        }
    }

    /// The format that is called `name`, in any case.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Text, Self::Json].into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }
}

/// What a function logs, where to, and for how long. None: leave it as it is on the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// Text (of a new function) or JSON.
    pub format: Option<LogFormat>,
    /// With JSON, the lowest level of the function's own lines: `TRACE` to `FATAL`.
    pub application_level: Option<String>,
    /// With JSON, the lowest level of the platform's lines: `DEBUG`, `INFO`, `WARN`.
    pub system_level: Option<String>,
    /// The log group; empty: `/aws/lambda/` and the function's name.
    pub group: Option<String>,
    /// Days that lines are kept; 0: for ever.
    pub retention: Option<u32>,
}

/// How many sandboxes a function may have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concurrency {
    /// As many as the account has free.
    Unreserved,
    /// So many, kept for it; 0 stops it.
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

/// Whether a function has a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrlSetting {
    /// It has none: one that is there is removed.
    Absent,
    /// It has this one.
    Present(FunctionUrl),
}

/// A function's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionUrl {
    /// Who may call it.
    pub auth: UrlAuth,
    /// The response is sent while it is made. None: leave it (no, for a new one).
    pub streaming: Option<bool>,
    /// What web pages of other places may do. None: leave it; without a value in it: remove it.
    pub cors: Option<Cors>,
}

/// Who may call a function's URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlAuth {
    /// Callers with an identity that may.
    #[default]
    #[serde(rename = "AWS_IAM")]
    Iam,
    /// Everybody.
    #[serde(rename = "NONE")]
    None,
}

impl UrlAuth {
    /// As AWS spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "AWS_IAM",
            Self::None => "NONE",
        }
    }

    /// The kind that is called `name`, in any case; `iam` for short.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "AWS_IAM" | "IAM" => Some(Self::Iam),
            "NONE" => Some(Self::None),
            _ => None,
        }
    }
}

/// What a browser lets web pages of other places do with a function's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cors {
    /// Places whose pages may call it; `*`: all.
    pub allow_origins: Vec<String>,
    /// HTTP methods; `*`: all.
    pub allow_methods: Vec<String>,
    /// Request headers; `*`: all.
    pub allow_headers: Vec<String>,
    /// Response headers that pages may read.
    pub expose_headers: Vec<String>,
    /// Seconds that a browser remembers this.
    pub max_age: Option<u32>,
    /// Cookies and the like may be sent.
    pub allow_credentials: bool,
}

/// The private network that a function is attached to; without subnets: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vpc {
    /// Ids of subnets.
    pub subnet_ids: Vec<String>,
    /// Ids of security groups.
    pub security_group_ids: Vec<String>,
    /// Traffic to IPv6 addresses may leave.
    pub ipv6_allowed_for_dual_stack: bool,
}
