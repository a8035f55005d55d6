//! Counts the work that a server finishes before it ends.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counter of the work that must be finished.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// Adds one, until the returned value is dropped.
    pub(crate) fn begin(&self) -> Counted {
        self.0.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A unit of work that is counted.
pub(crate) struct Counted(Count);

impl Counted {
    /// Waits for a future, and does not count meanwhile.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::ready, time::Duration};
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_waits_uncounted_counts_again_afterwards() {
        let count = Count::default();
        let counted = count.begin();
        assert_eq!(counted.uncounted(async { count.get() }).await, 0);
        assert_eq!(count.get(), 1);
        // The wait was cancelled.
        assert!(
            timeout(Duration::ZERO, counted.uncounted(std::future::pending::<()>())).await.is_err()
        );
        assert_eq!(count.get(), 1);
        counted.uncounted(ready(())).await;
        drop(counted);
        assert_eq!(count.get(), 0);
    }
}
