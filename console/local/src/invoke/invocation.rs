//! One invocation: from the choice of a sandbox to the answer and its `REPORT`. Cold starts, failed
//! inits, timeouts and exits are reported as AWS reports them.

mod conclusion;
mod failure;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use failure::Failed;
use tokio::sync::{mpsc, oneshot};

use super::{concurrency::Execution, pool::Pool};
use crate::{
    http::error::ApiError,
    sandbox::{
        Answer, Ending, Event, Init, LogWriter, Part, Phase, Reason, Report, Sandbox, Status, Trace,
    },
    store::function::Function,
};

/// A request to invoke a function.
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
    /// The tenant ID.
    pub(crate) tenant: Option<String>,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// Receiver of the parts of a response that the function streams. `None` collects the response
    /// instead.
    pub(crate) stream: Option<mpsc::Sender<Part>>,
    /// `true` if the caller asked for the tail of the log, and so waits for the `REPORT`.
    pub(crate) tail: bool,
}

/// Outcome of an invocation.
pub(crate) struct Outcome {
    /// The response, or the error as JSON; empty when the response was streamed.
    pub(crate) payload: Bytes,
    /// `true` if the payload is an error.
    pub(crate) failed: bool,
    /// The last 4 KB of the invocation's log, if they were requested.
    pub(crate) tail: Vec<u8>,
}

/// Sender of the outcome to the caller. `None` once it was used.
struct Caller(Option<oneshot::Sender<Result<Outcome, ApiError>>>);

impl Caller {
    /// Answers the caller, once.
    fn answer(&mut self, outcome: impl FnOnce() -> Outcome) {
        if let Some(waiting) = self.0.take() {
            // A caller that disconnects does not cancel the invocation.
            let _ = waiting.send(Ok(outcome()));
        }
    }

    /// Reports an error instead of an outcome.
    fn fail(&mut self, error: impl FnOnce() -> ApiError) {
        if let Some(waiting) = self.0.take() {
            let _ = waiting.send(Err(error()));
        }
    }

    /// Reports that the shutdown of the server interrupted the invocation. Nothing is logged: the
    /// function did not cause it.
    fn break_off(&mut self) {
        self.fail(|| {
            let process = std::process::id();
            let message = format!(
                "process {process}, which served the local Lambda, was stopped while the \
                    function ran"
            );
            ApiError::new(500, "ServiceException", message)
        });
    }
}

/// End of an event: an answer or a failure.
enum Ended {
    Answered(Answer),
    Failed(Failed),
}

/// An invocation that runs in a sandbox.
struct Running<'a> {
    pool: &'a Arc<Pool>,
    sandbox: Arc<Sandbox>,
    invocation: &'a Invocation,
    /// Start of the invocation's time limit.
    started: Instant,
    /// End of the invocation's time limit.
    deadline: tokio::time::Instant,
    /// Duration of the init, if it was not part of the invocation.
    init: Option<Duration>,
    /// `true` if the init was part of the invocation.
    again: bool,
}

/// Runs an invocation and waits for its outcome. Returns an error for the caller if nothing was
/// run.
pub(crate) async fn run(
    pool: &Arc<Pool>,
    invocation: Invocation,
    permit: Execution,
) -> Result<Outcome, ApiError> {
    begin(pool, invocation, permit)
        .await
        .map_err(|error| ApiError::service("aborted the invocation", &error))?
}

/// Runs an invocation in a warm sandbox, or in a new one. The outcome is sent as soon as it is
/// known; the permit is kept until runtime and extensions are done. A caller that disconnects does
/// not cancel the invocation.
pub(crate) fn begin(
    pool: &Arc<Pool>,
    invocation: Invocation,
    permit: Execution,
) -> oneshot::Receiver<Result<Outcome, ApiError>> {
    let (caller, outcome) = oneshot::channel();
    let pool = Arc::clone(pool);
    tokio::spawn(async move {
        carry_out(&pool, &invocation, Caller(Some(caller))).await;
        drop(permit);
    });
    outcome
}

