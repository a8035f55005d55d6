//! Files that ensure a single server per directory: the lock file shows that there is one, the
//! endpoint file contains its address, the key file contains the key that it accepts, and another
//! file records how earlier servers ended. Touches these four files.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use crate::store::{damage::Damage, disk};

/// Maximum number of killed servers that are remembered: the processes that had joined one ask at
/// once.
const REMEMBERED: usize = 64;

/// The key that callers sign with, generated once per directory.
#[derive(Serialize, Deserialize)]
pub(crate) struct Keys {
    /// ID of the access key.
    pub(crate) access_key: String,
    /// The secret access key.
    pub(crate) secret_key: String,
}

impl Keys {
    /// Returns the directory's keys; generates them the first time.
    pub(crate) fn of(dir: &Path, damage: &Damage) -> io::Result<Self> {
        let file = dir.join("keys.json");
        if let Some(keys) = damage.json::<Self>(&file, "the access key").filter(Self::are_usable) {
            return Ok(keys);
        }
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let id = random().to_uppercase();
        let keys = Self {
            access_key: format!("LOCAL{}", id.get(..15).unwrap_or_default()),
            secret_key: format!("{}{}", random(), random()),
        };
        disk::write_json(&file, &keys)?;
        Ok(keys)
    }

    /// Returns `true` if the keys can be sent in a header: a flipped bit may have changed them.
    fn are_usable(&self) -> bool {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain(&self.access_key) && plain(&self.secret_key)
    }
}

/// The lock of a directory, held as long as this value lives. The kernel releases it when the
/// process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock; returns `None` if another process holds it.
    pub(crate) fn take(dir: &Path, damage: &Damage) -> io::Result<Option<Self>> {
        let path = lock_file(dir);
        let open = || File::options().create(true).truncate(false).write(true).open(&path);
        let file = match open() {
            Err(error) if path.is_dir() => {
                damage.set_aside(&path, "the lock of the local Lambda", &error.to_string())?;
                open()?
            }
            result => result?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns `true` if any process holds the directory's lock.
    pub(crate) fn is_held(dir: &Path) -> bool {
        let Ok(file) = File::open(lock_file(dir)) else { return false };
        // A shared lock, so that two processes that check at once do not take each other for a
        // server.
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// Waits until no process holds the directory's lock. Blocks.
pub(crate) fn wait(dir: &Path) -> io::Result<()> {
    File::open(lock_file(dir))?.lock_shared()
}

fn lock_file(dir: &Path) -> PathBuf {
    dir.join("lock")
}

/// Path of the endpoint file.
fn endpoint_file(dir: &Path) -> PathBuf {
    dir.join("endpoint.json")
}

/// Returns the contents of the endpoint file; `None` if it is missing or incomplete.
pub(crate) fn read_endpoint(dir: &Path) -> Option<Endpoint> {
    disk::read_json(&endpoint_file(dir)).ok().flatten()
}

/// Writes the address of this server for later processes.
pub(crate) fn write_endpoint(dir: &Path, endpoint: &Endpoint) -> io::Result<()> {
    disk::write_json(&endpoint_file(dir), endpoint)
}

/// Record of earlier servers, for the next server and for the processes that had joined one.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// Port of the last server; 0 if none is known.
    #[serde(default)]
    pub(crate) port: u16,
    /// IDs of the servers that ended without answering all requests, the latest last.
    #[serde(default)]
    pub(crate) killed: Vec<String>,
}

impl Past {
    /// Reads the record. An unreadable record counts as empty.
    pub(crate) fn read(dir: &Path) -> Self {
        disk::read_json(&past_file(dir)).ok().flatten().unwrap_or_default()
    }

    /// Records the server that left its endpoint file behind, which a server that ends cleanly does
    /// not. Call it with the lock held.
    pub(crate) fn note_killed(dir: &Path, damage: &Damage) -> io::Result<Self> {
        let mut past = damage
            .json::<Self>(&past_file(dir), "the record of earlier servers")
            .unwrap_or_default();
        if let Some(left) = read_endpoint(dir) {
            past.killed.push(left.id);
            let surplus = past.killed.len().saturating_sub(REMEMBERED);
            past.killed.drain(..surplus);
            past.write(dir)?;
        }
        remove_endpoint(dir, damage)?;
        Ok(past)
    }

    /// Writes the record.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        disk::write_json(&past_file(dir), self)
    }
}

fn past_file(dir: &Path) -> PathBuf {
    dir.join("past.json")
}

/// Removes the endpoint file: no process serves, and every request was answered.
pub(crate) fn remove_endpoint(dir: &Path, damage: &Damage) -> io::Result<()> {
    let file = endpoint_file(dir);
    match std::fs::remove_file(&file) {
        Err(error) if file.is_dir() => {
            damage.set_aside(&file, "the address of the local Lambda", &error.to_string())
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
