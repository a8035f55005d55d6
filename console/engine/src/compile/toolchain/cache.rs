//! The toolchain's part of the cache directory: one writer at a time, and no incomplete part is
//! visible there.
//!
//! Touches the cache directory only.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use lambda_console_model::Failure;

use super::begin;
use crate::{Job, workspace::paths};

const WHAT: &str = "could not prepare the cache for the toolchain";

/// Directory of the provided parts.
pub(super) fn directory() -> PathBuf {
    paths::cache_dir().join("toolchain")
}

/// Returns a provided part of the toolchain that is safe to use: only the user and root can have
/// put it there. `None` if it does not exist, or belongs to another user, which is logged.
pub(super) fn own(path: PathBuf) -> Option<PathBuf> {
    if !path.exists() {
        return None;
    }
    let is_own = paths::is_own(&path, &paths::cache_dir());
    if !is_own {
        tracing::warn!(path = %path.display(), "another user may have put it there; it is not \
            used");
    }
    is_own.then_some(path)
}

/// Held while parts are provided. The system releases it even if the process is killed.
pub(super) struct Lock {
    _file: File,
}

/// Waits until no other process provides parts. Removes the incomplete files of a killed one.
pub(super) async fn lock(job: &Job) -> Result<Lock, Failure> {
    let directory = directory();
    let open = || {
        paths::make_private(&paths::cache_dir())?;
        paths::make_private(&directory)?;
        File::create(directory.join("lock"))
    };
    let file = open().map_err(|error| failed(WHAT, &directory, &error))?;
    let mut waits = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut waits, true) {
                    begin(job, "waiting for another process that sets up the toolchain");
                }
            }
            Err(TryLockError::Error(error)) => return Err(failed(WHAT, &directory, &error)),
        }
        tokio::select! {
            () = job.cancel.cancelled() => return Err(Failure::interrupted("could not set up")),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
    for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".new-") {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(Lock { _file: file })
}

/// A directory that becomes a part by [`Staging::place`], or is removed.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
}

impl Staging {
    /// An empty directory beside the parts, and so on their file system.
    pub(super) fn new() -> Result<Self, Failure> {
        let path = directory().join(format!(".new-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).map_err(|error| failed(WHAT, &path, &error))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `inner` of it in place as the part `name`, in one step.
    pub(super) fn place(self, inner: &str, name: &str) -> Result<PathBuf, Failure> {
        let to = directory().join(name);
        let placed = (|| {
            if to.exists() {
                std::fs::rename(&to, self.path.join(".old"))?;
            }
            std::fs::rename(self.path.join(inner), &to)
        })();
        placed.map_err(|error| failed("could not install a part of the toolchain", &to, &error))?;
        Ok(to)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A failure to write below the cache directory.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let hint = if error.kind() == io::ErrorKind::StorageFull {
        "free some space (the toolchain takes about 600 MB), or move the cache with XDG_CACHE_HOME"
    } else {
        "make sure that you own the directory and can write to it, or move the cache with \
        XDG_CACHE_HOME"
    };
    Failure::environment(what, format!("{}: {error}", path.display()), hint)
}
