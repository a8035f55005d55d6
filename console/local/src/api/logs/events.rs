//! The Logs API of one stream's events.

use std::io;

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::{bad_token, group, limit};
use crate::{
    http::error::ApiError,
    store::logs::{
        Logs,
        error::invalid,
        event::{Event, now},
        group::DAY,
        stream::{Direction, Stream},
    },
};

/// Largest page, in bytes of messages: 1 MB.
pub(super) const PAGE_BYTES: usize = 1 << 20;
/// Maximum number of events in a page.
pub(super) const PAGE_EVENTS: usize = 10_000;
/// Number of bytes of a stream that are read at once.
pub(super) const BLOCK: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the API's names")]
pub(super) struct PutRequest {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputEvent>,
}

#[derive(Deserialize)]
struct InputEvent {
    timestamp: i64,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GetRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
}

/// `PutLogEvents`.
pub(super) fn put(logs: &Logs, request: &PutRequest) -> Result<Value, ApiError> {
    let group = logs.group(&request.log_group_name)?;
    let stream = group.stream(&request.log_stream_name)?;
    let events = &request.log_events;
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Err(invalid(format!("logEvents has no events; it must have 1 to {PAGE_EVENTS}")));
    };
    if events.len() > PAGE_EVENTS {
        return Err(invalid(format!(
            "logEvents has {} events; it must have 1 to {PAGE_EVENTS}",
            events.len()
        )));
    }
    // CloudWatch counts 26 bytes for each event in addition to its message.
    let size: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if size > PAGE_BYTES {
        return Err(invalid(format!(
            "Upload too large: {size} bytes exceeds limit of {PAGE_BYTES}"
        )));
    }
    if events.iter().any(|event| event.message.is_empty() || event.timestamp < 0) {
        return Err(invalid(
            "each log event needs a message of at least one character and a timestamp of 0 or more",
        ));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    if last.timestamp - first.timestamp > DAY {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 \
            hours.",
        ));
    }
    let before = |time: i64| events.iter().take_while(|event| event.timestamp < time).count();
    let (old, expired, taken) =
        (before(now() - 14 * DAY), before(group.horizon()), before(now() + DAY / 12 + 1));
    let skipped = old.max(expired);
    let accepted: Vec<(i64, String)> = events
        .iter()
        .take(taken)
        .skip(skipped)
        .map(|event| (event.timestamp, event.message.clone()))
        .collect();
    stream.append(accepted).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ApiError::not_found("The specified log stream does not exist."),
        _ => ApiError::service("could not write log events", &error),
    })?;
    let mut answer = json!({ "nextSequenceToken": "0" });
    if old > 0 {
        answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] = old.into();
    }
    if expired > 0 {
        answer["rejectedLogEventsInfo"]["expiredLogEventEndIndex"] = expired.into();
    }
    if taken < events.len() {
        answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] = taken.into();
    }
    Ok(answer)
}

/// A place between two events: after those of its time with a smaller number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: i64,
    number: u64,
}

impl Place {
    fn before(event: &Event) -> Self {
        Self { time: event.t, number: event.n }
    }

    fn after(event: &Event) -> Self {
        Self { time: event.t, number: event.n + 1 }
    }

    /// Encodes a direction and the ID of the event that would follow.
    fn token(self, direction: char, stream: &Stream) -> String {
        format!("{direction}/{}", stream.id(self.time, self.number))
    }

    fn of_token(token: &str) -> Result<(Direction, Self), ApiError> {
        let (direction, id) = match token.split_once('/') {
            Some(("f", id)) => (Direction::Forward, id),
            Some(("b", id)) => (Direction::Backward, id),
            _ => return Err(bad_token()),
        };
        let time = id.get(..20).and_then(|time| time.parse().ok());
        let number =
            id.get(36..56).filter(|_| id.len() == 56).and_then(|number| number.parse().ok());
        match (time, number) {
            (Some(time), Some(number)) => Ok((direction, Self { time, number })),
            _ => Err(bad_token()),
        }
    }
}

/// `GetLogEvents`. A token contains a direction and a place, so that it stays valid while events
/// are added and removed. At either end the same token is returned.
pub(super) fn get(logs: &Logs, request: &GetRequest) -> Result<Value, ApiError> {
    let limit = limit(request.limit, PAGE_EVENTS, PAGE_EVENTS)?;
    let group =
        group(logs, request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    let stream = group.stream(&request.log_stream_name)?;
    let start = request.start_time.unwrap_or(0).max(group.horizon());
    let end = request.end_time.unwrap_or(i64::MAX);
    let asked = request.next_token.as_deref().map(Place::of_token).transpose()?;
    let head = Place { time: start.max(0), number: 0 };
    let (direction, from) = asked.unwrap_or(match request.start_from_head {
        Some(true) => (Direction::Forward, head),
        _ => (Direction::Backward, Place { time: end, number: 0 }),
    });
    let read = || page(&stream, direction, from, start, end, limit);
    // The file may be replaced while it is read: then it is read once more.
    let again = |error: io::Error| match error.kind() {
        io::ErrorKind::StaleNetworkFileHandle => read(),
        _ => Err(error),
    };
    let events = read()
        .or_else(again)
        .map_err(|error| ApiError::service("could not read log events", &error))?;
    // Without events, both tokens stay at the request's place: the beginning if it had none.
    let rest = asked.map_or(head, |(_, place)| place);
    let forward = events.last().map_or(rest, Place::after);
    let backward = events.first().map_or(rest, Place::before);
    let listed = events
        .iter()
        .map(|event| json!({ "timestamp": event.t, "ingestionTime": event.i, "message": event.m }));
    Ok(json!({
        "events": listed.collect::<Vec<_>>(),
        "nextForwardToken": forward.token('f', &stream),
        "nextBackwardToken": backward.token('b', &stream),
    }))
}

/// Returns the events on one side of a place, oldest first: as many as fit into a page.
fn page(
    stream: &Stream,
    direction: Direction,
    from: Place,
    start: i64,
    end: i64,
    limit: usize,
) -> io::Result<Vec<Event>> {
    let mut reader = stream.read(direction, BLOCK, |event| match direction {
        Direction::Forward => Place::before(event) < from || event.t < start,
        Direction::Backward => Place::before(event) < from && event.t < end,
    })?;
    let mut events = Vec::new();
    let mut room = PAGE_BYTES;
    while events.len() < limit
        && let Some(event) = reader.next()?
        && (start..end).contains(&event.t)
        && let Some(left) = room.checked_sub(event.size())
    {
        room = left;
        events.push(event);
    }
    if direction == Direction::Backward {
        events.reverse();
    }
    Ok(events)
}
