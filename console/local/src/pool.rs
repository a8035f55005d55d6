//! The warm sandboxes: which may take an invocation, which are kept, which must go. Kills sandboxes.

use crate::{
    fault::Fault,
    function::Function,
    sandbox::{Reason, Sandbox, Surroundings},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All sandboxes.
pub(crate) struct Pool {
    surroundings: Surroundings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By [`Function::key`].
    functions: HashMap<String, Slot>,
    /// Every sandbox that may still run.
    all: Vec<Arc<Sandbox>>,
    closed: bool,
}

/// What is kept of one version of a function.
struct Slot {
    permits: Arc<Semaphore>,
    /// The sandboxes that wait; the one used last is used first, so that the others can grow old.
    idle: Vec<(Arc<Sandbox>, tokio::time::Instant)>,
    /// The revision that may be kept.
    revision: String,
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(surroundings: Surroundings) -> Arc<Self> {
        Arc::new(Self { surroundings, state: Mutex::default() })
    }

    /// What sandboxes are started with.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The right to run one invocation, at once or not at all.
    pub(crate) fn permit(&self, function: &Function) -> Result<OwnedSemaphorePermit, Fault> {
        self.permits(function).try_acquire_owned().map_err(|_none_left| Fault {
            reason: Some("ConcurrentInvocationLimitExceeded"),
            ..Fault::new(429, "TooManyRequestsException", "Rate Exceeded.")
        })
    }

    /// The right to run one invocation, when there is one; none when the pool closes.
    pub(crate) async fn wait_for_permit(&self, function: &Function) -> Option<OwnedSemaphorePermit> {
        self.permits(function).acquire_owned().await.ok()
    }

    fn permits(&self, function: &Function) -> Arc<Semaphore> {
        let mut state = self.state();
        Arc::clone(&state.slot(function, self.surroundings.limits.sandboxes).permits)
    }

    /// A warm sandbox of exactly this revision, and of this tenant.
    pub(crate) fn take(&self, function: &Function, tenant: Option<&str>) -> Option<Arc<Sandbox>> {
        let mut state = self.state();
        let slot = state.slot(function, self.surroundings.limits.sandboxes);
        while let Some(index) = slot.idle.iter().rposition(|(sandbox, _)| sandbox.tenant.as_deref() == tenant) {
            let (sandbox, _) = slot.idle.remove(index);
            if sandbox.is_alive() && sandbox.function.revision == function.revision {
                return Some(sandbox);
            }
            sandbox.retire(Reason::Spindown);
        }
        None
    }

    /// Keeps a sandbox after an invocation, or ends it when its function has changed.
    pub(crate) fn put(&self, sandbox: &Arc<Sandbox>) {
        let mut state = self.state();
        let closed = state.closed;
        match state.functions.get_mut(&sandbox.function.key()) {
            Some(slot) if !closed && sandbox.is_alive() && slot.revision == sandbox.function.revision => {
                slot.idle.push((Arc::clone(sandbox), tokio::time::Instant::now()));
            }
            _ => sandbox.retire(Reason::Spindown),
        }
    }

    /// Ends the sandboxes of a version ([`Function::key`]) that was changed or removed; those that are busy end after their invocation.
    pub(crate) fn retire(&self, key: &str, revision: &str) {
        let mut state = self.state();
        let Some(slot) = state.functions.get_mut(key) else { return };
        revision.clone_into(&mut slot.revision);
        for (sandbox, _) in slot.idle.drain(..) {
            sandbox.retire(Reason::Spindown);
        }
    }

    /// Ends the sandbox when it has been idle for long, and forgets it when it has ended.
    pub(crate) fn watch(self: &Arc<Self>, sandbox: &Arc<Sandbox>) {
        {
            let mut state = self.state();
            if state.closed {
                sandbox.retire(Reason::Spindown);
            }
            state.all.push(Arc::clone(sandbox));
        }
        let (pool, sandbox) = (Arc::clone(self), Arc::clone(sandbox));
        tokio::spawn(async move {
            let mut look_again = pool.surroundings.limits.idle;
            while tokio::time::timeout(look_again, sandbox.exited()).await.is_err() {
                look_again = pool.end_if_idle(&sandbox);
            }
            let mut state = pool.state();
            state.all.retain(|other| !Arc::ptr_eq(other, &sandbox));
            if let Some(slot) = state.functions.get_mut(&sandbox.function.key()) {
                slot.idle.retain(|(other, _)| !Arc::ptr_eq(other, &sandbox));
            }
        });
    }

    /// Ends it when its time is over; says when to look again.
    fn end_if_idle(&self, sandbox: &Arc<Sandbox>) -> Duration {
        let limit = self.surroundings.limits.idle;
        let mut state = self.state();
        let Some(slot) = state.functions.get_mut(&sandbox.function.key()) else { return limit };
        let place = slot.idle.iter().position(|(other, _)| Arc::ptr_eq(other, sandbox));
        let Some((index, since)) = place.and_then(|index| Some((index, slot.idle.get(index)?.1))) else { return limit };
        let left = limit.saturating_sub(since.elapsed());
        if left.is_zero() {
            slot.idle.remove(index);
            sandbox.retire(Reason::Spindown);
            return limit;
        }
        left
    }

    /// Ends all sandboxes, and starts no more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.surroundings.closing.cancel();
        for slot in state.functions.values_mut() {
            slot.permits.close();
            slot.idle.clear();
        }
        for sandbox in &state.all {
            sandbox.retire(Reason::Spindown);
        }
    }

    /// When all have ended.
    pub(crate) async fn closed(&self) {
        self.surroundings.ended().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slot(&mut self, function: &Function, sandboxes: usize) -> &mut Slot {
        self.functions.entry(function.key()).or_insert_with(|| Slot {
            permits: Arc::new(Semaphore::new(sandboxes)),
            idle: Vec::new(),
            revision: function.revision.clone(),
        })
    }
}
