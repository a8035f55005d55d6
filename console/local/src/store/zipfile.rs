//! The zip of a function or a layer: validates and unpacks it. Touches only the directory that it is told to create.

use super::disk;
use crate::http::error::ApiError;
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
    #[error("Could not unzip uploaded file. Please check your file, then try to upload again. ({0})")]
    Broken(String),
    /// A path in it points outside of it.
    #[error("Could not unzip uploaded file: the entry {0:?} leads out of the zip.")]
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
            Refusal::TooLargeZipped => Self::new(413, "RequestEntityTooLargeException", refusal.to_string()),
            other => Self::invalid(other.to_string()),
        }
    }
}

/// Validates a zip by its table of contents, and returns the size of its files according to it. The actual size is
/// checked during unpacking.
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

/// Unpacks `zip` into the new directory `into`, up to the size in its table of contents. After an error the caller has
/// to remove the files that were written.
///
/// Links are kept as they are, whatever their target: it exists when the function runs, such as `/opt`. They are
/// created last, so that no file is ever written through one.
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
            (&mut file).take(LINK_LIMIT + 1).read_to_end(&mut link).map_err(|error| unreadable(&error))?;
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
        let mut output = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
        // Counted while writing: the size in the zip need not be true.
        let written = io::copy(&mut (&mut file).take(left + 1), &mut output).map_err(|error| unreadable(&error))?;
        left = left.checked_sub(written).ok_or(Refusal::TooLarge)?;
        // The umask may have removed rights that the zip grants.
        output.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    for (target, link, name) in links {
        if link.is_empty() || link.len() as u64 > LINK_LIMIT || link.contains(&0) {
            return Err(Refusal::Broken(format!("the link {name:?} points to nothing that can be")));
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

/// Returns `true` if a directory contains the unpacked `zip`: each file with its size, checksum and execute permission,
/// and each link. Other files in the directory are ignored. A file that cannot be read does not match.
pub(crate) fn matches(zip: &[u8], dir: &Path) -> Result<bool, Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    // The same path may be spelled in two ways: the later entry counts.
    let mut last = BTreeMap::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let Some(path) = inside(file.name_raw()) else { return Err(Refusal::Escapes(shown(file.name_raw()))) };
        last.insert(dir.join(path), index);
    }
    for (path, index) in last {
        let mut file = archive.by_index(index)?;
        let Ok(there) = fs::symlink_metadata(&path) else { return Ok(false) };
        let same = if file.is_dir() {
            there.is_dir()
        } else if file.is_symlink() {
            let mut link = Vec::new();
            (&mut file).take(LINK_LIMIT + 1).read_to_end(&mut link).map_err(|error| unreadable(&error))?;
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

/// Returns the path of an entry; `None` if it is absolute, empty or contains `..`, even if only for Windows. As on AWS,
/// a backslash is a character like any other.
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
        [0x7f, b'E', b'L', b'F', .., low, high] if start.len() == 20 => Kind::Elf(u16::from_le_bytes([*low, *high])),
        [b'#', b'!', ..] => Kind::Script,
        _ => Kind::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::zip;
    use std::io::Write as _;
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
            // The mode is in the upper half of the table's external attributes, which the writer cannot set to this
            // value.
            let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
            bytes[entry + 38..entry + 42].copy_from_slice(&(mode << 16).to_le_bytes());
            let dir = tempfile::tempdir().unwrap();
            unpack(&bytes, &dir.path().join("code")).unwrap();
            let made = fs::symlink_metadata(dir.path().join("code/thing")).unwrap();
            assert!(made.is_file());
            assert_eq!(made.permissions().mode() & 0o7777 & !0o022, kept & !0o022);
        }
    }

    /// Builds a zip of links and files, in this order: a name, and a target or content.
    fn linked(entries: &[(&str, Result<&str, &str>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            match content {
                Ok(link) => writer.add_symlink(*name, *link, SimpleFileOptions::default()).unwrap(),
                Err(text) => {
                    writer.start_file(*name, SimpleFileOptions::default()).unwrap();
                    writer.write_all(text.as_bytes()).unwrap();
                }
            }
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn links_are_kept_wherever_they_point() {
        let links = [
            ("lib/z.so", "../lib64/z.so.1"),
            ("node_modules", "/opt/nodejs/node_modules"),
            ("out", "../../.."),
            ("here", "bootstrap"),
            ("dangling", "nothing"),
        ];
        let mut entries: Vec<_> = links.iter().map(|(name, link)| (*name, Ok(*link))).collect();
        entries.push(("bootstrap", Err("#!")));
        let dir = tempfile::tempdir().unwrap();
        let code = dir.path().join("code");
        let zip = linked(&entries);
        validate(&zip).unwrap();
        unpack(&zip, &code).unwrap();
        for (name, link) in links {
            assert_eq!(fs::read_link(code.join(name)).unwrap(), Path::new(link));
        }
        assert_eq!(fs::read(code.join("here")).unwrap(), b"#!");
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "old").unwrap();
        let (out, missing) = (outside.to_str().unwrap(), format!("{}/missing", outside.display()));
        let file = format!("{out}/kept");
        let cases: [&[(&str, Result<&str, &str>)]; 7] = [
            &[("d", Ok(out)), ("d/evil", Err("x"))],
            &[("d/evil", Err("x")), ("d", Ok(out))],
            &[("d", Ok(&missing)), ("d/sub/evil", Err("x"))],
            &[("d", Ok(out)), ("d/evil", Ok("x"))],
            &[("d", Ok(".")), ("d/e", Ok(out)), ("d/e/evil", Err("x"))],
            &[("f", Ok(&file)), ("./f", Err("new"))],
            &[("./f", Err("new")), ("f", Ok(&file))],
        ];
        for (number, entries) in cases.iter().enumerate() {
            let code = dir.path().join(number.to_string());
            let refused = unpack(&linked(entries), &code);
            assert!(matches!(refused, Err(Refusal::Broken(_))), "{entries:?}: {refused:?}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        assert_eq!(fs::read(outside.join("kept")).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), cases.len() + 1);
    }

    #[test]
    fn a_name_that_comes_twice_is_what_came_last() {
        let dir = tempfile::tempdir().unwrap();
        let mut twice = linked(&[("a1", Err("first")), ("a2", Err("second")), ("./b", Err("1")), ("b", Err("2"))]);
        // The writer would refuse two entries of one name.
        for at in 0..twice.len() - 1 {
            if twice[at..].starts_with(b"a1") {
                twice[at + 1] = b'2';
            }
        }
        let code = dir.path().join("code");
        unpack(&twice, &code).unwrap();
        assert_eq!(fs::read(code.join("a2")).unwrap(), b"second");
        assert_eq!(fs::read(code.join("b")).unwrap(), b"2");
        let both = linked(&[("c", Err("file")), ("c/d", Err("x"))]);
        assert!(matches!(unpack(&both, &dir.path().join("both")), Err(Refusal::Broken(_))));
        let both = linked(&[("c/d", Err("x")), ("c", Err("file"))]);
        assert!(matches!(unpack(&both, &dir.path().join("reversed")), Err(Refusal::Broken(_))));
    }

    #[test]
    fn names_are_bytes_and_a_backslash_is_one_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut zip = linked(&[("lib\\data", Err("x")), ("gr#n", Err("y"))]);
        for byte in zip.iter_mut().filter(|byte| **byte == b'#') {
            *byte = 0x81;
        }
        let code = dir.path().join("code");
        unpack(&zip, &code).unwrap();
        assert_eq!(fs::read(code.join("lib\\data")).unwrap(), b"x");
        if cfg!(target_os = "linux") {
            assert_eq!(fs::read(code.join(OsStr::from_bytes(b"gr\x81n"))).unwrap(), b"y");
        }
    }

    #[test]
    fn modes_are_kept_of_files_and_directories() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let mode = |mode| SimpleFileOptions::default().unix_permissions(mode);
        writer.add_directory("closed", mode(0o500)).unwrap();
        // The modes that Python's `writestr` sets, and that of a layer's program.
        for (name, bits) in [("closed/data", 0o600), ("bin/tool", 0o751), ("locked", 0o400)] {
            writer.start_file(name, mode(bits)).unwrap();
        }
        let zip = writer.finish().unwrap().into_inner();
        let dir = tempfile::tempdir().unwrap();
        let code = dir.path().join("code");
        unpack(&zip, &code).unwrap();
        let mode = |name: &str| fs::metadata(code.join(name)).unwrap().permissions().mode() & 0o777;
        let modes = ["closed/data", "bin/tool", "locked", "closed"].map(mode);
        assert_eq!(modes, [0o600, 0o751, 0o400, 0o700], "its owner may remove it");
    }

    #[test]
    fn zips_of_windows_and_of_pipes_and_large_ones_are_read() {
        let options = SimpleFileOptions::default();
        let dir = tempfile::tempdir().unwrap();
        // As `zip -` and Go write it: sizes after the data.
        let mut stream = Vec::new();
        let mut writer = ZipWriter::new_stream(&mut stream);
        writer.start_file("lib/a", options).unwrap();
        writer.write_all(b"streamed").unwrap();
        writer.finish().unwrap();
        unpack(&stream, &dir.path().join("stream")).unwrap();
        assert_eq!(fs::read(dir.path().join("stream/lib/a")).unwrap(), b"streamed");
        // With the fields for files of more than 4 GB.
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("a", options.large_file(true)).unwrap();
        writer.write_all(b"large").unwrap();
        unpack(&writer.finish().unwrap().into_inner(), &dir.path().join("large")).unwrap();
        assert_eq!(fs::read(dir.path().join("large/a")).unwrap(), b"large");
        // As Windows creates it: without a mode, so that a bootstrap in it cannot be run, as on AWS.
        let mut windows = zip(&[("bootstrap", b"#!/bin/sh")]);
        let entry = windows.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        windows[entry + 5] = 0;
        windows[entry + 38..entry + 42].copy_from_slice(&0x20_u32.to_le_bytes());
        unpack(&windows, &dir.path().join("windows")).unwrap();
        let mode = fs::metadata(dir.path().join("windows/bootstrap")).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0, "{mode:o}");
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(unpack(b"not a zip", &dir.path().join("a")), Err(Refusal::Broken(_))));
        assert!(matches!(validate(b"not a zip"), Err(Refusal::Broken(_))));
    }

    #[test]
    fn a_zip_that_holds_nothing_is_refused() {
        for empty in [zip(&[]), Vec::new()] {
            assert!(matches!(validate(&empty), Err(Refusal::Empty)), "{empty:?}");
        }
        let error = ApiError::from(Refusal::Empty);
        assert_eq!(
            (error.code, &*error.message),
            ("InvalidParameterValueException", "Uploaded file must be a non-empty zip")
        );
    }

    #[test]
    fn the_table_of_contents_tells_the_size_and_what_leads_out() {
        assert_eq!(validate(&zip(&[("bootstrap", &[0; 600]), ("data", &[0; 400])])).unwrap(), 1000);
        assert!(matches!(validate(&zip(&[("../evil", b"x")])), Err(Refusal::Escapes(_))));
        assert!(matches!(validate(&vec![0; ZIPPED_LIMIT + 1]), Err(Refusal::TooLargeZipped)));
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
