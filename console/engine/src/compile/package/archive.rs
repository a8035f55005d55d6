//! A zip that depends only on its content: fixed time, fixed mode, one order.
//!
//! Reads and writes the file that it is given.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    iter::once,
    path::Path,
};

use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::workspace::include::BOOTSTRAP;

/// A file beside the executable.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) mode: u32,
}

/// Writes a zip of the executable `bytes` and of `entries`, which have other names.
pub(super) fn write(path: &Path, bytes: &[u8], entries: &[Entry]) -> io::Result<()> {
    let others =
        entries.iter().map(|entry| (entry.name.as_str(), entry.content.as_slice(), entry.mode));
    let mut all: Vec<(&str, &[u8], u32)> = once((BOOTSTRAP, bytes, 0o755)).chain(others).collect();
    all.sort_unstable_by_key(|(name, ..)| *name);
    super::replace(path, |new| {
        let mut zip = ZipWriter::new(BufWriter::new(File::create(new)?));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            // 1 January 1980, the earliest that the format supports.
            .last_modified_time(DateTime::default());
        for (name, content, mode) in all {
            zip.start_file(name, options.unix_permissions(mode))?;
            zip.write_all(content)?;
        }
        zip.finish()?.flush()
    })
}

/// Returns `true` if the zip is readable, its bootstrap has the size of the one at `executable`,
/// and beside it are `entries` and no other.
pub(super) fn holds(path: &Path, executable: &Path, entries: &[Entry]) -> bool {
    let holds = || {
        let mut zip = ZipArchive::new(File::open(path).ok()?).ok()?;
        let is_bootstrap = zip.by_name(BOOTSTRAP).ok()?.size() == executable.metadata().ok()?.len();
        Some(
            is_bootstrap
                && zip.len() == entries.len() + 1
                && entries.iter().all(|entry| has(&mut zip, entry)),
        )
    };
    holds().unwrap_or(false)
}

/// Returns `true` if the zip has the entry, by the checksum in its table of contents: nothing is
/// unpacked.
fn has(zip: &mut ZipArchive<File>, entry: &Entry) -> bool {
    zip.by_name(&entry.name).is_ok_and(|there| {
        there.size() == entry.content.len() as u64
            && there.unix_mode().is_some_and(|mode| mode & 0o7777 == entry.mode)
            && there.crc32() == crc32fast::hash(&entry.content)
    })
}
