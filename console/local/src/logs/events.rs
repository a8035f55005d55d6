//! The Logs API of one stream's events.

use super::{
    Logs, invalid, limit,
    stream::{Event, now},
};
use crate::fault::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

/// How large a page is at most, in bytes of messages: 1 MB.
pub(super) const PAGE_BYTES: usize = 1 << 20;
/// How many events a page has at most.
pub(super) const PAGE_EVENTS: usize = 10_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

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
pub(super) fn put(logs: &Logs, request: &PutRequest) -> Result<Value, Fault> {
    let stream = logs.group(&request.log_group_name)?.stream(&request.log_stream_name)?;
    let events = &request.log_events;
    if events.is_empty() || events.len() > PAGE_EVENTS {
        return Err(invalid(format!("logEvents has {} events; it must have 1 to {PAGE_EVENTS}", events.len())));
    }
    // CloudWatch counts 26 bytes for each event beside its message.
    let size: usize = events.iter().map(|event| event.message.len() + 26).sum();
    if size > PAGE_BYTES {
        return Err(invalid(format!("Upload too large: {size} bytes exceeds limit of {PAGE_BYTES}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let (oldest, newest) = (now() - 14 * DAY, now() + DAY / 12);
    let old = events.iter().take_while(|event| event.timestamp < oldest).count();
    let new = events.iter().filter(|event| event.timestamp > newest).count();
    let taken = events.iter().skip(old).take(events.len() - old - new);
    stream
        .append(taken.map(|event| (event.timestamp, event.message.clone())).collect())
        .map_err(|error| Fault::service("could not write log events", &error))?;
    stream.close();
    let mut answer = json!({ "nextSequenceToken": "0" });
    if old > 0 {
        answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] = old.into();
    }
    if new > 0 {
        answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] = (events.len() - new).into();
    }
    Ok(answer)
}

/// `GetLogEvents`. A token is a direction and an event's number: `f/7` goes on after event 6, `b/7` goes back before
/// event 7. At either end the same token comes back.
pub(super) fn get(logs: &Logs, request: &GetRequest) -> Result<Value, Fault> {
    let limit = limit(request.limit, PAGE_EVENTS, PAGE_EVENTS)?;
    let identifier = request.log_group_identifier.as_ref().or(request.log_group_name.as_ref());
    let group = logs.group(identifier.ok_or_else(|| invalid("logGroupName or logGroupIdentifier is missing"))?)?;
    let stream = group.stream(&request.log_stream_name)?;
    let failed = |error: &std::io::Error| Fault::service("could not read log events", error);
    let mut reader =
        stream.read(request.start_time.unwrap_or(i64::MIN).max(group.horizon())).map_err(|error| failed(&error))?;
    let mut events: Vec<Event> = Vec::new();
    while let Some((event, _)) = reader.next().map_err(|error| failed(&error))? {
        if request.end_time.is_some_and(|end| event.t >= end) {
            break;
        }
        events.push(event);
    }
    let position = |token: &str| {
        token.parse().map_err(|_ignored: std::num::ParseIntError| invalid("The specified nextToken is invalid."))
    };
    let (forward, place) = match request.next_token.as_deref().map(|token| token.split_once('/')) {
        None if request.start_from_head == Some(true) => (true, 0),
        None => (false, events.len()),
        Some(Some(("f", token))) => (true, position(token)?),
        Some(Some(("b", token))) => (false, position(token)?),
        Some(_) => return Err(invalid("The specified nextToken is invalid.")),
    };
    let place = place.min(events.len());
    let mut room = PAGE_BYTES;
    let mut fits = |event: &&Event| match room.checked_sub(event.m.len() + 26) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let (begin, end) = if forward {
        let count = events.iter().skip(place).take(limit).take_while(&mut fits).count();
        (place, place + count)
    } else {
        let count = events.iter().take(place).rev().take(limit).take_while(&mut fits).count();
        (place - count, place)
    };
    let told = events.get(begin..end).unwrap_or_default();
    let told = told.iter().map(|event| json!({ "timestamp": event.t, "ingestionTime": event.i, "message": event.m }));
    Ok(json!({
        "events": told.collect::<Vec<_>>(),
        "nextForwardToken": format!("f/{end}"),
        "nextBackwardToken": format!("b/{begin}"),
    }))
}
