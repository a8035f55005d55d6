//! The open sessions of live tails: which events each wants, and those that wait to be sent. Pure but for the clock.

use super::super::{event::Event, pattern::Pattern, stream::Stream};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How often there is an update.
pub(super) const PERIOD: Duration = Duration::from_secs(1);
/// How many events an update has at most.
const UPDATE_EVENTS: usize = 500;
/// How many bytes of messages an update has at most: SDKs take no larger messages than some 16 MB, and JSON may make six
/// bytes of one.
const UPDATE_BYTES: usize = 2 << 20;
/// How many updates wait for a slow client at most; then the oldest go.
const UPDATES: usize = 10;

/// The open sessions.
#[derive(Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    sessions: Mutex<Vec<Weak<Session>>>,
}

/// What a session wants.
pub(super) struct Wanted {
    /// The groups' names and ARNs.
    pub(super) groups: Vec<(String, String)>,
    /// The streams, if not all.
    pub(super) names: Option<Vec<String>>,
    /// How the streams' names begin, if not all.
    pub(super) prefixes: Option<Vec<String>>,
    /// Which messages.
    pub(super) pattern: Pattern,
}

/// One open session.
pub(super) struct Session {
    watchers: Arc<Watchers>,
    wanted: Wanted,
    since: Instant,
    /// What waits, an entry a second in which there was something.
    updates: Mutex<VecDeque<Update>>,
}

/// The events of one second.
struct Update {
    second: u64,
    events: Vec<Value>,
    bytes: usize,
    /// How many there were, those included that are left out.
    seen: u64,
    /// Whether some were left out.
    sampled: bool,
}

impl Watchers {
    /// Gives events to the sessions that follow their stream.
    pub(in super::super) fn publish(&self, stream: &Stream, events: &[Event]) {
        if self.count() == 0 {
            return;
        }
        let sessions = self.sessions().clone();
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.take(stream, events);
        }
    }

    /// Opens a session. It ends when it is dropped.
    pub(super) fn begin(self: &Arc<Self>, wanted: Wanted) -> Arc<Session> {
        let since = Instant::now();
        let session = Arc::new(Session { watchers: Arc::clone(self), wanted, since, updates: Mutex::default() });
        let mut sessions = self.sessions();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        self.count.fetch_add(1, Ordering::Release);
        drop(sessions);
        session
    }

    /// How many sessions are open.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Weak<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watchers.count.fetch_sub(1, Ordering::Release);
    }
}

impl Session {
    /// When it began.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    fn second(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    fn take(&self, stream: &Stream, events: &[Event]) {
        let wanted = &self.wanted;
        let Some((_, arn)) = wanted.groups.iter().find(|(name, _)| *name == stream.group) else { return };
        let named = wanted.names.as_ref().is_none_or(|names| names.contains(&stream.name));
        let prefixed = |prefixes: &Vec<String>| prefixes.iter().any(|prefix| stream.name.starts_with(prefix.as_str()));
        if !named || !wanted.prefixes.as_ref().is_none_or(prefixed) {
            return;
        }
        let fitting: Vec<&Event> = events.iter().filter(|event| wanted.pattern.matches(&event.m)).collect();
        if fitting.is_empty() {
            return;
        }
        let mut updates = self.updates();
        let second = self.second();
        if updates.back().is_none_or(|update| update.second != second) {
            updates.push_back(Update { second, events: Vec::new(), bytes: 0, seen: 0, sampled: false });
        }
        if updates.len() > UPDATES {
            updates.pop_front();
            if let Some(oldest) = updates.front_mut() {
                oldest.sampled = true;
            }
        }
        let Some(update) = updates.back_mut() else { return };
        for event in fitting {
            update.add(event, || {
                json!({
                    "logStreamName": stream.name,
                    "logGroupIdentifier": arn,
                    "message": event.m,
                    "timestamp": event.t,
                    "ingestionTime": event.i,
                })
            });
        }
    }

    /// Whether an update of a past second waits while another one follows it: the client is slow.
    pub(super) fn is_behind(&self) -> bool {
        let second = self.second();
        self.updates().iter().filter(|update| update.second < second).count() > 1
    }

    /// The next update's payload: the events of the oldest second that is over, or none.
    pub(super) fn update(&self) -> Value {
        let second = self.second();
        let mut updates = self.updates();
        let update = updates.pop_front_if(|update| update.second < second);
        let (sampled, events) = update.map(|update| (update.sampled, update.events)).unwrap_or_default();
        json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": events })
    }

    fn updates(&self) -> MutexGuard<'_, VecDeque<Update>> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Update {
    /// Takes an event in, or not: of those that are too many each is as likely as any other to be told.
    fn add(&mut self, event: &Event, value: impl FnOnce() -> Value) {
        self.seen += 1;
        if self.events.len() == UPDATE_EVENTS {
            self.sampled = true;
            let chosen = scatter(self.seen) % self.seen;
            if chosen >= UPDATE_EVENTS as u64 {
                return;
            }
            // Taken out and put at the end, so that they stay in order.
            let gone = self.events.remove(chosen as usize);
            self.bytes -= gone["message"].as_str().map_or(0, str::len);
        }
        if self.bytes + event.m.len() > UPDATE_BYTES {
            self.sampled = true;
            return;
        }
        self.bytes += event.m.len();
        self.events.push(value());
    }
}

/// Numbers that follow no pattern, one for each number (the finalizer of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
