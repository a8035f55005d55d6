//! The end of a server that other processes use as well: it goes on until what was asked of it is answered and what was
//! begun of its queue is done, or until that is cut short; and it begins nothing in the moment in which it ends. Touches
//! nothing but the clock.

use crate::{Local, Server, lock, service::Service};
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// How often a server that waits for its end looks whether it has come.
const LOOK: Duration = Duration::from_millis(2);
/// How long it waits before it says so.
const UNSAID: Duration = Duration::from_millis(500);
/// How long the answers to what was broken off may take.
const ANSWERS: Duration = Duration::from_secs(2);

const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

/// Whether requests may begin.
#[derive(Default)]
pub(crate) struct Gate(AtomicU8);

/// The server has ended: the request was not begun.
#[derive(Debug, thiserror::Error)]
#[error("the local Lambda has ended")]
pub(crate) struct Ended;

impl Gate {
    /// Whether a request may go on that was counted before this was asked.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) == OPEN
    }

    /// Waits until it is known whether requests may begin.
    pub(crate) async fn known(&self) -> Result<(), Ended> {
        loop {
            match self.0.load(Ordering::SeqCst) {
                OPEN => return Ok(()),
                CLOSED => return Err(Ended),
                _ => sleep(LOOK).await,
            }
        }
    }

    /// Closes it in a moment in which nothing is going on.
    async fn close_when(&self, is_idle: impl Fn() -> bool) {
        loop {
            if is_idle() {
                self.0.store(CLOSING, Ordering::SeqCst);
                // What began before it saw that is seen here.
                if is_idle() {
                    return self.close();
                }
                self.0.store(OPEN, Ordering::SeqCst);
            }
            sleep(LOOK).await;
        }
    }

    fn close(&self) {
        self.0.store(CLOSED, Ordering::SeqCst);
    }
}

/// Counts what is to be brought to its end.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// One more, until what this gives is dropped.
    pub(crate) fn begin(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// One that is counted.
pub(crate) struct Counted(Count);

impl Counted {
    /// Waits for something, and does not count meanwhile.
    pub(crate) async fn uncounted<T>(&self, wait: impl Future<Output = T>) -> T {
        struct Uncounted<'a>(&'a Count);
        impl Drop for Uncounted<'_> {
            fn drop(&mut self) {
                self.0.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.0.0.fetch_sub(1, Ordering::SeqCst);
        let _uncounted = Uncounted(&self.0);
        wait.await
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a server that is about to end still has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests whose answers others wait for.
    pub requests: usize,
    /// Asynchronous invocations that have begun.
    pub events: usize,
}

/// What a server left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Asynchronous invocations that are still queued: the next server runs them.
    pub events: usize,
    /// Requests that were broken off.
    pub broken: usize,
}

fn pending(service: &Service) -> Pending {
    let running = service.pool.surroundings().calls.get();
    Pending { requests: running.max(service.linger.requests()), events: service.queue.active.get() }
}

impl Local {
    /// Ends the server and its sandboxes, once nothing is going on that others wait for, or on `cut`; when joined, only
    /// leaves. `waits` is called when that takes a while. Functions, logs and events that are queued stay on disk.
    pub async fn leave(mut self, cut: impl Future<Output = ()>, waits: impl FnOnce(Pending)) -> Left {
        let Some(mut server) = self.server.take() else { return Left::default() };
        let service = Arc::clone(&server.service);
        let is_idle = || pending(&service) == Pending::default();
        let mut left = Left::default();
        let ended = async {
            let mut closing = pin!(service.gate.close_when(is_idle));
            if timeout(UNSAID, &mut closing).await.is_err() {
                waits(pending(&service));
                closing.await;
            }
        };
        tokio::select! {
            biased;
            () = ended => {}
            () = cut => {
                service.gate.close();
                left.broken = pending(&service).requests;
            }
        }
        let is_answered = server.end().await;
        left.events = service.queue.left();
        // Others may ask again for what was not answered only if it is sure that it was not begun.
        if is_answered && let Err(error) = lock::remove_endpoint(&self.dir, &service.damage) {
            tracing::warn!(%error, "the local Lambda's endpoint file could not be removed");
        }
        left
    }
}

impl Server {
    /// Ends it; what is still going on is broken off and answered. Whether all was answered.
    async fn end(&mut self) -> bool {
        self.service.queue.stop();
        self.service.pool.close();
        self.service.logs.end_tails();
        let answers = async {
            while self.service.linger.requests() > 0 {
                sleep(LOOK).await;
            }
        };
        let is_answered = timeout(ANSWERS, answers).await.is_ok();
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::warn!(%error, "the local Lambda's server ended badly");
        }
        self.service.pool.closed().await;
        self.service.codes.ended().await;
        is_answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    #[tokio::test]
    async fn a_gate_closes_only_when_nothing_has_begun() {
        let (gate, count) = (Gate::default(), Count::default());
        let begun = count.begin();
        let mut closing = pin!(gate.close_when(|| count.get() == 0));
        assert!(timeout(LOOK * 3, &mut closing).await.is_err());
        assert!(gate.is_open() && gate.known().await.is_ok());
        drop(begun);
        closing.await;
        assert!(!gate.is_open() && gate.known().await.is_err());
    }

    #[tokio::test]
    async fn what_begins_while_it_closes_keeps_it_open() {
        let (gate, count) = (Gate::default(), Count::default());
        let looks = AtomicUsize::new(0);
        // Idle at the first look; at the second something has begun, which sees the gate closing and waits.
        let is_idle = || looks.fetch_add(1, Ordering::SeqCst) != 1;
        let waiting = async {
            while gate.is_open() {
                tokio::task::yield_now().await;
            }
            gate.known().await.is_err()
        };
        let ((), ended) = tokio::join!(gate.close_when(is_idle), waiting);
        assert!(ended && looks.load(Ordering::SeqCst) >= 4, "it took a second try");
        assert_eq!(count.get(), 0);
    }

    #[tokio::test]
    async fn who_waits_uncounted_counts_again_afterwards() {
        let count = Count::default();
        let counted = count.begin();
        assert_eq!(counted.uncounted(async { count.get() }).await, 0);
        assert_eq!(count.get(), 1);
        // Broken off in its wait.
        assert!(timeout(Duration::ZERO, counted.uncounted(std::future::pending::<()>())).await.is_err());
        assert_eq!(count.get(), 1);
        counted.uncounted(ready(())).await;
        drop(counted);
        assert_eq!(count.get(), 0);
    }
}
