//! Panics, told to the Runtime API under either strategy. Where panics unwind, the hook keeps message and place, and
//! the loop that caught the panic reports them. Where they abort, nothing runs after the hook, so the hook itself posts,
//! on a plain blocking socket: no other runtime reports such a panic at all.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::Poll;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::log::{Current, Entered};
use crate::reply::{Reply, Target};
use crate::report::Report;

/// How long a dying process waits for the Runtime API.
const PATIENCE: Duration = Duration::from_secs(2);

thread_local! {
    /// The last panic of this thread, until it is reported.
    static LAST: RefCell<Option<Report>> = const { RefCell::new(None) };
}

/// What would be cut short if the process aborted now.
static UNDERWAY: Mutex<Underway> = Mutex::new(Underway { phase: Phase::Serving, requests: Vec::new() });

/// What a function is at, apart from requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Being made ready, or made ready for a snapshot.
    Init,
    /// Being made ready again after a snapshot was restored.
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

/// Says what the function is at.
pub(crate) fn enter(phase: Phase) {
    underway(|underway| underway.phase = phase);
}

/// Marks a request as running. Only a process that aborts has to know.
pub(crate) fn started((request, invocation): (&str, &[u8])) {
    if cfg!(panic = "abort") {
        underway(|underway| {
            // The memory of a request that was answered is used again: this is on the way of every invocation.
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

/// Marks a request as answered.
pub(crate) fn ended((request, _): (&str, &[u8])) {
    if cfg!(panic = "abort") {
        underway(|underway| {
            if let Some((id, echo)) = underway.requests.iter_mut().find(|(running, _)| running == request) {
                id.clear();
                echo.clear();
            }
        });
    }
}

/// Sets the hook, once in a process. The one that was there still runs, first: it prints the panic.
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
    let place = info.location().map(|place| format!("{}:{}:{}", place.file(), place.line(), place.column()));
    let mut report = Report::runtime("Panic", what);
    if let Some(place) = place {
        report.message = format!("{what} (panicked at {place})");
        report.stack.push(place);
    }
    report.stack.extend(backtrace());
    report
}

/// The stack of the panic; only with `RUST_BACKTRACE` is there one.
#[cfg(not(lambda_no_backtrace))]
fn backtrace() -> Vec<String> {
    use std::backtrace::{Backtrace, BacktraceStatus};
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => backtrace.to_string().lines().map(|line| line.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// The console builds with this where the standard library cannot name functions: without a call of it here, the code
/// that walks the stack is not linked at all.
#[cfg(lambda_no_backtrace)]
const fn backtrace() -> [String; 0] {
    []
}

/// Runs `future` as the work on `current`, each panic in it as a report.
pub(crate) async fn catch<F: Future>(current: &mut Current, future: F) -> Result<F::Output, Report> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let _entered = Entered::new(current);
        // A future that panicked is not polled again, and what it shares with others outlives it only where the
        // worker goes on: see `serve`.
        panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))).map_or_else(
            |_| {
                let report = LAST.with_borrow_mut(Option::take);
                Poll::Ready(Err(report.unwrap_or_else(|| Report::runtime("Panic", "the handler panicked"))))
            },
            |poll| poll.map(Ok),
        )
    })
    .await
}

/// Tells the Runtime API of all that the panic cuts short.
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
        tell_if_failed(post(endpoint, &reply.head));
    }
    for (request, invocation) in requests.into_iter().filter(|(request, _)| !request.is_empty()) {
        reply.begin(endpoint, Target::Error(&request), &invocation);
        reply.report(report);
        tell_if_failed(post(endpoint, &reply.head));
    }
}

fn tell_if_failed(posted: std::io::Result<()>) {
    if let Err(error) = posted {
        crate::log::error(format_args!("the panic could not be reported to the Lambda Runtime API: {error}"));
    }
}

/// Sends one request on a connection of its own, and waits until the Runtime API took it.
fn post(endpoint: &Endpoint, request: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&endpoint.authority)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    // The first bytes of the answer say that the report was taken in; what follows does not matter any more.
    let mut answer = [0; 512];
    match stream.read(&mut answer)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
