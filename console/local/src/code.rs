//! The zips of functions and layers: each is kept and unpacked once, under its SHA-256, and removed when neither a
//! function nor a layer uses it and nothing holds it. Layers that are laid over each other are kept the same way, under a
//! name made of theirs ([`Function::opt`]). Touches the code directory only.
//!
//! Functions and layers on disk keep their code by name ([`Codes::keep`]), over the end of the process. In memory each
//! [`Function`] holds its own besides, and so do all that have it: an invocation has the code that it was resolved to,
//! whatever becomes of the function meanwhile.

use crate::{
    call::hexadecimal,
    damage::Damage,
    disk,
    function::{Failure, Function},
    trash::Trash,
    zipfile::{self, Refusal},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How many zips are unpacked at once: more would not be quicker on one disk.
const UNPACKING: usize = 2;

/// Unpacked zips by SHA-256.
pub(crate) struct Codes {
    dir: PathBuf,
    used: Mutex<HashMap<String, Users>>,
    /// Removes what is not needed.
    pub(crate) trash: Trash,
    /// What was unpacked, or compared with its zip, since the start.
    checked: Mutex<HashSet<String>>,
    /// The turns to unpack.
    pub(crate) turns: Semaphore,
    /// What is being unpacked.
    unpacking: TaskTracker,
}

#[derive(Default)]
struct Users {
    /// The functions and layers on disk.
    kept: usize,
    /// What is in memory.
    held: usize,
}

/// A hold on code: it stays on disk as long as this lives.
pub(crate) struct Held {
    codes: Arc<Codes>,
    names: Vec<String>,
}

/// A zip that was taken.
pub(crate) struct Taken {
    /// Keeps it until something else does.
    pub(crate) held: Held,
    /// Its SHA-256, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The size of its files in bytes, as it says.
    pub(crate) unpacked: u64,
}

impl Codes {
    /// The code under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> io::Result<Arc<Self>> {
        damage.dir(dir)?;
        let (used, checked, turns) = (Mutex::default(), Mutex::default(), Semaphore::new(UNPACKING));
        let unpacking = TaskTracker::new();
        Ok(Arc::new(Self { dir: dir.to_owned(), used, trash: Trash::new()?, checked, turns, unpacking }))
    }

    /// Takes a zip whose table of contents can be believed, without unpacking it. Blocks.
    pub(crate) fn take(self: &Arc<Self>, zip: &[u8]) -> Result<Taken, Refusal> {
        let sha256 = hexadecimal(&Sha256::digest(zip));
        let unpacked = zipfile::judge(zip)?;
        // From the start, so that it does not go while this one finds it there.
        let held = self.hold([sha256.clone()]);
        self.store(&sha256, zip)?;
        Ok(Taken { held, size: zip.len() as u64, unpacked, sha256 })
    }

    /// Writes a zip down unless it is there as it should be.
    fn store(&self, sha256: &str, zip: &[u8]) -> io::Result<()> {
        let file = self.zip(sha256);
        if fs::read(&file).is_ok_and(|there| there == zip) {
            return Ok(());
        }
        if file.is_dir() {
            disk::remove_dir(&file)?;
        }
        // What was unpacked from the damaged one is compared with this one.
        self.checked().remove(sha256);
        disk::write(&file, zip)
    }

    /// One layer less keeps a zip.
    pub(crate) fn drop_zip(&self, sha256: &str) {
        self.leave([sha256], |users| &mut users.kept);
    }

    /// One layer more keeps a zip.
    pub(crate) fn keep_zip(&self, sha256: &str) {
        self.users().entry(sha256.to_owned()).or_default().kept += 1;
    }

    /// A version more keeps what it needs.
    pub(crate) fn keep(&self, function: &Function) {
        function.codes().for_each(|name| self.keep_zip(&name));
    }

    /// A version less keeps it.
    pub(crate) fn release(&self, function: &Function) {
        function.codes().for_each(|name| self.drop_zip(&name));
    }

    /// Holds code by its names.
    pub(crate) fn hold(self: &Arc<Self>, names: impl IntoIterator<Item = String>) -> Held {
        let names: Vec<String> = names.into_iter().collect();
        let mut used = self.users();
        for name in &names {
            used.entry(name.clone()).or_default().held += 1;
        }
        Held { codes: Arc::clone(self), names }
    }

    /// Whether everything that a version needs was unpacked, or found as it should be, since the start.
    pub(crate) fn is_checked(&self, function: &Function) -> bool {
        let checked = self.checked();
        function.codes().all(|name| checked.contains(&name))
    }

    /// Whether everything that a version needs was unpacked at some time.
    pub(crate) fn is_there(&self, function: &Function) -> bool {
        function.codes().all(|name| self.place(&name).is_dir())
    }

    /// Unpacks what a version needs and what is not there, or not as its zip has it. Blocks.
    pub(crate) fn unpack(&self, function: &Function) -> Result<(), Failure> {
        let layers: Vec<&str> = function.layers.iter().map(|layer| layer.sha256.as_str()).collect();
        std::iter::once(function.code.as_str())
            .chain(layers.iter().copied())
            .try_for_each(|sha256| self.provide_unpacked(sha256))
            .and_then(|()| match (function.opt(), layers.as_slice()) {
                (Some(opt), [_, _, ..]) => {
                    // One that an earlier process made has no zip to be compared with.
                    if !self.checked().contains(&opt) && fs::symlink_metadata(self.place(&opt)).is_ok() {
                        self.discard(&self.place(&opt));
                    }
                    self.provide(&opt, |fresh| {
                        disk::make_dir(fresh)?;
                        // The layer that comes later wins.
                        layers.iter().try_for_each(|layer| overlay(&self.place(layer), fresh)).map_err(Refusal::Disk)
                    })
                }
                _ => Ok(()),
            })
            .map_err(|refusal| Failure {
                code: match refusal {
                    Refusal::Disk(_) | Refusal::Damaged => "InternalError".to_owned(),
                    _ => "InvalidZipFileException".to_owned(),
                },
                reason: refusal.to_string(),
            })
    }

    /// As [`unpack`](Self::unpack), in its turn and on a thread where that may take its time.
    pub(crate) async fn unpack_in_turn(self: &Arc<Self>, function: &Arc<Function>) -> Result<(), Failure> {
        let internal = |reason: String| Failure { code: "InternalError".to_owned(), reason };
        let _turn = self.turns.acquire().await.map_err(|error| internal(error.to_string()))?;
        let (codes, function) = (Arc::clone(self), Arc::clone(function));
        let unpacking = self.unpacking.spawn_blocking(move || codes.unpack(&function));
        unpacking.await.map_err(|error| internal(format!("broke off unpacking: {error}")))?
    }

    /// Waits until nothing is being unpacked. For the end of the server.
    pub(crate) async fn ended(&self) {
        self.unpacking.close();
        self.unpacking.wait().await;
    }

    /// Unpacks a zip unless that was done. What an earlier process unpacked is compared with the zip first.
    fn provide_unpacked(&self, sha256: &str) -> Result<(), Refusal> {
        if self.checked().contains(sha256) {
            return Ok(());
        }
        let (place, file) = (self.place(sha256), self.zip(sha256));
        let zip = match fs::read(&file) {
            Ok(zip) => zip,
            // State that was written before zips were kept has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.is_dir() => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Refusal::Damaged),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Err(Refusal::Damaged),
            Err(error) => return Err(Refusal::Disk(error)),
        };
        if fs::symlink_metadata(&place).is_ok() {
            if hexadecimal(&Sha256::digest(&zip)) != sha256 {
                return Err(Refusal::Damaged);
            }
            if !zipfile::matches(&zip, &place)? {
                tracing::warn!(dir = %place.display(), "unpacked code was damaged; it is unpacked again");
                self.discard(&place);
            }
        }
        self.provide(sha256, |fresh| zipfile::unpack(&zip, fresh))
    }

    /// Makes a directory with `fill` unless it is there: whole or not at all.
    fn provide(&self, name: &str, fill: impl FnOnce(&Path) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let place = self.place(name);
        if place.is_dir() {
            self.checked().insert(name.to_owned());
            return Ok(());
        }
        let fresh = self.fresh();
        let result = fill(&fresh).and_then(|()| match fs::rename(&fresh, &place) {
            // Another call made the same at the same time.
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

    /// Removes what an earlier process left half done and, with `needless`, what nobody uses. For the start, before sandboxes
    /// run.
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

    fn leave<'a>(&self, names: impl IntoIterator<Item = &'a str>, count: impl Fn(&mut Users) -> &mut usize) {
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
            // Old state has no zips, layers over each other have none, and what was never unpacked has no directory.
            self.discard(&self.zip(name));
            self.discard(&self.place(name));
        }
    }

    /// Takes away what may be there. For whoever has the lock of the users, so that nobody else can come for it: it is
    /// renamed at once, and removed when nobody waits.
    fn discard(&self, path: &Path) {
        let trash = self.fresh();
        match fs::rename(path, &trash) {
            Ok(()) => self.trash.remove(trash),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %path.display(), "could not be removed"),
        }
    }

    /// A name that nothing has, and that the next start removes.
    fn fresh(&self) -> PathBuf {
        self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()))
    }

    /// Where code is unpacked, by its name.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where a zip itself is, by its SHA-256; state that was written before zips were kept has none.
    pub(crate) fn zip(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}.zip"))
    }

    fn checked(&self) -> MutexGuard<'_, HashSet<String>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Users>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lays one directory over another: what is in both is `over`'s. Files become further names of the same files.
fn overlay(over: &Path, under: &Path) -> io::Result<()> {
    for entry in fs::read_dir(over)? {
        let entry = entry?;
        let (from, to) = (entry.path(), under.join(entry.file_name()));
        // Of a link itself, not of what it leads to.
        let there = fs::symlink_metadata(&to).ok();
        if entry.file_type()?.is_dir() {
            if there.as_ref().is_some_and(|there| !there.is_dir()) {
                fs::remove_file(&to)?;
            }
            if !to.is_dir() {
                fs::create_dir(&to)?;
            }
            overlay(&from, &to)?;
            continue;
        }
        match there {
            Some(there) if there.is_dir() => fs::remove_dir_all(&to)?,
            Some(_) => fs::remove_file(&to)?,
            None => {}
        }
        if entry.file_type()?.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::hard_link(&from, &to)?;
        }
    }
    Ok(())
}

impl Held {
    /// Whether it is a hold on exactly these.
    pub(crate) fn is_of(&self, names: impl Iterator<Item = String>) -> bool {
        names.eq(self.names.iter().cloned())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.codes.leave(self.names.iter().map(String::as_str), |users| &mut users.held);
    }
}
