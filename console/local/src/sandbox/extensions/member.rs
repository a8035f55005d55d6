//! One extension: its name, its events, how far it is.

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A refused call: 403, an error's type and its message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `Extension.InvalidExtensionState` and its like.
    pub(crate) kind: &'static str,
    /// What is wrong.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn state(member: &Member, wanted: &str) -> Self {
        let Member { state, id, .. } = member;
        let message = format!(
            "State transition from {} to {wanted} failed for extension {id}. Error: State transition is not allowed",
            state.name()
        );
        Self::new("Extension.InvalidExtensionState", message)
    }
}

/// How far an extension is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its process was started, or it is about to register.
    Started,
    /// It registered.
    Registered,
    /// It asked for an event.
    Ready,
    /// It has one.
    Running,
    /// It told that its init failed.
    InitError,
    /// It told that it fails.
    ExitError,
    /// Its process could not be started.
    LaunchError,
    /// Its process ended.
    Exited,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
            Self::LaunchError => "LaunchError",
            Self::Exited => "Exited",
        }
    }
}

/// An extension.
pub(crate) struct Member {
    /// What it names itself by after it has registered.
    pub(crate) id: String,
    /// Its name; an external one's is that of its file.
    pub(crate) name: String,
    /// Whether it is a process of its own.
    pub(crate) external: bool,
    /// Whether it hears of invocations.
    pub(crate) invoke: bool,
    /// Whether it hears of the end.
    pub(crate) shutdown: bool,
    /// How far it is.
    pub(crate) state: State,
    /// The type of its failure.
    pub(crate) error: Option<&'static str>,
    /// A `next` that waits.
    pub(crate) waiting: Option<oneshot::Sender<Bytes>>,
    /// An event that no `next` took yet.
    pub(crate) event: Option<Bytes>,
}

impl Member {
    /// One that is yet to ask for anything.
    pub(crate) fn new(name: String, state: State) -> Self {
        let id = Uuid::new_v4().to_string();
        let (external, invoke, shutdown) = (false, false, false);
        Self { id, name, external, invoke, shutdown, state, error: None, waiting: None, event: None }
    }

    /// Gives it an event.
    pub(crate) fn take(&mut self, event: Bytes) {
        if matches!(self.state, State::InitError | State::ExitError | State::Exited) {
            return;
        }
        self.state = State::Running;
        // A `next` whose connection broke does not take it; the one after it will.
        self.event = match self.waiting.take() {
            Some(waiting) => waiting.send(event).err(),
            None => Some(event),
        };
    }
}
