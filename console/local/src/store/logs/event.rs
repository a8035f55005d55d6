//! One event, and the time. Plain data.

use serde::{Deserialize, Serialize};

/// An event as it is on disk. One letter a field: there are many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Its number in the stream.
    pub(crate) n: u64,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(crate) t: i64,
    /// When it came in.
    pub(crate) i: i64,
    /// Its message.
    pub(crate) m: String,
}

impl Event {
    /// What `CloudWatch` counts it as: its message and 26 bytes.
    pub(crate) fn size(&self) -> usize {
        self.m.len() + 26
    }
}

/// The present in milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
