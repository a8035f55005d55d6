//! Waits: for a change that is in progress, for a role that has not propagated yet, for a stage
//! that is busy.
//!
//! Every wait begins short, so that a nearby stage is quick, and ends with the job.

use std::time::Duration;

use aws_sdk_lambda::{
    operation::get_function::GetFunctionOutput,
    types::{
        FunctionConfiguration, LastUpdateStatus, LastUpdateStatusReasonCode, State, StateReasonCode,
    },
};
use lambda_console_model::Failure;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::aws::{
    error::CallError,
    function::get_function,
    retry::{CHANGE, doubling, pause, retry_after},
    stage::Stage,
};

/// Longest duration of a change on the stage: a function in a VPC needs minutes.
const SETTLE: Duration = Duration::from_mins(5);
/// Maximum number of failed status requests in a row.
const UNANSWERED: u32 = 8;
/// As long as the waits are shorter, a function that does not exist is read again.
const NEW: Duration = Duration::from_millis(500);

/// From 5 ms, each twice the one before, to 2 s.
pub(crate) fn waits() -> impl Iterator<Item = Duration> {
    doubling(Duration::from_millis(5), Duration::from_secs(2))
}

/// Sends a call that changes the function `name`, by the policy [`CHANGE`]. After a conflict it
/// waits for the end of the other change.
pub(crate) async fn retry_change<T, F, Fut>(
    stage: &Stage,
    name: &str,
    cancel: &CancellationToken,
    send: F,
) -> Result<T, CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let send = &send;
    retry_after(&CHANGE, cancel, |before| async move {
        if before.is_some_and(|error| error.is_conflict()) {
            // The error of the other change is not reported here.
            let _: Result<GetFunctionOutput, Failure> = settle(stage, name, cancel).await;
            if cancel.is_cancelled() {
                return Err(CallError::Cancelled);
            }
        }
        send().await
    })
    .await
}

/// Waits until no change of the function is in progress, and returns the function after it.
///
/// # Errors
/// Returns an error if the change failed, with the stage's reason, after five minutes, or if the
/// job was cancelled.
pub(crate) async fn settle(
    stage: &Stage,
    name: &str,
    cancel: &CancellationToken,
) -> Result<GetFunctionOutput, Failure> {
    let (deadline, mut unanswered) = (Instant::now() + SETTLE, 0);
    for wait in waits() {
        match get_function(stage, name, None).await {
            Ok(Some(found)) => {
                unanswered = 0;
                match found.configuration().map(Standing::of) {
                    Some(Standing::Broken(why)) => {
                        return Err(Failure::work(
                            format!("could not change {name}"),
                            why,
                            "fix the cause, then deploy again",
                        ));
                    }
                    Some(Standing::Changing) => {}
                    Some(Standing::Settled) | None => return Ok(found),
                }
            }
            // A function that was just created is not visible everywhere at once.
            Ok(None) if wait < NEW => {}
            Ok(None) => return Err(gone(name)),
            Err(error)
                if (error.is_throttled() || error.is_passing()) && unanswered < UNANSWERED =>
            {
                unanswered += 1;
            }
            Err(error) => return Err(error.into_failure(format!("could not read {name}"))),
        }
        if Instant::now() >= deadline {
            break;
        }
        if !pause(wait, cancel).await {
            return Err(Failure::interrupted(format!("could not wait for {name}")));
        }
    }
    let why = "its update is still in progress after 5 minutes";
    Err(Failure::work(
        format!("could not wait for {name}"),
        why,
        "check again later with `lambda-console list`",
    ))
}

fn gone(name: &str) -> Failure {
    let hint = "`lambda-console list` shows what is on the stage";
    Failure::work(format!("could not read {name}"), "it is not on the stage", hint)
}

/// State of a function's last change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A change is in progress.
    Changing,
    /// The last change failed, for this reason.
    Broken(String),
    /// No change is in progress.
    Settled,
}

impl Standing {
    pub(crate) fn of(found: &FunctionConfiguration) -> Self {
        let (state, last) = (found.state(), found.last_update_status());
        if state == Some(&State::Pending) || last == Some(&LastUpdateStatus::InProgress) {
            return Self::Changing;
        }
        let (reason, code) = if state == Some(&State::Failed) {
            (found.state_reason(), found.state_reason_code().map(StateReasonCode::as_str))
        } else if last == Some(&LastUpdateStatus::Failed) {
            let code =
                found.last_update_status_reason_code().map(LastUpdateStatusReasonCode::as_str);
            (found.last_update_status_reason(), code)
        } else {
            return Self::Settled;
        };
        Self::Broken(match (reason, code) {
            (Some(reason), Some(code)) => format!("{reason} ({code})"),
            (Some(text), None) | (None, Some(text)) => text.to_owned(),
            (None, None) => "the stage gives no reason".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_begin_short_and_end_at_two_seconds() {
        let all: Vec<u128> = waits().take(11).map(|wait| wait.as_millis()).collect();
        assert_eq!(all, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2000, 2000]);
    }

    #[test]
    fn a_function_whose_last_change_failed_is_broken_for_the_stages_reason() {
        let function = FunctionConfiguration::builder;
        assert_eq!(Standing::of(&function().build()), Standing::Settled);
        assert_eq!(Standing::of(&function().state(State::Pending).build()), Standing::Changing);
        assert_eq!(Standing::of(&function().state(State::Inactive).build()), Standing::Settled);
        let updating =
            function().state(State::Active).last_update_status(LastUpdateStatus::InProgress);
        assert_eq!(Standing::of(&updating.build()), Standing::Changing);
        let failed = function()
            .state(State::Failed)
            .state_reason("no subnet")
            .state_reason_code("InvalidSubnet".into());
        assert_eq!(
            Standing::of(&failed.build()),
            Standing::Broken("no subnet (InvalidSubnet)".into())
        );
        let update = function().last_update_status(LastUpdateStatus::Failed);
        assert_eq!(
            Standing::of(&update.build()),
            Standing::Broken("the stage gives no reason".into())
        );
    }
}
