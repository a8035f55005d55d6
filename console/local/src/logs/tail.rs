//! `StartLiveTail`: the events of log groups as they come, once a second, as an event stream. A timer runs for each open
//! session, and none otherwise.

use super::{
    Logs, invalid,
    pattern::Pattern,
    store::group_name,
    stream::{Event, Stream},
};
use crate::{
    call::{Body, Call},
    fault::Fault,
};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How many events an update has at most.
const UPDATE_EVENTS: usize = 500;
/// How many events wait for a slow reader at most; then the oldest go.
const QUEUE_EVENTS: usize = 5000;
const SECOND: Duration = Duration::from_secs(1);
/// How long a session lasts.
const SESSION: Duration = Duration::from_hours(3);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the API's names")]
struct TailRequest {
    log_group_identifiers: Vec<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefixes: Option<Vec<String>>,
    log_event_filter_pattern: Option<String>,
}

/// The open sessions.
#[derive(Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    sessions: Mutex<Vec<Weak<Session>>>,
}

/// One open session.
struct Session {
    watchers: Arc<Watchers>,
    groups: Vec<(String, String)>,
    names: Option<Vec<String>>,
    prefixes: Option<Vec<String>>,
    pattern: Pattern,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Value>,
    sampled: bool,
}

impl Watchers {
    /// Gives events to the sessions that follow their stream.
    pub(super) fn publish(&self, stream: &Stream, events: &[Event]) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for session in sessions.iter().filter_map(Weak::upgrade) {
            session.take(stream, events);
        }
    }

    fn add(&self, session: &Arc<Session>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(session));
        self.count.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watchers.count.fetch_sub(1, Ordering::Release);
    }
}

impl Session {
    fn take(&self, stream: &Stream, events: &[Event]) {
        let Some((_, arn)) = self.groups.iter().find(|(name, _)| *name == stream.group) else { return };
        let named = self.names.as_ref().is_none_or(|names| names.contains(&stream.name));
        let prefixed = |prefixes: &Vec<String>| prefixes.iter().any(|prefix| stream.name.starts_with(prefix.as_str()));
        if !named || !self.prefixes.as_ref().is_none_or(prefixed) {
            return;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events.iter().filter(|event| self.pattern.matches(&event.m)) {
            if queue.events.len() == QUEUE_EVENTS {
                queue.events.pop_front();
                queue.sampled = true;
            }
            queue.events.push_back(json!({
                "logStreamName": stream.name,
                "logGroupIdentifier": arn,
                "message": event.m,
                "timestamp": event.t,
                "ingestionTime": event.i,
            }));
        }
    }

    /// The next update's payload.
    fn update(&self) -> Value {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.events.len().min(UPDATE_EVENTS);
        let events: Vec<Value> = queue.events.drain(..count).collect();
        let sampled = std::mem::take(&mut queue.sampled);
        json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": events })
    }
}

/// How far a session's event stream is.
enum Step {
    Response(Value),
    Start(Value),
    Update(Interval, Instant),
    End,
}

/// `StartLiveTail`.
pub(super) fn start(logs: &Arc<Logs>, call: &Call) -> Result<Response<Body>, Fault> {
    let request: TailRequest = super::read(&call.body)?;
    let identifiers = &request.log_group_identifiers;
    if identifiers.is_empty() || identifiers.len() > 10 {
        return Err(invalid("logGroupIdentifiers must have 1 to 10 log group ARNs"));
    }
    let narrowed = request.log_stream_names.is_some() || request.log_stream_name_prefixes.is_some();
    if narrowed && identifiers.len() > 1 {
        return Err(invalid("logStreamNames and logStreamNamePrefixes need exactly one log group"));
    }
    let mut groups = Vec::new();
    for identifier in identifiers {
        if !identifier.starts_with("arn:") || identifier.ends_with('*') {
            return Err(invalid(format!("{identifier:?} is not a log group's ARN without ':*' at its end")));
        }
        groups.push((logs.group(group_name(identifier))?.name.clone(), identifier.clone()));
    }
    let pattern = request.log_event_filter_pattern.clone().unwrap_or_default();
    let session = Arc::new(Session {
        watchers: Arc::clone(&logs.watchers),
        groups,
        names: request.log_stream_names.clone(),
        prefixes: request.log_stream_name_prefixes.clone(),
        pattern: Pattern::parse(&pattern)?,
        queue: Mutex::default(),
    });
    logs.watchers.add(&session);
    let start = json!({
        "requestId": call.request_id,
        "sessionId": uuid::Uuid::new_v4().to_string(),
        "logGroupIdentifiers": identifiers,
        "logStreamNames": request.log_stream_names.unwrap_or_default(),
        "logStreamNamePrefixes": request.log_stream_name_prefixes.unwrap_or_default(),
        "logEventFilterPattern": pattern,
    });
    let frames = stream::unfold((session, Step::Response(start)), |(session, step)| async move {
        let (bytes, step) = match step {
            Step::Response(start) => (frame("event", "initial-response", &json!({})), Step::Start(start)),
            Step::Start(start) => {
                let mut interval = tokio::time::interval_at(Instant::now() + SECOND, SECOND);
                interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
                (frame("event", "sessionStart", &start), Step::Update(interval, Instant::now()))
            }
            Step::Update(mut interval, since) => {
                interval.tick().await;
                if since.elapsed() > SESSION {
                    let message = json!({ "message": "The session has timed out." });
                    (frame("exception", "SessionTimeoutException", &message), Step::End)
                } else {
                    (frame("event", "sessionUpdate", &session.update()), Step::Update(interval, since))
                }
            }
            Step::End => return None,
        };
        Some((Ok::<_, Infallible>(Frame::data(bytes)), (session, step)))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let content = http::HeaderValue::from_static("application/vnd.amazon.eventstream");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content);
    Ok(response)
}

/// One message of the event stream.
fn frame(kind: &'static str, name: &'static str, payload: &Value) -> Bytes {
    let header =
        |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(StrBytes::from(value)));
    let message = Message::new(payload.to_string())
        .add_header(header(":message-type", kind))
        .add_header(header(if kind == "event" { ":event-type" } else { ":exception-type" }, name))
        .add_header(header(":content-type", "application/json"));
    let mut bytes = Vec::new();
    if let Err(error) = write_message_to(&message, &mut bytes) {
        tracing::warn!(%error, "a live tail's message could not be written");
    }
    bytes.into()
}
