//! The local Lambda as a stage: served by this process or joined, and opened again after the
//! process that served it ended. Calls to that process are retried if that is known to be safe.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lambda_console_local::{Endpoint, Fate, Left, Link, Local, Options, Pending};
use lambda_console_model::Failure;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    aws::{clients::Clients, error::CallError, guard::Guard},
    compile::toolchain,
};

/// Time that a call is retried on servers that end one after the other.
const TAKE_OVER: Duration = Duration::from_secs(10);
/// Time that a lost connection is attributed to a server whose end is not known yet.
const DYING: Duration = Duration::from_millis(500);
/// Interval between two checks of a server's state.
const LOOK: Duration = Duration::from_millis(20);
/// Time that requests of others may take to finish when this process has to end.
const GRACE: Duration = Duration::from_secs(3);

/// The local Lambda of a workspace.
pub(super) struct Joined {
    options: Options,
    guard: Guard,
    open: Mutex<Option<(Local, Arc<Clients>)>>,
}

impl Joined {
    /// The one whose state is under `state`; nothing is opened yet.
    pub(super) fn new(state: &Path, port: u16, region: String, guard: Guard) -> Self {
        let options = Options {
            dir: state.join("local"),
            port,
            region,
            emulator: Arc::new(toolchain::emulator),
        };
        Self { options, guard, open: Mutex::new(None) }
    }

    /// The same local Lambda, to be opened separately.
    pub(super) fn again(&self) -> Self {
        Self { options: self.options.clone(), guard: self.guard, open: Mutex::new(None) }
    }

    /// Directory of its state, which identifies it.
    pub(super) const fn dir(&self) -> &PathBuf {
        &self.options.dir
    }

    /// Returns the clients of the server that is serving now, and the link to it. Opens or joins it
    /// if the previous one has ended; then `opened` is called.
    pub(super) async fn clients(
        &self,
        opened: impl FnOnce(&Endpoint),
    ) -> Result<(Arc<Clients>, Link), Failure> {
        let mut open = self.open.lock().await;
        self.reopen(&mut open, opened).await
    }

    /// Waits until the server that was joined has ended, and opens or joins the next one. Returns
    /// `false` if there is nothing to wait for: this process serves, or has left.
    pub(super) async fn follow(&self, opened: impl FnOnce(&Endpoint)) -> Result<bool, Failure> {
        let link = match &*self.open.lock().await {
            Some((local, _)) if !local.is_serving() => local.link(),
            _ => return Ok(false),
        };
        link.ended().await;
        let mut open = self.open.lock().await;
        if open.is_some() {
            self.reopen(&mut open, opened).await?;
        }
        Ok(open.is_some())
    }

    async fn reopen(
        &self,
        open: &mut Option<(Local, Arc<Clients>)>,
        opened: impl FnOnce(&Endpoint),
    ) -> Result<(Arc<Clients>, Link), Failure> {
        if let Some((local, clients)) = open
            && local.is_alive()
        {
            return Ok((Arc::clone(clients), local.link()));
        }
        *open = None;
        let local = lambda_console_local::open(self.options.clone()).await.map_err(|error| {
            Failure::environment(
                "could not open the local Lambda",
                error.to_string(),
                format!("its files are in {}", self.options.dir.display()),
            )
        })?;
        let clients = Arc::new(Clients::local(local.endpoint(), self.guard));
        opened(local.endpoint());
        let link = local.link();
        *open = Some((local, Arc::clone(&clients)));
        Ok((clients, link))
    }

    /// Endpoint; `None` before it was opened.
    pub(super) async fn endpoint(&self) -> Option<Endpoint> {
        self.open.lock().await.as_ref().map(|(local, _)| local.endpoint().clone())
    }

    /// Returns `true` if this process serves it.
    pub(super) async fn is_serving(&self) -> bool {
        self.open.lock().await.as_ref().is_some_and(|(local, _)| local.is_serving())
    }

