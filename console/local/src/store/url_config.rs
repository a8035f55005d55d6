//! A function URL as it is remembered. Plain data.

use serde::{Deserialize, Serialize};

/// What follows the id in the host name. Names under `localhost` lead to the loopback: RFC 6761, section 6.3.
pub(crate) const DOMAIN: &str = ".lambda-url.localhost";

/// Where URLs are under the server's own host names, which every client resolves.
pub(crate) const PATH: &str = "/lambda-url/";

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AuthType {
    /// Whoever gets to the server: this user, without a signature.
    #[serde(rename = "NONE")]
    None,
    /// Who signs with the server's key.
    #[serde(rename = "AWS_IAM")]
    Iam,
}

/// How the response comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InvokeMode {
    /// Whole.
    #[serde(rename = "BUFFERED")]
    Buffered,
    /// As it is made.
    #[serde(rename = "RESPONSE_STREAM")]
    Stream,
}

/// What web pages of other origins may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Cors {
    /// Whether they may send cookies and other credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_credentials: Option<bool>,
    /// The headers that they may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_headers: Option<Vec<String>>,
    /// The methods that they may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_methods: Option<Vec<String>>,
    /// Which origins these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_origins: Option<Vec<String>>,
    /// The headers that they may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expose_headers: Option<Vec<String>>,
    /// For how many seconds a browser may remember this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<i64>,
}

impl Cors {
    /// Whether there is anything in it.
    pub(crate) fn says_something(&self) -> bool {
        *self != Self::default()
    }
}

/// A function URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UrlConfig {
    /// Its id: 32 lower-case letters and digits, never given twice.
    pub(crate) id: String,
    /// Who may call.
    pub(crate) auth: AuthType,
    /// What web pages of other origins may do; nothing without it.
    #[serde(default)]
    pub(crate) cors: Option<Cors>,
    /// How the response comes; whole, unless it says otherwise.
    #[serde(default)]
    pub(crate) mode: Option<InvokeMode>,
    /// When it was made, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
}

impl UrlConfig {
    /// What is called: an address that every program finds, under the server's own.
    pub(crate) fn address(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}{}{}/", super::url_config::PATH, self.id)
    }
}

/// The same function URL with a host name of its own, for web pages whose links begin with `/`. Browsers and curl find
/// names under `localhost` by themselves; the C library, and so Python and Node, does not everywhere.
pub fn url_with_name(url: &str) -> Option<String> {
    let (port, id) = url.strip_prefix("http://127.0.0.1:")?.split_once(super::url_config::PATH)?;
    Some(format!("http://{}{}:{port}/", id.trim_end_matches('/'), super::url_config::DOMAIN))
}
