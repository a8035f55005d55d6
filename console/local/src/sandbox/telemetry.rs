//! What happens in a sandbox, told to its extensions: the Telemetry API and its forerunner, the Logs API. Source: AWS
//! Lambda developer guide, "Accessing real-time telemetry data for extensions using the Telemetry API". Posts to loopback
//! only. Without a subscriber it costs a look at one flag.

mod destination;
mod subscriber;
mod subscription;

pub(crate) use subscription::{Api, Subscription};

use bytes::Bytes;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use subscriber::Subscriber;

/// How much is kept during the init for those who subscribe late, in bytes.
const KEPT: usize = 1 << 20;

/// Where something comes from.
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

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    /// Where it comes from.
    pub(crate) category: Category,
    /// Its type, such as `platform.start`.
    pub(crate) kind: &'static str,
    /// The whole event as JSON.
    pub(crate) json: Bytes,
}

/// Why there is no subscription.
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
    /// Whether anybody hears, or may still come to hear.
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Tells all subscribers; during the init also those who are yet to come.
    pub(crate) fn tell(&self, happening: Happening) {
        let mut state = self.state();
        for subscriber in &state.subscribers {
            subscriber.tell(&happening);
        }
        if state.open && state.bytes < KEPT {
            state.bytes += happening.json.len();
            state.kept.push(happening);
        }
    }

    /// Subscribes an extension. Whether it is new: to ask again changes nothing.
    pub(crate) fn subscribe(&self, extension: &str, subscription: Subscription) -> Result<bool, Declined> {
        let mut state = self.state();
        if !state.open {
            return Err(Declined::Closed);
        }
        if let Some(subscriber) = state.subscribers.iter().find(|subscriber| subscriber.extension == extension) {
            return if subscriber.api() == subscription.api { Ok(false) } else { Err(Declined::OtherApi) };
        }
        let subscriber = Subscriber::start(extension, subscription);
        for happening in &state.kept {
            subscriber.tell(happening);
        }
        state.subscribers.push(subscriber);
        Ok(true)
    }

    /// The init is over: nobody may subscribe any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.open = false;
        state.kept = Vec::new();
        self.listens.store(!state.subscribers.is_empty(), Ordering::Release);
    }

    /// Another init begins: the subscribers were those of the one before.
    pub(crate) fn reopen(&self) {
        let mut state = self.state();
        *state = State { open: true, kept: Vec::new(), bytes: 0, subscribers: Vec::new() };
        self.listens.store(true, Ordering::Release);
    }

    /// From now on sends at once what comes.
    pub(crate) fn hurry(&self) {
        self.state().subscribers.iter().for_each(|subscriber| subscriber.hurry());
    }

    /// Nobody is there any more to hear.
    pub(crate) fn end(&self) {
        self.state().subscribers.clear();
        self.close();
    }

    /// Waits until all was sent, for as long as `most`.
    pub(crate) async fn flush(&self, most: Duration) {
        let subscribers = self.state().subscribers.clone();
        let flushes = subscribers.iter().map(|subscriber| subscriber.flush());
        // Who does not take it by then has no use for it.
        let _ = tokio::time::timeout(most, futures_util::future::join_all(flushes)).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
