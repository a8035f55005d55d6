//! Starts processes from one thread that lives as long as the server. On Linux a child dies with
//! the thread that started it, even when this process is killed with `kill -9`; a thread of a pool
//! may end at any time, this one does not. A child is marked and enters its mount namespace before
//! it runs its program. Touches processes only.

use std::{
    fs::File,
    io,
    process::Command,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tokio::{
    process::{Child, Command as AsyncCommand},
    runtime::Handle,
    sync::oneshot,
};

use super::mark::Mark;
use crate::sandbox::isolation::{Mounts, Namespace};

/// Number of file descriptors that a function may have on AWS, soft and hard. Source: AWS Lambda
/// developer guide, "Lambda quotas".
#[cfg(target_os = "linux")]
const DESCRIPTORS: u64 = 1024;

/// Pause of the thread after a start, before it prepares the next one: the new process has
/// priority.
const REST: Duration = Duration::from_millis(5);

/// The thread that starts processes. It ends when this is dropped.
pub(crate) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

/// Changes to make to a process before it runs a program of a sandbox.
pub(crate) struct Confinement {
    /// Identifies it and all its descendants.
    pub(crate) mark: Mark,
    /// Its mounts, or `None` if it sees the same files as this process.
    pub(crate) mounts: Option<(&'static Namespace, Mounts)>,
    /// A file that the command needs open.
    pub(crate) kept: Option<File>,
}

struct Job {
    command: Command,
    confinement: Confinement,
    started: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread. The children are awaited on `runtime`, and those with mounts enter
    /// `namespace`.
    pub(crate) fn new(runtime: Handle, namespace: Option<&'static Namespace>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new().name("sandbox-spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            // Sandboxes inherit it.
            crate::scheduling::as_batch();
            let can_go_ahead = namespace.filter(|namespace| namespace.go_ahead());
            let mut ahead = can_go_ahead.is_some();
            loop {
                let next = match can_go_ahead {
                    Some(namespace) if !ahead => match queue.recv_timeout(REST) {
                        Err(RecvTimeoutError::Timeout) => {
                            ahead = namespace.go_ahead();
                            queue.recv().ok()
                        }
                        next => next.ok(),
                    },
                    _ => queue.recv().ok(),
                };
                let Some(Job { command, confinement, started }) = next else { break };
                // If the caller is gone the child is dropped, and `kill_on_drop` ends it.
                let _ = started.send(spawn(command, confinement, ahead));
                ahead = false;
            }
        })?;
        Ok(Self { jobs })
    }

    /// Starts a process in a group of its own.
    pub(crate) async fn spawn(
        &self,
        command: Command,
        confinement: Confinement,
    ) -> io::Result<Child> {
        let (started, child) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes has ended");
        self.jobs.send(Job { command, confinement, started }).map_err(|_closed| gone())?;
        child.await.map_err(|_closed| gone())?
    }
}

fn spawn(mut command: Command, confinement: Confinement, ahead: bool) -> io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    confine(&mut command, confinement, ahead);
    AsyncCommand::from(command).kill_on_drop(true).spawn()
}

/// Marks the process, sets its limit of file descriptors to AWS's, and makes it die with this
/// process.
#[cfg(target_os = "linux")]
fn confine(command: &mut Command, confinement: Confinement, ahead: bool) {
    use rustix::process::{
        Resource, Rlimit, Signal, getpid, getppid, getrlimit, set_parent_process_death_signal,
        setrlimit,
    };
    use std::os::unix::process::CommandExt as _;
    let parent = getpid();
    let most = Some(getrlimit(Resource::Nofile).maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS));
    let confine = move || {
        let Confinement { mark, mounts, kept: _ } = &confinement;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
        // Refused to a process that is marked already: a local Lambda inside a sandbox.
        let _ = mark.set();
        if let Some((namespace, mounts)) = mounts {
            namespace.enter(mounts, ahead)?;
        }
        // Last, because entering a user namespace resets it.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    #[expect(
        unsafe_code,
        reason = "pre_exec is the only way; between fork and exec there are only system calls"
    )]
    // SAFETY: the closure allocates nothing, takes no lock and only makes async-signal-safe system
    // calls.
    unsafe {
        command.pre_exec(confine);
    }
}

/// Other systems support none of that.
#[cfg(not(target_os = "linux"))]
fn confine(_: &mut Command, Confinement { mark, mounts, kept }: Confinement, _: bool) {
    tracing::trace!(%mark, mounted = mounts.is_some(), kept = kept.is_some(), "a sandbox sees what \
        this process sees");
}
