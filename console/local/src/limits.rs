//! Limits of the sandboxes and the queue in one place, so that tests can be quick. Plain data, and
//! the process's own limit of file descriptors, which is raised as far as the system allows.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum number of concurrent invocations of an account. Source: AWS Lambda developer guide,
/// "Lambda quotas".
pub(crate) const ACCOUNT_CONCURRENCY: u32 = 1000;

/// File descriptors of one sandbox and its caller: a listener, a connection, a pipe, a log file,
/// the process and its status, a caller's connection, and a reserve for temporary use.
const DESCRIPTORS: u64 = 9;

/// Limits of time and number, as AWS has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Time limit for a bootstrap's first `next`. After that the init is stopped and repeated
    /// during the invocation.
    pub(crate) init: Duration,
    /// Time that an idle sandbox is kept.
    pub(crate) idle: Duration,
    /// Delay before an idle sandbox is frozen, so that one that is used again at once is not
    /// stopped and started each time.
    pub(crate) rest: Duration,
    /// Maximum number of concurrent invocations, and of sandboxes: idle ones are ended to make room
    /// for new ones. The default is AWS's for an account. A laptop can run a thousand small
    /// processes; set reserved concurrency for a function that must not come near that number.
    pub(crate) concurrency: u32,
    /// Maximum number of connections; those without a request are closed to make room for new ones.
    pub(crate) connections: u32,
    /// Delays before the two retries of an asynchronous invocation. AWS waits one and two minutes;
    /// a person at a terminal should not have to.
    pub(crate) retries: [Duration; 2],
    /// `true` if sandboxes have namespaces of their own, where the system provides them.
    pub(crate) namespaces: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(10),
            idle: Duration::from_mins(5),
            rest: Duration::from_millis(5),
            concurrency: ACCOUNT_CONCURRENCY,
            connections: 1024,
            retries: [Duration::from_secs(1), Duration::from_secs(2)],
            namespaces: true,
        }
    }
}

impl Limits {
    /// Limits the number of sandboxes to what the process has file descriptors for. Raises that
    /// limit first.
    pub(crate) fn within_the_system(self) -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
        // `None` means unlimited.
        let descriptors = if raised { maximum } else { current };
        let most = descriptors
            .map_or(u32::MAX, |most| u32::try_from(most / DESCRIPTORS).unwrap_or(u32::MAX));
        if most < self.concurrency {
            tracing::warn!(
                most,
                "fewer invocations than on AWS run at once: the system gives few file descriptors"
            );
        }
        Self {
            concurrency: self.concurrency.min(most),
            connections: self.connections.min(most),
            ..self
        }
    }
}
