//! The limits of sandboxes and queue in one place, so that tests can be quick. Plain data, and the process's own limit of
//! file descriptors, which is raised as far as the system lets it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

/// How many invocations of an account may run at once. Source: AWS Lambda developer guide, "Lambda quotas".
pub(crate) const ACCOUNT_CONCURRENCY: u32 = 1000;

/// File descriptors of one sandbox and its caller: a listener, a connection, a pipe, a log file, the process and its
/// status, a caller's connection, and room for a moment's need.
const DESCRIPTORS: u64 = 9;

/// What AWS limits by time and number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a bootstrap may take to its first `next` before the init is broken off and begun again in the invocation.
    pub(crate) init: Duration,
    /// How long an idle sandbox is kept.
    pub(crate) idle: Duration,
    /// How long a sandbox rests before it is frozen: one that is used again at once is not stopped and started each time.
    pub(crate) rest: Duration,
    /// How many invocations may run at once, and how many sandboxes there may be: idle ones give way to new ones.
    /// The default is AWS's for an account. A thousand small processes are what a laptop bears; a function that must not
    /// come near it has its reserved concurrency.
    pub(crate) concurrency: u32,
    /// How many connections there may be; those that ask for nothing give way to new ones.
    pub(crate) connections: u32,
    /// The pauses before the two retries of an asynchronous invocation. AWS waits one and two minutes; a person at a
    /// terminal should not have to.
    pub(crate) retries: [Duration; 2],
    /// Whether sandboxes have namespaces of their own, where the system gives any.
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
    /// With no more sandboxes than this process may have file descriptors for. Raises the limit of those first.
    pub(crate) fn within_the_system(self) -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
        // `None` means unlimited.
        let descriptors = if raised { maximum } else { current };
        let most = descriptors.map_or(u32::MAX, |most| u32::try_from(most / DESCRIPTORS).unwrap_or(u32::MAX));
        if most < self.concurrency {
            tracing::warn!(most, "fewer invocations than on AWS run at once: the system gives few file descriptors");
        }
        Self { concurrency: self.concurrency.min(most), connections: self.connections.min(most), ..self }
    }
}
