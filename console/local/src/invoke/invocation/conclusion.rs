//! The end of an invocation: the answer goes to the caller; once runtime and extensions have asked
//! for the next event, or cannot any more, the result is logged and the sandbox is kept or retired.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Caller, Ended, Failed, Outcome, Running, failure::error};
use crate::sandbox::{Reply, Report, Run, Status};

/// The parts of an answer.
struct Answered {
    payload: Bytes,
    status: Option<Status>,
    /// The type of an error that the function reported.
    error_type: Option<String>,
}

/// State of runtime and extensions after an answer.
struct Done {
    /// Time at which all of them were done.
    at: Instant,
    /// Start and duration of the extensions' work after the runtime was done.
    extensions: Option<(Instant, Duration)>,
    failure: Option<Failed>,
}

impl Running<'_> {
    /// Reports the end of an invocation to the caller and in the log.
    pub(super) async fn conclude(self, ended: Ended, caller: &mut Caller) {
        match ended {
            Ended::Answered(answer) => self.answered(answer, caller).await,
            Ended::Failed(_) if self.pool.is_closing() => caller.break_off(),
            Ended::Failed(failure) => Box::pin(self.failed(&failure, caller)).await,
        }
    }

    async fn answered(self, answer: super::Answer, caller: &mut Caller) {
        let Answered { payload, status, error_type } = take_apart(&self.invocation.id, answer.body);
        let failed = status.is_some() || error_type.is_some();
        let run = Run {
            delivered: answer.delivered,
            responded: Some((answer.began, answer.arrived)),
            over: answer.arrived,
            produced: answer.produced,
        };
        let _unlogged = self.pool.env().calls.begin();
        self.pool.settling(&self.sandbox);
        // As on AWS, the log is complete a moment later.
        if !self.invocation.tail {
            caller.answer(|| Outcome { payload: payload.clone(), failed, tail: Vec::new() });
        }
        let done = self.settle(run, status.as_ref(), error_type.as_deref()).await;
        let mut status = status;
        if let Some(failure) = &done.failure {
            self.sandbox.retire(failure.reason());
            self.sandbox.ended().await;
            // The caller has its answer already; the failure is only logged.
            if let (_, Some(text)) = failure.describe(self.invocation) {
                self.sandbox.log.failure(text);
            }
            status = Some(failure.status());
        }
        // After a failed init, the repeated init is part of the duration.
        let from = if self.again { self.started } else { answer.delivered };
        let duration = done.at.saturating_duration_since(from);
        self.report(status.as_ref(), error_type.as_deref(), duration, done.extensions);
        let tail = self.sandbox.log.take_tail();
        self.pool.put(&self.sandbox, true);
        caller.answer(|| Outcome { payload, failed, tail });
    }

    async fn failed(self, failure: &Failed, caller: &mut Caller) {
        let over = Instant::now();
        let since = self.sandbox.delivered().unwrap_or(self.started);
        let (payload, text) = failure.describe(self.invocation);
        let status = failure.status();
        self.sandbox.drain();
        let run = Run { delivered: since, responded: None, over, produced: 0 };
        self.sandbox.log.runtime_done(self.invocation.ending(Some(&status), None), run);
        self.sandbox.retire(failure.reason());
        self.sandbox.ended().await;
        self.sandbox.drain();
        if let Some(text) = text {
            self.sandbox.log.failure(text);
        }
        let from =
            if matches!(failure, Failed::TimedOut) || self.again { self.started } else { since };
        self.report(Some(&status), None, over.saturating_duration_since(from), None);
        let tail = self.sandbox.log.take_tail();
        self.pool.put(&self.sandbox, false);
        caller.answer(|| Outcome { payload, failed: true, tail });
    }

    /// Waits until the runtime, and then the extensions, have asked for the next event.
    async fn settle(&self, run: Run, status: Option<&Status>, error_type: Option<&str>) -> Done {
        let sandbox = &self.sandbox;
        let ready = async {
            tokio::select! {
                biased;
                at = sandbox.ready() => Ok(at),
                failure = sandbox.extensions.failed() => Err(Failed::Extension(failure)),
                failure = Failed::exited(sandbox) => Err(failure),
                () = tokio::time::sleep_until(self.deadline) => Err(Failed::TimedOut),
            }
        };
        let ready = ready.await;
        // Output from before the answer, and from between the answer and `next`, is in the pipe by
        // now: it belongs to this invocation.
        sandbox.drain();
        match ready {
            // It has answered; the shutdown of the server is not its failure.
            Err(_) if self.pool.is_closing() => {
                let run = Run { over: Instant::now(), ..run };
                sandbox.log.runtime_done(self.invocation.ending(status, error_type), run);
                Done { at: run.over, extensions: None, failure: None }
            }
            Err(failure) => {
                let over = Instant::now();
                let status = failure.status();
                let ending = self.invocation.ending(Some(&status), None);
                sandbox.log.runtime_done(ending, Run { over, ..run });
                Done { at: over, extensions: None, failure: Some(failure) }
            }
            Ok(at) => {
                sandbox.log.runtime_done(
                    self.invocation.ending(status, error_type),
                    Run { over: at, ..run },
                );
                if sandbox.extensions.is_empty() {
                    return Done { at, extensions: None, failure: None };
                }
                let failure = tokio::select! {
                    biased;
                    ready = sandbox.extensions.ready() => match ready {
                        Ok(asked) => {
                            let last = asked.map_or(at, |asked| asked.max(at));
                            sandbox.drain();
                            let extensions = Some((at, last - at));
                    return Done { at: last, extensions, failure: None };
                        }
                        Err(failure) => Failed::Extension(failure),
                    },
                    failure = Failed::exited(sandbox) => failure,
                    () = tokio::time::sleep_until(self.deadline) => Failed::TimedOut,
                };
                let over = Instant::now();
                let failure = (!self.pool.is_closing()).then_some(failure);
                Done { at: over, extensions: Some((at, over - at)), failure }
            }
        }
    }

    fn report(
        &self,
        status: Option<&Status>,
        error_type: Option<&str>,
        duration: Duration,
        extensions: Option<(Instant, Duration)>,
    ) {
        let report = Report {
            ending: self.invocation.ending(status, error_type),
            duration,
            timeout: self.invocation.timeout(),
            init: self.init,
            extensions,
            peak: self.sandbox.peak(),
            memory: self.invocation.function.memory,
            emulator: self.sandbox.emulator,
        };
        self.sandbox.log.end(&report);
    }
}

/// Splits a reply into payload, error type and status.
fn take_apart(id: &str, body: Reply) -> Answered {
    let refused = |kind: &str, message: &str| Answered {
        payload: error(kind, message),
        status: Some(Status::Error(kind.to_owned())),
        error_type: None,
    };
    match body {
        Reply::Response(payload) => Answered { payload, status: None, error_type: None },
        Reply::Error { body, kind } => {
            Answered { payload: body, status: None, error_type: Some(kind) }
        }
        Reply::TooLarge { limit } => {
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({limit} bytes)."
            );
            refused("Function.ResponseSizeTooLarge", &message)
        }
        Reply::Truncated => refused(
            "Runtime.TruncatedResponse",
            &format!("RequestId: {id} Error: the response ended early"),
        ),
    }
}
