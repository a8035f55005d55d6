//! How a local Lambda is reached. Plain data.

use serde::{Deserialize, Serialize};

/// How the local Lambda is reached.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// The endpoint URL for all four services, `http://127.0.0.1:PORT`.
    pub url: String,
    /// The access key's id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The AWS region.
    pub region: String,
    /// The process that serves.
    pub pid: u32,
    /// Which server it is: the next one on the same port has another id.
    #[serde(default)]
    pub id: String,
    /// How the memory of functions is limited there, in words.
    #[serde(default)]
    pub memory_limit: String,
    /// What of the state on disk was found damaged when it began to serve: a sentence each, which says where it is now.
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
