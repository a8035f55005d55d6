//! Removes unneeded files on a thread of its own: a function may have 60,000 files, and no call
//! should wait for their removal. Removes the given paths only. Paths that are left when the
//! process ends are found by the next one.

use std::{fs, io, path::PathBuf, sync::mpsc, thread};

use super::disk;

/// The removing thread. It ends when this value is dropped and all paths are removed.
pub(crate) struct Trash {
    paths: mpsc::Sender<PathBuf>,
}

impl Trash {
    /// Starts the thread.
    pub(crate) fn new() -> io::Result<Self> {
        let (paths, queue) = mpsc::channel::<PathBuf>();
        thread::Builder::new().name("trash".to_owned()).spawn(move || {
            // Threads that serve requests have priority.
            crate::scheduling::as_batch();
            for path in queue {
                if let Err(error) = remove(&path) {
                    tracing::warn!(%error, path = %path.display(), "could not be removed; the next \
                        start tries again");
                }
            }
        })?;
        Ok(Self { paths })
    }

    /// Removes a file, or a directory with its content, in the background. A caller that may create
    /// the same path again renames it first.
    pub(crate) fn remove(&self, path: PathBuf) {
        // The thread lives as long as this value.
        let _ = self.paths.send(path);
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => disk::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
