//! The local Lambda as a stage: served by this process or joined, and opened again where the process that served it
//! ended. What was asked of that one is asked again where that is known to be right.

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

/// How long a call goes after servers that end one after the other.
const TAKE_OVER: Duration = Duration::from_secs(10);
/// How long a connection that was lost is taken for that of a server whose end is not known yet.
const DYING: Duration = Duration::from_millis(500);
/// Between two looks at what has become of a server.
const LOOK: Duration = Duration::from_millis(20);
/// How long the answers of others are waited for when this process is told to end.
const GRACE: Duration = Duration::from_secs(3);

/// The local Lambda of a workspace.
pub(super) struct Joined {
    options: Options,
    guard: Guard,
    open: Mutex<Option<(Local, Arc<Clients>)>>,
}

impl Joined {
    /// That whose state is under `state`; nothing is opened yet.
    pub(super) fn new(state: &Path, port: u16, region: String, guard: Guard) -> Self {
        let options = Options { dir: state.join("local"), port, region, emulator: Arc::new(toolchain::emulator) };
        Self { options, guard, open: Mutex::new(None) }
    }

    /// The same one, to be opened by itself.
    pub(super) fn again(&self) -> Self {
        Self { options: self.options.clone(), guard: self.guard, open: Mutex::new(None) }
    }

    /// Where its state is: what makes it the one that it is.
    pub(super) const fn dir(&self) -> &PathBuf {
        &self.options.dir
    }

    /// The clients of the server that serves now, and which one that is. Opens it, or joins it, where the one before has
    /// ended; `opened` hears of that.
    pub(super) async fn clients(&self, opened: impl FnOnce(&Endpoint)) -> Result<(Arc<Clients>, Link), Failure> {
        let mut open = self.open.lock().await;
        self.reopen(&mut open, opened).await
    }

    /// Waits until the server that was joined has ended, and opens or joins the next one. Whether there is anything to wait
    /// for: this process may serve, or may have left.
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

    /// How it is reached; none before it was opened.
    pub(super) async fn endpoint(&self) -> Option<Endpoint> {
        self.open.lock().await.as_ref().map(|(local, _)| local.endpoint().clone())
    }

    /// This process serves it.
    pub(super) async fn is_serving(&self) -> bool {
        self.open.lock().await.as_ref().is_some_and(|(local, _)| local.is_serving())
    }

    /// Lets go of it. A server in this process goes on until what others asked of it is answered and what was begun of its
    /// queue is done; once `cut` is cancelled, only for a moment. `say` hears why it takes a while, and what is left.
    pub(super) async fn leave(&self, cut: &CancellationToken, say: &(dyn Fn(&str) + Sync)) {
        let Some((local, _)) = self.open.lock().await.take() else { return };
        let overdue = async {
            cut.cancelled().await;
            sleep(GRACE).await;
        };
        let left = local.leave(overdue, |pending| say(&waiting(pending))).await;
        if let Some(text) = remains(left) {
            say(&text);
        }
    }
}

/// When a call that got no answer is given up.
pub(super) fn deadline() -> Instant {
    Instant::now() + TAKE_OVER
}

/// What follows on a call that got no answer from the server of `link`: nothing where it is to be sent again. With
/// `repeats` it may be sent twice.
pub(super) async fn sequel(link: &Link, error: CallError, repeats: bool, deadline: Instant) -> Result<(), CallError> {
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
                "connection lost: the process that served the local Lambda was killed; it is unknown whether it ran"
                    .to_owned(),
            )),
        },
        error => Err(error),
    }
}

/// What has become of a server whose connection was lost.
async fn fate(link: &Link) -> Fate {
    let began = Instant::now();
    loop {
        match link.fate() {
            Fate::Alive if began.elapsed() < DYING => sleep(LOOK).await,
            fate => return fate,
        }
    }
}

/// Why a server goes on.
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
    format!("serving the local Lambda until {} {have} ended; Ctrl-C breaks off", parts.join(" and "))
}

/// What is left when a server has ended.
fn remains(Left { events, broken }: Left) -> Option<String> {
    let broken = match broken {
        0 => None,
        1 => Some("a request of another process was broken off".to_owned()),
        more => Some(format!("{more} requests of other processes were broken off")),
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
    fn what_is_waited_for_and_what_is_left_is_said_in_numbers() {
        let text = waiting(Pending { requests: 2, events: 1 });
        assert!(text.contains("2 requests of other processes and an asynchronous invocation have ended"), "{text}");
        assert!(waiting(Pending { requests: 0, events: 1 }).contains("an asynchronous invocation has ended"));
        assert_eq!(remains(Left::default()), None);
        let text = remains(Left { events: 2, broken: 1 }).unwrap();
        assert!(
            text.starts_with("a request of another process was broken off\n2 asynchronous invocations are"),
            "{text}"
        );
    }
}
