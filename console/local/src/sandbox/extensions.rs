//! The extensions of one sandbox: their registrations and states. The state machine of the
//! Extensions API, independent of HTTP and of processes. Source of states and error messages: AWS
//! Lambda developer guide, "Using the Lambda Extensions API", and AWS's own emulator.

pub(crate) mod api;
pub(crate) mod external;
mod member;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use member::{Member, State};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::process::status::Exit;

pub(crate) use member::Refusal;

/// Maximum number of extensions of a function.
pub(crate) const LIMIT: usize = 10;

/// Failure of an extension, which ends the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Error type, such as `Extension.Crash`.
    pub(crate) kind: &'static str,
    /// Details, such as `exit status 1`.
    pub(crate) message: String,
}

/// State of an extension after the init, as it is logged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its name.
    pub(crate) name: String,
    /// `Ready` if it has not failed.
    pub(crate) state: &'static str,
    /// The events that it registered for.
    pub(crate) events: Vec<&'static str>,
    /// The type of its failure.
    pub(crate) error: Option<&'static str>,
}

/// The extensions.
pub(crate) struct Extensions {
    /// `true` if there is any extension. Most functions have none, and then this is all that is
    /// read.
    any: AtomicBool,
    table: Mutex<Table>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Table {
    members: Vec<Member>,
    /// The first error that one of them reported.
    reported_error: Option<&'static str>,
    failure: Option<Failure>,
    ends: bool,
    /// Time at which the last one asked for an event.
    asked: Option<Instant>,
}

impl Extensions {
    /// Creates the table with the external extensions of these names, which have yet to register.
    pub(crate) fn new(external: impl IntoIterator<Item = String>) -> Self {
        let members: Vec<Member> = external
            .into_iter()
            .map(|name| Member { external: true, ..Member::new(name, State::Started) })
            .collect();
        let any = AtomicBool::new(!members.is_empty());
        Self {
            any,
            table: Mutex::new(Table { members, ..Table::default() }),
            changed: watch::Sender::new(()),
        }
    }

    /// Returns `true` if there are no extensions.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Returns whether there are external extensions, and whether there are internal ones.
    pub(crate) fn kinds(&self) -> (bool, bool) {
        let table = self.table();
        let has = |external| table.members.iter().any(|member| member.external == external);
        (has(true), has(false))
    }

    /// Returns `true` if this is the identifier of an external extension.
    pub(crate) fn is_external(&self, id: &str) -> bool {
        self.table().members.iter().any(|member| member.external && member.id == id)
    }

    /// `register`: returns the extension's identifier. `open` is `true` if the bootstrap has not
    /// asked for an event yet.
    pub(crate) fn register(
        &self,
        name: &str,
        events: &[String],
        open: bool,
    ) -> Result<String, Refusal> {
        if name.is_empty() {
            return Err(Refusal::new("Extension.InvalidExtensionName", "Empty extension name"));
        }
        let mut table = self.table();
        let place = table.members.iter().position(|member| member.name == name);
        let external =
            place.and_then(|place| table.members.get(place)).is_some_and(|member| member.external);
        let strange = |event: &&String| {
            !matches!((event.as_str(), external), ("INVOKE", _) | ("SHUTDOWN", true))
        };
        if let Some(event) = events.iter().find(strange) {
            return Err(Refusal::new(
                "Extension.InvalidEventType",
                format!("{event}: ErrorInvalidEventType"),
            ));
        }
        let place = match place {
            Some(place) if external => place,
            _ if !open => {
                let message = "Extension registration closed already";
                return Err(Refusal::new("Extension.RegistrationClosed", message));
            }
            Some(_) => {
                let message = "Extension with this name already registered";
                return Err(Refusal::new("Extension.InvalidExtensionState", message));
            }
            None if table.members.len() >= LIMIT => {
                let message = format!("Extension limit ({LIMIT}) reached");
                return Err(Refusal::new("Extension.TooManyExtensions", message));
            }
            None => {
                table.members.push(Member::new(name.to_owned(), State::Started));
                table.members.len() - 1
            }
        };
        let Some(member) = table.members.get_mut(place) else {
            return Err(Refusal::new(
                "Extension.UnknownExtensionIdentifier",
                format!("Unknown extension {name}"),
            ));
        };
        if member.state != State::Started {
            return Err(Refusal::state(member, "Registered"));
        }
        member.state = State::Registered;
        member.invoke = events.iter().any(|event| event == "INVOKE");
        member.shutdown = events.iter().any(|event| event == "SHUTDOWN");
        let id = member.id.clone();
        self.any.store(true, Ordering::Release);
        self.notify(table);
        Ok(id)
    }

