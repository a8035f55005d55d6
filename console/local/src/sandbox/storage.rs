//! The files in a sandbox's `/tmp`: measured while it rests, since nothing limits them. A `tmpfs`
//! of the function's size would take them from this machine's memory, and quotas of a directory are
//! rare; so what is over `EphemeralStorage`, which fails with `ENOSPC` on AWS, is reported. Reads
//! that directory only.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::store::function::Function;

/// The most entries that are looked at: each takes about a microsecond.
const ENTRIES: usize = 50_000;

/// The shortest time between two measurements of a sandbox.
const INTERVAL: Duration = Duration::from_secs(1);

/// The `/tmp` of one sandbox.
pub(crate) struct Storage {
    function: String,
    dir: PathBuf,
    /// In bytes.
    limit: u64,
    /// Set while it will be measured soon, and once it has been reported.
    done: AtomicBool,
}

impl Storage {
    /// The files under `dir`.
    pub(crate) fn new(dir: &Path, function: &Function) -> Arc<Self> {
        let limit = u64::from(function.ephemeral) << 20;
        let (function, dir, done) = (function.name.clone(), dir.to_owned(), AtomicBool::new(false));
        Arc::new(Self { function, dir, limit, done })
    }

    /// Measures in the background, soon after the sandbox has come to rest, and warns once when it
    /// is too much.
    pub(crate) fn measure(self: &Arc<Self>) {
        if self.done.swap(true, Ordering::Relaxed) {
            return;
        }
        let storage = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(INTERVAL).await;
            tokio::task::spawn_blocking(move || storage.look()).await
        });
    }

    fn look(&self) {
        // What comes to rest from now on is measured after this.
        self.done.store(false, Ordering::Relaxed);
        if exceeds(&self.dir, self.limit, ENTRIES) && !self.done.swap(true, Ordering::Relaxed) {
            let (function, limit) = (&self.function, self.limit >> 20);
            tracing::warn!(
                function,
                "a sandbox has more than {limit} MB in /tmp: on AWS, writing more than its \
                EphemeralStorage fails with ENOSPC (no space left on device); the local Lambda \
                does not enforce it"
            );
        }
    }
}

/// Checks whether the files under `dir` take more than `limit` bytes on disk. Stops when that is
/// known, or after so many entries.
fn exceeds(dir: &Path, limit: u64, mut entries: usize) -> bool {
    let (mut left, mut dirs) = (limit, vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        // The function may remove it meanwhile.
        let Ok(found) = fs::read_dir(dir) else { continue };
        for entry in found.filter_map(Result::ok) {
            let Some(rest) = entries.checked_sub(1) else { return false };
            entries = rest;
            let Ok(metadata) = entry.metadata() else { continue };
            match left.checked_sub(metadata.blocks() * 512) {
                Some(rest) => left = rest,
                None => return true,
            }
            if metadata.is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_with_what_they_take_on_disk_and_links_do_not_lead_away() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let exceeds = |limit, entries| exceeds(dir.path(), limit, entries);
        assert!(!exceeds(0, 10) && !super::exceeds(&dir.path().join("gone"), 0, 10));
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/data"), vec![1; 1 << 20]).unwrap();
        fs::write(elsewhere.path().join("data"), vec![1; 4 << 20]).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("away")).unwrap();
        assert!(exceeds((1 << 20) - 1, 10) && !exceeds(2 << 20, 10));
        assert!(!exceeds(0, 0), "it gives up");
        // A file that is all hole takes nothing.
        fs::File::create(dir.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        assert!(!exceeds(2 << 20, 10));
    }
}