    /// Leaves it. A server in this process continues until the requests of others are answered and
    /// the events of its queue that were begun are done; once `cut` is cancelled, only for a
    /// moment. `report` receives the reason why it takes a while, and what is left.
    pub(super) async fn leave(&self, cut: &CancellationToken, report: &(dyn Fn(&str) + Sync)) {
        let Some((local, _)) = self.open.lock().await.take() else { return };
        let overdue = async {
            cut.cancelled().await;
            sleep(GRACE).await;
        };
        let left = local.leave(overdue, |pending| report(&waiting(pending))).await;
        if let Some(text) = remains(left) {
            report(&text);
        }
    }
}

/// Returns the time at which a call that got no answer is given up.
pub(super) fn deadline() -> Instant {
    Instant::now() + TAKE_OVER
}

/// Handles a call that got no answer from the server of `link`: `Ok` means that it is to be sent
/// again. With `repeats` it may be sent twice.
pub(super) async fn sequel(
    link: &Link,
    error: CallError,
    repeats: bool,
    deadline: Instant,
) -> Result<(), CallError> {
    if Instant::now() >= deadline {
        return Err(error);
    }
    match error {
        // It was not received.
        CallError::Refused(_) => {
            sleep(LOOK).await;
            Ok(())
        }
        CallError::Transport(why) => match fate(link).await {
            Fate::Alive => Err(CallError::Transport(why)),
            Fate::Finished => Ok(()),
            Fate::Killed if repeats => Ok(()),
            Fate::Killed => Err(CallError::Transport(
                "connection lost: the process that served the local Lambda was killed; it is \
                unknown whether it ran"
                    .to_owned()
                    .into(),
            )),
        },
        error => Err(error),
    }
}

/// Returns the state of a server whose connection was lost.
async fn fate(link: &Link) -> Fate {
    let began = Instant::now();
    loop {
        match link.fate() {
            Fate::Alive if began.elapsed() < DYING => sleep(LOOK).await,
            fate => return fate,
        }
    }
}

/// Message with the reason why a server continues.
fn waiting(Pending { requests, events }: Pending) -> String {
    let of_others = match requests {
        0 => None,
        1 => Some("a request of another process".to_owned()),
        more => Some(format!("{more} requests of other processes")),
    };
    let asynchronous = match events {
        0 => None,
        1 => Some("an asynchronous invocation".to_owned()),
        more => Some(format!("{more} asynchronous invocations")),
    };
    let have = if requests + events == 1 { "has" } else { "have" };
    let parts: Vec<String> = [of_others, asynchronous].into_iter().flatten().collect();
    format!("serving the local Lambda until {} {have} ended; Ctrl-C aborts", parts.join(" and "))
}

/// Message about the work that is left when a server has ended; `None` if none is.
fn remains(Left { events, broken }: Left) -> Option<String> {
    let broken = match broken {
        0 => None,
        1 => Some("a request of another process was aborted".to_owned()),
        more => Some(format!("{more} requests of other processes were aborted")),
    };
    let next = "when a command uses the local Lambda again, or at once with `lambda-console local`";
    let events = match events {
        0 => None,
        1 => Some(format!("an asynchronous invocation is queued: it runs {next}")),
        more => Some(format!("{more} asynchronous invocations are queued: they run {next}")),
    };
    let parts: Vec<String> = broken.into_iter().chain(events).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_and_aborted_work_is_reported_in_numbers() {
        let text = waiting(Pending { requests: 2, events: 1 });
        assert!(
            text.contains(
                "2 requests of other processes and an asynchronous invocation have ended"
            ),
            "{text}"
        );
        assert!(
            waiting(Pending { requests: 0, events: 1 })
                .contains("an asynchronous invocation has ended")
        );
        assert_eq!(remains(Left::default()), None);
        let text = remains(Left { events: 2, broken: 1 }).unwrap();
        assert!(
            text.starts_with(
                "a request of another process was aborted\n2 asynchronous invocations are"
            ),
            "{text}"
        );
    }
}
