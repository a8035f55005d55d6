//! Endpoint of a local Lambda. Plain data.

use serde::{Deserialize, Serialize};

/// Address and credentials of a local Lambda.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// Endpoint URL for all four services, `http://127.0.0.1:PORT`.
    pub url: String,
    /// ID of the access key.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The AWS region.
    pub region: String,
    /// ID of the serving process.
    pub pid: u32,
    /// ID of the server: the next one on the same port has another ID.
    #[serde(default)]
    pub id: String,
    /// Description of how the memory of functions is limited on this machine.
    #[serde(default)]
    pub memory_limit: String,
    /// State on disk that was found damaged at startup: one sentence each, with the new location of
    /// the files.
    #[serde(default)]
    pub damage: Vec<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("access_key", &self.access_key)
            .field("secret_key", &"***")
            .field("region", &self.region)
            .field("pid", &self.pid)
            .field("id", &self.id)
            .field("memory_limit", &self.memory_limit)
            .field("damage", &self.damage)
            .finish()
    }
}
