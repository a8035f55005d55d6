//! The limits of sandboxes and queue in one place, so that tests can be quick. Plain data.

use std::time::Duration;

/// What AWS limits by time and number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a bootstrap may take to its first `next` before the init is broken off and begun again in the invocation.
    pub(crate) init: Duration,
    /// How long an idle sandbox is kept.
    pub(crate) idle: Duration,
    /// How many sandboxes a function may have at once.
    pub(crate) sandboxes: usize,
    /// The pauses before the two retries of an asynchronous invocation. AWS waits one and two minutes; a person at a
    /// terminal should not have to.
    pub(crate) retries: [Duration; 2],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(10),
            idle: Duration::from_mins(5),
            sandboxes: 10,
            retries: [Duration::from_secs(1), Duration::from_secs(2)],
        }
    }
}
