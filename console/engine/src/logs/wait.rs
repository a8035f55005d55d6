//! Waits between retries: longer after each failure. Pure.

use std::time::Duration;

/// Waits that double, up to a longest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    first: Duration,
    longest: Duration,
    failed: u32,
}

impl Wait {
    /// Creates waits from `first` up to `longest`.
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failed: 0 }
    }

    /// Resets the wait after a success.
    pub(super) const fn reset(&mut self) {
        self.failed = 0;
    }

    /// Returns the number of failures since the last success.
    pub(super) const fn failed(&self) -> u32 {
        self.failed
    }

    /// Counts a failure, and returns the next wait.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.first.saturating_mul(1 << self.failed.min(16)).min(self.longest);
        self.failed += 1;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_over_after_a_success() {
        let mut wait = Wait::new(Duration::from_secs(1), Duration::from_secs(30));
        let waits: Vec<u64> = (0..7).map(|_| wait.next().as_secs()).collect();
        assert_eq!((waits.as_slice(), wait.failed()), (&[1, 2, 4, 8, 16, 30, 30][..], 7));
        wait.reset();
        assert_eq!(wait.next().as_secs(), 1);
    }
}
