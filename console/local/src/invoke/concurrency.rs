//! Concurrent executions: the limits on invocations that run at once, of one function and of all.
//! As on AWS, a function's reservation is its share and its limit, and the functions without one
//! share the rest of the account's limit. Touches nothing but its own counts.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::http::error::ApiError;

/// Counts of running invocations.
pub(crate) struct Concurrency {
    /// Number of invocations that may run at once in the whole account.
    limit: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of running invocations by function name.
    running: HashMap<String, u32>,
    /// The reservations by function name.
    reserved: HashMap<String, u32>,
    /// Number of running invocations of all functions without a reservation.
    unreserved: u32,
    /// The invocations that wait.
    waiting: HashMap<Lane, VecDeque<Waiting>>,
    closed: bool,
}

/// The share that an invocation counts against.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Lane {
    /// The reservation of the function of that name.
    Reserved(String),
    /// The account's limit less all reservations, for all other functions.
    Unreserved,
}

/// An invocation that waits for its turn.
struct Waiting {
    name: String,
    turn: oneshot::Sender<Execution>,
}

/// Permit to run one invocation. Dropping it releases the permit.
pub(crate) struct Execution {
    concurrency: Arc<Concurrency>,
    name: String,
}

impl Drop for Execution {
    fn drop(&mut self) {
        let lane = {
            let mut state = self.concurrency.state();
            state.count(&self.name, -1);
            state.lane(&self.name)
        };
        self.concurrency.serve(&lane);
    }
}

