//! The zips of functions and layers: each is stored and unpacked once, under its SHA-256, and
//! removed when no function or layer uses it and no lease holds it. Merged layers are stored the
//! same way, under a name derived from theirs. Touches the code directory only.
//!
//! Functions and layers on disk keep their code by name ([`CodeStore::keep_zip`]), beyond the end
//! of the process. In memory each function also holds a lease on its code, and so does everything
//! that has the function: an invocation has the code that it was resolved to, even if the function
//! changes or is deleted meanwhile.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{
    damage::Damage,
    disk,
    trash::Trash,
    zipfile::{self, Refusal},
};
use crate::http::hex::hexadecimal;

/// Number of zips that are unpacked at once: more would not be faster on one disk.
const UNPACKING: usize = 2;

/// Stored and unpacked zips by SHA-256.
pub(crate) struct CodeStore {
    dir: PathBuf,
    used: Mutex<HashMap<Arc<str>, Users>>,
    /// Removes paths that are no longer needed.
    pub(crate) trash: Trash,
    /// Names of the code that was unpacked, or compared with its zip, since the start.
    checked: Mutex<HashSet<String>>,
    /// Permits to unpack.
    pub(crate) turns: Semaphore,
    /// Unpacking in progress.
    pub(super) unpacking: TaskTracker,
}

#[derive(Default)]
struct Users {
    /// Uses by functions and layers on disk.
    kept: usize,
    /// Leases in memory.
    held: usize,
}

/// A lease on code, which stays on disk as long as this value lives.
pub(crate) struct CodeLease {
    codes: Arc<CodeStore>,
    /// Shared with the store, since a function usually has one and there may be many functions.
    names: Box<[Arc<str>]>,
}

/// A zip that was stored.
pub(crate) struct StoredZip {
    /// Lease that keeps the zip until a function or a layer does.
    pub(crate) held: CodeLease,
    /// SHA-256 of the zip, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Size of the zip in bytes.
    pub(crate) size: u64,
    /// Size of its files in bytes, according to its table of contents.
    pub(crate) unpacked: u64,
}

