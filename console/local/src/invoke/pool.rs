//! The warm sandboxes: selects one for an invocation, and keeps, freezes or retires them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::concurrency::{Concurrency, Execution};
use crate::{
    http::error::ApiError,
    sandbox::{Reason, Sandbox, SandboxEnv},
    store::{function::Function, functions::Functions},
};

/// Longest time that an invocation waits for a sandbox that has answered its last event and is
/// about to ask for the next one. A caller on this machine sends its next request sooner than one
/// over a network could, and would start a second sandbox.
const PATIENCE: Duration = Duration::from_millis(100);

/// All sandboxes.
pub(crate) struct Pool {
    env: SandboxEnv,
    concurrency: Arc<Concurrency>,
    functions: Arc<Functions>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By [`Function::revision`]: a version that was changed, or deleted and created again, has
    /// another key.
    slots: HashMap<String, Slot>,
    /// Every sandbox that may still run.
    all: Vec<Arc<Sandbox>>,
    /// Sandboxes to freeze, each with the time it became idle and its generation; in order of time.
    resting: VecDeque<(Instant, u64, Arc<Sandbox>)>,
    /// `true` if a task is running that freezes them.
    freezing: bool,
    closed: bool,
}

/// Idle and settling sandboxes of one version of a function.
#[derive(Default)]
struct Slot {
    /// The idle sandboxes. The one used last is used first, so that the others can reach the idle
    /// limit.
    idle: Vec<(Arc<Sandbox>, Instant)>,
    /// Number of sandboxes that have answered and are not idle yet.
    settling: u32,
    /// Number of invocations that wait for one of those.
    waiting: u32,
    settled: Arc<Notify>,
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(
        env: SandboxEnv,
        concurrency: Arc<Concurrency>,
        functions: Arc<Functions>,
    ) -> Arc<Self> {
        Arc::new(Self { env, concurrency, functions, state: Mutex::default() })
    }

    /// Environment that sandboxes are started with.
    pub(crate) fn env(&self) -> &SandboxEnv {
        &self.env
    }

    /// Returns a permit to run one invocation, or an error at once if the limit is reached.
    pub(crate) fn permit(&self, function: &Function) -> Result<Execution, ApiError> {
        self.concurrency.begin(&function.name)
    }

    /// Waits for a permit to run one invocation. Returns `None` when the pool closes.
    pub(crate) async fn wait_for_permit(&self, function: &Function) -> Option<Execution> {
        self.concurrency.wait(&function.name).await
    }

