//! From `main` to the first invocation, and from the last one to the exit of the process.

use std::convert::Infallible;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::failure::Fault;
use crate::handler::{Handler, nothing};
use crate::lifecycle::environment::Environment;
use crate::lifecycle::executor;
use crate::lifecycle::extension;
use crate::lifecycle::hooks::{Hook, Hooks};
use crate::lifecycle::init::{Init, init};
use crate::lifecycle::panic::{self, Phase};
use crate::lifecycle::serve::{AfterPanic, serve, serve_many};
use crate::lifecycle::signal::Termination;
use crate::log::{self, Current};
use crate::runtime_api::client::Client;
use crate::runtime_api::end::End;
use crate::runtime_api::endpoint::Endpoint;
use crate::runtime_api::reply::Target;
use crate::runtime_api::report::Report;

/// Exit code if the function failed to start or cannot continue.
const FAILED: i32 = 1;
/// Exit code if the environment is not Lambda's.
const NOT_LAMBDA: i32 = 3;

/// Serves invocations with this handler until the process ends. Everything else is read from the
/// environment: the address of the Runtime API, the number of concurrent requests, the log format.
///
/// `LAMBDA_PIPELINE=1` lets an answer and the request for the next invocation be sent in one write,
/// which takes five system calls per invocation rather than six, three if the next one waits
/// already. AWS's emulator accepts it; it is untested on Lambda itself, so it is off by default. It
/// does not apply to streams, errors, and functions with a hook after each response.
///
/// Does not return, unless the function has a hook for its end ([`Init::on_shutdown`]): it ends the
/// process with a line on standard error that contains the reason, and code 1, or code 3 outside of
/// Lambda.
pub fn run<H, M>(handler: H)
where
    H: Handler<(), M>,
    M: 'static,
{
    init(nothing).run(handler);
}

impl<I, A, T, B, R> Init<I, Hooks<A, T, B, R>> {
    /// Runs the init, then serves invocations with this handler: see [`run`].
    #[expect(clippy::needless_pass_by_value, reason = "a handler reads better named than lent")]
    pub fn run<S, E, EM, H, M>(self, handler: H)
    where
        I: AsyncFnOnce() -> Result<S, E>,
        E: Fault<EM>,
        S: Send + Sync + 'static,
        H: Handler<S, M>,
        M: 'static,
        A: Hook<S, ()> + Send + Sync + 'static,
        T: Hook<S, ()>,
        B: Hook<S, Result<(), Report>>,
        R: Hook<S, Result<(), Report>>,
    {
        let environment = Environment::read();
        let Some(address) = &environment.runtime_api else { not_lambda() };
        let end = match start(address, &environment, self, &handler) {
            Err(End::Terminated) => return,
            Err(end) => end,
            Ok(never) => match never {},
        };
        log::error(end);
        exit(FAILED);
    }
}

/// Runs everything between the environment and the end.
fn start<I, S, E, EM, H, M, A, T, B, R>(
    address: &str,
    environment: &Environment,
    function: Init<I, Hooks<A, T, B, R>>,
    handler: &H,
) -> Result<Infallible, End>
where
    I: AsyncFnOnce() -> Result<S, E>,
    E: Fault<EM>,
    S: Send + Sync + 'static,
    H: Handler<S, M>,
    M: 'static,
    A: Hook<S, ()> + Send + Sync + 'static,
    T: Hook<S, ()>,
    B: Hook<S, Result<(), Report>>,
    R: Hook<S, Result<(), Report>>,
{
    let Init { init, hooks } = function;
    let mut endpoint = Endpoint::parse(address).map_err(End::Environment)?;
    endpoint.pipelined = environment.pipelined;
    let endpoint = Arc::new(endpoint);
    let workers = workers(environment.max_concurrency.as_deref())?;
    let executor = executor::create()?;
    panic::install(Arc::clone(&endpoint));
    let open = || Client::open(Arc::clone(&endpoint));
    let ready = async |client: &mut Client| {
        let state = prepare(client, init).await?;
        if environment.snap_start {
            snapshot(client, &state, &hooks.before_snapshot, &hooks.after_restore).await?;
        }
        Ok(state)
    };
    if !T::GIVEN {
        let started = executor::run(&executor, async {
            let mut client = open().await?;
            let state = ready(&mut client).await?;
            let Some(workers) = workers else {
                let after_response = &hooks.after_response;
                let Err(end) =
                    serve(&mut client, &state, handler, after_response, AfterPanic::End).await;
                return Err(end);
            };
            Ok((client, state, workers))
        });
        let (client, state, workers) = started?;
        let function = (&state, handler, &hooks.after_response);
        let forever = std::future::pending();
        return Err(serve_many(&executor, &endpoint, client, workers, function, forever));
    }
    let mut client = executor::run(&executor, open())?;
    let (mut termination, _extension) = executor::run(&executor, async {
        let listening = Termination::listen();
        let termination = listening
            .map_err(|error| End::Environment(format!("could not listen for SIGTERM: {error}")))?;
        // Managed instances receive the signal in any case.
        let extension = if workers.is_none() { extension::register(&endpoint).await } else { None };
        Ok((termination, extension))
    })?;
    let state = executor::run(&executor, unless(termination.came(), ready(&mut client)))?;
    let end = match workers {
        None => {
            let loop_ = serve(&mut client, &state, handler, &hooks.after_response, AfterPanic::End);
            let Err(end) = executor::run(&executor, unless(termination.came(), loop_));
            end
        }
        Some(workers) => {
            let function = (&state, handler, &hooks.after_response);
            serve_many(&executor, &endpoint, client, workers, function, termination.came())
        }
    };
    if matches!(end, End::Terminated) {
        let hook =
            async { panic::catch(&mut Current::default(), hooks.on_shutdown.call(&state)).await };
        // A panic was printed already, and can no longer be reported.
        let _ = executor::run(&executor, hook);
        drop(state);
        // Work on other threads is not waited for.
        executor.shutdown_background();
    }
    Err(end)
}

