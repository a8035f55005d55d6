//! The queue of asynchronous invocations: one file each until they are finished, so that none is
//! lost with the process. Touches the queue directory only.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{damage::Damage, disk};
use crate::count::Count;

/// The largest payload of an asynchronous invocation, in bytes: 1 MB.
pub(crate) const EVENT_LIMIT: usize = 1 << 20;

/// A queued invocation.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    /// ID of the request; it stays the same over the retries.
    pub(crate) id: String,
    /// The function's name.
    pub(crate) function: String,
    /// The version or the alias that was invoked.
    #[serde(default)]
    pub(crate) qualifier: Option<String>,
    /// The payload: JSON.
    pub(crate) payload: String,
    /// The client context: JSON on one line.
    #[serde(default)]
    pub(crate) client_context: Option<String>,
    /// Tenant ID.
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// Time of queueing, in milliseconds since the Unix epoch.
    #[serde(default = "now")]
    pub(crate) queued: i64,
    /// Number of times that the function has run for it.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// Number of invocations of each function in the chain of destinations so far.
    #[serde(default)]
    pub(crate) chain: BTreeMap<String, u32>,
}

impl Entry {
    /// Time since it was queued.
    pub(crate) fn age(&self) -> Duration {
        // If the clock was set back, the age is 0.
        Duration::from_millis(u64::try_from(now() - self.queued).unwrap_or_default())
    }
}

/// Current time in milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The queue of asynchronous invocations.
pub(crate) struct Queue {
    dir: PathBuf,
    /// Cancelled when the server ends: the next process runs the unfinished invocations.
    pub(crate) stop: CancellationToken,
    /// Invocations that are running, or about to.
    pub(crate) active: Count,
}

impl Queue {
    /// Opens the queue under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> io::Result<Self> {
        damage.own_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), stop: CancellationToken::new(), active: Count::default() })
    }

    /// Returns the invocations that an earlier process left, each with its file.
    pub(crate) fn waiting(&self, damage: &Damage) -> io::Result<Vec<(PathBuf, Entry)>> {
        damage.all(&self.dir, "an asynchronous invocation", |_: &Entry| None)
    }

    /// Adds an invocation and returns its file, which is on disk then.
    pub(crate) fn add(&self, entry: &Entry) -> io::Result<PathBuf> {
        let file = self.dir.join(format!("{}.json", entry.id));
        disk::write_json(&file, entry)?;
        Ok(file)
    }

    /// Number of unfinished invocations.
    pub(crate) fn left(&self) -> usize {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|extension| extension == "json"))
            .count()
    }

    /// Leaves the unfinished invocations to the next process.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}
