//! From `main` to the first invocation, and from the last one out of the process.

use std::convert::Infallible;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::client::Client;
use crate::end::End;
use crate::endpoint::Endpoint;
use crate::failure::Fault;
use crate::handler::{Handler, Init, nothing};
use crate::log::{self, Current};
use crate::panic;
use crate::serve::{self, AfterPanic};

/// The process ends with this when the function failed to start or cannot go on.
const FAILED: i32 = 1;
/// The process ends with this when its environment is not Lambda's.
const NOT_LAMBDA: i32 = 3;

/// Serves invocations with this handler until the process ends. Everything else is of the environment: where the Runtime
/// API is, how many requests there are at once, how logs are written.
///
/// Does not return: it ends the process with a line on standard error that says why, code 1, or code 3 outside of
/// Lambda.
pub fn run<H, M>(handler: H)
where
    H: Handler<(), M>,
    M: 'static,
{
    init(nothing).run(handler);
}

/// Makes a function's shared state before the first invocation, as part of the cold start. The state is lent to every
/// call; an error (or a panic) is reported as the function's init error, and the process ends.
///
/// ```no_run
/// use lambda::Error;
///
/// struct Table {
///     name: String,
/// }
///
/// async fn open() -> Result<Table, Error> {
///     Ok(Table { name: std::env::var("TABLE")? })
/// }
///
/// async fn find(table: &Table, id: u32) -> Result<String, Error> {
///     Ok(format!("{} in {}", id, table.name))
/// }
///
/// fn main() {
///     lambda::init(open).run(find);
/// }
/// ```
pub fn init<I, S, E>(init: I) -> Init<I>
where
    I: AsyncFnOnce() -> Result<S, E>,
{
    Init { init }
}

impl<I> Init<I> {
    /// Runs the init, then serves invocations with this handler: see [`run`].
    pub fn run<S, E, EM, H, M>(self, handler: H)
    where
        I: AsyncFnOnce() -> Result<S, E>,
        E: Fault<EM>,
        S: Send + Sync + 'static,
        H: Handler<S, M>,
        M: 'static,
    {
        let Some(address) = std::env::var_os("AWS_LAMBDA_RUNTIME_API") else { not_lambda() };
        let end = match start(&address.to_string_lossy(), self.init, handler) {
            Err(end) => end,
            Ok(never) => match never {},
        };
        log::error(end);
        exit(FAILED);
    }
}

/// Everything between the environment and the end.
fn start<I, S, E, EM, H, M>(address: &str, init: I, handler: H) -> Result<Infallible, End>
where
    I: AsyncFnOnce() -> Result<S, E>,
    E: Fault<EM>,
    S: Send + Sync + 'static,
    H: Handler<S, M>,
    M: 'static,
{
    let endpoint = Arc::new(Endpoint::parse(address).map_err(End::Environment)?);
    let workers = workers(std::env::var("AWS_LAMBDA_MAX_CONCURRENCY").ok().as_deref())?;
    let executor = executor()?;
    panic::install(Arc::clone(&endpoint));
    let mut client = executor.block_on(Client::open(Arc::clone(&endpoint)))?;
    let state = executor.block_on(prepare(&mut client, init))?;
    match workers {
        None => executor.block_on(serve::serve(&mut client, &state, &handler, AfterPanic::End)),
        Some(workers) => Err(serve::serve_many(&executor, &endpoint, client, workers, state, handler)),
    }
}

/// Runs the init; its failure is reported.
pub(crate) async fn prepare<I, S, E, EM>(client: &mut Client, init: I) -> Result<S, End>
where
    I: AsyncFnOnce() -> Result<S, E>,
    E: Fault<EM>,
{
    panic::in_init(true);
    let made = panic::catch(&mut Current::default(), init()).await;
    panic::in_init(false);
    let report = match made {
        Ok(Ok(state)) => return Ok(state),
        Ok(Err(fault)) => fault.report(),
        Err(panic) => panic,
    };
    client.fail_init(&report).await?;
    Err(End::Init(report))
}

/// How many invocations the platform sends at once: none said, then one after the other.
fn workers(concurrency: Option<&str>) -> Result<Option<NonZeroUsize>, End> {
    let Some(text) = concurrency.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |_| End::Environment(format!("AWS_LAMBDA_MAX_CONCURRENCY is `{text}`: it should be a number above 0"));
    text.parse().map(Some).map_err(wrong)
}

/// The executor of one thread. Timers are there if anything in the program enables tokio's `time`.
pub(crate) fn executor() -> Result<Runtime, End> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| End::Environment(format!("the async executor cannot start: {error}")))
}

fn not_lambda() -> ! {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = format!(
        "`{name}` is an AWS Lambda function: it answers the invocations that Lambda sends it, and there is no Lambda \
         here (AWS_LAMBDA_RUNTIME_API is not set).\nTo run it: `lambda-console invoke {name}`\n"
    );
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    exit(NOT_LAMBDA)
}

#[expect(clippy::exit, reason = "`run` is the whole of a function's main: the exit code is its result")]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_workers_is_one_where_none_is_said_and_never_guessed() {
        assert!(matches!(workers(None), Ok(None)));
        assert!(matches!(workers(Some("")), Ok(None)));
        assert!(matches!(workers(Some("10")), Ok(Some(ten)) if ten.get() == 10));
        for text in ["0", "-1", "many"] {
            assert!(workers(Some(text)).unwrap_err().to_string().contains(text));
        }
    }
}
