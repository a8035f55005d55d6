//! A function URL as it is stored. Plain data.

use serde::{Deserialize, Serialize};

/// Suffix of the host name, after the ID. Names under `localhost` resolve to the loopback: RFC
/// 6761, section 6.3.
pub(crate) const DOMAIN: &str = ".lambda-url.localhost";

/// Path prefix of URLs under the server's own host names, which every client resolves.
pub(crate) const PATH: &str = "/lambda-url/";

/// Kind of authentication of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthType {
    /// No authentication: any process of this user can call the URL.
    #[serde(rename = "NONE")]
    None,
    /// Requests must be signed with the server's key.
    #[serde(rename = "AWS_IAM")]
    Iam,
}

/// Kind of response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InvokeMode {
    /// Sent when it is complete.
    #[serde(rename = "BUFFERED")]
    Buffered,
    /// Sent while the function produces it.
    #[serde(rename = "RESPONSE_STREAM")]
    Stream,
}

/// Permissions of web pages of other origins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Cors {
    /// `true` if they may send cookies and other credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_credentials: Option<bool>,
    /// The headers that they may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_headers: Option<Vec<String>>,
    /// The methods that they may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_methods: Option<Vec<String>>,
    /// The allowed origins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_origins: Option<Vec<String>>,
    /// The headers that they may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expose_headers: Option<Vec<String>>,
    /// Time that a browser may cache these settings, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<i64>,
}

impl Cors {
    /// Returns `true` if any setting is present.
    pub(crate) fn is_set(&self) -> bool {
        *self != Self::default()
    }
}

/// A function URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UrlConfig {
    /// ID: 32 lower-case letters and digits, never used twice.
    pub(crate) id: String,
    /// Kind of authentication.
    pub(crate) auth: AuthType,
    /// Permissions of web pages of other origins; `None` allows nothing.
    #[serde(default)]
    pub(crate) cors: Option<Cors>,
    /// Kind of response; buffered by default.
    #[serde(default)]
    pub(crate) mode: Option<InvokeMode>,
    /// Time of creation, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// Time of the last change, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
}

impl UrlConfig {
    /// Returns the URL under the server's own address, which every program can resolve.
    pub(crate) fn address(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}{}{}/", super::url_config::PATH, self.id)
    }
}

/// Returns the same function URL with a host name of its own, for web pages with links that begin
/// with `/`. Browsers and curl resolve names under `localhost` by themselves; the C library, and so
/// Python and Node, does not everywhere.
pub fn url_with_name(url: &str) -> Option<String> {
    let (port, id) = url.strip_prefix("http://127.0.0.1:")?.split_once(super::url_config::PATH)?;
    Some(format!("http://{}{}:{port}/", id.trim_end_matches('/'), super::url_config::DOMAIN))
}
