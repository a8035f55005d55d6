//! `FilterLogEvents`: the events of a group's streams, merged by time, in pages.

use super::{
    Logs,
    events::{PAGE_BYTES, PAGE_EVENTS},
    invalid, limit,
    pattern::Pattern,
    stream::{Event, Events, Stream},
};
use crate::fault::Fault;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BinaryHeap, io, sync::Arc};

/// How many bytes of the files one page may take to find: then it is told as it is, be it empty, with a token.
const SCAN_BYTES: usize = 32 << 20;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FilterRequest {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
}

/// The place of an event among all of the group, in the order that they are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    time: i64,
    stream: String,
    number: u64,
}

impl Place {
    fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.time, self.stream, self.number]).to_string())
    }

    fn of_token(token: &str) -> Result<Self, Fault> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let parts = bytes.and_then(|bytes| serde_json::from_slice::<(i64, String, u64)>(&bytes).ok());
        let (time, stream, number) = parts.ok_or_else(|| invalid("The specified nextToken is invalid."))?;
        Ok(Self { time, stream, number })
    }
}

/// A stream's next event. A stream is opened when its first event's time is reached, so that few are open at once.
struct Head {
    stream: Arc<Stream>,
    opened: Option<Opened>,
}

/// The rest of a stream, its next event, and the bytes read for that.
type Opened = (Events, Event, usize);

/// `FilterLogEvents`.
pub(super) fn filter(logs: &Logs, request: &FilterRequest) -> Result<Value, Fault> {
    let limit = limit(request.limit, PAGE_EVENTS, PAGE_EVENTS)?;
    if request.start_from_head == Some(false) {
        return Err(invalid("startFromHead=false is not served by the local Lambda: events come oldest first"));
    }
    let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
    let after = request.next_token.as_deref().map(Place::of_token).transpose()?;
    let identifier = request.log_group_identifier.as_ref().or(request.log_group_name.as_ref());
    let group = logs.group(identifier.ok_or_else(|| invalid("logGroupName or logGroupIdentifier is missing"))?)?;
    let streams = match (&request.log_stream_names, &request.log_stream_name_prefix) {
        (Some(_), Some(_)) => return Err(invalid("logStreamNames and logStreamNamePrefix exclude each other")),
        (Some(names), None) => names.iter().map(|name| group.stream(name)).collect::<Result<Vec<_>, _>>()?,
        (None, prefix) => {
            let mut streams = group.streams().map_err(|error| failed(&error))?;
            streams.retain(|stream| prefix.as_ref().is_none_or(|prefix| stream.name.starts_with(prefix)));
            streams
        }
    };
    let start = request.start_time.unwrap_or(i64::MIN).max(group.horizon());
    let query = Query { start, end: request.end_time.unwrap_or(i64::MAX), after, pattern, limit };
    query.run(streams).map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> Fault {
    Fault::service("could not read log events", error)
}

/// What is looked for.
struct Query {
    start: i64,
    /// The last millisecond that counts.
    end: i64,
    after: Option<Place>,
    pattern: Pattern,
    limit: usize,
}

impl Query {
    fn run(&self, streams: Vec<Arc<Stream>>) -> io::Result<Value> {
        let from = self.after.as_ref().map_or(self.start, |after| after.time.max(self.start));
        let mut heads: Vec<Head> = Vec::new();
        let mut order = BinaryHeap::new();
        for stream in streams {
            let extent = stream.extent();
            let (Some(first), Some(last)) = (extent.first, extent.last) else { continue };
            if last >= from && first <= self.end {
                order.push(Reverse((
                    Place { time: first.max(from), stream: stream.name.clone(), number: 0 },
                    heads.len(),
                )));
                heads.push(Head { stream, opened: None });
            }
        }
        let mut found = Vec::new();
        let (mut bytes, mut scanned) = (0, 0);
        let mut last = self.after.clone();
        while let Some(Reverse((place, index))) = order.pop() {
            if place.time > self.end {
                break;
            }
            let Some(head) = heads.get_mut(index) else { continue };
            let Head { stream, opened } = head;
            let reader = match opened.take() {
                None => stream.read(place.time)?,
                Some((reader, event, read)) => {
                    let matching = self.pattern.matches(&event.m);
                    let size = event.m.len() + 26;
                    // The event that no longer fits begins the next page.
                    if found.len() == self.limit || (matching && bytes + size > PAGE_BYTES) || scanned > SCAN_BYTES {
                        return Ok(answer(&found, last.as_ref()));
                    }
                    scanned += read;
                    if matching {
                        bytes += size;
                        found.push(json!({
                            "logStreamName": stream.name,
                            "timestamp": event.t,
                            "message": event.m,
                            "ingestionTime": event.i,
                            "eventId": stream.event_id(&event),
                        }));
                    }
                    last = Some(place);
                    reader
                }
            };
            if let Some((place, next)) = self.advance(stream, reader)? {
                *opened = Some(next);
                order.push(Reverse((place, index)));
            }
        }
        Ok(answer(&found, None))
    }

    /// The next event of a stream that no page has told yet.
    fn advance(&self, stream: &Stream, mut reader: Events) -> io::Result<Option<(Place, Opened)>> {
        while let Some((event, read)) = reader.next()? {
            let place = Place { time: event.t, stream: stream.name.clone(), number: event.n };
            if self.after.as_ref().is_none_or(|after| place > *after) {
                return Ok(Some((place, (reader, event, read))));
            }
        }
        Ok(None)
    }
}

fn answer(events: &[Value], next: Option<&Place>) -> Value {
    let mut value = json!({ "events": events, "searchedLogStreams": [] });
    if let Some(place) = next {
        value["nextToken"] = place.token().into();
    }
    value
}
