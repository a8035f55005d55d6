//! Telemetry for a sandbox's extensions: the Telemetry API and its predecessor, the Logs API.
//! Source: AWS Lambda developer guide, "Accessing real-time telemetry data for extensions using the
//! Telemetry API". Sends to loopback only. Without a subscriber it costs one read of a flag.

mod destination;
mod subscriber;
mod subscription;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use subscriber::Subscriber;

pub(crate) use subscription::{Api, Subscription};

/// Maximum size of the events that are kept during the init for later subscribers, in bytes.
const KEPT: usize = 1 << 20;

/// Source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    /// Lambda.
    Platform,
    /// The function's output.
    Function,
    /// The output of an external extension.
    Extension,
}

impl Category {
    /// Its name in the APIs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }

    /// Its name in the text format.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Platform => "Platform",
            Self::Function => "Function",
            Self::Extension => "Extension",
        }
    }
}

/// A telemetry event.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    /// Its source.
    pub(crate) category: Category,
    /// Its type, such as `platform.start`.
    pub(crate) kind: &'static str,
    /// The whole event as JSON.
    pub(crate) json: Bytes,
}

/// Reason for which a subscription is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declined {
    /// The init is over.
    Closed,
    /// The extension subscribed through the other API before.
    OtherApi,
}

/// The subscribers of a sandbox.
pub(crate) struct Telemetry {
    listens: AtomicBool,
    state: Mutex<State>,
}

struct State {
    open: bool,
    kept: Vec<Happening>,
    bytes: usize,
    subscribers: Vec<Arc<Subscriber>>,
}

impl Default for Telemetry {
    fn default() -> Self {
        let state = State { open: true, kept: Vec::new(), bytes: 0, subscribers: Vec::new() };
        Self { listens: AtomicBool::new(true), state: Mutex::new(state) }
    }
}

impl Telemetry {
    /// Returns `true` if there is a subscriber, or one may still subscribe.
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Sends an event to all subscribers; during the init it is also kept for later ones.
    pub(crate) fn publish(&self, happening: Happening) {
        let mut state = self.state();
        for subscriber in &state.subscribers {
            subscriber.publish(&happening);
        }
        if state.open && state.bytes < KEPT {
            state.bytes += happening.json.len();
            state.kept.push(happening);
        }
    }

    /// Subscribes an extension. Returns `false` if it was subscribed already, which changes
    /// nothing.
    pub(crate) fn subscribe(
        &self,
        extension: &str,
        subscription: Subscription,
    ) -> Result<bool, Declined> {
        let mut state = self.state();
        if !state.open {
            return Err(Declined::Closed);
        }
        if let Some(subscriber) =
            state.subscribers.iter().find(|subscriber| subscriber.extension == extension)
        {
            return if subscriber.api() == subscription.api {
                Ok(false)
            } else {
                Err(Declined::OtherApi)
            };
        }
        let subscriber = Subscriber::start(extension, subscription);
        for happening in &state.kept {
            subscriber.publish(happening);
        }
        state.subscribers.push(subscriber);
        Ok(true)
    }

    /// Ends the init: no extension may subscribe any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.open = false;
        state.kept = Vec::new();
        self.listens.store(!state.subscribers.is_empty(), Ordering::Release);
    }

    /// Begins another init: removes the subscribers of the previous one.
    pub(crate) fn reopen(&self) {
        let mut state = self.state();
        *state = State { open: true, kept: Vec::new(), bytes: 0, subscribers: Vec::new() };
        self.listens.store(true, Ordering::Release);
    }

    /// From now on sends events without waiting for a full batch.
    pub(crate) fn hurry(&self) {
        self.state().subscribers.iter().for_each(|subscriber| subscriber.hurry());
    }

    /// Removes all subscribers.
    pub(crate) fn end(&self) {
        self.state().subscribers.clear();
        self.close();
    }

    /// Waits until all events were sent, for at most `most`.
    pub(crate) async fn flush(&self, most: Duration) {
        let subscribers = self.state().subscribers.clone();
        let flushes = subscribers.iter().map(|subscriber| subscriber.flush());
        // A subscriber that has not received them by then gets no more time.
        let _ = tokio::time::timeout(most, futures_util::future::join_all(flushes)).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