async fn carry_out(pool: &Arc<Pool>, invocation: &Invocation, mut caller: Caller) {
    while let Some(sandbox) = pool.take(&invocation.function, invocation.tenant.as_deref()).await {
        sandbox.drain();
        // It may have ended between two invocations: then another sandbox takes the event.
        if sandbox.is_alive_by_now() {
            return warm(pool, sandbox, invocation, &mut caller).await;
        }
        sandbox.retire(Reason::Failure);
    }
    match LogWriter::begin(pool.env(), &invocation.function).await {
        // Boxed: the large future of a cold start would otherwise be part of each invocation.
        Ok(log) => Box::pin(cold(pool, &log, invocation, &mut caller)).await,
        Err(error) => caller.fail(|| ApiError::service("could not create a log stream", &error)),
    }
}

async fn warm(
    pool: &Arc<Pool>,
    sandbox: Arc<Sandbox>,
    invocation: &Invocation,
    caller: &mut Caller,
) {
    sandbox.log.start_warm(&invocation.id, Trace::sampled(&invocation.trace));
    let started = Instant::now();
    let deadline = tokio::time::Instant::now() + invocation.timeout();
    let running =
        Running { pool, sandbox, invocation, started, deadline, init: None, again: false };
    let ended = running.hand_over().await;
    running.conclude(ended, caller).await;
}

async fn cold(
    pool: &Arc<Pool>,
    log: &Arc<LogWriter>,
    invocation: &Invocation,
    caller: &mut Caller,
) {
    let env = pool.env();
    let trace = Trace::sampled(&invocation.trace);
    let until = tokio::time::Instant::now() + env.limits.init;
    let failure = match start(pool, log, invocation, until, Phase::Init).await {
        Ok((sandbox, init)) => {
            log.start(&invocation.id, trace);
            let started = Instant::now();
            let deadline = tokio::time::Instant::now() + invocation.timeout();
            let running = Running {
                pool,
                sandbox,
                invocation,
                started,
                deadline,
                init: Some(init),
                again: false,
            };
            let ended = running.hand_over().await;
            return running.conclude(ended, caller).await;
        }
        Err(_) if pool.is_closing() => return caller.break_off(),
        Err(failure) => failure,
    };
    // As on AWS, the init is repeated as part of the invocation and within its time limit, and the
    // invocation starts after it. A bootstrap that could not be run at all is not tried again.
    let started = Instant::now();
    let deadline = tokio::time::Instant::now() + invocation.timeout();
    let failure = match failure {
        Failed::Entrypoint(_) => failure,
        _ => match start(pool, log, invocation, deadline, Phase::Invoke).await {
            Ok((sandbox, _)) => {
                log.start(&invocation.id, trace);
                let running = Running {
                    pool,
                    sandbox,
                    invocation,
                    started,
                    deadline,
                    init: None,
                    again: true,
                };
                let ended = running.hand_over().await;
                return running.conclude(ended, caller).await;
            }
            Err(_) if pool.is_closing() => return caller.break_off(),
            Err(failure) => failure,
        },
    };
    log.start(&invocation.id, trace);
    let (payload, text) = failure.describe(invocation);
    if let Some(text) = text {
        log.failure(text);
    }
    let status = failure.status();
    let report = Report {
        ending: Ending { id: &invocation.id, trace, status: Some(&status), error_type: None },
        duration: started.elapsed(),
        timeout: invocation.timeout(),
        init: None,
        extensions: None,
        peak: None,
        memory: invocation.function.memory,
        emulator: None,
    };
    log.end(&report);
    caller.answer(|| Outcome { payload, failed: true, tail: log.take_tail() });
}