impl CodeStore {
    /// Opens the code under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> io::Result<Arc<Self>> {
        damage.dir(dir)?;
        let (used, checked, turns) =
            (Mutex::default(), Mutex::default(), Semaphore::new(UNPACKING));
        let unpacking = TaskTracker::new();
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            used,
            trash: Trash::new()?,
            checked,
            turns,
            unpacking,
        }))
    }

    /// Stores a zip whose table of contents is valid, without unpacking it. Blocks.
    pub(crate) fn take(self: &Arc<Self>, zip: &[u8]) -> Result<StoredZip, Refusal> {
        let sha256 = hexadecimal(&Sha256::digest(zip));
        let unpacked = zipfile::validate(zip)?;
        // Taken first, so that the zip is not removed after it was found here.
        let held = self.hold([sha256.clone()]);
        self.store(&sha256, zip)?;
        Ok(StoredZip { held, size: zip.len() as u64, unpacked, sha256 })
    }

    /// Writes a zip to disk unless the same bytes are already there.
    fn store(&self, sha256: &str, zip: &[u8]) -> io::Result<()> {
        let file = self.zip(sha256);
        if fs::read(&file).is_ok_and(|there| there == zip) {
            return Ok(());
        }
        if file.is_dir() {
            disk::remove_dir(&file)?;
        }
        // The code that was unpacked from the damaged zip must be compared with this one.
        self.checked().remove(sha256);
        disk::write(&file, zip)
    }

    /// Removes a use of a zip by a function or a layer.
    pub(crate) fn drop_zip(&self, sha256: &str) {
        self.leave([sha256], |users| &mut users.kept);
    }

    /// Adds a use of a zip by a function or a layer.
    pub(crate) fn keep_zip(&self, sha256: &str) {
        self.users().entry(sha256.into()).or_default().kept += 1;
    }

    /// Takes a lease on code by its names.
    pub(crate) fn hold(self: &Arc<Self>, names: impl IntoIterator<Item = String>) -> CodeLease {
        let mut used = self.users();
        let names = names.into_iter().map(|name| {
            let shared = used.get_key_value(&*name).map(|(name, _)| Arc::clone(name));
            let name = shared.unwrap_or_else(|| name.into());
            used.entry(Arc::clone(&name)).or_default().held += 1;
            name
        });
        let names = names.collect();
        drop(used);
        CodeLease { codes: Arc::clone(self), names }
    }

    /// Waits until no unpacking is in progress. Call it when the server ends.
    pub(crate) async fn ended(&self) {
        self.unpacking.close();
        self.unpacking.wait().await;
    }

    /// Unpacks a zip unless that was done. Code that an earlier process unpacked is compared with
    /// the zip first.
    pub(super) fn provide_unpacked(&self, sha256: &str) -> Result<(), Refusal> {
        if self.checked().contains(sha256) {
            return Ok(());
        }
        let (place, file) = (self.place(sha256), self.zip(sha256));
        let zip = match fs::read(&file) {
            Ok(zip) => zip,
            // State that was written before zips were stored has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.is_dir() => {
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Refusal::Damaged),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                return Err(Refusal::Damaged);
            }
            Err(error) => return Err(Refusal::Disk(error)),
        };
        if fs::symlink_metadata(&place).is_ok() {
            if hexadecimal(&Sha256::digest(&zip)) != sha256 {
                return Err(Refusal::Damaged);
            }
            if !zipfile::matches(&zip, &place)? {
                tracing::warn!(dir = %place.display(), "unpacked code was damaged; it is unpacked \
                    again");
                self.discard(&place);
            }
        }
        self.provide(sha256, |fresh| zipfile::unpack(&zip, fresh))
    }

    /// Creates a directory with `fill` unless it exists: completely or not at all.
    pub(super) fn provide(
        &self,
        name: &str,
        fill: impl FnOnce(&Path) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let place = self.place(name);
        if place.is_dir() {
            self.checked().insert(name.to_owned());
            return Ok(());
        }
        let fresh = self.fresh();
        let result = fill(&fresh).and_then(|()| match fs::rename(&fresh, &place) {
            // Another call created the same directory at the same time.
            Err(_) if place.is_dir() => Ok(()),
            result => result.map_err(Refusal::Disk),
        });
        if result.is_ok() {
            self.checked().insert(name.to_owned());
        }
        if result.is_err() || fresh.exists() {
            self.trash.remove(fresh);
        }
        result
    }

    /// Removes incomplete files of an earlier process and, with `needless`, unused code. Call it at
    /// the start, before sandboxes run.
    pub(crate) fn sweep(&self, needless: bool) -> io::Result<()> {
        let used = self.users();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                self.trash.remove(entry.path());
            } else if needless && !used.contains_key(name.strip_suffix(".zip").unwrap_or(&name)) {
                self.discard(&entry.path());
            }
        }
        Ok(())
    }

    fn leave<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        count: impl Fn(&mut Users) -> &mut usize,
    ) {
        let mut used = self.users();
        for name in names {
            let Some(users) = used.get_mut(name) else { continue };
            let count = count(users);
            *count = count.saturating_sub(1);
            if users.kept + users.held > 0 {
                continue;
            }
            used.remove(name);
            self.checked().remove(name);
            // Old state has no zips, merged layers have none, and code that was never unpacked has
            // no directory.
            self.discard(&self.zip(name));
            self.discard(&self.place(name));
        }
    }

    /// Removes a path if it exists. Call it with the lock of the users held, so that no other call
    /// takes the code meanwhile: the path is renamed at once, and removed in the background.
    pub(super) fn discard(&self, path: &Path) {
        let trash = self.fresh();
        match fs::rename(path, &trash) {
            Ok(()) => self.trash.remove(trash),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %path.display(), "could not be removed"),
        }
    }

    /// Returns an unused name, which the next start removes.
    fn fresh(&self) -> PathBuf {
        self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()))
    }

    /// Returns the directory of unpacked code, by its name.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Returns the path of a zip, by its SHA-256; state that was written before zips were stored
    /// has none.
    pub(crate) fn zip(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}.zip"))
    }

    pub(super) fn checked(&self) -> MutexGuard<'_, HashSet<String>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn users(&self) -> MutexGuard<'_, HashMap<Arc<str>, Users>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CodeLease {
    /// Returns `true` if the lease is on exactly these names.
    pub(crate) fn is_of(&self, names: impl Iterator<Item = String>) -> bool {
        names.eq(self.names.iter().map(|name| &**name))
    }
}

impl Drop for CodeLease {
    fn drop(&mut self) {
        self.codes.leave(self.names.iter().map(|name| &**name), |users| &mut users.held);
    }
}
