//! The functions' code: each zip is unpacked once, under its SHA-256, and removed when neither a function nor a sandbox
//! uses it. Touches the code directory only.

use crate::{call::hexadecimal, disk, zipfile};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Unpacked zips by SHA-256.
pub(crate) struct Codes {
    dir: PathBuf,
    used: Mutex<HashMap<String, Users>>,
}

#[derive(Default)]
struct Users {
    functions: usize,
    sandboxes: usize,
}

/// A sandbox's hold on its code.
pub(crate) struct Held {
    codes: Arc<Codes>,
    sha256: String,
}

impl Codes {
    /// The code under `dir`.
    pub(crate) fn open(dir: &Path) -> io::Result<Arc<Self>> {
        disk::make_dir(dir)?;
        Ok(Arc::new(Self { dir: dir.to_owned(), used: Mutex::new(HashMap::new()) }))
    }

    /// Unpacks a zip for a function and gives its SHA-256. Blocks. Each success is to be matched by one
    /// [`release`](Self::release).
    pub(crate) fn add(&self, zip: &[u8]) -> Result<String, zipfile::Refusal> {
        let sha256 = hexadecimal(&Sha256::digest(zip));
        // Held from the start, so that it does not go while this one finds it there.
        self.keep(&sha256);
        let place = self.place(&sha256);
        if !place.is_dir()
            && let Err(refusal) = self.unpack(zip, &place)
        {
            self.release(&sha256);
            return Err(refusal);
        }
        Ok(sha256)
    }

    fn unpack(&self, zip: &[u8], place: &Path) -> Result<(), zipfile::Refusal> {
        let fresh = self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let result = zipfile::unpack(zip, &fresh).and_then(|()| match fs::rename(&fresh, place) {
            // Another call unpacked the same zip at the same time.
            Err(_) if place.is_dir() => Ok(()),
            result => result.map_err(zipfile::Refusal::Disk),
        });
        if fresh.exists()
            && let Err(error) = disk::remove_dir(&fresh)
        {
            tracing::warn!(%error, dir = %fresh.display(), "could not be removed");
        }
        result
    }

    /// One more function uses it.
    pub(crate) fn keep(&self, sha256: &str) {
        self.users().entry(sha256.to_owned()).or_default().functions += 1;
    }

    /// One function less uses it.
    pub(crate) fn release(&self, sha256: &str) {
        self.leave(sha256, |users| users.functions = users.functions.saturating_sub(1));
    }

    /// Holds it for a sandbox.
    pub(crate) fn hold(self: &Arc<Self>, sha256: &str) -> Held {
        self.users().entry(sha256.to_owned()).or_default().sandboxes += 1;
        Held { codes: Arc::clone(self), sha256: sha256.to_owned() }
    }

    /// Removes what no function uses and what an earlier process left half done. For the start, before sandboxes run.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let used = self.users();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if !used.contains_key(entry.file_name().to_string_lossy().as_ref()) {
                disk::remove_dir(&entry.path())?;
            }
        }
        Ok(())
    }

    fn leave(&self, sha256: &str, change: impl FnOnce(&mut Users)) {
        let mut used = self.users();
        let Some(users) = used.get_mut(sha256) else { return };
        change(users);
        if users.functions + users.sandboxes > 0 {
            return;
        }
        used.remove(sha256);
        let trash = self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        // Renamed while nobody else can come for it; removed when nobody waits.
        let renamed = fs::rename(self.place(sha256), &trash);
        drop(used);
        if renamed.is_ok()
            && let Err(error) = disk::remove_dir(&trash)
        {
            tracing::warn!(%error, dir = %trash.display(), "could not be removed");
        }
    }

    fn place(&self, sha256: &str) -> PathBuf {
        self.dir.join(sha256)
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Users>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Where it is unpacked: the function's `LAMBDA_TASK_ROOT`.
    pub(crate) fn root(&self) -> PathBuf {
        self.codes.place(&self.sha256)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.codes.leave(&self.sha256, |users| users.sandboxes = users.sandboxes.saturating_sub(1));
    }
}
