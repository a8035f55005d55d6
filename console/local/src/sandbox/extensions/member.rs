//! One extension: its name, its events and its state.

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A refused call: status 403 with an error type and a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Error type, such as `Extension.InvalidExtensionState`.
    pub(crate) kind: &'static str,
    /// Error message.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn state(member: &Member, wanted: &str) -> Self {
        let Member { state, id, .. } = member;
        let message = format!(
            "State transition from {} to {wanted} failed for extension {id}. Error: State \
            transition is not allowed",
            state.name()
        );
        Self::new("Extension.InvalidExtensionState", message)
    }
}

/// State of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its process was started, or it is about to register.
    Started,
    /// It registered.
    Registered,
    /// It asked for an event.
    Ready,
    /// It has an event.
    Running,
    /// It reported that its init failed.
    InitError,
    /// It reported that it fails.
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
    /// Its identifier in the calls after its registration.
    pub(crate) id: String,
    /// Its name. An external extension has the name of its file.
    pub(crate) name: String,
    /// `true` if it is a process of its own.
    pub(crate) external: bool,
    /// `true` if it receives `INVOKE` events.
    pub(crate) invoke: bool,
    /// `true` if it receives the `SHUTDOWN` event.
    pub(crate) shutdown: bool,
    /// Its state.
    pub(crate) state: State,
    /// The type of its failure.
    pub(crate) error: Option<&'static str>,
    /// A pending `next`.
    pub(crate) waiting: Option<oneshot::Sender<Bytes>>,
    /// An event that no `next` has returned yet.
    pub(crate) event: Option<Bytes>,
}

impl Member {
    /// Creates an extension that has made no calls yet.
    pub(crate) fn new(name: String, state: State) -> Self {
        let id = Uuid::new_v4().to_string();
        let (external, invoke, shutdown) = (false, false, false);
        Self {
            id,
            name,
            external,
            invoke,
            shutdown,
            state,
            error: None,
            waiting: None,
            event: None,
        }
    }

    /// Delivers an event to it.
    pub(crate) fn take(&mut self, event: Bytes) {
        if matches!(self.state, State::InitError | State::ExitError | State::Exited) {
            return;
        }
        self.state = State::Running;
        // If the connection of a `next` broke, the event waits for the following `next`.
        self.event = match self.waiting.take() {
            Some(waiting) => waiting.send(event).err(),
            None => Some(event),
        };
    }
}
