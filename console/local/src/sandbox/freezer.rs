//! Stops the processes of a sandbox while nothing is asked of them, as AWS freezes an execution environment: what a
//! function does in the background stands still between two invocations, and its clock has jumped when it goes on.
//! Sends SIGSTOP and SIGCONT to one process group. A process that left the group, and one that a system call tells of
//! being stopped (`EINTR`, see signal(7)), notice the difference to AWS, where the whole machine is frozen.

use rustix::process::{Pid, Signal, kill_process_group};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stops and continues a process group.
pub(super) struct Freezer {
    group: Pid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many times it was thawed to work: whoever means to freeze it says after which.
    turn: u64,
    frozen: bool,
}

/// What became of the wish to freeze it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freeze {
    /// It stands still, or something new is asked of it: nothing is left to do.
    Over,
    /// It still works.
    NotYet,
}

impl Freezer {
    /// For a group that runs.
    pub(super) fn new(group: Pid) -> Self {
        Self { group, state: Mutex::default() }
    }

    /// Which turn it is.
    pub(super) fn turn(&self) -> u64 {
        self.state().turn
    }

    /// Thaws the group, begins a new turn and does `work`, in which the group is given something to do: it is not frozen
    /// in between.
    pub(super) fn wake<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.turn += 1;
        if std::mem::take(&mut state.frozen) {
            // The group may have been killed in this moment.
            let _ = kill_process_group(self.group, Signal::CONT);
        }
        work()
    }

    /// Freezes the group after the turn `turn`, when it `rests`.
    pub(super) fn freeze(&self, turn: u64, rests: impl FnOnce() -> bool) -> Freeze {
        let mut state = self.state();
        if state.turn != turn || state.frozen {
            return Freeze::Over;
        }
        if !rests() {
            return Freeze::NotYet;
        }
        state.frozen = kill_process_group(self.group, Signal::STOP).is_ok();
        Freeze::Over
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt as _, process::Command};

    /// The state letter of a process once it is `wanted`, as `/proc` tells it.
    fn becomes(process: u32, wanted: char) -> bool {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while std::time::Instant::now() < deadline {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            if stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(wanted)) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[test]
    fn it_freezes_after_the_turn_that_was_meant_and_only_at_rest() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let freezer = Freezer::new(Pid::from_child(&child));
        let turn = freezer.turn();
        assert_eq!(freezer.freeze(turn, || false), Freeze::NotYet);
        freezer.wake(|| ());
        assert_eq!(freezer.freeze(turn, || panic!("it is another turn")), Freeze::Over);
        assert_eq!(freezer.freeze(freezer.turn(), || true), Freeze::Over);
        assert!(becomes(child.id(), 'T'));
        freezer.wake(|| assert!(becomes(child.id(), 'S'), "it runs while it is given work"));
        assert_eq!(freezer.freeze(freezer.turn(), || true), Freeze::Over);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
