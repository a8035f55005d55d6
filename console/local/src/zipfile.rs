//! The zip of a function or a layer: what is refused, and unpacking it. Touches only the directory it is told to make.

use crate::{disk, fault::Fault};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Cursor, Read as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Component, Path},
};
use zip::{ZipArchive, result::ZipError};

/// How large a function may be unpacked with its layers, in bytes: 250 MB.
pub(crate) const UNPACKED_LIMIT: u64 = 262_144_000;
/// How large a zip may be that comes in a request, in bytes: 50 MB.
pub(crate) const ZIPPED_LIMIT: usize = 52_428_800;

/// Why a zip is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is no zip, or a broken one.
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again. ({0})")]
    Broken(String),
    /// A path or a link in it leads out of it.
    #[error("Could not unzip uploaded file: the entry {0:?} leads out of the zip.")]
    Escapes(String),
    /// It is too large.
    #[error("Unzipped size must be smaller than {UNPACKED_LIMIT} bytes")]
    TooLarge,
    /// It is too large as it is.
    #[error("Zipped size must be smaller than {ZIPPED_LIMIT} bytes")]
    TooLargeZipped,
    /// It could not be written down.
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

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Disk(error) => Self::service("could not unpack the zip", &error),
            Refusal::TooLargeZipped => Self::new(413, "RequestEntityTooLargeException", refusal.to_string()),
            other => Self::invalid(other.to_string()),
        }
    }
}

/// Judges a zip by its table of contents and its links, and gives the size of its files as it tells it. Whether that
/// was the truth is seen when it is unpacked.
pub(crate) fn judge(zip: &[u8]) -> Result<u64, Refusal> {
    if zip.len() > ZIPPED_LIMIT {
        return Err(Refusal::TooLargeZipped);
    }
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut size = 0_u64;
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        size = size.saturating_add(file.size());
        let link = file.is_symlink();
        drop(file);
        if inside(&name).is_none() || link && inside(&target(&mut archive.by_index(index)?)?).is_none() {
            return Err(Refusal::Escapes(name));
        }
    }
    if size > UNPACKED_LIMIT { Err(Refusal::TooLarge) } else { Ok(size) }
}

/// Where a link leads.
fn target(file: &mut impl io::Read) -> Result<String, Refusal> {
    let mut link = String::new();
    file.take(4096).read_to_string(&mut link).map_err(|error| Refusal::Broken(error.to_string()))?;
    Ok(link)
}

/// Unpacks `zip` into the new directory `into`; not more than it says that it holds. What is left there after a refusal is the caller's to remove.
pub(crate) fn unpack(zip: &[u8], into: &Path) -> Result<(), Refusal> {
    unpack_within(zip, into, judge(zip)?)
}

fn unpack_within(zip: &[u8], into: &Path, limit: u64) -> Result<(), Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    disk::make_dir(into).map_err(Refusal::Disk)?;
    let into = &into.canonicalize().map_err(Refusal::Disk)?;
    let mut left = limit;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        let Some(path) = inside(&name) else { return Err(Refusal::Escapes(name)) };
        let target = into.join(path);
        if file.is_dir() {
            fs::create_dir_all(&target).map_err(Refusal::Disk)?;
            continue;
        }
        // A file below a link would be written where the link leads.
        let parent = target.parent().unwrap_or(into);
        fs::create_dir_all(parent).map_err(Refusal::Disk)?;
        if !parent.canonicalize().map_err(Refusal::Disk)?.starts_with(into) {
            return Err(Refusal::Escapes(name));
        }
        if file.is_symlink() {
            let link = self::target(&mut file)?;
            if inside(&link).is_none() {
                return Err(Refusal::Escapes(name));
            }
            symlink(&link, &target).map_err(Refusal::Disk)?;
            continue;
        }
        let mode = file.unix_mode().unwrap_or(0o644) & 0o777 | 0o400;
        let mut output =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).map_err(Refusal::Disk)?;
        // Counted as it comes: what the zip says of its size need not be true.
        let written = io::copy(&mut (&mut file).take(left + 1), &mut output).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                Refusal::Broken(error.to_string())
            }
            _ => Refusal::Disk(error),
        })?;
        left = left.checked_sub(written).ok_or(Refusal::TooLarge)?;
        // The umask may have taken rights that the zip gives.
        output.set_permissions(fs::Permissions::from_mode(mode)).map_err(Refusal::Disk)?;
    }
    Ok(())
}

/// The path without `.` parts; none when it is absolute, empty or climbs.
fn inside(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let good = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let windows = name.contains('\\') || name.contains('\0');
    (!windows && !name.is_empty() && path.components().all(good)).then_some(path)
}

