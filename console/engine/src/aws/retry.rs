//! Retries a call on transient errors.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use super::error::CallError;

/// Longest time that a transient error is retried.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits that double from `first` up to `longest`.
pub(crate) fn doubling(first: Duration, longest: Duration) -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(first), move |wait| Some((*wait * 2).min(longest)))
}

/// Sends again, after waits that double from `first` to `longest`, as long as `passes` returns
/// `true` for the error.
pub(crate) async fn again<T, F, Fut>(
    passes: fn(&CallError) -> bool,
    (first, longest): (Duration, Duration),
    send: F,
) -> Result<T, CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut waits = doubling(first, longest);
    loop {
        match send().await {
            Err(error) if passes(&error) && Instant::now() < deadline => {
                sleep(waits.next().unwrap_or(longest)).await;
            }
            answer => return answer,
        }
    }
}
