//! Stops the processes of a sandbox while nothing is asked of them, as AWS freezes an execution environment: what a
//! function does in the background stands still between two invocations, and its clock has jumped when it goes on.
//! Sends SIGSTOP and SIGCONT to process groups. A process that left its group, and one that a system call tells of being
//! stopped (`EINTR`, see signal(7)), notice the difference to AWS, where the whole machine is frozen.

use rustix::process::{Pid, Signal, kill_process_group};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether a sandbox is frozen.
#[derive(Default)]
pub(crate) struct Freezer {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many times it was woken: who means to freeze it says after which time.
    generation: u64,
    frozen: bool,
}

impl Freezer {
    /// Which turn it is.
    pub(crate) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Thaws the groups, begins a new turn and does `work`, in which they are given something to do.
    pub(crate) fn wake<T>(&self, groups: impl Iterator<Item = Pid>, work: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.generation += 1;
        if std::mem::take(&mut state.frozen) {
            signal(groups, Signal::CONT);
        }
        drop(state);
        work()
    }

    /// Freezes the groups, unless a new turn has begun since `turn`.
    pub(crate) fn freeze(&self, generation: u64, groups: impl Iterator<Item = Pid>) {
        let mut state = self.state();
        if state.generation == generation && !std::mem::replace(&mut state.frozen, true) {
            signal(groups, Signal::STOP);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal(groups: impl Iterator<Item = Pid>, signal: Signal) {
    for group in groups {
        // It may have ended in this moment.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt as _, process::Command};

    /// Whether a process comes into the state of this letter, as `/proc` tells it.
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
    fn it_freezes_after_the_turn_that_was_meant_and_thaws_for_the_next() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let groups = || std::iter::once(Pid::from_child(&child));
        let freezer = Freezer::default();
        let generation = freezer.generation();
        freezer.wake(groups(), || ());
        freezer.freeze(generation, groups());
        assert!(!freezer.state().frozen, "another turn has begun");
        freezer.freeze(freezer.generation(), groups());
        assert!(becomes(child.id(), 'T'));
        freezer.wake(groups(), || assert!(becomes(child.id(), 'S'), "it runs when it is given work"));
        freezer.freeze(freezer.generation(), groups());
        assert!(becomes(child.id(), 'T'));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
