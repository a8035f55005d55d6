//! A log event, and the clock. Plain data.

use serde::{Deserialize, Serialize};

/// An event as it is on disk. One letter per field: there are many events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Number in the stream.
    pub(crate) n: u64,
    /// Timestamp, in milliseconds since the Unix epoch.
    pub(crate) t: i64,
    /// Ingestion time, in milliseconds since the Unix epoch.
    pub(crate) i: i64,
    /// Message.
    pub(crate) m: String,
}

impl Event {
    /// Size as `CloudWatch` counts it: the message and 26 bytes.
    pub(crate) fn size(&self) -> usize {
        self.m.len() + 26
    }
}

/// Current time in milliseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
