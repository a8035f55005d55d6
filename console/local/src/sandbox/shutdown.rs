//! The end of a sandbox: immediate without extensions, else within the time that AWS allows. Sends
//! signals to processes. Source: AWS Lambda developer guide, "Shutdown phase".

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use rustix::process::{Signal, kill_process, kill_process_group};
use serde_json::json;

use super::{Sandbox, extensions::external::External};

/// Time for the runtime after SIGTERM if there is an internal extension.
const INTERNAL: Duration = Duration::from_millis(500);
/// Time for the runtime if there are external extensions only.
const RUNTIMES_SHARE: Duration = Duration::from_millis(300);
/// The part of it that the delivery of telemetry may take before the `SHUTDOWN` event is sent.
const DELIVERY: Duration = Duration::from_secs(1);
/// Time for runtime and extensions together if there is an external extension.
const EXTERNAL: Duration = Duration::from_secs(2);

/// Reason for the end of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is no longer needed.
    Spindown,
    /// Its function timed out.
    Timeout,
    /// The runtime or an extension failed.
    Failure,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

impl Sandbox {
    /// Begins its end and returns at once; wait for it with [`Sandbox::ended`]. Only the first
    /// reason counts.
    pub(crate) fn retire(self: &Arc<Self>, reason: Reason) {
        if self.extensions.is_empty() {
            return self.kill();
        }
        if self.extensions.begin_end() {
            self.measure();
            let sandbox = Arc::clone(self);
            self.tasks.spawn_on(async move { sandbox.shut_down(reason).await }, &self.executor);
        }
    }

    /// Waits until the bootstrap and all external extensions have ended.
    pub(crate) async fn ended(&self) {
        self.exited().await;
        join_all(self.external.iter().map(External::ended)).await;
    }

    /// Ends the runtime, then sends `SHUTDOWN` to the external extensions; kills the remaining ones
    /// at the deadline.
    async fn shut_down(&self, reason: Reason) {
        let (external, internal) = self.extensions.kinds();
        let started = tokio::time::Instant::now();
        let whole = if external { EXTERNAL } else { INTERNAL };
        let share = if internal { INTERNAL } else { RUNTIMES_SHARE };
        self.log.telemetry.hurry();
        // A frozen process cannot handle the signal.
        self.freezer.wake(self.groups(), || ());
        if self.is_running() {
            let _ = kill_process(self.process, Signal::TERM);
            if tokio::time::timeout_at(started + share, self.exited()).await.is_err() {
                let _ = kill_process_group(self.process, Signal::KILL);
                self.exited().await;
            }
        }
        if external {
            // The last output of the runtime is delivered before the `SHUTDOWN` event.
            self.log.telemetry.flush(DELIVERY).await;
        }
        let left = (started + whole).saturating_duration_since(tokio::time::Instant::now());
        let deadline = jiff::Timestamp::now().as_millisecond() + left.as_millis() as i64;
        let event = json!({ "eventType": "SHUTDOWN", "shutdownReason": reason.name(), "deadlineMs": deadline });
        let unnotified = self.extensions.shut_down(&Bytes::from(event.to_string()));
        for extension in self
            .external
            .iter()
            .filter(|extension| unnotified.iter().any(|name| name == extension.name()))
        {
            extension.kill();
        }
        let ended = join_all(self.external.iter().map(External::ended));
        if tokio::time::timeout_at(started + whole, ended).await.is_err() {
            self.external.iter().for_each(External::kill);
        }
        self.log.telemetry.end();
    }
}
