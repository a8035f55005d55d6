//! `StartLiveTail`: new events of log groups, once a second, as an event stream. A timer runs for
//! each open session, and none otherwise.

use std::{sync::Arc, time::Duration};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    event_stream::{Header, HeaderValue, Message},
    str_bytes::StrBytes,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::page::read;
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{Body, BrokenOff},
    },
    store::logs::{
        Logs,
        error::invalid,
        pattern::Pattern,
        tail_sessions::{PERIOD, Session, Wanted},
    },
};

/// Duration of a session.
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

/// State of a session's event stream.
enum Step {
    Response(Value),
    Start(Value),
    Update(Interval, Instant),
    End,
}

/// `StartLiveTail`.
pub(super) fn start(logs: &Arc<Logs>, call: &ApiRequest) -> Result<Response<Body>, ApiError> {
    let request: TailRequest = read(&call.body)?;
    let identifiers = &request.log_group_identifiers;
    if identifiers.is_empty() || identifiers.len() > 10 {
        return Err(invalid("logGroupIdentifiers must have 1 to 10 log group ARNs"));
    }
    let (names, prefixes) =
        (request.log_stream_names.clone(), request.log_stream_name_prefixes.clone());
    if names.is_some() && prefixes.is_some() {
        return Err(invalid("logStreamNames and logStreamNamePrefixes exclude each other"));
    }
    if (names.is_some() || prefixes.is_some()) && identifiers.len() > 1 {
        return Err(invalid("logStreamNames and logStreamNamePrefixes need exactly one log group"));
    }
    if names.iter().chain(&prefixes).any(|list| list.is_empty() || list.len() > 100) {
        return Err(invalid("logStreamNames and logStreamNamePrefixes must have 1 to 100 entries"));
    }
    let mut groups = Vec::new();
    for identifier in identifiers {
        if !identifier.starts_with("arn:") || identifier.ends_with('*') {
            return Err(invalid(format!(
                "{identifier:?} is not a log group's ARN without ':*' at its end"
            )));
        }
        groups.push((logs.group(identifier)?.name.clone(), identifier.clone()));
    }
    let text = request.log_event_filter_pattern.unwrap_or_default();
    let start = json!({
        "requestId": call.request_id,
        "sessionId": uuid::Uuid::new_v4().to_string(),
        "logGroupIdentifiers": identifiers,
        "logStreamNames": names.clone().unwrap_or_default(),
        "logStreamNamePrefixes": prefixes.clone().unwrap_or_default(),
        "logEventFilterPattern": text,
    });
    let wanted = Wanted { groups, names, prefixes, pattern: Pattern::parse(&text)? };
    let session = logs.watchers.begin(wanted);
    let mut response =
        Response::new(StreamBody::new(frames(session, start, SESSION)).boxed_unsync());
    let content = http::HeaderValue::from_static("application/vnd.amazon.eventstream");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content);
    Ok(response)
}

/// Returns the messages of a session of that duration. The session ends when the stream is dropped,
/// which the server does when the client disconnects.
fn frames(
    session: Arc<Session>,
    start: Value,
    length: Duration,
) -> impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> {
    stream::unfold((session, Step::Response(start)), move |(session, step)| async move {
        let (bytes, step) = match step {
            Step::Response(start) => {
                (frame("event", "initial-response", &json!({})), Step::Start(start))
            }
            Step::Start(start) => {
                let mut interval = tokio::time::interval_at(session.since() + PERIOD, PERIOD);
                interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
                (frame("event", "sessionStart", &start), Step::Update(interval, session.since()))
            }
            Step::Update(mut interval, since) => {
                // Events that waited for a slow client are sent at once.
                if !session.is_behind() {
                    tokio::select! {
                        _ = interval.tick() => {}
                        () = session.over() => return None,
                    }
                }
                if since.elapsed() > length {
                    let message = json!({ "message": "The session has timed out." });
                    (frame("exception", "SessionTimeoutException", &message), Step::End)
                } else {
                    (
                        frame("event", "sessionUpdate", &session.update()),
                        Step::Update(interval, since),
                    )
                }
            }
            Step::End => return None,
        };
        Some((Ok(Frame::data(bytes)), (session, step)))
    })
}

/// Encodes one message of the event stream.
fn frame(kind: &'static str, name: &'static str, payload: &Value) -> Bytes {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(StrBytes::from(value)))
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::logs::tail_sessions::Watchers;
    use aws_smithy_eventstream::frame::read_message_from;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn a_session_ends_by_itself_with_its_exception() {
        let watchers = Arc::<Watchers>::default();
        let wanted = Wanted {
            groups: Vec::new(),
            names: None,
            prefixes: None,
            pattern: Pattern::parse("").unwrap(),
        };
        let frames =
            frames(watchers.begin(wanted), json!({ "sessionId": "s" }), Duration::from_millis(1));
        assert_eq!(watchers.count(), 1);
        let frames: Vec<_> = frames.collect().await;
        let kinds: Vec<String> = frames
            .into_iter()
            .map(|frame| {
                let message = read_message_from(frame.unwrap().into_data().unwrap()).unwrap();
                let kind = |name: &&Header| {
                    [":event-type", ":exception-type"].contains(&name.name().as_str())
                };
                message
                    .headers()
                    .iter()
                    .find(kind)
                    .unwrap()
                    .value()
                    .as_string()
                    .unwrap()
                    .as_str()
                    .to_owned()
            })
            .collect();
        assert_eq!(kinds, ["initial-response", "sessionStart", "SessionTimeoutException"]);
        assert_eq!(watchers.count(), 0);
    }
}
