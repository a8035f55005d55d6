//! The zip of a function or a layer: validates and unpacks it. Touches only the directory that it
//! shall create.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Cursor, Read as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    },
    path::Path,
};

use zip::{ZipArchive, result::ZipError};

use super::disk;
use crate::http::error::ApiError;

/// Maximum size of a function's files together with its layers, in bytes: 250 MB.
pub(crate) const UNPACKED_LIMIT: u64 = 262_144_000;
/// Maximum size of a zip in a request, in bytes: 50 MB.
pub(crate) const ZIPPED_LIMIT: usize = 52_428_800;
/// Maximum length of a link's target, in bytes.
const LINK_LIMIT: u64 = 4095;

/// Reason that a zip is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It holds nothing.
    #[error("Uploaded file must be a non-empty zip")]
    Empty,
    /// It is not a zip, or is corrupt.
    #[error(
        "Could not unzip uploaded file. Please check your file, then try to upload again. ({0})"
    )]
    Broken(String),
    /// A path in it points outside of it.
    #[error("Could not unzip uploaded file: the entry {0:?} is outside of the zip.")]
    Escapes(String),
    /// Its files are too large.
    #[error("Unzipped size must be smaller than {UNPACKED_LIMIT} bytes")]
    TooLarge,
    /// The zip itself is too large.
    #[error("Zipped size must be smaller than {ZIPPED_LIMIT} bytes")]
    TooLargeZipped,
    /// Code that was stored earlier is damaged on disk.
    #[error("the code on disk is damaged; deploy it again")]
    Damaged,
    /// It could not be written to disk.
    #[error("{0}")]
    Disk(#[source] io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<ZipError> for Refusal {
    fn from(error: ZipError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Disk(error) => Self::service("could not unpack the zip", &error),
            Refusal::TooLargeZipped => {
                Self::new(413, "RequestEntityTooLargeException", refusal.to_string())
            }
            other => Self::invalid(other.to_string()),
        }
    }
}

/// Validates a zip by its table of contents, and returns the size of its files according to it. The
/// actual size is checked during unpacking.
pub(crate) fn validate(zip: &[u8]) -> Result<u64, Refusal> {
    if zip.len() > ZIPPED_LIMIT {
        return Err(Refusal::TooLargeZipped);
    }
    if zip.is_empty() {
        return Err(Refusal::Empty);
    }
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    if archive.is_empty() {
        return Err(Refusal::Empty);
    }
    let mut size = 0_u64;
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        size = size.saturating_add(file.size());
        if inside(file.name_raw()).is_none() {
            return Err(Refusal::Escapes(shown(file.name_raw())));
        }
    }
    if size > UNPACKED_LIMIT { Err(Refusal::TooLarge) } else { Ok(size) }
}

/// Unpacks `zip` into the new directory `into`, up to the size in its table of contents. After an
/// error the caller has to remove the files that were written.
///
/// Links are kept as they are, whatever their target: it exists when the function runs, such as
/// `/opt`. They are created last, so that no file is ever written through one.
pub(crate) fn unpack(zip: &[u8], into: &Path) -> Result<(), Refusal> {
    unpack_within(zip, into, validate(zip)?)
}

