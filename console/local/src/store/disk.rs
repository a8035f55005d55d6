//! Files that only the owner can access, replaced completely or not at all. Touches the file system
//! only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Creates a directory (mode 0700) and its parents, and removes the rights of others from an
/// existing one.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

/// Creates a directory (mode 0700) that does not exist.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(dir)
}

/// Returns the path of a function's file in a directory. Two names that differ only in case are two
/// files, on every file system.
pub(crate) fn file_of(dir: &Path, function: &str) -> PathBuf {
    use sha2::Digest as _;
    let hash = crate::http::hex::hexadecimal(&sha2::Sha256::digest(function.as_bytes()));
    dir.join(format!("{function}-{}.json", hash.get(..8).unwrap_or_default()))
}

/// Replaces a file (mode 0600) in one step: after a crash or on a full disk, it has the old content
/// or the new one.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(file, |handle| handle.write_all(bytes))
}

/// Like [`write()`], for content that is too large to hold in memory: `fill` writes it piece by
/// piece.
pub(crate) fn write_with(
    file: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let fresh = file.with_file_name(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut handle| {
            fill(&mut handle)?;
            handle.sync_all()
        })
        .and_then(|()| fs::rename(&fresh, file));
    if written.is_err() {
        // The rest of the failed attempt is of no use; failing to remove it changes nothing.
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// Replaces a file with a value as JSON.
pub(crate) fn write_json(file: &Path, value: &impl Serialize) -> io::Result<()> {
    write(file, &serde_json::to_vec_pretty(value)?)
}

/// Reads a JSON file; returns `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(file: &Path) -> io::Result<Option<T>> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is damaged: {error}", file.display()),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("could not read {}: {error}", file.display())))
        }
    }
}

/// Removes the unfinished files that a killed process left in a directory: those of [`write()`] and
/// no others.
pub(crate) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes a directory with its content, including directories that their owner may not write to; a
/// missing directory is not an error.
pub(crate) fn remove_dir(dir: &Path) -> io::Result<()> {
    let remove = || match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    match remove() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            remove()
        }
        result => result,
    }
}

/// Gives the owner all rights to a directory and its subdirectories.
fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_removed_whatever_rights_there_are_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "").unwrap();
        for (closed, mode) in [(&*deep, 0o000), (&dir.path().join("a/b"), 0o500)] {
            fs::set_permissions(closed, fs::Permissions::from_mode(mode)).unwrap();
        }
        remove_dir(&dir.path().join("a")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
