//! Runtime API state machine, independent of HTTP. One invocation at a time: submitted, delivered by `next`, answered.

use bytes::Bytes;
use http::HeaderValue;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::{mpsc, oneshot, watch};

/// An event for the function.
#[derive(Debug)]
pub(crate) struct Event {
    /// The request's id.
    pub(crate) id: String,
    /// When the sandbox is killed, in milliseconds since the Unix epoch.
    pub(crate) deadline: i64,
    /// The invoked ARN.
    pub(crate) arn: String,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// The client context, as JSON.
    pub(crate) client_context: Option<String>,
    /// The tenant that it is for.
    pub(crate) tenant: Option<String>,
    /// The payload.
    pub(crate) payload: Bytes,
    /// Where a response that the function streams goes as it comes; without it, it is collected.
    pub(crate) stream: Option<mpsc::Sender<Part>>,
}

/// A part of a response that comes as it is made.
#[derive(Debug)]
pub(crate) enum Part {
    /// It begins; with its content type, if the function told one.
    Head(Option<HeaderValue>),
    /// More of it.
    Data(Bytes),
}

/// What a function answered, and when.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What it said.
    pub(crate) body: Reply,
    /// When its event was delivered.
    pub(crate) delivered: Instant,
    /// When the answer began.
    pub(crate) began: Instant,
    /// When the answer was there as a whole.
    pub(crate) arrived: Instant,
    /// How many bytes it had, also when they were streamed.
    pub(crate) produced: usize,
}

/// The kinds of answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A response; empty when it was streamed.
    Response(Bytes),
    /// An error that the function told.
    Error {
        /// The error as it was posted.
        body: Bytes,
        /// Its type.
        kind: String,
    },
    /// A response of more than `limit` bytes.
    TooLarge {
        /// How many it may have.
        limit: usize,
    },
    /// A response that broke off.
    Truncated,
}

/// How far the init is.
#[derive(Clone, Debug)]
pub(crate) enum Init {
    /// Not asked for an event yet.
    Running,
    /// It asked for its first event at that moment.
    Done(Instant),
    /// It told an error.
    Failed {
        /// The error as it was posted.
        body: Bytes,
        /// Its type.
        kind: String,
    },
}

/// Why a call of the Runtime API is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 400: no such request.
    UnknownId,
    /// 403: not at this moment.
    WrongState,
}

/// The state.
pub(crate) struct InvocationState {
    init: watch::Sender<Init>,
    /// Since when a `next` waits.
    waits: watch::Sender<Option<Instant>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A `next` that waits.
    waiting: Option<oneshot::Sender<Arc<Event>>>,
    job: Option<Job>,
    /// The last request that was answered.
    answered: Option<String>,
}

struct Job {
    event: Arc<Event>,
    delivered: Option<Instant>,
    /// When the answer began.
    began: Option<Instant>,
    answer: oneshot::Sender<Answer>,
}

impl Default for InvocationState {
    fn default() -> Self {
        Self { init: watch::Sender::new(Init::Running), waits: watch::Sender::new(None), state: Mutex::default() }
    }
}

impl InvocationState {
    /// How the init goes on.
    pub(crate) fn init(&self) -> watch::Receiver<Init> {
        self.init.subscribe()
    }

