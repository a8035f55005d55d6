//! One invocation: from the sandbox that takes it to the answer and its `REPORT`. Cold starts, failed inits, deadlines
//! and exits are told here, as AWS tells them.

use crate::{
    fault::Fault,
    function::Function,
    pool::Pool,
    sandbox::{Answer, Event, Init, Journal, Part, Reply, Report, Sandbox, Status},
};
use bytes::Bytes;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// What is asked of a function.
#[derive(Clone)]
pub(crate) struct Invocation {
    /// The request's id.
    pub(crate) id: String,
    /// The function.
    pub(crate) function: Arc<Function>,
    /// The ARN that was invoked.
    pub(crate) arn: String,
    /// The payload: JSON.
    pub(crate) payload: Bytes,
    /// The client context: JSON on one line.
    pub(crate) client_context: Option<String>,
    /// The tenant that it is for.
    pub(crate) tenant: Option<String>,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// Where a response that the function streams goes as it comes; without it, it is collected.
    pub(crate) stream: Option<mpsc::Sender<Part>>,
}

/// What came of it.
pub(crate) struct Outcome {
    /// The response, or the error as JSON; empty when the response was streamed.
    pub(crate) payload: Bytes,
    /// Whether the payload is an error.
    pub(crate) failed: bool,
    /// The last 4 KB of its log.
    pub(crate) tail: Vec<u8>,
}

/// Why a bootstrap did not come to its first `next`.
enum InitFailure {
    /// It could not be run at all.
    Entrypoint(String),
    /// It told an error.
    Told { body: Bytes, kind: String },
    /// It ended.
    Exited(String),
    /// It took too long.
    TimedOut,
}

/// How an event ended.
enum Ended {
    Answered(Answer),
    Exited(String),
    TimedOut,
}

/// Runs an invocation in a warm sandbox, or in a new one. The error is for the caller: nothing ran.
pub(crate) async fn run(pool: &Arc<Pool>, invocation: &Invocation) -> Result<Outcome, Fault> {
    while let Some(sandbox) = pool.take(&invocation.function, invocation.tenant.as_deref()) {
        // It may have ended between two invocations: then another one takes it.
        if let Some(outcome) = warm(pool, sandbox, invocation).await {
            return Ok(outcome);
        }
    }
    let surroundings = pool.surroundings();
    let journal = Journal::begin(&surroundings.logs, &invocation.function)
        .map_err(|error| Fault::service("could not begin a log stream", &error))?;
    Ok(cold(pool, &journal, invocation).await)
}

async fn warm(pool: &Arc<Pool>, sandbox: Arc<Sandbox>, invocation: &Invocation) -> Option<Outcome> {
    let begun = Instant::now();
    // It has answered its last event; whether it will ask for another one is known when it does.
    tokio::select! {
        biased;
        () = sandbox.ready() => {}
        _ = sandbox.exited() => return None,
        () = tokio::time::sleep(invocation.timeout()) => {}
    }
    sandbox.drain();
    sandbox.journal.start_warm(&invocation.id);
    let left = invocation.timeout().saturating_sub(begun.elapsed());
    let ended = hand_over(&sandbox, invocation, left).await;
    Some(conclude(pool, &sandbox, invocation, ended, begun, None))
}

