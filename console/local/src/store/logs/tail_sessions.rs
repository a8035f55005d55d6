//! The open sessions of live tails: the events that each requests, and those that wait to be sent.
//! Pure but for the clock.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{event::Event, pattern::Pattern};

/// Interval between two updates.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);
/// Maximum number of events in an update.
const UPDATE_EVENTS: usize = 500;
/// Maximum size of the messages in an update, in bytes: SDKs accept no larger messages than some 16
/// MB, and JSON may turn one byte into six.
const UPDATE_BYTES: usize = 2 << 20;
/// Maximum number of updates that wait for a slow client; beyond that the oldest are dropped.
const UPDATES: usize = 10;

/// The open sessions.
#[derive(Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    sessions: Mutex<Vec<Weak<Session>>>,
    over: CancellationToken,
}

/// Filter of a session.
pub(crate) struct Wanted {
    /// The groups' names and ARNs.
    pub(crate) groups: Vec<(String, String)>,
    /// Names of the streams, if not all.
    pub(crate) names: Option<Vec<String>>,
    /// Prefixes of the streams' names, if not all.
    pub(crate) prefixes: Option<Vec<String>>,
    /// Filter pattern for messages.
    pub(crate) pattern: Pattern,
}

/// One open session.
pub(crate) struct Session {
    watchers: Arc<Watchers>,
    wanted: Wanted,
    since: Instant,
    waiting: Mutex<Waiting>,
}

/// Updates that wait to be sent: one for each second with events.
#[derive(Default)]
struct Waiting(VecDeque<Update>);

/// The events of one second.
#[derive(Default)]
struct Update {
    second: u64,
    events: Vec<Value>,
    bytes: usize,
    /// Number of events, including those that were left out.
    seen: u64,
    /// `true` if any events were left out.
    sampled: bool,
}

