//! A server that this process serves or has joined, and what becomes of it. Reads its files, and waits for its lock.

use super::lock::{self, Lock, Past};
use std::{path::PathBuf, time::Duration};

/// A server that this process serves or has joined.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) dir: PathBuf,
    pub(super) id: String,
}

/// What has become of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It serves.
    Alive,
    /// It ended in order: what it did not answer, it did not begin.
    Finished,
    /// It was killed: of what it did not answer, nothing is known.
    Killed,
}

impl Link {
    /// Waits until it has ended, or another one serves in its place. Costs a thread that sleeps.
    pub async fn ended(&self) {
        let (sender, ended) = tokio::sync::oneshot::channel();
        let dir = self.dir.clone();
        // Not one of the runtime's: nobody waits for it when this process ends first.
        let waiting = std::thread::Builder::new().name("local-lambda-end".to_owned()).spawn(move || {
            let waited = lock::wait(&dir);
            drop(sender.send(waited));
        });
        if waiting.is_err() || !matches!(ended.await, Ok(Ok(()))) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// What has become of it.
    pub fn fate(&self) -> Fate {
        match lock::read_endpoint(&self.dir) {
            Some(endpoint) if endpoint.id == self.id => {
                if Lock::is_held(&self.dir) {
                    Fate::Alive
                } else {
                    Fate::Killed
                }
            }
            _ if Past::read(&self.dir).killed.contains(&self.id) => Fate::Killed,
            _ => Fate::Finished,
        }
    }
}