async fn cold(pool: &Arc<Pool>, journal: &Arc<Journal>, invocation: &Invocation) -> Outcome {
    let limits = pool.surroundings().limits;
    journal.init_start(&invocation.function, &pool.surroundings().region);
    let begun = Instant::now();
    let failure = match start(pool, journal, invocation, limits.init).await {
        Ok((sandbox, init)) => {
            journal.init_report(init, "init", None);
            sandbox.measure();
            journal.start(&invocation.id);
            let begun = Instant::now();
            let ended = hand_over(&sandbox, invocation, invocation.timeout()).await;
            return conclude(pool, &sandbox, invocation, ended, begun, Some(init));
        }
        Err(failure) => failure,
    };
    journal.init_report(begun.elapsed(), "init", Some(&failure.status()));
    journal.start(&invocation.id);
    // As on AWS, the init is begun again as a part of the invocation and within its time. What cannot be run at all will
    // not run then either.
    let begun = Instant::now();
    let failure = match failure {
        InitFailure::Entrypoint(_) => failure,
        _ => match start(pool, journal, invocation, invocation.timeout()).await {
            Ok((sandbox, _)) => {
                let left = invocation.timeout().saturating_sub(begun.elapsed());
                let ended = hand_over(&sandbox, invocation, left).await;
                return conclude(pool, &sandbox, invocation, ended, begun, None);
            }
            Err(failure) => {
                journal.init_report(begun.elapsed(), "invoke", Some(&failure.status()));
                failure
            }
        },
    };
    let (payload, text) = failure.tell(invocation);
    if let Some(text) = text {
        journal.failure(text);
    }
    let report = Report {
        id: &invocation.id,
        duration: begun.elapsed(),
        timeout: invocation.timeout(),
        init: None,
        peak: None,
        emulator: None,
        status: Some(failure.status()),
        told: None,
    };
    journal.end(&report, invocation.function.memory);
    Outcome { payload, failed: true, tail: journal.take_tail() }
}

/// Starts a sandbox and waits for its first `next`; also says how long that took.
async fn start(
    pool: &Arc<Pool>,
    journal: &Arc<Journal>,
    invocation: &Invocation,
    limit: Duration,
) -> Result<(Arc<Sandbox>, Duration), InitFailure> {
    let tenant = invocation.tenant.as_deref();
    let started = Sandbox::start(pool.surroundings(), &invocation.function, tenant, journal).await;
    let sandbox = started.map_err(InitFailure::Entrypoint)?;
    pool.watch(&sandbox);
    let failure = match tokio::time::timeout(limit, sandbox.init()).await {
        Ok(Some(Init::Done(at))) => return Ok((Arc::clone(&sandbox), at - sandbox.started)),
        Ok(Some(Init::Failed { body, kind })) => InitFailure::Told { body, kind },
        Ok(Some(Init::Running) | None) => InitFailure::Exited(sandbox.exited().await),
        Err(_elapsed) => InitFailure::TimedOut,
    };
    sandbox.kill();
    sandbox.exited().await;
    sandbox.drain();
    Err(failure)
}

/// Gives the event to the sandbox and waits for its end, which is not later than `limit` from now.
async fn hand_over(sandbox: &Arc<Sandbox>, invocation: &Invocation, limit: Duration) -> Ended {
    let deadline = tokio::time::Instant::now() + limit;
    let answer = sandbox.submit(Event {
        id: invocation.id.clone(),
        deadline: jiff::Timestamp::now().as_millisecond() + limit.as_millis() as i64,
        arn: invocation.arn.clone(),
        trace: invocation.trace.clone(),
        client_context: invocation.client_context.clone(),
        tenant: invocation.tenant.clone(),
        payload: invocation.payload.clone(),
        stream: invocation.stream.clone(),
    });
    tokio::select! {
        biased;
        Ok(answer) = answer => Ended::Answered(answer),
        exit = sandbox.exited() => Ended::Exited(exit),
        () = tokio::time::sleep_until(deadline) => {
            sandbox.kill();
            sandbox.exited().await;
            Ended::TimedOut
        }
    }
}

