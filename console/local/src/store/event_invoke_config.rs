//! Settings for the asynchronous invocations of a function. Plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Default maximum age of an event: six hours. Source: AWS Lambda developer guide, "Configuring
/// error handling settings for asynchronous invocations".
const AGE: Duration = Duration::from_hours(6);

/// An event invoke config. Settings that are absent have AWS's defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventConfig {
    /// Number of retries after a function error: 0 to 2.
    pub(crate) retries: Option<u32>,
    /// Maximum age of an event in seconds.
    pub(crate) age: Option<u32>,
    /// ARN of the function that is notified of successes.
    pub(crate) on_success: Option<String>,
    /// ARN of the function that is notified of failures.
    pub(crate) on_failure: Option<String>,
    /// Time of the last change, in milliseconds since the Unix epoch.
    pub(crate) modified: i64,
}

impl EventConfig {
    /// Number of retries.
    pub(crate) fn retries(&self) -> usize {
        self.retries.unwrap_or(2) as usize
    }

    /// Maximum age of an event.
    pub(crate) fn age(&self) -> Duration {
        self.age.map_or(AGE, |seconds| Duration::from_secs(seconds.into()))
    }
}