fn unpack_within(zip: &[u8], into: &Path, limit: u64) -> Result<(), Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    disk::make_dir(into)?;
    let (mut dirs, mut links) = (Vec::new(), Vec::new());
    let mut left = limit;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = shown(file.name_raw());
        let Some(path) = inside(file.name_raw()) else { return Err(Refusal::Escapes(name)) };
        let target = into.join(path);
        let mode = file.unix_mode().map(|mode| mode & 0o777);
        if file.is_dir() {
            make_dirs(&target, &name)?;
            dirs.push((target, mode.unwrap_or(0o755) | 0o700));
            continue;
        }
        make_dirs(target.parent().unwrap_or(into), &name)?;
        if file.is_symlink() {
            let mut link = Vec::new();
            (&mut file)
                .take(LINK_LIMIT + 1)
                .read_to_end(&mut link)
                .map_err(|error| unreadable(&error))?;
            links.push((target, link, name));
            continue;
        }
        // The same path may be spelled in two ways: the later entry counts.
        match fs::remove_file(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) if target.is_dir() => return Err(ambiguous(&name)),
            result => result?,
        }
        let mode = mode.unwrap_or(0o644) | 0o400;
        let mut output =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
        // Counted while writing: the size in the zip need not be true.
        let written = io::copy(&mut (&mut file).take(left + 1), &mut output)
            .map_err(|error| unreadable(&error))?;
        left = left.checked_sub(written).ok_or(Refusal::TooLarge)?;
        // The umask may have removed rights that the zip grants.
        output.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    for (target, link, name) in links {
        if link.is_empty() || link.len() as u64 > LINK_LIMIT || link.contains(&0) {
            return Err(Refusal::Broken(format!(
                "the link {name:?} points to nothing that can be"
            )));
        }
        // The existing path is a directory with entries of its own, or a file of the same name.
        symlink(OsStr::from_bytes(&link), &target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => ambiguous(&name),
            _ => Refusal::Disk(error),
        })?;
    }
    for (dir, mode) in dirs {
        // Two names of one directory, one of which is a link.
        if fs::symlink_metadata(&dir)?.is_dir() {
            fs::set_permissions(&dir, fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Creates a directory of the zip, and its parents.
fn make_dirs(dir: &Path, name: &str) -> Result<(), Refusal> {
    fs::create_dir_all(dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => ambiguous(name),
        _ => Refusal::Disk(error),
    })
}

fn ambiguous(name: &str) -> Refusal {
    Refusal::Broken(format!("{name:?} is both a directory and something else"))
}

/// Error while a file of the zip is copied: either the zip's or the disk's.
fn unreadable(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            Refusal::Broken(error.to_string())
        }
        kind => Refusal::Disk(io::Error::new(kind, error.to_string())),
    }
}

/// Formats a name for messages.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Returns `true` if a directory contains the unpacked `zip`: each file with its size, checksum and
/// execute permission, and each link. Other files in the directory are ignored. A file that cannot
/// be read does not match.
pub(crate) fn matches(zip: &[u8], dir: &Path) -> Result<bool, Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    // The same path may be spelled in two ways: the later entry counts.
    let mut last = BTreeMap::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let Some(path) = inside(file.name_raw()) else {
            return Err(Refusal::Escapes(shown(file.name_raw())));
        };
        last.insert(dir.join(path), index);
    }
    for (path, index) in last {
        let mut file = archive.by_index(index)?;
        let Ok(there) = fs::symlink_metadata(&path) else { return Ok(false) };
        let same = if file.is_dir() {
            there.is_dir()
        } else if file.is_symlink() {
            let mut link = Vec::new();
            (&mut file)
                .take(LINK_LIMIT + 1)
                .read_to_end(&mut link)
                .map_err(|error| unreadable(&error))?;
            fs::read_link(&path).is_ok_and(|there| there.as_os_str().as_bytes() == link)
        } else {
            let runs = file.unix_mode().unwrap_or(0o644) & 0o111 != 0;
            there.is_file()
                && there.len() == file.size()
                && (there.permissions().mode() & 0o111 != 0) == runs
                && checksum(&path).is_ok_and(|checksum| checksum == file.crc32())
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Computes the CRC-32 of a file.
fn checksum(file: &Path) -> io::Result<u32> {
    let mut checksum = crc32fast::Hasher::new();
    let mut input = File::open(file)?;
    let mut block = vec![0; 1 << 18];
    loop {
        match input.read(&mut block)? {
            0 => return Ok(checksum.finalize()),
            read => checksum.update(block.get(..read).unwrap_or_default()),
        }
    }
}

/// Returns the path of an entry; `None` if it is absolute, empty or contains `..`, even if only for
/// Windows. As on AWS, a backslash is a character like any other.
fn inside(name: &[u8]) -> Option<&Path> {
    let climbs = name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..");
    let path = Path::new(OsStr::from_bytes(name));
    (!climbs && !name.is_empty() && !name.contains(&0) && !path.is_absolute()).then_some(path)
}

/// Kind of a bootstrap, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Linux program for this machine number (`e_machine`).
    Elf(u16),
    /// A script with its interpreter in the first line.
    Script,
    /// Neither: perhaps a program in another system's format.
    Other,
}

/// Reads the kind of a bootstrap.
pub(crate) fn kind(bootstrap: &Path) -> io::Result<Kind> {
    let mut start = Vec::new();
    File::open(bootstrap)?.take(20).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [0x7f, b'E', b'L', b'F', _, 2, .., high, low] if start.len() == 20 => {
            Kind::Elf(u16::from_be_bytes([*high, *low]))
        }
        [0x7f, b'E', b'L', b'F', .., low, high] if start.len() == 20 => {
            Kind::Elf(u16::from_le_bytes([*low, *high]))
        }
        [b'#', b'!', ..] => Kind::Script,
        _ => Kind::Other,
    })
}

#[cfg(test)]
mod tests;
