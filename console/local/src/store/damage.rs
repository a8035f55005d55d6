//! State on disk that cannot be used: it is renamed to a name beside its own ("set aside"),
//! recorded for the user, and never removed. The rest continues to work without it. Touches the
//! files and directories that it is given.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use serde::de::DeserializeOwned;

use super::disk;

/// Suffix of the name of a file that was set aside; a number follows if there is more than one.
const SUFFIX: &str = ".damaged";

/// Number of files from which on they are read on all processors.
const MANY: usize = 256;

/// Record of the damage that was found while the state was read.
#[derive(Default)]
pub(crate) struct Damage {
    found: Mutex<Vec<String>>,
}

impl Damage {
    /// Makes a directory usable, as [`disk::make_dir`] does. A file of its name that is not a
    /// directory, or a directory that cannot be read, is set aside.
    ///
    /// # Errors
    /// Returns an error if there is no usable directory afterwards.
    pub(crate) fn dir(&self, dir: &Path) -> io::Result<()> {
        if let Err(error) = disk::make_dir(dir).and_then(|()| fs::read_dir(dir).map(drop)) {
            if error.kind() == io::ErrorKind::StorageFull {
                return Err(error);
            }
            self.set_aside(dir, "a directory of the local Lambda", &error.to_string())?;
            disk::make_dir(dir)?;
        }
        Ok(())
    }

    /// As [`dir`](Self::dir), for the process that holds the lock: also removes the unfinished
    /// files that a killed process left there.
    ///
    /// # Errors
    /// Returns an error if there is no usable directory afterwards.
    pub(crate) fn own_dir(&self, dir: &Path) -> io::Result<()> {
        self.dir(dir)?;
        if let Err(error) = disk::sweep(dir) {
            tracing::warn!(%error, dir = %dir.display(), "unfinished files could not be removed");
        }
        Ok(())
    }

    /// Reads a JSON file. An unusable file counts as missing. `what` names its content.
    pub(crate) fn json<T: DeserializeOwned>(&self, file: &Path, what: &str) -> Option<T> {
        match disk::read_json(file) {
            Ok(value) => value,
            Err(error) if spoiled(&error) => {
                if let Err(failed) = self.set_aside(file, what, &error.to_string()) {
                    self.record(format!(
                        "{what} is left out: {error}; it could not be set aside: {failed}"
                    ));
                }
                None
            }
            Err(error) => {
                self.record(format!("{what} is left out: {error}"));
                None
            }
        }
    }

    /// Reads the JSON files of a directory, each with its path, as [`json`](Self::json) does. A
    /// file whose name is not the one that [`disk::file_of`] derives from `name` of its content, if
    /// that returns one, is set aside as well. Many files are read on all processors.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be read.
    pub(crate) fn all<T: DeserializeOwned + Send>(
        &self,
        dir: &Path,
        what: &str,
        name: impl Fn(&T) -> Option<&str> + Sync,
    ) -> io::Result<Vec<(PathBuf, T)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir)? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                files.push(file);
            }
        }
        let read = |files: Vec<PathBuf>| -> io::Result<Vec<(PathBuf, T)>> {
            let mut all = Vec::with_capacity(files.len());
            for file in files {
                let Some(value) = self.json::<T>(&file, what) else { continue };
                if name(&value).is_some_and(|name| disk::file_of(dir, name) != file) {
                    self.set_aside(&file, what, "its name does not match its content")?;
                    continue;
                }
                all.push((file, value));
            }
            Ok(all)
        };
        if files.len() < MANY {
            return read(files);
        }
        let parts = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let size = files.len().div_ceil(parts);
            let mut running = Vec::new();
            while !files.is_empty() {
                let part = files.split_off(files.len().saturating_sub(size));
                running.push(scope.spawn(|| read(part)));
            }
            let mut all = Vec::new();
            for part in running {
                let panicked = |_| io::Error::other("a thread that reads the state panicked");
                all.append(&mut part.join().map_err(panicked)??);
            }
            Ok(all)
        })
    }

    /// Renames an unusable file and records its new path.
    ///
    /// # Errors
    /// Returns an error if it could not be renamed.
    pub(crate) fn set_aside(&self, path: &Path, what: &str, why: &str) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let numbered = (2_u32..).map(|number| format!("{name}{SUFFIX}-{number}"));
        let aside = std::iter::once(format!("{name}{SUFFIX}"))
            .chain(numbered)
            .map(|name| path.with_file_name(name))
            .find(|aside| fs::symlink_metadata(aside).is_err())
            .ok_or(io::ErrorKind::AlreadyExists)?;
        fs::rename(path, &aside)?;
        self.record(format!("{what} is damaged ({why}); it was set aside as {}", aside.display()));
        Ok(())
    }

    /// Records damage that was handled in another way.
    pub(crate) fn record(&self, what: String) {
        tracing::warn!("{what}");
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Damage found so far, one sentence each.
    pub(crate) fn found(&self) -> Vec<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns `true` if the file is the cause, and not a temporary state of the system.
fn spoiled(error: &io::Error) -> bool {
    use io::ErrorKind::{
        InvalidData, IsADirectory, NotADirectory, PermissionDenied, UnexpectedEof,
    };
    matches!(
        error.kind(),
        InvalidData | IsADirectory | NotADirectory | PermissionDenied | UnexpectedEof
    )
}

/// Returns `true` if [`Damage::set_aside`] made this path.
pub(crate) fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once(SUFFIX).is_some_and(|(_, number)| {
        number.is_empty()
            || number
                .strip_prefix('-')
                .is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Returns `true` if a file of that name was set aside, now or earlier.
pub(crate) fn was_set_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    asides(path.parent().unwrap_or(Path::new("."))).any(|aside| {
        aside.file_name().is_some_and(|aside| {
            aside.to_string_lossy().rsplit_once(SUFFIX).is_some_and(|(of, _)| of == name)
        })
    })
}

/// Returns the files that were set aside in a directory, now or earlier.
pub(crate) fn asides(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_aside(path))
}
