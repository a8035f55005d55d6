//! Shutdown of a server that other processes also use: it continues until it has answered the
//! requests that it received and finished the queued events that it started, or until it is
//! interrupted. It starts nothing while it ends. Touches nothing but the clock.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    local::{Local, Server},
    lock,
};
use crate::service::Service;

/// Interval at which an ending server checks whether it is idle.
const LOOK: Duration = Duration::from_millis(2);
/// Time after which a server that is still waiting reports it.
const UNSAID: Duration = Duration::from_millis(500);
/// Time limit for answering the requests that were interrupted.
const ANSWERS: Duration = Duration::from_secs(2);

/// Work that a server still has to do before it can end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests that other processes wait for.
    pub requests: usize,
    /// Asynchronous invocations that have started.
    pub events: usize,
}

/// Work that a server did not finish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Asynchronous invocations that are still queued: the next server runs them.
    pub events: usize,
    /// Requests that were interrupted.
    pub broken: usize,
}

fn pending(service: &Service) -> Pending {
    let running = service.pool.env().calls.get();
    Pending {
        requests: running.max(service.busy_poll.requests()),
        events: service.queue.active.get(),
    }
}

impl Local {
    /// Ends the server and its sandboxes once no other process waits for it, or on `cut`; if the
    /// server is only joined, disconnects from it. `waits` is called if that takes a while.
    /// Functions, logs and queued events stay on disk.
    pub async fn leave(
        mut self,
        cut: impl Future<Output = ()>,
        waits: impl FnOnce(Pending),
    ) -> Left {
        let Some(mut server) = self.server.take() else { return Left::default() };
        let service = Arc::clone(&server.service);
        let is_idle = || pending(&service) == Pending::default();
        let mut left = Left::default();
        let ended = async {
            let mut closing = pin!(service.gate.close_when(is_idle));
            if timeout(UNSAID, &mut closing).await.is_err() {
                waits(pending(&service));
                closing.await;
            }
        };
        tokio::select! {
            biased;
            () = ended => {}
            () = cut => {
                service.gate.close();
                left.broken = pending(&service).requests;
            }
        }
        let is_answered = server.end().await;
        left.events = service.queue.left();
        // A caller may retry an unanswered request only if it is certain that the request was never
        // started.
        if is_answered && let Err(error) = lock::remove_endpoint(&self.dir, &service.damage) {
            tracing::warn!(%error, "the local Lambda's endpoint file could not be removed");
        }
        left
    }
}

impl Server {
    /// Ends the server; work that is still in progress is interrupted and answered. Returns `true`
    /// if every request was answered.
    async fn end(&mut self) -> bool {
        self.service.queue.stop();
        self.service.pool.close();
        self.service.logs.end_tails();
        let answers = async {
            while self.service.busy_poll.requests() > 0 {
                sleep(LOOK).await;
            }
        };
        let is_answered = timeout(ANSWERS, answers).await.is_ok();
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::warn!(%error, "the local Lambda's server failed");
        }
        self.service.pool.closed().await;
        self.service.codes.ended().await;
        is_answered
    }
}
