//! Calls that are sent again: for which errors, after which pauses, and for how long. Each place
//! that retries names one of the policies here, and a job that is cancelled ends every pause.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::error::CallError;

/// Which errors of a call are retried, and how.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Longest time; after it the next error is final.
    time: Duration,
    /// The first rule that an error is subject to applies.
    rules: &'static [Rule],
}

/// Errors of one kind.
#[derive(Debug)]
struct Rule {
    retries: fn(&CallError) -> bool,
    /// The first pause; each is twice the one before.
    first: Duration,
    /// The longest pause.
    longest: Duration,
    /// Maximum number of retries.
    times: usize,
}

impl Rule {
    const fn new(retries: fn(&CallError) -> bool, first: u64, longest: u64) -> Self {
        let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
        Self { retries, first, longest, times: usize::MAX }
    }

    const fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// A change of a function: another change of it is in progress, its new role has not propagated
/// yet, or the stage is overloaded.
pub(crate) static CHANGE: Policy = Policy {
    time: Duration::from_mins(1),
    rules: &[
        Rule::new(|error| error.is_conflict() || error.is_role_pending(), 5, 2_000),
        Rule::new(CallError::is_throttled, 250, 5_000),
        Rule::new(CallError::is_passing, 250, 5_000).times(3),
    ],
};

/// A change of a role: it has not propagated within IAM yet, or another change of it is in
/// progress.
pub(crate) static ROLE: Policy = Policy {
    time: Duration::from_mins(1),
    rules: &[Rule::new(CallError::is_role_unsettled, 100, 5_000)],
};

/// A deletion: another change is in progress, or the service is busy.
pub(crate) static DELETION: Policy =
    Policy { time: Duration::from_mins(1), rules: &[Rule::new(CallError::is_in_use, 50, 2_000)] };

/// An invocation that the service did not start, because the function is not ready yet: resources
/// in a VPC, or a snapshot, take a while.
pub(crate) static READINESS: Policy = Policy {
    time: Duration::from_mins(1),
    rules: &[Rule::new(CallError::is_not_ready, 100, 2_000)],
};

/// The first call of work that goes on for long: the stage cannot be reached yet.
pub(crate) static FIRST: Policy = Policy {
    time: Duration::from_mins(15),
    rules: &[Rule::new(CallError::is_unreachable, 1_000, 30_000).times(6)],
};

/// A page of log lines that `CloudWatch` Logs is too busy to return.
pub(crate) static LOGS: Policy = Policy {
    time: Duration::from_mins(5),
    rules: &[Rule::new(CallError::is_busy, 500, 16_000).times(6)],
};

/// A download of a function's code that broke off.
pub(crate) static DOWNLOAD: Policy = Policy {
    time: Duration::from_mins(15),
    rules: &[Rule::new(CallError::is_passing, 100, 1_000).times(2)],
};

/// The roll-back of a canary, which must not be left as it is: whatever the error.
pub(crate) static ROLL_BACK: Policy =
    Policy { time: Duration::from_mins(15), rules: &[Rule::new(|_| true, 125, 1_000).times(4)] };

/// Retries of one call so far.
struct Retries {
    policy: &'static Policy,
    /// Number for each rule.
    numbers: Vec<usize>,
}

impl Retries {
    fn new(policy: &'static Policy) -> Self {
        Self { policy, numbers: vec![0; policy.rules.len()] }
    }

    /// Counts a retry after this error, and returns the pause before it; `None` if the error is
    /// final.
    fn pause_after(&mut self, error: &CallError) -> Option<Duration> {
        let mut rules = self.policy.rules.iter().zip(&mut self.numbers);
        let (rule, number) = rules.find(|(rule, _)| (rule.retries)(error))?;
        let pause = doubling(rule.first, rule.longest).take(rule.times).nth(*number);
        *number += 1;
        pause
    }
}

/// Sends a call, and sends it again by `policy`.
///
/// # Errors
/// Returns the last error: one that is not retried, or that came after the policy's time; or
/// [`CallError::Cancelled`] if the job was cancelled during a pause.
pub(crate) async fn retry<T, F, Fut>(
    policy: &'static Policy,
    cancel: &CancellationToken,
    send: F,
) -> Result<T, CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    retry_after(policy, cancel, |_| send()).await
}

/// As [`retry`], for a call that depends on the error of the one before, which `send` is given.
///
/// # Errors
/// As [`retry`].
pub(crate) async fn retry_after<T, F, Fut>(
    policy: &'static Policy,
    cancel: &CancellationToken,
    send: F,
) -> Result<T, CallError>
where
    F: Fn(Option<CallError>) -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let (deadline, mut retries) = (Instant::now() + policy.time, Retries::new(policy));
    let mut before = None;
    loop {
        let error = match send(before).await {
            Err(error) if Instant::now() < deadline => error,
            answer => return answer,
        };
        let Some(wait) = retries.pause_after(&error) else { return Err(error) };
        if !pause(wait, cancel).await {
            return Err(CallError::Cancelled);
        }
        before = Some(error);
    }
}

/// Waits that double from `first` up to `longest`.
pub(crate) fn doubling(first: Duration, longest: Duration) -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(first), move |wait| Some((*wait * 2).min(longest)))
}

