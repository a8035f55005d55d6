//! The zips of functions and layers: each is kept and unpacked once, under its SHA-256, and removed when neither a
//! function, a layer nor a sandbox uses it. Layers that are laid over each other are kept the same way, under a name
//! made of theirs ([`Function::opt`]). Touches the code directory only.

use crate::{
    call::hexadecimal,
    disk,
    function::{Failure, Function},
    zipfile::{self, Refusal},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;

/// How many zips are unpacked at once: more would not be quicker on one disk.
const UNPACKING: usize = 2;

/// Unpacked zips by SHA-256.
pub(crate) struct Codes {
    dir: PathBuf,
    used: Mutex<HashMap<String, Users>>,
    /// The turns to unpack.
    pub(crate) turns: Semaphore,
}

#[derive(Default)]
struct Users {
    functions: usize,
    sandboxes: usize,
}

/// A sandbox's hold on its code.
pub(crate) struct Held {
    codes: Arc<Codes>,
    name: String,
}

/// A zip that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// Its SHA-256, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The size of its files in bytes, as it says.
    pub(crate) unpacked: u64,
}

impl Codes {
    /// The code under `dir`.
    pub(crate) fn open(dir: &Path) -> io::Result<Arc<Self>> {
        disk::make_dir(dir)?;
        let (used, turns) = (Mutex::new(HashMap::new()), Semaphore::new(UNPACKING));
        Ok(Arc::new(Self { dir: dir.to_owned(), used, turns }))
    }

    /// Takes a zip whose table of contents can be believed, without unpacking it. Blocks. Each success is to be matched
    /// by one [`drop_zip`](Self::drop_zip).
    pub(crate) fn take(&self, zip: &[u8]) -> Result<Taken, Refusal> {
        let sha256 = hexadecimal(&Sha256::digest(zip));
        let taken = Taken { unpacked: zipfile::judge(zip)?, size: zip.len() as u64, sha256: sha256.clone() };
        // Used from the start, so that it does not go while this one finds it there.
        self.users().entry(sha256.clone()).or_default().functions += 1;
        let file = self.zip(&sha256);
        if !file.is_file()
            && let Err(error) = disk::write(&file, zip)
        {
            self.drop_zip(&sha256);
            return Err(Refusal::Disk(error));
        }
        Ok(taken)
    }

    /// One function or layer less uses a zip.
    pub(crate) fn drop_zip(&self, sha256: &str) {
        self.leave(sha256, |users| users.functions = users.functions.saturating_sub(1));
    }

    /// One layer more uses a zip.
    pub(crate) fn keep_zip(&self, sha256: &str) {
        self.users().entry(sha256.to_owned()).or_default().functions += 1;
    }

    /// A version more uses what it needs.
    pub(crate) fn keep(&self, function: &Function) {
        function.codes().for_each(|name| self.keep_zip(&name));
    }

    /// A version less uses it.
    pub(crate) fn release(&self, function: &Function) {
        function.codes().for_each(|name| self.drop_zip(&name));
    }

    /// Holds it for a sandbox.
    pub(crate) fn hold(self: &Arc<Self>, name: &str) -> Held {
        self.users().entry(name.to_owned()).or_default().sandboxes += 1;
        Held { codes: Arc::clone(self), name: name.to_owned() }
    }

    /// Unpacks what a version needs and what is not there yet. Blocks.
    pub(crate) fn unpack(&self, function: &Function) -> Result<(), Failure> {
        let layers: Vec<&str> = function.layers.iter().map(|layer| layer.sha256.as_str()).collect();
        std::iter::once(function.code.as_str())
            .chain(layers.iter().copied())
            .try_for_each(|sha256| self.provide(sha256, |fresh| zipfile::unpack(&fs::read(self.zip(sha256))?, fresh)))
            .and_then(|()| match (function.opt(), layers.as_slice()) {
                (Some(opt), [_, _, ..]) => self.provide(&opt, |fresh| {
                    disk::make_dir(fresh)?;
                    // The layer that comes later wins.
                    layers.iter().try_for_each(|layer| overlay(&self.place(layer), fresh)).map_err(Refusal::Disk)
                }),
                _ => Ok(()),
            })
            .map_err(|refusal| Failure {
                code: match refusal {
                    Refusal::Disk(_) => "InternalError".to_owned(),
                    _ => "InvalidZipFileException".to_owned(),
                },
                reason: refusal.to_string(),
            })
    }

    /// As [`unpack`](Self::unpack), in its turn and on a thread where that may take its time.
    pub(crate) async fn unpack_in_turn(self: &Arc<Self>, function: &Arc<Function>) -> Result<(), Failure> {
        let internal = |reason: String| Failure { code: "InternalError".to_owned(), reason };
        // They may be deleted meanwhile.
        let held: Vec<Held> = function.codes().map(|name| self.hold(&name)).collect();
        let _turn = self.turns.acquire().await.map_err(|error| internal(error.to_string()))?;
        let (codes, function) = (Arc::clone(self), Arc::clone(function));
        let unpacking = tokio::task::spawn_blocking(move || {
            let outcome = codes.unpack(&function);
            drop(held);
            outcome
        });
        unpacking.await.map_err(|error| internal(format!("broke off unpacking: {error}")))?
    }

    /// Makes a directory with `fill` unless it is there: whole or not at all.
    fn provide(&self, name: &str, fill: impl FnOnce(&Path) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let place = self.place(name);
        if place.is_dir() {
            return Ok(());
        }
        let fresh = self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        let result = fill(&fresh).and_then(|()| match fs::rename(&fresh, &place) {
            // Another call made the same at the same time.
            Err(_) if place.is_dir() => Ok(()),
            result => result.map_err(Refusal::Disk),
        });
        if fresh.exists()
            && let Err(error) = disk::remove_dir(&fresh)
        {
            tracing::warn!(%error, dir = %fresh.display(), "could not be removed");
        }
        result
    }

    /// Removes what nobody uses and what an earlier process left half done. For the start, before sandboxes run.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let used = self.users();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if used.contains_key(name.strip_suffix(".zip").unwrap_or(&name)) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                disk::remove_dir(&entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn leave(&self, name: &str, change: impl FnOnce(&mut Users)) {
        let mut used = self.users();
        let Some(users) = used.get_mut(name) else { return };
        change(users);
        if users.functions + users.sandboxes > 0 {
            return;
        }
        used.remove(name);
        // Old state has no zips, layers over each other have none, and what was never unpacked has no directory.
        if let Err(error) = fs::remove_file(self.zip(name))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a zip that nobody uses could not be removed");
        }
        let trash = self.dir.join(format!(".{}", uuid::Uuid::new_v4().simple()));
        // Renamed while nobody else can come for it; removed when nobody waits.
        let renamed = fs::rename(self.place(name), &trash);
        drop(used);
        if renamed.is_ok()
            && let Err(error) = disk::remove_dir(&trash)
        {
            tracing::warn!(%error, dir = %trash.display(), "could not be removed");
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where a zip itself is, by its SHA-256; state that was written before zips were kept has none.
    pub(crate) fn zip(&self, sha256: &str) -> PathBuf {
        self.dir.join(format!("{sha256}.zip"))
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
    /// Where it is unpacked: the function's `LAMBDA_TASK_ROOT`, or what stands for `/opt`.
    pub(crate) fn root(&self) -> PathBuf {
        self.codes.place(&self.name)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.codes.leave(&self.name, |users| users.sandboxes = users.sandboxes.saturating_sub(1));
    }
}
