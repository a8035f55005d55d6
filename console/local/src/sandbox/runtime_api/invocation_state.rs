//! Runtime API state machine, independent of HTTP. One invocation at a time: submitted, delivered
//! by `next`, answered.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::{mpsc, oneshot, watch};

/// An event for the function.
#[derive(Debug)]
pub(crate) struct Event {
    /// The request's id.
    pub(crate) id: String,
    /// Time at which the sandbox is killed, in milliseconds since the Unix epoch.
    pub(crate) deadline: i64,
    /// The invoked ARN.
    pub(crate) arn: String,
    /// The X-Ray trace header.
    pub(crate) trace: String,
    /// The client context, as JSON.
    pub(crate) client_context: Option<String>,
    /// The tenant ID.
    pub(crate) tenant: Option<String>,
    /// The payload.
    pub(crate) payload: Bytes,
    /// Receiver of the parts of a response that the function streams. `None` collects the response
    /// instead.
    pub(crate) stream: Option<mpsc::Sender<Part>>,
}

/// A part of a response that is sent while it is made.
#[derive(Debug)]
pub(crate) enum Part {
    /// The start, with the content type if the function sent one.
    Head(Option<HeaderValue>),
    /// More data.
    Data(Bytes),
}

/// Answer of a function, with its times.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The response or error.
    pub(crate) body: Reply,
    /// Time at which its event was delivered.
    pub(crate) delivered: Instant,
    /// Time at which the answer began.
    pub(crate) began: Instant,
    /// Time at which the answer was complete.
    pub(crate) arrived: Instant,
    /// Its length in bytes, whether or not it was streamed.
    pub(crate) produced: usize,
}

/// The kinds of answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A response; empty when it was streamed.
    Response(Bytes),
    /// An error that the function reported.
    Error {
        /// The error as it was posted.
        body: Bytes,
        /// Its type.
        kind: String,
    },
    /// A response of more than `limit` bytes.
    TooLarge {
        /// Its maximum length in bytes.
        limit: usize,
    },
    /// A response that ended early.
    Truncated,
}

/// State of the init.
#[derive(Clone, Debug)]
pub(crate) enum Init {
    /// It has not asked for an event yet.
    Running,
    /// It asked for its first event at this time.
    Done(Instant),
    /// It reported an error.
    Failed {
        /// The error as it was posted.
        body: Bytes,
        /// Its type.
        kind: String,
    },
}

/// Reason for which a call of the Runtime API is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 400: no such request.
    UnknownId,
    /// 403: not allowed in the current state.
    WrongState,
}

/// State of the Runtime API.
pub(crate) struct InvocationState {
    init: watch::Sender<Init>,
    /// Time since which a `next` waits.
    waits: watch::Sender<Option<Instant>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A pending `next`.
    waiting: Option<oneshot::Sender<Arc<Event>>>,
    job: Option<Job>,
    /// The last request that was answered.
    answered: Option<String>,
}

struct Job {
    event: Arc<Event>,
    delivered: Option<Instant>,
    /// Time at which the answer began.
    began: Option<Instant>,
    answer: oneshot::Sender<Answer>,
}

impl Default for InvocationState {
    fn default() -> Self {
        Self {
            init: watch::Sender::new(Init::Running),
            waits: watch::Sender::new(None),
            state: Mutex::default(),
        }
    }
}

impl InvocationState {
    /// Watches the state of the init.
    pub(crate) fn init(&self) -> watch::Receiver<Init> {
        self.init.subscribe()
    }

    /// Returns `true` if it asked for its first event, or failed before that.
    pub(crate) fn has_started(&self) -> bool {
        !matches!(*self.init.borrow(), Init::Running)
    }

    /// Waits until a `next` waits for an event. Returns the time since which it waits.
    pub(crate) async fn ready(&self) -> Instant {
        let mut waits = self.waits.subscribe();
        // `self` owns the sender, so it is not dropped.
        waits
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|since| *since)
            .unwrap_or_else(Instant::now)
    }

    /// Submits an event to the function. The answer arrives through the receiver.
    pub(crate) fn submit(&self, event: Event) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let event = Arc::new(event);
        let mut state = self.state();
        let waiting = state.waiting.take();
        self.waits.send_replace(None);
        // If the connection of a `next` broke, the event waits for the following `next`.
        let delivered = waiting
            .and_then(|waiting| waiting.send(Arc::clone(&event)).ok())
            .map(|()| Instant::now());
        state.job = Some(Job { event, delivered, began: None, answer });
        receiver
    }

    /// Delivery time of the current event, if it was delivered.
    pub(crate) fn delivered(&self) -> Option<Instant> {
        self.state().job.as_ref().and_then(|job| job.delivered)
    }

    /// `next`: returns the event, or a receiver for it. A repeated `next` before the answer returns
    /// the same event.
    pub(crate) fn next(
        &self,
    ) -> Result<Result<Arc<Event>, oneshot::Receiver<Arc<Event>>>, Refused> {
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

    /// The event that is being answered with `id`. The first call starts its answer.
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

    /// Accepts the answer to `id`, which is `produced` bytes long.
    pub(crate) fn answer(&self, id: &str, body: Reply, produced: usize) -> Result<(), Refused> {
        let arrived = Instant::now();
        self.expects(id)?;
        let mut state = self.state();
        let Some(job) = state.job.take_if(|job| job.event.id == id) else {
            return Err(Refused::WrongState);
        };
        state.answered = Some(job.event.id.clone());
        let (delivered, began) = (job.delivered.unwrap_or(arrived), job.began.unwrap_or(arrived));
        // The receiver is gone if the invocation timed out at the same time.
        let _ = job.answer.send(Answer { body, delivered, began, arrived, produced });
        Ok(())
    }

    /// `init/error`: accepted only before the first `next`.
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
        assert_eq!(
            invocation.expects("a").err(),
            Some(Refused::UnknownId),
            "it is not delivered yet"
        );
        assert_eq!(invocation.next().unwrap().unwrap().id, "a");
        assert_eq!(
            invocation.next().unwrap().unwrap().id,
            "a",
            "asked again, the same event comes again"
        );
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
