//! The asynchronous invocations: a file each until they are done, so that none is lost with the process.
//! Touches the queue directory only.

use crate::{
    disk,
    fault::Fault,
    invocation::{self, Invocation},
    lambda::{self, Found},
    service::Service,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

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
    /// The X-Ray trace header.
    pub(crate) trace: String,
}

/// The queue.
pub(crate) struct Queue {
    dir: PathBuf,
    stop: CancellationToken,
}

impl Queue {
    /// The queue under `dir`.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        disk::make_dir(dir)?;
        disk::sweep(dir)?;
        Ok(Self { dir: dir.to_owned(), stop: CancellationToken::new() })
    }

    /// Takes up what an earlier process left.
    pub(crate) fn resume(&self, service: &Arc<Service>) -> io::Result<()> {
        for file in fs::read_dir(&self.dir)? {
            let file = file?.path();
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match disk::read_json::<Entry>(&file) {
                Ok(Some(entry)) => self.work(service, entry, file),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "an asynchronous invocation is passed over"),
            }
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

    /// Leaves what is not done to the next process.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    fn work(&self, service: &Arc<Service>, entry: Entry, file: PathBuf) {
        let (service, stop) = (Arc::clone(service), self.stop.clone());
        tokio::spawn(async move {
            // An invocation that is cut off has not succeeded: its file stays.
            if stop.run_until_cancelled(process(&service, &entry)).await.is_some()
                && let Err(error) = fs::remove_file(&file)
            {
                tracing::warn!(%error, file = %file.display(), "could not be removed; the invocation would come again");
            }
        });
    }
}

/// Tries up to three times. The function may be changed in between: each try runs what it is by then.
async fn process(service: &Arc<Service>, entry: &Entry) {
    let retries = service.pool.surroundings().limits.retries;
    for pause in retries.iter().map(Some).chain([None]) {
        let Ok(Found { function, arn, .. }) = lambda::find(service, &entry.function, entry.qualifier.as_deref()) else {
            return;
        };
        let Some(permit) = service.pool.wait_for_permit(&function).await else { return std::future::pending().await };
        let invocation = Invocation {
            id: entry.id.clone(),
            arn,
            function,
            payload: entry.payload.clone().into(),
            client_context: None,
            trace: entry.trace.clone(),
            tail: false,
        };
        let result = invocation::run(&service.pool, invocation, permit).await;
        match (result, pause) {
            (Ok(outcome), _) if !outcome.failed => return,
            (Err(fault), None) => {
                tracing::warn!(fault.message, id = entry.id, "an asynchronous invocation is given up");
            }
            (_, None) => {}
            (_, Some(pause)) => tokio::time::sleep(*pause).await,
        }
    }
}