/// Runs the work, unless the signal arrives first: the work is then dropped.
async fn unless<T>(
    signal: impl Future<Output = ()>,
    work: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    let (mut signal, mut work) = (pin!(signal), pin!(work));
    std::future::poll_fn(|context| {
        if signal.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(End::Terminated));
        }
        work.as_mut().poll(context)
    })
    .await
}

/// Runs the init and reports its failure.
pub(crate) async fn prepare<I, S, E, EM>(client: &mut Client, init: I) -> Result<S, End>
where
    I: AsyncFnOnce() -> Result<S, E>,
    E: Fault<EM>,
{
    panic::enter(Phase::Init);
    let made = panic::catch(&mut Current::default(), init()).await;
    panic::enter(Phase::Serving);
    let report = match made {
        Ok(Ok(state)) => return Ok(state),
        Ok(Err(fault)) => fault.report(),
        Err(panic) => panic,
    };
    client.fail_start(Target::InitError, &report).await?;
    Err(End::Init(report))
}

/// Lets a snapshot be taken, and continues in a sandbox in which it was restored; failures of the
/// hooks are reported.
async fn snapshot<S, B, R>(client: &mut Client, state: &S, before: &B, after: &R) -> Result<(), End>
where
    B: Hook<S, Result<(), Report>>,
    R: Hook<S, Result<(), Report>>,
{
    if let Err(report) = step(Phase::Init, before.call(state)).await {
        client.fail_start(Target::InitError, &report).await?;
        return Err(End::Init(report));
    }
    client.restored().await?;
    if let Err(report) = step(Phase::Restore, after.call(state)).await {
        client.fail_start(Target::RestoreError, &report).await?;
        return Err(End::Restore(report));
    }
    Ok(())
}

/// Reports the failure of a function that cannot be selected as its init error, and ends the
/// process.
pub(crate) fn refuse(report: Report) -> ! {
    let environment = Environment::read();
    let Some(address) = &environment.runtime_api else { not_lambda() };
    log::error(report_start(address, report));
    exit(FAILED)
}

/// Reports an init error, and returns the end that it leads to.
fn report_start(address: &str, report: Report) -> End {
    let report_it = || {
        let endpoint = Arc::new(Endpoint::parse(address).map_err(End::Environment)?);
        let executor = executor::create()?;
        executor::run(&executor, async {
            let mut client = Client::open(endpoint).await?;
            client.fail_start(Target::InitError, &report).await
        })
    };
    report_it().err().unwrap_or(End::Init(report))
}

/// Runs a hook in its phase.
async fn step(
    phase: Phase,
    hook: impl Future<Output = Option<Result<(), Report>>>,
) -> Result<(), Report> {
    panic::enter(phase);
    let outcome = panic::catch(&mut Current::default(), hook).await;
    panic::enter(Phase::Serving);
    outcome?.unwrap_or(Ok(()))
}

/// Number of invocations that the platform sends at once. `None` means one after the other.
fn workers(concurrency: Option<&str>) -> Result<Option<NonZeroUsize>, End> {
    let Some(text) = concurrency.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |_| {
        End::Environment(format!(
            "AWS_LAMBDA_MAX_CONCURRENCY is `{text}`: it should be a number above 0"
        ))
    };
    text.parse().map(Some).map_err(wrong)
}

fn not_lambda() -> ! {
    let name = std::env::args_os().next().unwrap_or_default();
    let name =
        std::path::Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = format!(
        "`{name}` is an AWS Lambda function: it answers the invocations that Lambda sends it, and \
        there is no Lambda \
         here (AWS_LAMBDA_RUNTIME_API is not set).\nTo run it: `lambda-console invoke {name}`\n"
    );
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    exit(NOT_LAMBDA)
}

#[expect(
    clippy::exit,
    reason = "`run` is the whole of a function's main: the exit code is its result"
)]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_workers_is_one_by_default_and_never_guessed() {
        assert!(matches!(workers(None), Ok(None)));
        assert!(matches!(workers(Some("")), Ok(None)));
        assert!(matches!(workers(Some("10")), Ok(Some(ten)) if ten.get() == 10));
        for text in ["0", "-1", "many"] {
            assert!(workers(Some(text)).unwrap_err().to_string().contains(text));
        }
    }
}
