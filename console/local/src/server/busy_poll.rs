//! Busy polling: between the steps of a request a thread stays awake for a moment, because the
//! function's answer, or the caller's next request, is often there sooner than a sleeping thread
//! would be woken. Only while one request is served alone: with more requests there is always work
//! to do, and other processes need the processors. Touches nothing but the clock.

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

/// Time that a thread polls for the next step before it sleeps.
const MOMENT: Duration = Duration::from_micros(150);

thread_local! {
    /// Time until which this thread stays awake.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
    /// `true` if this thread has the task that keeps it awake.
    static AWAKE: Cell<bool> = const { Cell::new(false) };
}

/// Counts the requests that are being served.
pub(crate) struct BusyPoll {
    requests: AtomicUsize,
    /// `false` on a single processor, where staying awake would delay the other processes.
    is_worth: bool,
}

impl BusyPoll {
    /// Creates a counter that starts at 0.
    pub(crate) fn new() -> Arc<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Arc::new(Self { requests: AtomicUsize::new(0), is_worth: processors > 1 })
    }

    /// Number of requests that are being served.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Counts a request, on the thread that serves it.
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
                // Each time around, the runtime polls for new I/O.
                while busy_poll.is_alone()
                    && UNTIL.get().is_some_and(|until| Instant::now() < until)
                {
                    tokio::task::yield_now().await;
                }
                AWAKE.set(false);
            });
        }
    }
}

/// A request that is being served, until this value is dropped.
pub(crate) struct Serving(Arc<BusyPoll>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
        // An ending server drops its requests when there is no runtime any more.
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
        // Returns only when the task has ended.
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