    /// Takes a warm sandbox of exactly this revision and tenant ID.
    pub(crate) async fn take(
        &self,
        function: &Function,
        tenant: Option<&str>,
    ) -> Option<Arc<Sandbox>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let settled = {
                let mut state = self.state();
                let slot = state.slots.get_mut(&function.revision)?;
                if let Some(sandbox) = slot.take(tenant) {
                    return Some(sandbox);
                }
                if slot.settling <= slot.waiting {
                    return None;
                }
                slot.waiting += 1;
                Arc::clone(&slot.settled)
            };
            let came = tokio::time::timeout_at(until, settled.notified()).await.is_ok();
            let mut state = self.state();
            let slot = state.slots.get_mut(&function.revision)?;
            slot.waiting = slot.waiting.saturating_sub(1);
            if !came {
                let sandbox = slot.take(tenant);
                state.tidy(&function.revision);
                return sandbox;
            }
        }
    }

    /// Records that a sandbox has answered and will be [`put`](Self::put) back soon.
    pub(crate) fn settling(&self, sandbox: &Sandbox) {
        self.state().slot(&sandbox.function).settling += 1;
    }

    /// Keeps a sandbox after an invocation, or retires it if its function has changed. `settled` is
    /// `true` if it was
    /// [`settling`](Self::settling).
    pub(crate) fn put(self: &Arc<Self>, sandbox: &Arc<Sandbox>, settled: bool) {
        let mut state = self.state();
        if settled && let Some(slot) = state.slots.get_mut(&sandbox.function.revision) {
            slot.settling = slot.settling.saturating_sub(1);
            if slot.waiting > 0 {
                slot.settled.notify_one();
            }
        }
        // A later change of the function finds the sandbox in its slot.
        if state.closed || !sandbox.is_alive() || !self.functions.is_current(&sandbox.function) {
            state.tidy(&sandbox.function.revision);
            return sandbox.retire(Reason::Spindown);
        }
        state.slot(&sandbox.function).idle.push((Arc::clone(sandbox), Instant::now()));
        state.resting.push_back((Instant::now(), sandbox.generation(), Arc::clone(sandbox)));
        if !std::mem::replace(&mut state.freezing, true) {
            tokio::spawn(freeze_the_resting(Arc::clone(self)));
        }
    }

    /// Freezes the sandboxes that have been idle for long enough. Returns `true` if others are
    /// still to be frozen.
    fn freeze(&self) -> bool {
        let rest = self.env.limits.rest;
        let mut state = self.state();
        let now = Instant::now();
        while let Some((_, turn, sandbox)) =
            state.resting.pop_front_if(|(since, ..)| now - *since >= rest)
        {
            sandbox.freeze(turn);
        }
        state.freezing = !state.resting.is_empty();
        state.freezing
    }

    /// Retires the sandboxes of a version that was changed or deleted; busy ones end after their
    /// invocation.
    pub(crate) fn retire(&self, function: &Function) {
        let mut state = self.state();
        let Some(slot) = state.slots.get_mut(&function.revision) else { return };
        for (sandbox, _) in slot.idle.drain(..) {
            sandbox.retire(Reason::Spindown);
        }
        state.tidy(&function.revision);
    }

    /// Retires the sandbox once it has been idle for too long, and removes it from the pool once it
    /// has ended.
    pub(crate) fn watch(self: &Arc<Self>, sandbox: &Arc<Sandbox>) {
        {
            let mut state = self.state();
            if state.closed {
                sandbox.retire(Reason::Spindown);
            }
            if state.all.len() >= self.env.limits.concurrency as usize {
                state.end_oldest();
            }
            state.all.push(Arc::clone(sandbox));
        }
        let (pool, sandbox) = (Arc::clone(self), Arc::clone(sandbox));
        tokio::spawn(async move {
            let mut recheck = pool.env.limits.idle;
            while tokio::time::timeout(recheck, sandbox.exited()).await.is_err() {
                recheck = pool.end_if_idle(&sandbox);
            }
            let mut state = pool.state();
            state.all.retain(|other| !Arc::ptr_eq(other, &sandbox));
            if let Some(slot) = state.slots.get_mut(&sandbox.function.revision) {
                slot.idle.retain(|(other, _)| !Arc::ptr_eq(other, &sandbox));
                state.tidy(&sandbox.function.revision);
            }
        });
    }

    /// Retires the sandbox if its idle time is over. Returns the time until the next check.
    fn end_if_idle(&self, sandbox: &Arc<Sandbox>) -> Duration {
        let limit = self.env.limits.idle;
        let mut state = self.state();
        let Some(slot) = state.slots.get_mut(&sandbox.function.revision) else { return limit };
        let place = slot.idle.iter().position(|(other, _)| Arc::ptr_eq(other, sandbox));
        let Some((index, since)) = place.and_then(|index| Some((index, slot.idle.get(index)?.1)))
        else {
            return limit;
        };
        let left = limit.saturating_sub(since.elapsed());
        if left.is_zero() {
            slot.idle.remove(index);
            state.tidy(&sandbox.function.revision);
            sandbox.retire(Reason::Spindown);
            return limit;
        }
        left
    }

    /// `true` if the server is shutting down: failures of sandboxes are then not the functions'
    /// own.
    pub(crate) fn is_closing(&self) -> bool {
        self.env.closing.is_cancelled()
    }

    /// Ends all sandboxes, and starts no more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.env.closing.cancel();
        self.concurrency.close();
        state.resting.clear();
        for slot in state.slots.values_mut() {
            slot.idle.clear();
        }
        for sandbox in &state.all {
            sandbox.retire(Reason::Spindown);
        }
    }

    /// Waits until all sandboxes have ended.
    pub(crate) async fn closed(&self) {
        self.env.ended().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Takes an idle sandbox, preferably one that is served on this thread. Retires those that are
    /// no longer usable.
    fn take(&mut self, tenant: Option<&str>) -> Option<Arc<Sandbox>> {
        let is_meant = |sandbox: &Sandbox| sandbox.tenant.as_deref() == tenant;
        while let Some(index) =
            (self.idle.iter().rposition(|(sandbox, _)| is_meant(sandbox) && sandbox.is_near()))
                .or_else(|| self.idle.iter().rposition(|(sandbox, _)| is_meant(sandbox)))
        {
            let (sandbox, _) = self.idle.remove(index);
            if sandbox.is_alive() {
                return Some(sandbox);
            }
            sandbox.retire(Reason::Spindown);
        }
        None
    }
}

impl State {
    fn slot(&mut self, function: &Function) -> &mut Slot {
        self.slots.entry(function.revision.clone()).or_default()
    }

    /// Removes an empty slot: the slot of a changed or deleted version is never used again.
    fn tidy(&mut self, revision: &str) {
        let is_empty =
            |slot: &Slot| slot.idle.is_empty() && slot.settling == 0 && slot.waiting == 0;
        if self.slots.get(revision).is_some_and(is_empty) {
            self.slots.remove(revision);
        }
    }

    /// Retires the sandbox of any function that has been idle for the longest time.
    fn end_oldest(&mut self) {
        let age = |slot: &&mut Slot| slot.idle.first().map(|(_, since)| *since);
        let oldest = self.slots.values_mut().filter(|slot| !slot.idle.is_empty()).min_by_key(age);
        if let Some(slot) = oldest {
            slot.idle.remove(0).0.retire(Reason::Spindown);
        }
    }
}

/// Freezes idle sandboxes until none is left to freeze.
async fn freeze_the_resting(pool: Arc<Pool>) {
    loop {
        tokio::time::sleep(pool.env.limits.rest).await;
        if !pool.freeze() {
            return;
        }
    }
}