/// Tells the end of an invocation in the log, and keeps the sandbox where it can be used again.
fn conclude(
    pool: &Arc<Pool>,
    sandbox: &Arc<Sandbox>,
    invocation: &Invocation,
    ended: Ended,
    begun: Instant,
    init: Option<Duration>,
) -> Outcome {
    let over = Instant::now();
    let id = &invocation.id;
    // What was printed before the answer is in the pipe by now, and belongs to this invocation.
    sandbox.drain();
    let since = sandbox.delivered().unwrap_or(begun);
    let (duration, status, text, told, payload) = match ended {
        Ended::Answered(answer) => {
            // After a failed init, the second one is a part of the duration.
            let from = if init.is_some() || begun > sandbox.started { answer.delivered } else { begun };
            let (status, told, payload) = answered(id, answer.body);
            (answer.arrived - from, status, None, told, payload)
        }
        Ended::Exited(exit) => {
            let failure = InitFailure::Exited(exit);
            let (payload, text) = failure.tell(invocation);
            (over - since, Some(failure.status()), text, None, Some(payload))
        }
        Ended::TimedOut => {
            let (payload, text) = InitFailure::TimedOut.tell(invocation);
            (over - begun, Some(Status::Timeout), text, None, Some(payload))
        }
    };
    if let Some(text) = text {
        sandbox.journal.failure(text);
    }
    let failed = status.is_some() || told.is_some();
    let report = Report {
        id,
        duration,
        timeout: invocation.timeout(),
        init,
        peak: sandbox.peak(),
        emulator: sandbox.emulator,
        status,
        told: told.as_deref(),
    };
    sandbox.journal.end(&report, invocation.function.memory);
    let tail = sandbox.journal.take_tail();
    pool.put(sandbox);
    Outcome { payload: payload.unwrap_or_default(), failed, tail }
}

/// What an answer means: the report's status, the type of an error that the function told, and the payload.
fn answered(id: &str, body: Reply) -> (Option<Status>, Option<String>, Option<Bytes>) {
    match body {
        Reply::Response(body) => (None, None, Some(body)),
        Reply::Error { body, kind } => (None, Some(kind), Some(body)),
        Reply::TooLarge { limit } => {
            let kind = "Function.ResponseSizeTooLarge";
            let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
            (Some(Status::Error(kind.to_owned())), None, Some(error(kind, &message)))
        }
        Reply::Truncated => {
            let kind = "Runtime.TruncatedResponse";
            let message = format!("RequestId: {id} Error: the response broke off");
            (Some(Status::Error(kind.to_owned())), None, Some(error(kind, &message)))
        }
    }
}

fn error(kind: &str, message: &str) -> Bytes {
    json!({ "errorType": kind, "errorMessage": message }).to_string().into()
}

impl Invocation {
    fn timeout(&self) -> Duration {
        Duration::from_secs(self.function.timeout.into())
    }
}

impl InitFailure {
    fn status(&self) -> Status {
        match self {
            Self::Entrypoint(_) => Status::Error("Runtime.InvalidEntrypoint".to_owned()),
            Self::Told { kind, .. } => Status::Error(kind.clone()),
            Self::Exited(_) => Status::Error("Runtime.ExitError".to_owned()),
            Self::TimedOut => Status::Timeout,
        }
    }

    /// The payload that the caller gets and the line that the log gets.
    fn tell(&self, invocation: &Invocation) -> (Bytes, Option<String>) {
        let id = &invocation.id;
        let (kind, message) = match self {
            Self::Told { body, .. } => return (body.clone(), None),
            Self::TimedOut => {
                let text = format!("Task timed out after {:.2} seconds", invocation.timeout().as_secs_f64());
                let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
                let payload = error("Sandbox.Timedout", &format!("RequestId: {id} Error: {text}"));
                return (payload, Some(format!("{time} {id} {text}\n\n")));
            }
            Self::Entrypoint(why) => ("Runtime.InvalidEntrypoint", why.clone()),
            Self::Exited(exit) if exit == "exit status 0" => {
                ("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
            }
            Self::Exited(exit) => ("Runtime.ExitError", format!("Runtime exited with error: {exit}")),
        };
        let message = format!("RequestId: {id} Error: {message}");
        (error(kind, &message), Some(format!("{message}\n{kind}\n")))
    }
}