/// What a bootstrap is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Linux program for this machine number (`e_machine`).
    Elf(u16),
    /// A script with its interpreter in the first line.
    Script,
    /// Neither: perhaps a program in another system's format.
    Other,
}

/// Looks at a bootstrap.
pub(crate) fn kind(bootstrap: &Path) -> io::Result<Kind> {
    let mut start = Vec::new();
    File::open(bootstrap)?.take(20).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [0x7f, b'E', b'L', b'F', _, 2, .., high, low] if start.len() == 20 => {
            Kind::Elf(u16::from_be_bytes([*high, *low]))
        }
        [0x7f, b'E', b'L', b'F', .., low, high] if start.len() == 20 => Kind::Elf(u16::from_le_bytes([*low, *high])),
        [b'#', b'!', ..] => Kind::Script,
        _ => Kind::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::zip;
    use zip::{ZipWriter, write::SimpleFileOptions};

    #[test]
    fn a_zip_is_unpacked_with_its_modes() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("code");
        unpack(&zip(&[("bootstrap", b"#!/bin/sh\n"), ("lib/data", b"x")]), &into).unwrap();
        assert_eq!(fs::metadata(into.join("bootstrap")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read(into.join("lib/data")).unwrap(), b"x");
    }

    #[test]
    fn a_path_that_leads_out_is_refused_and_writes_nothing_there() {
        for name in ["../evil", "lib/../../evil", "/tmp/evil-of-a-zip", "..\\evil"] {
            let dir = tempfile::tempdir().unwrap();
            let error = unpack(&zip(&[("bootstrap", b"#!"), (name, b"x")]), &dir.path().join("code")).unwrap_err();
            assert!(matches!(error, Refusal::Escapes(_)), "{name}: {error}");
            assert!(!dir.path().join("evil").exists());
            assert!(!Path::new("/tmp/evil-of-a-zip").exists());
        }
    }

    #[test]
    fn a_device_or_a_program_of_another_user_becomes_a_plain_file() {
        const DEVICE: u32 = 0o020_666;
        const OTHER_USERS: u32 = 0o106_755;
        for (mode, kept) in [(DEVICE, 0o666), (OTHER_USERS, 0o755)] {
            let mut bytes = zip(&[("thing", b"x")]);
            // The mode is in the upper half of the table's external attributes, which its writer would not set so.
            let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
            bytes[entry + 38..entry + 42].copy_from_slice(&(mode << 16).to_le_bytes());
            let dir = tempfile::tempdir().unwrap();
            unpack(&bytes, &dir.path().join("code")).unwrap();
            let made = fs::symlink_metadata(dir.path().join("code/thing")).unwrap();
            assert!(made.is_file());
            assert_eq!(made.permissions().mode() & 0o7777 & !0o022, kept & !0o022);
        }
    }

    #[test]
    fn a_link_that_leads_out_is_refused() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_symlink("out", "/tmp", SimpleFileOptions::default()).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(unpack(&bytes, &dir.path().join("code")), Err(Refusal::Escapes(_))));
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(unpack(b"not a zip", &dir.path().join("a")), Err(Refusal::Broken(_))));
        assert!(matches!(judge(b"not a zip"), Err(Refusal::Broken(_))));
    }

    #[test]
    fn the_table_of_contents_tells_the_size_and_what_leads_out() {
        assert_eq!(judge(&zip(&[("bootstrap", &[0; 600]), ("data", &[0; 400])])).unwrap(), 1000);
        assert!(matches!(judge(&zip(&[("../evil", b"x")])), Err(Refusal::Escapes(_))));
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_symlink("out", "../..", SimpleFileOptions::default()).unwrap();
        assert!(matches!(judge(&writer.finish().unwrap().into_inner()), Err(Refusal::Escapes(_))));
        assert!(matches!(judge(&vec![0; ZIPPED_LIMIT + 1]), Err(Refusal::TooLargeZipped)));
    }

    #[test]
    fn a_zip_that_grows_over_the_limit_is_refused_whatever_it_says_of_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let small = zip(&[("bootstrap", &[0; 600]), ("data", &[0; 400])]);
        unpack_within(&small, &dir.path().join("a"), 1000).unwrap();
        assert!(matches!(unpack_within(&small, &dir.path().join("b"), 999), Err(Refusal::TooLarge)));
        let written = fs::metadata(dir.path().join("b/data")).unwrap().len();
        assert_eq!(written, 400, "at most a byte more than the limit is written");
    }
}
