//! One event, and the time. Plain data.

use serde::{Deserialize, Serialize};

/// An event as it is on disk. One letter a field: there are many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// Its number in the stream.
    pub(super) n: u64,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(super) t: i64,
    /// When it came in.
    pub(super) i: i64,
    /// Its message.
    pub(super) m: String,
}

impl Event {
    /// What `CloudWatch` counts it as: its message and 26 bytes.
    pub(super) fn size(&self) -> usize {
        self.m.len() + 26
    }
}

/// The present in milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
