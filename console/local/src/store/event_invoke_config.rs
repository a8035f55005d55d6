//! How the asynchronous invocations of a function are dealt with. Plain data.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For how long an event is tried, unless the function says less: six hours. Source: AWS Lambda developer guide,
/// "Configuring error handling settings for asynchronous invocations".
const AGE: Duration = Duration::from_hours(6);

/// An event-invoke config. What is absent is as AWS has it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventConfig {
    /// How often an event is tried again after an error of the function: 0 to 2.
    pub(crate) retries: Option<u32>,
    /// For how many seconds an event is tried.
    pub(crate) age: Option<u32>,
    /// The ARN of the function that hears of successes.
    pub(crate) on_success: Option<String>,
    /// The ARN of the function that hears of failures.
    pub(crate) on_failure: Option<String>,
    /// When it was set, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
}

impl EventConfig {
    /// How often an event is tried again.
    pub(crate) fn retries(&self) -> usize {
        self.retries.unwrap_or(2) as usize
    }

    /// For how long an event is tried.
    pub(crate) fn age(&self) -> Duration {
        self.age.map_or(AGE, |seconds| Duration::from_secs(seconds.into()))
    }
}