/// Sleeps. Returns `false`, at once, if the job is cancelled.
pub(crate) async fn pause(wait: Duration, cancel: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = cancel.cancelled() => false,
        () = sleep(wait) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use lambda_console_model::FailureKind;

    use super::*;

    fn service(code: &str, message: &str) -> CallError {
        CallError::Service { code: code.into(), message: message.into(), status: Some(400) }
    }

    /// The first pauses after errors, in milliseconds.
    fn pauses<'a>(
        policy: &'static Policy,
        errors: impl IntoIterator<Item = &'a CallError>,
    ) -> Vec<u128> {
        let mut retries = Retries::new(policy);
        let pauses = errors.into_iter().map_while(|error| retries.pause_after(error));
        pauses.map(|pause| pause.as_millis()).take(11).collect()
    }

    #[test]
    fn each_policy_pauses_for_its_kinds_of_errors() {
        let of = |policy, error: CallError| pauses(policy, std::iter::repeat(&error));
        let conflict = || service("ResourceConflictException", "an update is in progress");
        let role = service("InvalidParameterValueException", "cannot be assumed by Lambda");
        let change = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2000, 2000];
        assert_eq!(of(&CHANGE, conflict()), change);
        assert_eq!(of(&CHANGE, role), change);
        let throttled = of(&CHANGE, service("TooManyRequestsException", ""));
        assert_eq!(throttled[..7], [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(of(&CHANGE, service("ServiceException", "")), [250, 500, 1000]);
        let unsettled = of(&ROLE, service("ConcurrentModification", ""));
        assert_eq!(unsettled[..8], [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let missing = of(&ROLE, service("NoSuchEntity", "The role with name x cannot be found."));
        assert_eq!(missing, unsettled);
        assert_eq!(of(&DELETION, conflict())[..7], [50, 100, 200, 400, 800, 1600, 2000]);
        let not_ready = of(&READINESS, service("ENINotReadyException", ""));
        assert_eq!(not_ready[..6], [100, 200, 400, 800, 1600, 2000]);
        let busy = of(&LOGS, service("ThrottlingException", ""));
        assert_eq!(busy, [500, 1000, 2000, 4000, 8000, 16_000]);
        assert_eq!(of(&DOWNLOAD, CallError::Transport(String::new().into())), [100, 200]);
        let first = of(&FIRST, CallError::Refused(String::new().into()));
        assert_eq!(first, [1000, 2000, 4000, 8000, 16_000, 30_000]);
        assert_eq!(of(&ROLL_BACK, service("AccessDeniedException", "")), [125, 250, 500, 1000]);
    }

    #[test]
    fn other_errors_are_final() {
        for (policy, error) in [
            (&CHANGE, service("ResourceConflictException", "Function already exists: hello")),
            (&CHANGE, service("InvalidParameterValueException", "the memory is too large")),
            (&ROLE, service("NoSuchEntity", "Policy arn:x does not exist or is not attachable.")),
            (&ROLE, service("AccessDenied", "")),
            (&DELETION, service("ResourceNotFoundException", "")),
            (&READINESS, service("TooManyRequestsException", "")),
            (&READINESS, CallError::Transport("the connection broke".to_owned().into())),
            (&LOGS, service("AccessDeniedException", "")),
            (&FIRST, service("ThrottlingException", "")),
            (&DOWNLOAD, service("", "")),
        ] {
            assert_eq!(pauses(policy, [&error]), [0; 0], "{error:?}");
        }
    }

    #[test]
    fn errors_of_each_kind_have_pauses_of_their_own() {
        let conflict = &service("ResourceConflictException", "");
        let throttled = &service("TooManyRequestsException", "");
        let both = pauses(&CHANGE, [conflict, throttled, conflict, throttled]);
        assert_eq!(both, [5, 250, 10, 500]);
    }

    #[tokio::test]
    async fn a_call_is_repeated_until_it_succeeds_or_the_time_is_over() {
        static SHORT: Policy = Policy {
            time: Duration::from_millis(20),
            rules: &[Rule::new(CallError::is_conflict, 1, 1)],
        };
        let (calls, cancel) = (Cell::new(0), CancellationToken::new());
        let send = async || {
            calls.set(calls.get() + 1);
            if calls.get() == 3 {
                Ok("done")
            } else {
                Err(service("ResourceConflictException", ""))
            }
        };
        assert_eq!(retry(&SHORT, &cancel, send).await.unwrap(), "done");
        let began = Instant::now();
        let error = retry(&SHORT, &cancel, send).await.unwrap_err();
        assert!(error.is_conflict() && calls.get() > 4 && began.elapsed() >= SHORT.time);
    }

    #[tokio::test]
    async fn a_repeated_call_gets_the_error_of_the_one_before() {
        let throttled = || service("ThrottlingException", "");
        let cancel = CancellationToken::new();
        let answer = retry_after(&ROLL_BACK, &cancel, async |before: Option<CallError>| {
            before.map(|error| error.code().to_owned()).ok_or_else(throttled)
        });
        assert_eq!(answer.await.unwrap(), "ThrottlingException");
    }

    #[tokio::test]
    async fn a_cancelled_job_ends_the_pause_at_once() {
        // It would pause for an hour.
        static LONG: Policy = Policy {
            time: Duration::from_hours(2),
            rules: &[Rule::new(CallError::is_conflict, 3_600_000, 3_600_000)],
        };
        let (cancel, called) = (CancellationToken::new(), Cell::new(0));
        let call = retry(&LONG, &cancel, async || {
            called.set(called.get() + 1);
            Err::<(), _>(service("ResourceConflictException", ""))
        });
        let (answer, ()) = tokio::join!(call, async { cancel.cancel() });
        let failure = answer.unwrap_err().into_failure("could not change hello");
        assert_eq!(failure.kind, FailureKind::Interrupted);
        assert_eq!(called.get(), 1);
    }
}