    /// `next`: returns the receiver of the next event. The extension is then done with the event
    /// before.
    pub(crate) fn next(&self, id: &str) -> Result<oneshot::Receiver<Bytes>, Refusal> {
        let mut table = self.table();
        let member = table.member(id)?;
        let (sender, receiver) = oneshot::channel();
        match (member.state, member.event.take()) {
            // Its connection broke before the event was delivered.
            (State::Running, Some(event)) => drop(sender.send(event)),
            (State::Registered | State::Ready | State::Running, _) => {
                member.state = State::Ready;
                member.waiting = Some(sender);
                table.asked = Some(Instant::now());
            }
            _ => return Err(Refusal::state(member, "Ready")),
        }
        self.notify(table);
        Ok(receiver)
    }

    /// `init/error`: the extension will exit, which ends the sandbox.
    pub(crate) fn init_error(&self, id: &str) -> Result<(), Refusal> {
        self.fail(
            id,
            "Extension.InitError",
            State::InitError,
            &[State::Registered, State::InitError],
        )
    }

    /// `exit/error`: the same at any other time.
    pub(crate) fn exit_error(&self, id: &str) -> Result<(), Refusal> {
        let from = [State::Registered, State::Ready, State::Running, State::ExitError];
        self.fail(id, "Extension.ExitError", State::ExitError, &from)
    }

    fn fail(&self, id: &str, kind: &'static str, to: State, from: &[State]) -> Result<(), Refusal> {
        let mut table = self.table();
        let member = table.member(id)?;
        if !from.contains(&member.state) {
            return Err(Refusal::state(member, to.name()));
        }
        member.state = to;
        member.error = Some(kind);
        table.reported_error.get_or_insert(kind);
        self.notify(table);
        Ok(())
    }

    /// The name of an extension.
    pub(crate) fn name(&self, id: &str) -> Result<String, Refusal> {
        Ok(self.table().member(id)?.name.clone())
    }

    /// The type of the first error that one of them reported. A failure that ends the sandbox
    /// afterwards has this type.
    pub(crate) fn reported_error(&self) -> Option<&'static str> {
        if self.is_empty() { None } else { self.table().reported_error }
    }

    /// Records that an external extension could not be started at all.
    pub(crate) fn not_launched(&self, name: &str, failure: Failure) {
        let mut table = self.table();
        if let Some(member) = table.members.iter_mut().find(|member| member.name == name) {
            member.state = State::LaunchError;
            member.error = Some(failure.kind);
        }
        table.failure.get_or_insert(failure);
        self.notify(table);
    }

    /// Records that the process of an external extension ended, which is a failure unless the
    /// sandbox is shutting down.
    pub(crate) fn exited(&self, name: &str, exit: &Exit) {
        let mut table = self.table();
        let kind = table.reported_error.unwrap_or("Extension.Crash");
        let ends = table.ends;
        if let Some(member) = table.members.iter_mut().find(|member| member.name == name) {
            member.waiting = None;
            if !matches!(member.state, State::InitError | State::ExitError) {
                member.state = State::Exited;
            }
            if !ends {
                member.error.get_or_insert(kind);
            }
        }
        if !ends {
            let message =
                if exit.is_success() { "exit code 0".to_owned() } else { exit.to_string() };
            table.failure.get_or_insert(Failure { kind, message });
        }
        self.notify(table);
    }

