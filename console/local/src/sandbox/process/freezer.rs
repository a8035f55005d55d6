//! Stops the processes of a sandbox between invocations, as AWS freezes an execution environment:
//! background work of a function is paused between two invocations, and its clock has jumped when
//! it continues. Sends SIGSTOP and SIGCONT to process groups. Unlike on AWS, where the whole
//! machine is frozen, a process that left its group is not stopped, and some system calls report
//! the stop (`EINTR`, see signal(7)).

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// Freezes and thaws the processes of one sandbox.
#[derive(Default)]
pub(crate) struct Freezer {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of times that it was woken: freezing applies to one generation.
    generation: u64,
    frozen: bool,
}

impl Freezer {
    /// The current generation.
    pub(crate) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// Thaws the groups, begins a new generation and runs `work`, which gives them an event.
    pub(crate) fn wake<T>(&self, groups: impl Iterator<Item = Pid>, work: impl FnOnce() -> T) -> T {
        let mut state = self.state();
        state.generation += 1;
        if std::mem::take(&mut state.frozen) {
            signal(groups, Signal::CONT);
        }
        drop(state);
        work()
    }

    /// Freezes the groups, unless a newer generation has begun. Returns `true` if it froze them.
    pub(crate) fn freeze(&self, generation: u64, groups: impl Iterator<Item = Pid>) -> bool {
        let mut state = self.state();
        let freezes = state.generation == generation && !std::mem::replace(&mut state.frozen, true);
        if freezes {
            signal(groups, Signal::STOP);
        }
        freezes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal(groups: impl Iterator<Item = Pid>, signal: Signal) {
    for group in groups {
        // It may have ended by now.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{os::unix::process::CommandExt as _, process::Command};

    use lambda_console_testing::eventually_blocking;

    use super::*;

    /// Waits until a process has the state with this letter in `/proc`.
    #[track_caller]
    fn becomes(process: u32, wanted: char) {
        eventually_blocking(&format!("{process} has the state {wanted}"), || {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(wanted))
        });
    }

    #[test]
    fn it_freezes_after_the_turn_that_was_meant_and_thaws_for_the_next() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let groups = || std::iter::once(Pid::from_child(&child));
        let freezer = Freezer::default();
        let generation = freezer.generation();
        freezer.wake(groups(), || ());
        assert!(!freezer.freeze(generation, groups()), "another turn has begun");
        assert!(freezer.freeze(freezer.generation(), groups()));
        assert!(!freezer.freeze(freezer.generation(), groups()), "it is frozen");
        becomes(child.id(), 'T');
        freezer.wake(groups(), || becomes(child.id(), 'S'));
        assert!(freezer.freeze(freezer.generation(), groups()));
        becomes(child.id(), 'T');
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
