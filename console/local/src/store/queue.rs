//! The queue of asynchronous invocations: a file each until they are done, so that none is lost with the process. Touches
//! the queue directory only.

use super::{damage::Damage, disk};
use crate::count::Count;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The largest payload of an asynchronous invocation, in bytes: 1 MB.
pub(crate) const EVENT_LIMIT: usize = 1 << 20;

/// A queued invocation.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The request's id; it stays the same over the retries.
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
    /// The tenant that it is for.
    #[serde(default)]
    pub(crate) tenant: Option<String>,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// When it was queued, in milliseconds since the Unix epoch.
    #[serde(default = "now")]
    pub(crate) queued: i64,
    /// How often the function has run for it.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// How often each function was invoked on the way here, from destination to destination.
    #[serde(default)]
    pub(crate) chain: BTreeMap<String, u32>,
}

impl Entry {
    /// How long it has been waiting.
    pub(crate) fn age(&self) -> Duration {
        // A clock that was set back makes it young.
        Duration::from_millis(u64::try_from(now() - self.queued).unwrap_or_default())
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The queue of asynchronous invocations.
pub(crate) struct Queue {
    dir: PathBuf,
    /// Cancelled when the server ends: what is not done is left to the next process.
    pub(crate) stop: CancellationToken,
    /// Those that run, or are about to.
    pub(crate) active: Count,
}

impl Queue {
    /// The queue under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> io::Result<Self> {
        damage.own_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), stop: CancellationToken::new(), active: Count::default() })
    }

    /// Invocations that an earlier process left, each with its file.
    pub(crate) fn waiting(&self, damage: &Damage) -> io::Result<Vec<(PathBuf, Entry)>> {
        damage.all(&self.dir, "an asynchronous invocation", |_: &Entry| None)
    }

    /// Adds an invocation and returns its file: it is on disk then.
    pub(crate) fn add(&self, entry: &Entry) -> io::Result<PathBuf> {
        let file = self.dir.join(format!("{}.json", entry.id));
        disk::write_json(&file, entry)?;
        Ok(file)
    }

    /// How many are not done.
    pub(crate) fn left(&self) -> usize {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "json")).count()
    }

    /// Leaves what is not done to the next process.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}
