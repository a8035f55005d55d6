//! The processes of a sandbox end with it, including those that left its group: a separate thread
//! finds and kills them, for all sandboxes that ended in the meantime at once. It also removes the
//! sandboxes' directories. The next start cleans up the processes and directories of a local Lambda
//! that was killed. Touches the directory of the sandboxes only, and kills processes that have a
//! [`Mark`] of it.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use super::mark::{self, Mark, Whose};
use crate::store::{code_store::CodeStore, disk};

/// Time for which ended sandboxes are collected: a scan of all processes takes time that a sandbox
/// which is starting, often in place of the one that ended, should have.
const GATHER: Duration = Duration::from_millis(100);

/// The sandboxes of one start of the local Lambda.
pub(crate) struct Families {
    dir: PathBuf,
    start: Mark,
    next: AtomicU64,
    ended: mpsc::Sender<Ended>,
}

struct Ended {
    mark: Mark,
    dir: PathBuf,
}

/// Mark and directory of one sandbox. Some time after this is dropped its processes are killed and
/// the directory is removed.
pub(crate) struct Home {
    pub(crate) mark: Mark,
    pub(crate) dir: PathBuf,
    ended: mpsc::Sender<Ended>,
}

impl Families {
    /// Opens the directory `dir`. The processes of earlier starts are killed soon after this
    /// returns.
    pub(crate) fn open(dir: &Path, codes: Arc<CodeStore>) -> io::Result<Self> {
        disk::make_dir(dir)?;
        let dir = dir.canonicalize()?;
        let start = Mark::of(&dir)?;
        let left: Vec<PathBuf> = fs::read_dir(&dir)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        let (ended, queue) = mpsc::channel::<Ended>();
        thread::Builder::new().name("families".to_owned()).spawn(move || {
            // Serving has priority.
            crate::scheduling::as_batch();
            mark::kill(&Whose::Earlier(start));
            for dir in left {
                codes.trash.remove(dir);
            }
            while let Ok(first) = queue.recv() {
                let (mut ended, until) = (vec![first], Instant::now() + GATHER);
                while let Ok(next) =
                    queue.recv_timeout(until.saturating_duration_since(Instant::now()))
                {
                    ended.push(next);
                }
                let marks: HashSet<Mark> = ended.iter().map(|ended| ended.mark).collect();
                mark::kill(&Whose::Sandboxes(&marks));
                for Ended { dir, .. } in ended {
                    codes.trash.remove(dir);
                }
            }
        })?;
        Ok(Self { dir, start, next: AtomicU64::new(0), ended })
    }

    /// A home for a new sandbox.
    pub(crate) fn begin(&self) -> io::Result<Home> {
        let mark = self.start.sandbox(self.next.fetch_add(1, Ordering::Relaxed));
        let dir = self.dir.join(mark.to_string());
        disk::make_private(&dir)?;
        Ok(Home { mark, dir, ended: self.ended.clone() })
    }

    /// Kills all processes of all sandboxes, and returns once they are gone: for the end of the
    /// local Lambda.
    pub(crate) fn end_all(&self) {
        mark::kill(&Whose::This(self.start));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Without the thread, the next start cleans up.
        let _ = self.ended.send(Ended { mark: self.mark, dir: std::mem::take(&mut self.dir) });
    }
}