/// Starts a sandbox and waits until runtime and extensions have asked for their first event.
/// Returns the sandbox and the duration of the init.
async fn start(
    pool: &Arc<Pool>,
    log: &Arc<LogWriter>,
    invocation: &Invocation,
    deadline: tokio::time::Instant,
    phase: Phase,
) -> Result<(Arc<Sandbox>, Duration), Failed> {
    let env = pool.env();
    log.init_start(&invocation.function, &env.region, phase);
    let started = Instant::now();
    let tenant = invocation.tenant.as_deref();
    let sandbox = match Sandbox::start(env, &invocation.function, tenant, log, deadline).await {
        Ok(sandbox) => sandbox,
        Err(not_started) if pool.is_closing() => return Err(not_started.into()),
        Err(not_started) => {
            let failure = Failed::from(not_started);
            log.init_runtime_done(phase, Some(&failure.status()));
            log.init_report(started.elapsed(), phase, Some(&failure.status()));
            return Err(failure);
        }
    };
    pool.watch(&sandbox);
    let runtime = tokio::time::timeout_at(deadline, initialized(&sandbox))
        .await
        .unwrap_or(Err(Failed::TimedOut));
    let runtime = match runtime {
        Err(failure) if pool.is_closing() => return Err(failure),
        runtime => runtime,
    };
    log.init_runtime_done(phase, runtime.as_ref().err().map(Failed::status).as_ref());
    let ready = match runtime {
        Ok(at) => match tokio::time::timeout_at(deadline, sandbox.extensions.ready()).await {
            Ok(Ok(asked)) => Ok(asked.map_or(at, |asked| asked.max(at))),
            Ok(Err(failure)) => Err(Failed::Extension(failure)),
            Err(_elapsed) => Err(Failed::TimedOut),
        },
        Err(failure) => Err(failure),
    };
    let ready = match ready {
        Err(failure) if pool.is_closing() => return Err(failure),
        ready => ready,
    };
    sandbox.drain();
    log.extensions(&sandbox.extensions.standings());
    match ready {
        Ok(at) => {
            let init = at - sandbox.started;
            log.init_report(init, phase, None);
            log.close_subscriptions();
            Ok((sandbox, init))
        }
        Err(failure) => {
            log.init_report(started.elapsed(), phase, Some(&failure.status()));
            sandbox.retire(failure.reason());
            sandbox.ended().await;
            Err(failure)
        }
    }
}

/// Waits until the runtime has asked for its first event.
async fn initialized(sandbox: &Sandbox) -> Result<Instant, Failed> {
    let init = tokio::select! {
        biased;
        init = sandbox.init() => init,
        failure = sandbox.extensions.failed() => return Err(Failed::Extension(failure)),
    };
    match init {
        Some(Init::Done(_)) if sandbox.kill_if_out_of_memory() => {
            Err(Failed::exited(sandbox).await)
        }
        Some(Init::Done(at)) => Ok(at),
        Some(Init::Failed { body, kind }) => Err(Failed::Reported { body, kind }),
        Some(Init::Running) | None => Err(Failed::exited(sandbox).await),
    }
}

impl Running<'_> {
    /// Submits the event to the sandbox and waits for its end, until the deadline at the latest.
    async fn hand_over(&self) -> Ended {
        let Self { sandbox, invocation, deadline, .. } = self;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let answer = sandbox.submit(Event {
            id: invocation.id.clone(),
            deadline: jiff::Timestamp::now().as_millisecond() + left.as_millis() as i64,
            arn: invocation.arn.clone(),
            trace: invocation.trace.clone(),
            client_context: invocation.client_context.clone(),
            tenant: invocation.tenant.clone(),
            payload: invocation.payload.clone(),
            stream: invocation.stream.clone(),
        });
        tokio::select! {
            biased;
            Ok(answer) = answer => {
                // AWS would have killed it earlier.
                if sandbox.kill_if_out_of_memory() {
                    Ended::Failed(Failed::exited(sandbox).await)
                } else {
                    Ended::Answered(answer)
                }
            }
            failure = sandbox.extensions.failed() => Ended::Failed(Failed::Extension(failure)),
            failure = Failed::exited(sandbox) => Ended::Failed(failure),
            () = tokio::time::sleep_until(*deadline) => Ended::Failed(Failed::TimedOut),
        }
    }
}

impl Invocation {
    fn timeout(&self) -> Duration {
        Duration::from_secs(self.function.timeout.into())
    }

    fn ending<'a>(&'a self, status: Option<&'a Status>, error_type: Option<&'a str>) -> Ending<'a> {
        Ending { id: &self.id, trace: Trace::sampled(&self.trace), status, error_type }
    }
}
