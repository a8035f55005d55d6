//! Packages an executable for deployment: `target/lambda/<name>/bootstrap` and
//! `bootstrap.zip`, which also has the files that the manifest includes, checked. Unchanged files
//! are not rewritten.
//!
//! Writes below `target/lambda` only.

mod archive;
mod check;
mod program;

use std::{
    fs::{self, File},
    io,
    path::Path,
    time::SystemTime,
};

use lambda_console_model::{Architecture, Built, Failure, Include, Zip};

use self::{archive::Entry, check::Executable};
use crate::workspace::{
    self,
    include::{self, Included},
};

pub(super) use self::program::function;

/// Copies `executable` to the bootstrap of `name` and zips it with the included files.
///
/// The bootstrap is a copy that keeps its original's time, so equal size and time mean that it is
/// the same. The zip is removed before a bootstrap with other content is written, so an existing
/// zip always belongs to the bootstrap beside it, even after a crash between the two. A zip with
/// included files is as new as the newest of them, or newer: an older one is out of date.
///
/// # Errors
/// Work: Lambda would not run it (with the reason of the check), something cannot be included, or
/// it cannot be written.
pub fn package(
    target: &Path,
    name: &str,
    architecture: Architecture,
    executable: &Path,
    include: &[Include],
) -> Result<Built, Failure> {
    assemble(target, name, (architecture, true), executable, include)
}

/// As [`package`]; `is_built`: the console has built the executable.
fn assemble(
    target: &Path,
    name: &str,
    (architecture, is_built): (Architecture, bool),
    executable: &Path,
    include: &[Include],
) -> Result<Built, Failure> {
    let began = SystemTime::now();
    let directory = workspace::directory(target, name);
    let bootstrap = directory.join("bootstrap");
    let archive = directory.join("bootstrap.zip");
    let unwritten = |error: &io::Error| unwritten(name, &directory, error);

    fs::create_dir_all(&directory).map_err(|error| unwritten(&error))?;
    let is_copied = is_copy(executable, &bootstrap).map_err(|error| unwritten(&error))?;
    let stamp = |path: &Path| path.metadata().map_err(|error| unwritten(&error));
    let included = Included::of(name, include, target)?;
    check::unzipped(name, stamp(executable)?.len(), included.bytes())?;
    let newest = included.newest();
    let entries = read(name, included)?;
    let is_zipped = archive::holds(&archive, executable, &entries);
    let mut warnings = Vec::new();
    if !(is_copied && is_zipped) {
        // The whole file is read here, and only here.
        let bytes = fs::read(executable).map_err(|error| unwritten(&error))?;
        let file = check::BOOTSTRAP;
        let checked = Executable { function: name, file, bytes: &bytes, architecture, is_built };
        warnings = checked.check()?;
        let is_same = fs::read(&bootstrap).is_ok_and(|there| there == bytes);
        if !(is_same && is_zipped) {
            remove(&archive).map_err(|error| unwritten(&error))?;
        }
        copy(executable, &bootstrap, is_same).map_err(|error| unwritten(&error))?;
        if !(is_same && is_zipped) {
            archive::write(&archive, &bytes, &entries).map_err(|error| unwritten(&error))?;
        }
    }
    if let Some(newest) = newest {
        keep_up(&archive, newest, began).map_err(|error| unwritten(&error))?;
    }
    let zip_bytes = stamp(&archive)?.len();
    warnings.extend(check::zipped(name, zip_bytes));
    let sha256 = workspace::sha256_of(&archive).map_err(|error| unwritten(&error))?;
    Ok(Built {
        name: name.to_owned(),
        architecture,
        bootstrap: workspace::stamp_of(bootstrap.clone(), &stamp(&bootstrap)?),
        zip: Zip { path: archive, bytes: zip_bytes, sha256 },
        warnings,
    })
}

/// The content of the files that go into the zip.
fn read(name: &str, included: Included) -> Result<Vec<Entry>, Failure> {
    let entry = |(entry, file): (String, include::File)| match fs::read(&file.path) {
        Ok(content) => Ok(Entry { name: entry, content, mode: file.mode }),
        Err(error) => {
            let why = format!("{}: {error}", file.path.display());
            Err(Failure::work(
                format!("could not package {name}"),
                why,
                "make it readable, or do not include it",
            ))
        }
    };
    included.files.into_iter().map(entry).collect()
}

/// Keeps the zip's time at or after `newest`, the time of the newest file that it includes. A file
/// that was written after this build `began` may not be in the zip, so the zip's time is not later
/// than that either, unless `newest` is.
fn keep_up(archive: &Path, newest: SystemTime, began: SystemTime) -> io::Result<()> {
    let modified = archive.metadata()?.modified()?;
    if modified < newest || modified > began {
        set_time(archive, newest.max(began))
    } else {
        Ok(())
    }
}

fn set_time(path: &Path, time: SystemTime) -> io::Result<()> {
    File::options().append(true).open(path)?.set_modified(time)
}

fn is_copy(original: &Path, copy: &Path) -> io::Result<bool> {
    let original = original.metadata()?;
    let Ok(copy) = copy.metadata() else { return Ok(false) };
    Ok(original.len() == copy.len() && original.modified()? == copy.modified()?)
}

/// Copies in one step, with the original's time; only sets the time if the content is the same.
fn copy(from: &Path, to: &Path, is_same: bool) -> io::Result<()> {
    let time = from.metadata()?.modified()?;
    if is_same {
        return set_time(to, time);
    }
    replace(to, |new| {
        fs::copy(from, new)?;
        set_time(new, time)
    })
}

/// Writes a file beside `path` and renames it into place, or leaves nothing.
fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let written = write(&new).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unwritten(name: &str, directory: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull => {
            "the disk is full: free some space (`cargo clean` frees the target directory) and \
            build again"
        }
        io::ErrorKind::PermissionDenied => "make the directory writable",
        _ => "",
    };
    Failure::work(
        format!("could not package {name}"),
        format!("{}: {error}", directory.display()),
        hint,
    )
}

#[cfg(test)]
mod tests;