    /// Whether it asked for its first event, or failed before.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(*self.init.borrow(), Init::Running)
    }

    /// When a `next` waits for an event, and since when.
    pub(crate) async fn ready(&self) -> Instant {
        let mut waits = self.waits.subscribe();
        // The sender is this object's: it does not go.
        waits.wait_for(Option::is_some).await.ok().and_then(|since| *since).unwrap_or_else(Instant::now)
    }

    /// Gives the function an event; the answer comes through the receiver.
    pub(crate) fn submit(&self, event: Event) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let event = Arc::new(event);
        let mut state = self.state();
        let waiting = state.waiting.take();
        self.waits.send_replace(None);
        // A `next` whose connection broke does not take it; the one after it will.
        let delivered = waiting.and_then(|waiting| waiting.send(Arc::clone(&event)).ok()).map(|()| Instant::now());
        state.job = Some(Job { event, delivered, began: None, answer });
        receiver
    }

    /// When the current event was delivered, if it was.
    pub(crate) fn delivered(&self) -> Option<Instant> {
        self.state().job.as_ref().and_then(|job| job.delivered)
    }

    /// `next`: the event, or where to wait for it. Asked again before an answer, the same event comes again.
    pub(crate) fn next(&self) -> Result<Result<Arc<Event>, oneshot::Receiver<Arc<Event>>>, Refused> {
        let mut refused = false;
        self.init.send_if_modified(|init| {
            refused = matches!(init, Init::Failed { .. });
            let first = matches!(init, Init::Running);
            if first {
                *init = Init::Done(Instant::now());
            }
            first
        });
        if refused {
            return Err(Refused::WrongState);
        }
        let mut state = self.state();
        if let Some(job) = &mut state.job {
            job.delivered.get_or_insert_with(Instant::now);
            return Ok(Ok(Arc::clone(&job.event)));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting = Some(sender);
        self.waits.send_replace(Some(Instant::now()));
        Ok(Err(receiver))
    }

    /// The event that an answer to `id` would be taken for. Asked for the first time, that answer begins.
    pub(crate) fn expects(&self, id: &str) -> Result<Arc<Event>, Refused> {
        let state = &mut *self.state();
        match &mut state.job {
            Some(job) if job.event.id == id && job.delivered.is_some() => {
                job.began.get_or_insert_with(Instant::now);
                Ok(Arc::clone(&job.event))
            }
            _ if state.answered.as_deref() == Some(id) => Err(Refused::WrongState),
            _ => Err(Refused::UnknownId),
        }
    }

    /// Takes the answer to `id`, which had so many bytes.
    pub(crate) fn answer(&self, id: &str, body: Reply, produced: usize) -> Result<(), Refused> {
        let arrived = Instant::now();
        self.expects(id)?;
        let mut state = self.state();
        let Some(job) = state.job.take_if(|job| job.event.id == id) else { return Err(Refused::WrongState) };
        state.answered = Some(job.event.id.clone());
        let (delivered, began) = (job.delivered.unwrap_or(arrived), job.began.unwrap_or(arrived));
        // Nobody waits when the invocation's time was over in this very moment.
        let _ = job.answer.send(Answer { body, delivered, began, arrived, produced });
        Ok(())
    }

    /// `init/error`: only before the first `next`.
    pub(crate) fn fail_init(&self, body: Bytes, kind: String) -> Result<(), Refused> {
        let taken = self.init.send_if_modified(|init| {
            let running = matches!(init, Init::Running);
            if running {
                *init = Init::Failed { body, kind };
            }
            running
        });
        if taken { Ok(()) } else { Err(Refused::WrongState) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            deadline: 0,
            arn: String::new(),
            trace: String::new(),
            client_context: None,
            tenant: None,
            payload: Bytes::new(),
            stream: None,
        }
    }

    fn response() -> Reply {
        Reply::Response(Bytes::from_static(b"1"))
    }

    #[test]
    fn an_event_waits_for_next_and_next_waits_for_an_event() {
        let invocation = InvocationState::default();
        let mut answer = invocation.submit(event("a"));
        assert_eq!(invocation.expects("a").err(), Some(Refused::UnknownId), "it is not delivered yet");
        assert_eq!(invocation.next().unwrap().unwrap().id, "a");
        assert_eq!(invocation.next().unwrap().unwrap().id, "a", "asked again, the same event comes again");
        invocation.answer("a", response(), 1).unwrap();
        assert!(matches!(answer.try_recv().unwrap().body, Reply::Response(_)));
        let mut waiting = invocation.next().unwrap().unwrap_err();
        let _answer = invocation.submit(event("b"));
        assert_eq!(waiting.try_recv().unwrap().id, "b");
        assert!(invocation.delivered().is_some());
    }

    #[test]
    fn a_second_answer_is_the_wrong_state_and_a_strange_id_is_unknown() {
        let invocation = InvocationState::default();
        let _answer = invocation.submit(event("a"));
        invocation.next().unwrap().unwrap();
        assert_eq!(invocation.answer("x", response(), 1), Err(Refused::UnknownId));
        assert_eq!(invocation.answer("a", response(), 1), Ok(()));
        assert_eq!(invocation.answer("a", response(), 1), Err(Refused::WrongState));
        let _waiting = invocation.next().unwrap();
        assert_eq!(invocation.answer("a", response(), 1), Err(Refused::WrongState));
    }

    #[test]
    fn an_init_error_comes_before_the_first_next_or_not_at_all() {
        let invocation = InvocationState::default();
        let _waiting = invocation.next().unwrap();
        assert_eq!(invocation.fail_init(Bytes::new(), String::new()), Err(Refused::WrongState));
        let invocation = InvocationState::default();
        invocation.fail_init(Bytes::new(), String::new()).unwrap();
        assert_eq!(invocation.next().unwrap_err(), Refused::WrongState);
    }

    #[test]
    fn an_event_that_a_broken_connection_did_not_take_goes_to_the_next_one() {
        let invocation = InvocationState::default();
        drop(invocation.next().unwrap());
        let _answer = invocation.submit(event("a"));
        assert!(invocation.delivered().is_none());
        assert_eq!(invocation.next().unwrap().unwrap().id, "a");
    }
}
