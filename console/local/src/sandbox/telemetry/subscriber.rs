//! One subscriber: a bounded buffer and the task that empties it in batches.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{Api, Category, Happening, Subscription};
use crate::sandbox::log::event::event;

/// Number of batches that may wait for a subscriber that receives none.
const BATCHES: usize = 4;
/// First and longest pause after a batch that did not arrive. Each pause is twice the previous one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A subscribed extension.
pub(super) struct Subscriber {
    /// The extension's name.
    pub(super) extension: String,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    subscription: Subscription,
    queue: Mutex<Queue>,
    /// Notified when an event was added, or when the queue is to be sent at once.
    woken: Notify,
    /// `true` if all events were sent.
    empty: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Happening>,
    bytes: usize,
    dropped: usize,
    dropped_bytes: usize,
    /// Shutdown: batches are sent without waiting for more events.
    hurry: bool,
}

impl Subscriber {
    /// Starts the task that sends. Must be called within a tokio runtime.
    pub(super) fn start(extension: &str, subscription: Subscription) -> Arc<Self> {
        let (queue, woken, empty) = (Mutex::default(), Notify::new(), watch::Sender::new(true));
        let shared = Arc::new(Shared { subscription, queue, woken, empty });
        let working = Arc::clone(&shared);
        let task = AbortOnDropHandle::new(tokio::spawn(async move { working.work().await }));
        Arc::new(Self { extension: extension.to_owned(), shared, _task: task })
    }

    /// The API through which it subscribed.
    pub(super) fn api(&self) -> Api {
        self.shared.subscription.api
    }

    /// Queues an event if the subscription includes it; drops it if the queue is full.
    pub(super) fn publish(&self, happening: &Happening) {
        let Shared { subscription, woken, empty, .. } = &*self.shared;
        if !subscription.wants(happening.category, happening.kind) {
            return;
        }
        let mut queue = self.shared.queue();
        let buffering = subscription.buffering;
        let full = queue.waiting.len() >= buffering.items * BATCHES
            || queue.bytes >= buffering.bytes * BATCHES;
        if full {
            queue.dropped += 1;
            queue.dropped_bytes += happening.json.len();
            return;
        }
        queue.bytes += happening.json.len();
        queue.waiting.push_back(happening.clone());
        empty.send_replace(false);
        let first = queue.waiting.len() == 1 || queue.hurry;
        let batch = queue.waiting.len() >= buffering.items || queue.bytes >= buffering.bytes;
        drop(queue);
        if first || batch {
            woken.notify_one();
        }
    }

    /// From now on sends events without waiting for a full batch.
    pub(super) fn hurry(&self) {
        self.shared.queue().hurry = true;
        self.shared.woken.notify_one();
    }

    /// Waits until all events were sent.
    pub(super) async fn flush(&self) {
        // `self` owns the sender, so it is not dropped.
        let _ = self.shared.empty.subscribe().wait_for(|empty| *empty).await;
    }
}

impl Shared {
    async fn work(&self) {
        loop {
            self.gathered().await;
            let (batch, bytes) = self.batch();
            if batch.is_empty() {
                continue;
            }
            let (mut pause, longest) = PAUSES;
            while let Err(error) = self.subscription.destination.send(&batch).await {
                tracing::debug!(%error, "telemetry did not arrive");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
            let mut queue = self.queue();
            queue.bytes = queue.bytes.saturating_sub(bytes);
            if queue.waiting.is_empty() && queue.dropped == 0 {
                self.empty.send_replace(true);
            }
        }
    }

    /// Waits until a batch is full or old enough.
    async fn gathered(&self) {
        let mut timeout = None;
        loop {
            {
                let queue = self.queue();
                let buffering = self.subscription.buffering;
                let any = !queue.waiting.is_empty() || queue.dropped > 0;
                if any
                    && (queue.hurry
                        || queue.waiting.len() >= buffering.items
                        || queue.bytes >= buffering.bytes)
                {
                    return;
                }
                if any && timeout.is_none() {
                    timeout = Some(tokio::time::Instant::now() + buffering.timeout);
                }
            }
            match timeout {
                None => self.woken.notified().await,
                Some(at) => tokio::select! {
                    () = self.woken.notified() => {}
                    () = tokio::time::sleep_until(at) => return,
                },
            }
        }
    }

    /// The next batch, and its size in the buffer until it was sent, in bytes.
    fn batch(&self) -> (Vec<Happening>, usize) {
        let mut queue = self.queue();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let buffering = self.subscription.buffering;
        while batch.len() < buffering.items && bytes < buffering.bytes {
            let Some(happening) = queue.waiting.pop_front() else { break };
            bytes += happening.json.len();
            batch.push(happening);
        }
        if queue.dropped > 0 {
            let (dropped, size) =
                (std::mem::take(&mut queue.dropped), std::mem::take(&mut queue.dropped_bytes));
            let kind = "platform.logsDropped";
            let reason =
                "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";
            let record =
                json!({ "reason": reason, "droppedRecords": dropped, "droppedBytes": size });
            if self.subscription.wants(Category::Platform, kind) {
                let json = Bytes::from(event(kind, &record).trim_end().to_owned());
                batch.push(Happening { category: Category::Platform, kind, json });
            }
        }
        (batch, bytes)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
