//! Panics, reported to the Runtime API with either strategy. If panics unwind, the hook keeps
//! message and location, and the loop that caught the panic reports them. If they abort, nothing
//! runs after the hook, so the hook itself posts the report, on a plain blocking socket: no other
//! runtime reports such a panic at all.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::Poll;
use std::time::Duration;

use crate::log::{Current, Entered};
use crate::runtime_api::endpoint::Endpoint;
use crate::runtime_api::reply::{Reply, Target};
use crate::runtime_api::report::Report;

/// Longest time that a dying process waits for the Runtime API.
const PATIENCE: Duration = Duration::from_secs(2);

thread_local! {
    /// The last panic of this thread, until it is reported.
    static LAST: RefCell<Option<Report>> = const { RefCell::new(None) };
}

/// The work that would be interrupted if the process aborted now.
static UNDERWAY: Mutex<Underway> =
    Mutex::new(Underway { phase: Phase::Serving, requests: Vec::new() });

/// Phase of a function, apart from requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Running the init, or the hook before a snapshot.
    Init,
    /// Running the hook after a snapshot was restored.
    Restore,
    /// Serving requests, of which there may be none.
    Serving,
}

struct Underway {
    phase: Phase,
    /// Request id (empty: none is running), and the invocation id to echo.
    requests: Vec<(String, Vec<u8>)>,
}

fn underway(change: impl FnOnce(&mut Underway)) {
    change(&mut UNDERWAY.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Records the phase of the function.
pub(crate) fn enter(phase: Phase) {
    underway(|underway| underway.phase = phase);
}

/// Records a running request. Only needed in a process that aborts.
pub(crate) fn started((request, invocation): (&str, &[u8])) {
    if cfg!(panic = "abort") {
        underway(|underway| {
            // The memory of an answered request is reused: this runs in every invocation.
            let requests = &mut underway.requests;
            if requests.iter().all(|(id, _)| !id.is_empty()) {
                requests.push((String::with_capacity(64), Vec::with_capacity(64)));
            }
            if let Some((id, echo)) = requests.iter_mut().find(|(id, _)| id.is_empty()) {
                id.push_str(request);
                echo.extend_from_slice(invocation);
            }
        });
    }
}

/// Records that a request was answered.
pub(crate) fn ended((request, _): (&str, &[u8])) {
    if cfg!(panic = "abort") {
        underway(|underway| {
            if let Some((id, echo)) =
                underway.requests.iter_mut().find(|(running, _)| running == request)
            {
                id.clear();
                echo.clear();
            }
        });
    }
}

/// Sets the hook, once per process. The previous hook still runs, first: it prints the panic.
pub(crate) fn install(endpoint: Arc<Endpoint>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| set_hook(endpoint));
}

fn set_hook(endpoint: Arc<Endpoint>) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        previous(info);
        let report = report(info);
        if cfg!(panic = "abort") {
            post_all(&endpoint, &report);
        } else {
            LAST.with_borrow_mut(|last| *last = Some(report));
        }
    }));
}

fn report(info: &PanicHookInfo<'_>) -> Report {
    let what = info.payload_as_str().unwrap_or("the panic has no message");
    let place = info
        .location()
        .map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column()));
    let mut report = Report::runtime("Panic", what);
    if let Some(place) = place {
        report.message = format!("{what} (panicked at {place})");
        report.stack.push(place);
    }
    report.stack.extend(backtrace());
    report
}

/// The backtrace of the panic; empty without `RUST_BACKTRACE`.
#[cfg(not(lambda_no_backtrace))]
fn backtrace() -> Vec<String> {
    use std::backtrace::{Backtrace, BacktraceStatus};
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => {
            backtrace.to_string().lines().map(|line| line.trim().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// Used where the standard library cannot name functions, as in the console's builds: without a
/// call of it here, the code that walks the stack is not linked at all.
#[cfg(lambda_no_backtrace)]
const fn backtrace() -> [String; 0] {
    []
}

/// Runs `future` as the work on `current`. A panic in it is returned as a report.
pub(crate) async fn catch<F: Future>(
    current: &mut Current,
    future: F,
) -> Result<F::Output, Report> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let _entered = Entered::new(current);
        // A future that panicked is not polled again, and state that it shares with others only
        // outlives it if the worker continues: see `serve`.
        panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))).map_or_else(
            |_| {
                let report = LAST.with_borrow_mut(Option::take);
                Poll::Ready(Err(
                    report.unwrap_or_else(|| Report::runtime("Panic", "the handler panicked"))
                ))
            },
            |poll| poll.map(Ok),
        )
    })
    .await
}

/// Reports everything that the panic interrupts to the Runtime API.
fn post_all(endpoint: &Endpoint, report: &Report) {
    let mut requests = Vec::new();
    let mut phase = Phase::Serving;
    underway(|underway| {
        phase = std::mem::replace(&mut underway.phase, Phase::Serving);
        requests = std::mem::take(&mut underway.requests);
    });
    let mut reply = Reply::default();
    let target = match phase {
        Phase::Init => Some(Target::InitError),
        Phase::Restore => Some(Target::RestoreError),
        Phase::Serving => None,
    };
    if let Some(target) = target {
        reply.begin(endpoint, target, &[]);
        reply.report(report);
        log_failure(post(endpoint, &reply.head));
    }
    for (request, invocation) in requests.into_iter().filter(|(request, _)| !request.is_empty()) {
        reply.begin(endpoint, Target::Error(&request), &invocation);
        reply.report(report);
        log_failure(post(endpoint, &reply.head));
    }
}

fn log_failure(posted: std::io::Result<()>) {
    if let Err(error) = posted {
        crate::log::error(format_args!(
            "the panic could not be reported to the Lambda Runtime API: {error}"
        ));
    }
}

/// Sends one request on its own connection, and waits until the Runtime API has accepted it.
fn post(endpoint: &Endpoint, request: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&endpoint.authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    // The first bytes of the response show that the report was accepted; the rest does not matter.
    let mut answer = [0; 512];
    match stream.read(&mut answer)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
