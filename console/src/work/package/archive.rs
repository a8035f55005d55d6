//! A zip that depends on nothing but its content: fixed time, fixed mode, one order.
//!
//! Reads and writes the file that it is given.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Lambda looks for the executable of this name.
const ENTRY: &str = "bootstrap";

/// Writes a zip of the executable `bytes`.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    super::replace(path, |new| {
        let mut zip = ZipWriter::new(BufWriter::new(File::create(new)?));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            // 1 January 1980, the earliest that the format knows.
            .last_modified_time(DateTime::default())
            .unix_permissions(0o755);
        zip.start_file(ENTRY, options)?;
        zip.write_all(bytes)?;
        zip.finish()?.flush()
    })
}

/// The zip is readable and its bootstrap has the size of the one at `executable`.
pub(super) fn holds(path: &Path, executable: &Path) -> bool {
    let size = || {
        let mut zip = ZipArchive::new(File::open(path).ok()?).ok()?;
        Some(zip.by_name(ENTRY).ok()?.size())
    };
    size().is_some_and(|size| executable.metadata().is_ok_and(|metadata| metadata.len() == size))
}
