//! The gate that every request passes: it closes at a moment at which nothing is in progress, so
//! that an ending server starts nothing. Touches nothing but the clock.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use tokio::time::sleep;

/// Interval between two checks of whether the gate may close, or has closed.
const LOOK: Duration = Duration::from_millis(2);

const OPEN: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

/// State that decides whether requests may start.
#[derive(Default)]
pub(crate) struct Gate(AtomicU8);

/// Error for a request that was not started because the server has ended.
#[derive(Debug, thiserror::Error)]
#[error("the local Lambda has ended")]
pub(crate) struct Ended;

impl Gate {
    /// Returns `true` if a request that was counted before this call may continue.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) == OPEN
    }

    /// Waits until it is decided whether requests may start.
    pub(crate) async fn known(&self) -> Result<(), Ended> {
        loop {
            match self.0.load(Ordering::SeqCst) {
                OPEN => return Ok(()),
                CLOSED => return Err(Ended),
                _ => sleep(LOOK).await,
            }
        }
    }

    /// Closes the gate at a moment at which nothing is in progress.
    pub(super) async fn close_when(&self, is_idle: impl Fn() -> bool) {
        loop {
            if is_idle() {
                self.0.store(CLOSING, Ordering::SeqCst);
                // A request that started before it could see the closing gate is counted by now.
                if is_idle() {
                    return self.close();
                }
                self.0.store(OPEN, Ordering::SeqCst);
            }
            sleep(LOOK).await;
        }
    }

    pub(super) fn close(&self) {
        self.0.store(CLOSED, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Count;
    use std::{pin::pin, sync::atomic::AtomicUsize};
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_gate_closes_only_when_nothing_has_started() {
        let (gate, count) = (Gate::default(), Count::default());
        let started = count.begin();
        let mut closing = pin!(gate.close_when(|| count.get() == 0));
        assert!(timeout(LOOK * 3, &mut closing).await.is_err());
        assert!(gate.is_open() && gate.known().await.is_ok());
        drop(started);
        closing.await;
        assert!(!gate.is_open() && gate.known().await.is_err());
    }

    #[tokio::test]
    async fn what_begins_while_it_closes_keeps_it_open() {
        let (gate, count) = (Gate::default(), Count::default());
        let looks = AtomicUsize::new(0);
        // Idle at the first check; at the second a request has started, which sees the gate closing
        // and waits.
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
}