    /// Waits until all external extensions have registered.
    pub(crate) async fn registered(&self) -> Result<(), Failure> {
        self.until(|table| {
            let waits = table
                .members
                .iter()
                .any(|member| member.external && member.state == State::Started);
            table.failure.clone().map(Err).or((!waits).then_some(Ok(())))
        })
        .await
    }

    /// Waits until all have asked for their next event. Returns the time at which the last of them
    /// did.
    pub(crate) async fn ready(&self) -> Result<Option<Instant>, Failure> {
        if self.is_empty() {
            return Ok(None);
        }
        self.until(|table| {
            let works = table.members.iter().any(|member| member.state != State::Ready);
            table.failure.clone().map(Err).or((!works).then_some(Ok(table.asked)))
        })
        .await
    }

    /// Waits until one of them fails. Never returns without an external one.
    pub(crate) async fn failed(&self) -> Failure {
        if self.is_empty() {
            return std::future::pending().await;
        }
        self.until(|table| table.failure.clone()).await
    }

    /// Returns `true` if one of them failed.
    pub(crate) fn has_failed(&self) -> bool {
        !self.is_empty() && self.table().failure.is_some()
    }

    /// Sends an invocation's event to the extensions that registered for it.
    pub(crate) fn release(&self, event: impl FnOnce() -> Bytes) {
        if self.is_empty() {
            return;
        }
        let mut table = self.table();
        if table.members.iter().any(|member| member.invoke) {
            let event = event();
            table
                .members
                .iter_mut()
                .filter(|member| member.invoke)
                .for_each(|member| member.take(event.clone()));
        }
    }

    /// Begins the shutdown: from now on an exit is not a failure. Returns `true` on the first call.
    pub(crate) fn begin_end(&self) -> bool {
        !std::mem::replace(&mut self.table().ends, true)
    }

    /// Sends the shutdown event to the external extensions. Returns the names of those that did not
    /// register for it.
    pub(crate) fn shut_down(&self, event: &Bytes) -> Vec<String> {
        let mut table = self.table();
        let mut others = Vec::new();
        for member in table.members.iter_mut().filter(|member| member.external) {
            if member.shutdown {
                member.take(event.clone());
            } else {
                others.push(member.name.clone());
            }
        }
        others
    }

    /// State of each extension.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        if self.is_empty() {
            return Vec::new();
        }
        let standing = |member: &Member| Standing {
            name: member.name.clone(),
            state: member.state.name(),
            events: [("INVOKE", member.invoke), ("SHUTDOWN", member.shutdown)]
                .into_iter()
                .filter_map(|(event, wanted)| wanted.then_some(event))
                .collect(),
            error: member.error,
        };
        self.table().members.iter().map(standing).collect()
    }

    async fn until<T>(&self, mut look: impl FnMut(&Table) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = look(&self.table()) {
                return found;
            }
            // `self` owns the sender, so it is not dropped.
            let _ = changed.changed().await;
        }
    }

    fn notify(&self, table: MutexGuard<'_, Table>) {
        drop(table);
        self.changed.send_replace(());
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn member(&mut self, id: &str) -> Result<&mut Member, Refusal> {
        if id.is_empty() {
            let message = "Missing Lambda-Extension-Identifier header";
            return Err(Refusal::new("Extension.MissingExtensionIdentifier", message));
        }
        if Uuid::parse_str(id).is_err() {
            let message = "Invalid Lambda-Extension-Identifier";
            return Err(Refusal::new("Extension.InvalidExtensionIdentifier", message));
        }
        let member = self
            .members
            .iter_mut()
            .find(|member| member.id == id && member.state != State::Started);
        let unknown = || {
            Refusal::new("Extension.UnknownExtensionIdentifier", format!("Unknown extension {id}"))
        };
        member.ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests;
