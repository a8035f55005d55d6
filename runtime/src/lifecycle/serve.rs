//! The loop: next, call, answer. One in an ordinary function; on a managed instance as many as the
//! platform sends requests at once, each on its own thread.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::handler::Handler;
use crate::lifecycle::blocking::{Work, wait};
use crate::lifecycle::executor;
use crate::lifecycle::hooks::Hook;
use crate::lifecycle::panic;
use crate::log;
use crate::runtime_api::client::Client;
use crate::runtime_api::end::End;
use crate::runtime_api::endpoint::Endpoint;

/// First pause of a worker that lost its connection, if there are several workers; each pause is
/// twice the previous one.
const SHORTEST: Duration = Duration::from_millis(10);
/// Longest pause: a worker that still cannot continue after it gives up, after 1.3 seconds in all.
const LONGEST: Duration = Duration::from_millis(640);

/// Action of a worker after a panic was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterPanic {
    /// State may be broken, and a new process needs only a cold start.
    End,
    /// Other requests are being served by the same process.
    GoOn,
}

/// Serves one invocation after the other until there can be no more.
pub(crate) async fn serve<S, H, M, A>(
    client: &mut Client,
    state: &S,
    handler: &H,
    after_response: &A,
    after_panic: AfterPanic,
) -> Result<Infallible, End>
where
    H: Handler<S, M>,
    A: Hook<S, ()>,
{
    // The hook after an answer has to run before the next invocation is requested: the sandbox may
    // be frozen then.
    let pipelined = client.is_pipelined() && !A::GIVEN;
    loop {
        client.next().await?;
        panic::started(client.ids());
        let (message, reply, current) = client.call();
        let outcome = panic::catch(current, handler.call(state, message, reply)).await;
        let mut panicked = outcome.is_err();
        match outcome.flatten() {
            Ok(()) => panicked |= client.respond(pipelined).await?.is_some(),
            Err(report) => client.fail(&report).await?,
        }
        panic::ended(client.ids());
        if A::GIVEN {
            panicked |= client.afterwards(after_response.call(state)).await.is_err();
        }
        if panicked && after_panic == AfterPanic::End {
            return Err(End::Panicked);
        }
    }
}

/// Serves as many invocations at once as there are workers, the first of which has its connection
/// already, until one of them cannot continue, or the signal arrives. Each worker has a thread and
/// an executor of its own: a future never changes threads and need not be able to, a handler that
/// computes delays no other, and a worker runs the same loop as an ordinary function.
pub(crate) fn serve_many<S, H, M, A>(
    executor: &Runtime,
    endpoint: &Arc<Endpoint>,
    first: Client,
    workers: NonZeroUsize,
    function: (&S, &H, &A),
    signal: impl Future<Output = ()>,
) -> End
where
    S: Sync,
    H: Handler<S, M>,
    A: Hook<S, ()> + Sync,
{
    let stop = Stop::default();
    thread::scope(|scope| {
        for _ in 1..workers.get() {
            let worker: Work<'_> = Box::new(|| match executor::create() {
                Ok(executor) => {
                    let work = work(endpoint, None, function, &stop);
                    executor::run(&executor, either(stop.cancelled(), work));
                }
                Err(end) => stop.end(end),
            });
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, worker) {
                stop.end(End::Environment(format!("could not start {workers} threads: {error}")));
                break;
            }
        }
        let terminated = async {
            signal.await;
            stop.end(End::Terminated);
        };
        let work = either(terminated, work(endpoint, Some(first), function, &stop));
        executor::run(executor, either(stop.cancelled(), work));
    });
    stop.why.into_inner().unwrap_or(End::Panicked)
}

/// The end of the first worker, which ends all.
#[derive(Debug, Default)]
struct Stop {
    why: OnceLock<End>,
    woken: Notify,
}

impl Stop {
    fn end(&self, why: End) {
        // Only the first reason counts.
        let _ = self.why.set(why);
        self.woken.notify_waiters();
    }

    /// Waits for the end.
    async fn cancelled(&self) {
        let woken = self.woken.notified();
        // Checked after the wait was registered, so that no end is missed.
        if self.why.get().is_none() {
            woken.await;
        }
    }
}

/// Runs one worker. If it loses its connection it retries for a while with growing pauses, since
/// other workers are serving; then it ends all.
async fn work<S, H, M, A>(
    endpoint: &Arc<Endpoint>,
    mut client: Option<Client>,
    (state, handler, after_response): (&S, &H, &A),
    stop: &Stop,
) where
    H: Handler<S, M>,
    A: Hook<S, ()>,
{
    let mut pause = SHORTEST;
    loop {
        let opened = match client.take() {
            Some(client) => Ok(client),
            None => Client::open(Arc::clone(endpoint)).await,
        };
        let end = match opened {
            Err(end) => end,
            Ok(mut client) => {
                let Err(end) =
                    serve(&mut client, state, handler, after_response, AfterPanic::GoOn).await;
                if client.has_served() {
                    pause = SHORTEST;
                }
                end
            }
        };
        if !end.is_of_connection() || pause > LONGEST {
            return stop.end(end);
        }
        if pause == SHORTEST {
            log::warn(format_args!("{end}; reconnecting"));
        }
        wait(pause).await;
        pause *= 2;
    }
}

/// Waits for the first of two futures.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    std::future::poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() {
            std::task::Poll::Ready(())
        } else {
            other.as_mut().poll(context)
        }
    })
    .await;
}

#[cfg(test)]
mod managed_tests;
#[cfg(test)]
mod pipelined;
#[cfg(test)]
mod tests;
