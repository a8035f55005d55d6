//! The end of a server that other processes use as well: it goes on until what was asked of it is answered and what was
//! begun of its queue is done, or until that is cut short; and it begins nothing in the moment in which it ends. Touches
//! nothing but the clock.

use super::{
    local::{Local, Server},
    lock,
};
use crate::service::Service;
use std::{future::Future, pin::pin, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// How often a server that waits for its end looks whether it has come.
const LOOK: Duration = Duration::from_millis(2);
/// How long it waits before it says so.
const UNSAID: Duration = Duration::from_millis(500);
/// How long the answers to what was broken off may take.
const ANSWERS: Duration = Duration::from_secs(2);

/// What a server that is about to end still has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests whose answers others wait for.
    pub requests: usize,
    /// Asynchronous invocations that have begun.
    pub events: usize,
}

/// What a server left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Asynchronous invocations that are still queued: the next server runs them.
    pub events: usize,
    /// Requests that were broken off.
    pub broken: usize,
}

fn pending(service: &Service) -> Pending {
    let running = service.pool.env().calls.get();
    Pending { requests: running.max(service.busy_poll.requests()), events: service.queue.active.get() }
}

impl Local {
    /// Ends the server and its sandboxes, once nothing is going on that others wait for, or on `cut`; when joined, only
    /// leaves. `waits` is called when that takes a while. Functions, logs and events that are queued stay on disk.
    pub async fn leave(mut self, cut: impl Future<Output = ()>, waits: impl FnOnce(Pending)) -> Left {
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
        // Others may ask again for what was not answered only if it is sure that it was not begun.
        if is_answered && let Err(error) = lock::remove_endpoint(&self.dir, &service.damage) {
            tracing::warn!(%error, "the local Lambda's endpoint file could not be removed");
        }
        left
    }
}

impl Server {
    /// Ends it; what is still going on is broken off and answered. Whether all was answered.
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
            tracing::warn!(%error, "the local Lambda's server ended badly");
        }
        self.service.pool.closed().await;
        self.service.codes.ended().await;
        is_answered
    }
}
