//! The asynchronous invocations: a file each until they are done, so that none is lost with the process.
//! Touches the queue directory only.

mod config;
mod record;

pub(crate) use config::EventConfig;

use crate::{
    damage::Damage,
    disk,
    fault::Fault,
    function::LATEST,
    invocation::{self, Invocation},
    lambda::{self, Found},
    leaving::{Count, Counted},
    service::Service,
};
use http::StatusCode;
use record::{Condition, Last};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The largest payload of an asynchronous invocation, in bytes: 1 MB.
pub(crate) const EVENT_LIMIT: usize = 1 << 20;
/// How often a function may be run in one chain of destinations. Source: AWS Lambda developer guide, "Use Lambda recursive
/// loop detection to prevent infinite loops".
const CHAIN_LIMIT: u32 = 16;

/// How long an event waits before it looks again whether its function can run by now.
const READINESS: Duration = Duration::from_millis(100);

/// How long an event waits before it looks again whether its function, which was found damaged, is back.
const ASIDE: Duration = Duration::from_secs(1);

/// An invocation that waits.
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
    /// The invocation, to be run later.
    pub(crate) fn new(invocation: Invocation, qualifier: Option<String>) -> Self {
        let function = invocation.function.name.clone();
        Self {
            id: invocation.id,
            chain: BTreeMap::from([(function.clone(), 1)]),
            function,
            qualifier,
            payload: String::from_utf8_lossy(&invocation.payload).into_owned(),
            client_context: invocation.client_context,
            tenant: invocation.tenant,
            trace: invocation.trace,
            queued: now(),
            attempts: 0,
        }
    }

    /// How long it has been waiting.
    fn age(&self) -> Duration {
        // A clock that was set back makes it young.
        Duration::from_millis(u64::try_from(now() - self.queued).unwrap_or_default())
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The queue.
pub(crate) struct Queue {
    dir: PathBuf,
    stop: CancellationToken,
    /// Those that run, or are about to.
    pub(crate) active: Count,
}

impl Queue {
    /// The queue under `dir`.
    pub(crate) fn open(dir: &Path, damage: &Damage) -> io::Result<Self> {
        damage.own_dir(dir)?;
        Ok(Self { dir: dir.to_owned(), stop: CancellationToken::new(), active: Count::default() })
    }

    /// Takes up what an earlier process left.
    pub(crate) fn resume(&self, service: &Arc<Service>) -> io::Result<()> {
        for (file, entry) in service.damage.all(&self.dir, "an asynchronous invocation", |_: &Entry| None)? {
            self.work(service, entry, file);
        }
        Ok(())
    }

    /// Takes an invocation: when this returns, it is on disk.
    pub(crate) fn submit(&self, service: &Arc<Service>, entry: Entry) -> Result<(), Fault> {
        let file = self.dir.join(format!("{}.json", entry.id));
        disk::write_json(&file, &entry).map_err(|error| Fault::service("could not queue the invocation", &error))?;
        self.work(service, entry, file);
        Ok(())
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

    fn work(&self, service: &Arc<Service>, mut entry: Entry, file: PathBuf) {
        let (service, stop, active) = (Arc::clone(service), self.stop.clone(), self.active.begin());
        tokio::spawn(async move {
            // An invocation that is cut off has not succeeded: its file stays.
            if stop.run_until_cancelled(process(&service, &mut entry, &file, &active)).await.is_some()
                && let Err(error) = fs::remove_file(&file)
            {
                tracing::warn!(%error, file = %file.display(), "could not be removed; the invocation would come again");
            }
        });
    }
}

/// Tries until the function answers, or as often and as long as its config says; then tells the destination. The function
/// and its config may be changed in between: each try takes what they are by then.
async fn process(service: &Arc<Service>, entry: &mut Entry, file: &Path, active: &Counted) {
    let pauses = service.pool.surroundings().limits.retries;
    let mut last = None;
    loop {
        let config = config(service, entry);
        let left = config.age().saturating_sub(entry.age());
        if left.is_zero() {
            return tell(service, entry, Condition::EventAgeExceeded, last.as_ref());
        }
        let Found { function, arn, .. } = match lambda::find(service, &entry.function, entry.qualifier.as_deref()) {
            Ok(found) => found,
            Err(fault) if fault.status == StatusCode::NOT_FOUND => {
                if service.functions.exists(&entry.function) && service.functions.get(&entry.function).is_none() {
                    // Its function is set aside, and may come back with the next deploy.
                    tokio::time::sleep(left.min(ASIDE)).await;
                    continue;
                }
                tracing::warn!(fault.message, id = entry.id, "an event is dropped");
                return;
            }
            Err(_not_ready) => {
                active.uncounted(tokio::time::sleep(left.min(READINESS))).await;
                continue;
            }
        };
        let reserved = service.functions.get(&entry.function).and_then(|function| function.reserved);
        if reserved == Some(0) {
            return tell(service, entry, Condition::ZeroReservedConcurrency, last.as_ref());
        }
        // When it is throttled it waits its turn, but not for longer than it may.
        let Ok(permit) = tokio::time::timeout(left, service.pool.wait_for_permit(&function)).await else {
            return tell(service, entry, Condition::EventAgeExceeded, last.as_ref());
        };
        let Some(permit) = permit else { return std::future::pending().await };
        let version = function.version.clone();
        let invocation = Invocation {
            id: entry.id.clone(),
            arn,
            function,
            payload: entry.payload.clone().into(),
            client_context: entry.client_context.clone(),
            tenant: entry.tenant.clone(),
            trace: entry.trace.clone(),
            tail: false,
            stream: None,
        };
        let result = invocation::run(&service.pool, invocation, permit).await;
        if result.is_err() && service.pool.is_closing() {
            // It was broken off by the end of this server, and counts for nothing.
            return std::future::pending().await;
        }
        entry.attempts += 1;
        match result {
            Ok(outcome) => {
                let succeeded = !outcome.failed;
                last = Some(Last { outcome, version });
                if succeeded {
                    return tell(service, entry, Condition::Success, last.as_ref());
                }
            }
            Err(fault) => tracing::warn!(fault.message, id = entry.id, "an asynchronous invocation could not run"),
        }
        let done = entry.attempts as usize;
        let pause = match pauses.get(done - 1) {
            Some(pause) if done <= config.retries() => *pause,
            _ => return tell(service, entry, Condition::RetriesExhausted, last.as_ref()),
        };
        // As on AWS, an event that would be too old for its next try is given up now.
        if entry.age() + pause > config.age() {
            return tell(service, entry, Condition::EventAgeExceeded, last.as_ref());
        }
        if let Err(error) = disk::write_json(file, entry) {
            tracing::warn!(%error, id = entry.id, "a try is not noted; after a restart there may be one too many");
        }
        tokio::time::sleep(pause).await;
    }
}

fn config(service: &Service, entry: &Entry) -> EventConfig {
    let qualifier = entry.qualifier.as_deref().unwrap_or(LATEST);
    service.event_configs.get(&entry.function, qualifier).unwrap_or_default()
}

/// Sends the record of what became of an entry to the destination for it, if there is one.
fn tell(service: &Arc<Service>, entry: &Entry, condition: Condition, last: Option<&Last>) {
    let config = config(service, entry);
    let destination = if condition == Condition::Success { config.on_success } else { config.on_failure };
    if condition != Condition::Success {
        tracing::warn!(id = entry.id, function = entry.function, ?condition, "an asynchronous invocation is given up");
    }
    let Some(destination) = destination else { return };
    let sent = lambda::find(service, &destination, None).and_then(|Found { function, qualifier, .. }| {
        let mut chain = entry.chain.clone();
        let visits = chain.entry(function.name.clone()).or_default();
        *visits += 1;
        if *visits > CHAIN_LIMIT {
            let message = format!("{} was invoked {CHAIN_LIMIT} times in one chain: a recursive loop", function.name);
            return Err(Fault::new(400, "RecursiveInvocationException", message));
        }
        let payload = record::record(entry, &service.region, condition, last, EVENT_LIMIT)
            .map_err(|error| Fault::service("could not write the record of an invocation", &error))?;
        let entry = Entry {
            id: Uuid::new_v4().to_string(),
            function: function.name.clone(),
            qualifier,
            payload,
            client_context: None,
            tenant: None,
            trace: entry.trace.clone(),
            queued: now(),
            attempts: 0,
            chain,
        };
        service.queue.submit(service, entry)
    });
    if let Err(fault) = sent {
        tracing::warn!(fault.message, id = entry.id, destination, "the record of an invocation was dropped");
    }
}
