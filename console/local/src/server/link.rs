//! Handle to a server that this process serves or has joined, and how that server ended. Reads its
//! files, and waits for its lock.

use std::{path::PathBuf, time::Duration};

use super::lock::{self, Lock, Past};

/// Handle to a server that this process serves or has joined.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) dir: PathBuf,
    pub(super) id: String,
}

/// State of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is serving.
    Alive,
    /// It ended cleanly: it never started the requests that it did not answer.
    Finished,
    /// It was killed: requests that it did not answer may have run.
    Killed,
}

impl Link {
    /// Waits until the server has ended, or another one serves in its place. Uses a sleeping
    /// thread.
    pub async fn ended(&self) {
        let (sender, ended) = tokio::sync::oneshot::channel();
        let dir = self.dir.clone();
        // A thread of its own rather than one of the runtime's, which would be waited for if this
        // process ends first.
        let waiting =
            std::thread::Builder::new().name("local-lambda-end".to_owned()).spawn(move || {
                let waited = lock::wait(&dir);
                drop(sender.send(waited));
            });
        if waiting.is_err() || !matches!(ended.await, Ok(Ok(()))) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Returns the state of the server.
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
