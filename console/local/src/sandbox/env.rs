//! Environment that all sandboxes are started with.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    isolation::{self, Namespace},
    process::{cgroup::Cgroups, families::Families, spawner::Spawner},
};
use crate::{
    count::Count,
    limits::Limits,
    store::{code_store::CodeStore, logs::Logs},
};

/// Returns the path of `qemu-aarch64`, if it is installed.
pub type Emulator = Arc<dyn Fn() -> Option<PathBuf> + Send + Sync>;

/// Environment that all sandboxes are started with.
pub(crate) struct SandboxEnv {
    /// The AWS region.
    pub(crate) region: String,
    /// Finds the emulator.
    pub(crate) emulator: Emulator,
    /// Time and number limits.
    pub(crate) limits: Limits,
    /// The code.
    pub(crate) codes: Arc<CodeStore>,
    /// The logs.
    pub(crate) logs: Arc<Logs>,
    /// Marks and directories of the sandboxes.
    pub(crate) families: Families,
    /// The local Lambda's directory.
    pub(super) dir: PathBuf,
    /// Namespaces from which the sandboxes' own are made. `None` where the system does not allow
    /// them.
    pub(super) namespace: Option<&'static Namespace>,
    /// Cancelled when the server shuts down: no more sandboxes are started.
    pub(crate) closing: CancellationToken,
    /// Number of invocations that a caller waits for, or that are answered and not logged yet.
    pub(crate) calls: Count,
    pub(super) spawner: Spawner,
    pub(super) cgroups: Option<Cgroups>,
    /// All tasks of sandboxes.
    pub(super) tasks: TaskTracker,
}

impl SandboxEnv {
    /// Creates the environment. Must be called on a thread of a tokio runtime.
    pub(crate) fn new(
        dir: &Path,
        region: String,
        emulator: Emulator,
        limits: Limits,
        codes: Arc<CodeStore>,
        logs: Arc<Logs>,
    ) -> io::Result<Self> {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let cgroups = Cgroups::find();
        let dir = dir.canonicalize()?;
        let families = Families::open(&dir.join("sandboxes"), Arc::clone(&codes))?;
        // The order matters.
        let namespace = isolation::namespace().filter(|_| limits.namespaces);
        isolation::hide();
        let spawner = Spawner::new(tokio::runtime::Handle::current(), namespace)?;
        let calls = Count::default();
        Ok(Self {
            region,
            emulator,
            limits,
            codes,
            logs,
            families,
            dir,
            namespace,
            closing,
            calls,
            spawner,
            cgroups,
            tasks,
        })
    }

    /// Describes the way in which the memory of functions is limited on this machine.
    pub(crate) fn memory_limit(&self) -> &'static str {
        match &self.cgroups {
            Some(_) => "by control groups",
            None if cfg!(target_os = "linux") => {
                "by watching the processes: this user may not create control groups"
            }
            None => "not at all: this system does not report the memory of a process",
        }
    }

    /// Waits until the last sandbox has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
