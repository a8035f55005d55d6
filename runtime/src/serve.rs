//! The loop: next, call, answer. One of it in an ordinary function; on a managed instance as many as the platform sends
//! requests at once, spread over the processors.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::thread;

use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};

use crate::client::Client;
use crate::end::End;
use crate::endpoint::Endpoint;
use crate::handler::Handler;
use crate::panic;
use crate::report::Report;

/// What a worker does after a panic was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterPanic {
    /// State may be broken, and a new process is one cold start away.
    End,
    /// Other requests are being served by the same process.
    GoOn,
}

/// Serves one invocation after the other until there can be none.
pub(crate) async fn serve<S, H, M>(
    client: &mut Client,
    state: &S,
    handler: &H,
    after_panic: AfterPanic,
) -> Result<Infallible, End>
where
    H: Handler<S, M>,
{
    loop {
        client.next().await?;
        panic::started(client.ids());
        let (message, reply, current) = client.call();
        let outcome = panic::catch(current, handler.call(state, message, reply)).await;
        let panicked = match outcome {
            Ok(Ok(())) => client.respond().await?.is_some(),
            Ok(Err(report)) => {
                client.fail(&report).await?;
                false
            }
            Err(report) => {
                client.fail(&report).await?;
                true
            }
        };
        panic::ended(client.ids());
        if panicked && after_panic == AfterPanic::End {
            return Err(End::Panicked);
        }
    }
}

/// Serves as many invocations at once as there are workers, the first of which has its connection already. Each thread
/// has its own executor, so that a future never changes threads and need not be able to.
pub(crate) fn serve_many<S, H, M>(
    executor: &tokio::runtime::Runtime,
    endpoint: &Arc<Endpoint>,
    first: Client,
    workers: NonZeroUsize,
    state: S,
    handler: H,
) -> End
where
    S: Send + Sync + 'static,
    H: Handler<S, M>,
    M: 'static,
{
    let shared = Arc::new((state, handler));
    let stop = Stop::default();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(workers.get());
    thread::scope(|scope| {
        for thread in 1..threads {
            let (shared, stop) = (Arc::clone(&shared), &stop);
            let count = share(workers.get(), threads, thread);
            scope.spawn(move || match crate::executor() {
                Ok(executor) => serve_some(&executor, endpoint, None, count, &shared, stop),
                Err(end) => stop.end(end),
            });
        }
        serve_some(executor, endpoint, Some(first), share(workers.get(), threads, 0), &shared, &stop);
    });
    stop.why.into_inner().unwrap_or(End::Panicked)
}

/// How many of `workers` the thread with this index has.
fn share(workers: usize, threads: usize, thread: usize) -> usize {
    workers / threads + usize::from(thread < workers % threads)
}

/// The first end of a worker, which ends all.
#[derive(Debug, Default)]
struct Stop {
    why: OnceLock<End>,
    told: Notify,
}

impl Stop {
    fn end(&self, why: End) {
        // Only the first one is the reason.
        let _ = self.why.set(why);
        self.told.notify_waiters();
    }
}

/// Runs `count` workers on this thread.
fn serve_some<S, H, M>(
    executor: &tokio::runtime::Runtime,
    endpoint: &Arc<Endpoint>,
    mut first: Option<Client>,
    count: usize,
    shared: &Arc<(S, H)>,
    stop: &Stop,
) where
    S: Send + Sync + 'static,
    H: Handler<S, M>,
    M: 'static,
{
    let local = LocalSet::new();
    let mut workers = JoinSet::new();
    for _ in 0..count {
        let (shared, endpoint, client) = (Arc::clone(shared), Arc::clone(endpoint), first.take());
        let worker = async move {
            let mut client = match client {
                Some(client) => client,
                None => Client::open(endpoint).await?,
            };
            serve(&mut client, &shared.0, &shared.1, AfterPanic::GoOn).await
        };
        workers.spawn_local_on(worker, &local);
    }
    let stopped = async {
        let told = stop.told.notified();
        // Asked after the wait was registered, so that no end falls between.
        if stop.why.get().is_none() {
            told.await;
        }
    };
    let ended = async {
        match workers.join_next().await {
            Some(Ok(Err(end))) => stop.end(end),
            Some(Err(error)) => stop.end(End::Init(Report::runtime("Worker", error.to_string()))),
            Some(Ok(Ok(never))) => match never {},
            None => {}
        }
    };
    executor.block_on(local.run_until(either(stopped, ended)));
}

/// Waits for the first of two.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    std::future::poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() { std::task::Poll::Ready(()) } else { other.as_mut().poll(context) }
    })
    .await;
}

#[cfg(test)]
mod tests;
