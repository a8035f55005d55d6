//! Between the steps of a request a thread stays awake for a moment: the function's answer, or the caller's next request,
//! is often there sooner than a thread that sleeps would be woken. Only while one request is served alone: with more of
//! them there is always something to do, and the processors have others who want them. Touches nothing but the clock.

use std::{
    cell::Cell,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a thread looks for the next step before it sleeps.
const MOMENT: Duration = Duration::from_micros(150);

thread_local! {
    /// Until when this thread stays awake.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether it has the task that keeps it awake.
    static AWAKE: Cell<bool> = const { Cell::new(false) };
}

/// Counts the requests that are being served.
pub(crate) struct BusyPoll {
    requests: AtomicUsize,
    /// On a single processor to stay awake would keep the others waiting.
    is_worth: bool,
}

impl BusyPoll {
    /// Counts from none.
    pub(crate) fn new() -> Arc<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Arc::new(Self { requests: AtomicUsize::new(0), is_worth: processors > 1 })
    }

    /// How many requests are being served.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Begins a request, on the thread that serves it.
    pub(crate) fn serve(self: &Arc<Self>) -> Serving {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.stay();
        Serving(Arc::clone(self))
    }

    fn is_alone(&self) -> bool {
        self.is_worth && self.requests.load(Ordering::Relaxed) <= 1
    }

    fn stay(self: &Arc<Self>) {
        if !self.is_alone() {
            return;
        }
        UNTIL.set(Some(Instant::now() + MOMENT));
        if !AWAKE.replace(true) {
            let busy_poll = Arc::clone(self);
            tokio::spawn(async move {
                // Each time around the runtime looks for what has come in.
                while busy_poll.is_alone() && UNTIL.get().is_some_and(|until| Instant::now() < until) {
                    tokio::task::yield_now().await;
                }
                AWAKE.set(false);
            });
        }
    }
}

/// A request that is being served, until this is dropped.
pub(crate) struct Serving(Arc<BusyPoll>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
        // A server that ends drops its requests where there is no runtime any more.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.0.stay();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy_poll() -> Arc<BusyPoll> {
        Arc::new(BusyPoll { requests: AtomicUsize::new(0), is_worth: true })
    }

    #[tokio::test]
    async fn a_thread_stays_awake_for_a_moment_after_a_request_and_then_sleeps() {
        let (busy_poll, began) = (busy_poll(), Instant::now());
        drop(busy_poll.serve());
        assert!(AWAKE.get());
        // Comes back only when the task has ended.
        while AWAKE.get() {
            tokio::task::yield_now().await;
        }
        assert!(began.elapsed() >= MOMENT);
    }

    #[tokio::test]
    async fn with_two_requests_at_once_none_stays_awake() {
        let busy_poll = busy_poll();
        let first = busy_poll.serve();
        let second = busy_poll.serve();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert!(!AWAKE.get(), "the second ended it");
        drop((first, second));
        assert!(AWAKE.get(), "the last one to end is alone again");
    }

    #[tokio::test]
    async fn on_a_single_processor_nobody_stays_awake() {
        let busy_poll = Arc::new(BusyPoll { requests: AtomicUsize::new(0), is_worth: false });
        drop(busy_poll.serve());
        assert!(!AWAKE.get());
    }
}