impl Concurrency {
    /// Allows at most `limit` invocations at once.
    pub(crate) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default() })
    }

    /// Sets or removes a function's reservation.
    pub(crate) fn reserve(self: &Arc<Self>, name: &str, reserved: Option<u32>) {
        let (before, after) = {
            let mut state = self.state();
            if state.reserved.get(name).copied() == reserved {
                return;
            }
            let running = state.running.get(name).copied().unwrap_or(0);
            let before = state.lane(name);
            if before == Lane::Unreserved {
                state.unreserved -= running;
            }
            match reserved {
                Some(reserved) => state.reserved.insert(name.to_owned(), reserved),
                None => state.reserved.remove(name),
            };
            let after = state.lane(name);
            if after == Lane::Unreserved {
                state.unreserved += running;
            }
            let waiting = state.waiting.remove(&before).unwrap_or_default();
            let (moved, left): (VecDeque<_>, VecDeque<_>) =
                waiting.into_iter().partition(|other| other.name == name);
            state.waiting.entry(before.clone()).or_default().extend(left);
            state.waiting.entry(after.clone()).or_default().extend(moved);
            (before, after)
        };
        self.serve(&before);
        self.serve(&after);
        // A reservation of any function changes the share of the functions without one.
        self.serve(&Lane::Unreserved);
    }

    /// Returns a permit to run an invocation, or an error at once if the limit is reached.
    pub(crate) fn begin(self: &Arc<Self>, name: &str) -> Result<Execution, ApiError> {
        let mut state = self.state();
        let lane = state.lane(name);
        if state.has_room(self.limit, &lane) {
            state.count(name, 1);
            return Ok(self.execution(name.to_owned()));
        }
        let reason = match lane {
            Lane::Reserved(_) => "ReservedFunctionConcurrentInvocationLimitExceeded",
            Lane::Unreserved => "ConcurrentInvocationLimitExceeded",
        };
        Err(ApiError {
            reason: Some(reason),
            ..ApiError::new(429, "TooManyRequestsException", "Rate Exceeded.")
        })
    }

    /// Waits for a permit to run an invocation. Returns `None` once the server closes.
    pub(crate) async fn wait(self: &Arc<Self>, name: &str) -> Option<Execution> {
        let (turn, mine) = oneshot::channel();
        let lane = {
            let mut state = self.state();
            if state.closed {
                return None;
            }
            let lane = state.lane(name);
            state
                .waiting
                .entry(lane.clone())
                .or_default()
                .push_back(Waiting { name: name.to_owned(), turn });
            lane
        };
        self.serve(&lane);
        mine.await.ok()
    }

    /// Fails all waiting invocations.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
    }

    /// Gives permits to the waiting invocations of a lane while there is room.
    fn serve(self: &Arc<Self>, lane: &Lane) {
        loop {
            let waiting = {
                let mut state = self.state();
                if !state.has_room(self.limit, lane) {
                    return;
                }
                let Some(waiting) = state.waiting.get_mut(lane).and_then(VecDeque::pop_front)
                else {
                    state.waiting.remove(lane);
                    return;
                };
                state.count(&waiting.name, 1);
                waiting
            };
            // Not under the lock: if the receiver is gone, the permit is dropped here and released.
            let _ = waiting.turn.send(self.execution(waiting.name));
        }
    }

    fn execution(self: &Arc<Self>, name: String) -> Execution {
        Execution { concurrency: Arc::clone(self), name }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&self, name: &str) -> Lane {
        if self.reserved.contains_key(name) {
            Lane::Reserved(name.to_owned())
        } else {
            Lane::Unreserved
        }
    }

    fn has_room(&self, limit: u32, lane: &Lane) -> bool {
        match lane {
            Lane::Reserved(name) => {
                let running = self.running.get(name).copied().unwrap_or(0);
                running < self.reserved.get(name).copied().unwrap_or(0)
            }
            Lane::Unreserved => {
                self.unreserved < limit.saturating_sub(self.reserved.values().sum())
            }
        }
    }

    fn count(&mut self, name: &str, change: i32) {
        if !self.reserved.contains_key(name) {
            self.unreserved = self.unreserved.saturating_add_signed(change);
        }
        let running = self.running.entry(name.to_owned()).or_default();
        *running = running.saturating_add_signed(change);
        if *running == 0 {
            self.running.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn reason(concurrency: &Arc<Concurrency>, name: &str) -> Option<&'static str> {
        concurrency.begin(name).err().map(|error| error.reason.expect("there is a reason"))
    }

    #[test]
    fn a_reservation_is_a_share_and_a_limit() {
        let concurrency = Concurrency::new(5);
        concurrency.reserve("r", Some(2));
        let reserved = [concurrency.begin("r"), concurrency.begin("r")].map(Result::unwrap);
        assert_eq!(
            reason(&concurrency, "r"),
            Some("ReservedFunctionConcurrentInvocationLimitExceeded")
        );
        let others = ["a", "b", "a"].map(|name| concurrency.begin(name).unwrap());
        assert_eq!(reason(&concurrency, "c"), Some("ConcurrentInvocationLimitExceeded"));
        drop(reserved);
        assert_eq!(
            reason(&concurrency, "c"),
            Some("ConcurrentInvocationLimitExceeded"),
            "the share stays reserved"
        );
        drop(others);
        assert_eq!(reason(&concurrency, "c"), None);
        concurrency.reserve("r", Some(0));
        assert_eq!(
            reason(&concurrency, "r"),
            Some("ReservedFunctionConcurrentInvocationLimitExceeded")
        );
    }

    #[test]
    fn what_runs_while_a_reservation_changes_is_counted_where_it_belongs() {
        let concurrency = Concurrency::new(3);
        let running = ["a", "a", "b"].map(|name| concurrency.begin(name).unwrap());
        concurrency.reserve("a", Some(1));
        assert!(concurrency.begin("a").is_err(), "two run already");
        let second = concurrency.begin("b").unwrap();
        assert!(concurrency.begin("b").is_err(), "one of three is reserved");
        concurrency.reserve("a", None);
        assert!(concurrency.begin("b").is_err(), "four run");
        drop((running, second));
        let all = [(); 3].map(|()| concurrency.begin("a").unwrap());
        assert!(concurrency.begin("a").is_err());
        drop(all);
        let state = concurrency.state();
        assert!(state.running.is_empty() && state.unreserved == 0);
    }

    #[test]
    fn those_who_wait_have_their_turn_in_order_and_one_who_left_is_passed_over() {
        let concurrency = Concurrency::new(1);
        let running = concurrency.begin("a").unwrap();
        let mut waits: Vec<_> = ["a", "b", "c"].map(|name| Box::pin(concurrency.wait(name))).into();
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()));
        drop(waits.remove(1));
        drop(running);
        assert!((&mut waits[1]).now_or_never().is_none(), "the first one has it");
        drop((&mut waits[0]).now_or_never().flatten().expect("it is its turn"));
        assert!((&mut waits[1]).now_or_never().flatten().is_some());
    }

    #[test]
    fn who_waits_with_nothing_reserved_goes_on_when_the_reservation_ends() {
        let concurrency = Concurrency::new(2);
        concurrency.reserve("r", Some(0));
        let mut wait = Box::pin(concurrency.wait("r"));
        assert!((&mut wait).now_or_never().is_none());
        concurrency.reserve("r", None);
        assert!(wait.now_or_never().flatten().is_some());
        let mut last = Box::pin(async { concurrency.wait("r").await.is_none() });
        concurrency.reserve("r", Some(0));
        assert!((&mut last).now_or_never().is_none());
        concurrency.close();
        assert_eq!(last.now_or_never(), Some(true));
    }
}