impl Watchers {
    /// Passes events to the sessions that follow their stream.
    pub(crate) fn publish(&self, group: &str, stream: &str, events: &[Event]) {
        if self.count() == 0 {
            return;
        }
        let sessions = self.sessions().clone();
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.take(group, stream, events);
        }
    }

    /// Opens a session, which ends when it is dropped.
    pub(crate) fn begin(self: &Arc<Self>, wanted: Wanted) -> Arc<Session> {
        let since = Instant::now();
        let session = Arc::new(Session {
            watchers: Arc::clone(self),
            wanted,
            since,
            waiting: Mutex::default(),
        });
        let mut sessions = self.sessions();
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        self.count.fetch_add(1, Ordering::Release);
        drop(sessions);
        session
    }

    /// Ends all sessions.
    pub(crate) fn end(&self) {
        self.over.cancel();
    }

    /// Number of open sessions.
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
    /// Waits until all sessions are to end.
    pub(crate) async fn over(&self) {
        self.watchers.over.cancelled().await;
    }

    /// Time at which the session began.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    fn second(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    fn take(&self, group: &str, stream: &str, events: &[Event]) {
        let wanted = &self.wanted;
        let Some((_, arn)) = wanted.groups.iter().find(|(name, _)| name == group) else { return };
        let named =
            wanted.names.as_ref().is_none_or(|names| names.iter().any(|name| name == stream));
        let prefixed = |prefixes: &Vec<String>| {
            prefixes.iter().any(|prefix| stream.starts_with(prefix.as_str()))
        };
        if !named || !wanted.prefixes.as_ref().is_none_or(prefixed) {
            return;
        }
        let fitting: Vec<&Event> =
            events.iter().filter(|event| wanted.pattern.matches(&event.m)).collect();
        if fitting.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        let update = waiting.update_of(self.second());
        for event in fitting {
            update.add(event, || {
                json!({
                    "logStreamName": stream,
                    "logGroupIdentifier": arn,
                    "message": event.m,
                    "timestamp": event.t,
                    "ingestionTime": event.i,
                })
            });
        }
    }

    /// Returns `true` if more than the last second's update waits: the client is slow.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting().is_behind(self.second())
    }

    /// Returns the next update's payload: the events of the oldest second that is over, or none.
    pub(crate) fn update(&self) -> Value {
        let Update { events, sampled, .. } = self.waiting().due(self.second()).unwrap_or_default();
        json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": events })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Returns the update for a second's events. If too many wait, the oldest is dropped, and the
    /// next one is marked as sampled.
    fn update_of(&mut self, second: u64) -> &mut Update {
        if self.0.back().is_none_or(|update| update.second != second) {
            self.0.push_back(Update { second, ..Update::default() });
        }
        if self.0.len() > UPDATES {
            self.0.pop_front();
            if let Some(oldest) = self.0.front_mut() {
                oldest.sampled = true;
            }
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    fn is_behind(&self, second: u64) -> bool {
        self.0.iter().filter(|update| update.second < second).count() > 1
    }

    fn due(&mut self, second: u64) -> Option<Update> {
        self.0.pop_front_if(|update| update.second < second)
    }
}

impl Update {
    /// Adds an event, or not: if there are too many, each is equally likely to be kept.
    fn add(&mut self, event: &Event, value: impl FnOnce() -> Value) {
        self.seen += 1;
        if self.events.len() == UPDATE_EVENTS {
            self.sampled = true;
            let chosen = scatter(self.seen) % self.seen;
            if chosen >= UPDATE_EVENTS as u64 {
                return;
            }
            // Removed and appended, so that the events stay in order.
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

/// Pseudorandom number derived from `number` (the finalizer of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(waiting: &mut Waiting, second: u64, message: &str) {
        let event = Event { n: 0, t: 0, i: 0, m: message.to_owned() };
        waiting.update_of(second).add(&event, || json!({ "message": message }));
    }

    fn messages(update: &Update) -> Vec<&str> {
        update.events.iter().map(|event| event["message"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_second_with_too_many_events_is_sampled_evenly_and_in_order() {
        let mut waiting = Waiting::default();
        for n in 0..500 {
            add(&mut waiting, 0, &format!("{n:05}"));
        }
        assert!(!waiting.update_of(0).sampled);
        for n in 500..5000 {
            add(&mut waiting, 0, &format!("{n:05}"));
        }
        let update = waiting.due(1).unwrap();
        assert!(update.sampled);
        let messages = messages(&update);
        assert_eq!(messages.len(), UPDATE_EVENTS);
        assert!(messages.is_sorted_by(|one, next| one < next));
        let late = messages.iter().filter(|message| **message >= "02500").count();
        assert!((200..300).contains(&late), "{late} of the second half");
    }

    #[test]
    fn large_messages_make_an_update_no_larger_than_sdks_take() {
        let mut waiting = Waiting::default();
        for _ in 0..600 {
            add(&mut waiting, 0, &"x".repeat(100_000));
        }
        add(&mut waiting, 1, "small");
        let update = waiting.due(1).unwrap();
        assert!(update.sampled && update.bytes <= UPDATE_BYTES && !update.events.is_empty());
        assert_eq!(messages(&update).concat().len(), update.bytes);
        assert!(waiting.due(1).is_none(), "the second is not over");
        assert!(!waiting.due(2).unwrap().sampled);
    }

    #[test]
    fn a_slow_client_is_kept_ten_updates_and_hears_that_it_missed_some() {
        let mut waiting = Waiting::default();
        for second in 0..25 {
            add(&mut waiting, second, &second.to_string());
        }
        assert!(waiting.is_behind(25));
        let updates: Vec<Update> = std::iter::from_fn(|| waiting.due(25)).collect();
        assert_eq!(updates.len(), UPDATES);
        assert_eq!((messages(&updates[0]), updates[0].sampled), (vec!["15"], true));
        assert!(updates.iter().skip(1).all(|update| !update.sampled));
        assert!(!waiting.is_behind(25));
    }
}
