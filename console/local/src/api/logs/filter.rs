//! `FilterLogEvents`: the events of a group's streams, merged by time, in pages.

use std::{io, sync::Arc};

use merge::{Merge, Place};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    events::{BLOCK, PAGE_BYTES, PAGE_EVENTS},
    page::{self, limit, place, token},
};
use crate::{
    http::error::ApiError,
    store::logs::{Logs, error::invalid, group::Group, pattern::Pattern, stream::Stream},
};

mod merge;

/// Maximum number of bytes of the files that are read for one page, weighted with the pattern's
/// cost: after that the page is returned as it is, even if it is empty, with a token.
const SCAN_BYTES: usize = 16 << 20;
/// Time from which newest first is possible: the first of January 2024, UTC.
const NEWEST_FIRST_SINCE: i64 = 1_704_067_200_000;

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

/// `FilterLogEvents`.
pub(super) fn filter(logs: &Logs, request: &FilterRequest) -> Result<Value, ApiError> {
    let limit = limit(request.limit, PAGE_EVENTS, PAGE_EVENTS)?;
    let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
    let after: Option<Place> = request.next_token.as_deref().map(place).transpose()?;
    // The first request decides the direction, then the token does.
    let forward =
        after.as_ref().map_or(request.start_from_head != Some(false), |place| place.forward);
    if request.start_from_head == Some(false)
        && request.start_time.is_none_or(|time| time < NEWEST_FIRST_SINCE)
    {
        return Err(invalid(
            "Setting startFromHead to false is supported only when startTime is on or after Jan 1, \
            2024 00:00:00 UTC.",
        ));
    }
    let group =
        page::group(logs, request.log_group_name.as_ref(), request.log_group_identifier.as_ref())?;
    let streams = streams(&group, request)?;
    let times =
        request.start_time.unwrap_or(0).max(group.horizon())..=request.end_time.unwrap_or(i64::MAX);
    let merge = Merge::new(&streams, times, forward, after, BLOCK);
    matching(merge, &pattern, limit)
        .map_err(|error| ApiError::service("could not read log events", &error))
}

/// Returns the streams that a request names, in the order of their names.
fn streams(group: &Group, request: &FilterRequest) -> Result<Vec<Arc<Stream>>, ApiError> {
    match (&request.log_stream_names, &request.log_stream_name_prefix) {
        (Some(_), Some(_)) => {
            Err(invalid("logStreamNames and logStreamNamePrefix exclude each other"))
        }
        (Some(names), None) => {
            if names.is_empty() || names.len() > 100 {
                return Err(invalid(format!(
                    "logStreamNames has {} names; it must have 1 to 100",
                    names.len()
                )));
            }
            let mut streams =
                names.iter().map(|name| group.stream(name)).collect::<Result<Vec<_>, _>>()?;
            streams.sort_by(|one, other| one.name.cmp(&other.name));
            streams.dedup_by(|one, other| one.name == other.name);
            Ok(streams)
        }
        (None, prefix) => {
            let mut streams = group
                .streams()
                .map_err(|error| ApiError::service("could not read a log group", &error))?;
            streams.retain(|stream| {
                prefix.as_ref().is_none_or(|prefix| stream.name.starts_with(prefix))
            });
            Ok(streams)
        }
    }
}

/// Builds the next page.
fn matching(mut merge: Merge<'_>, pattern: &Pattern, limit: usize) -> io::Result<Value> {
    let mut found = Vec::new();
    let mut bytes = 0;
    let complete = loop {
        if found.len() == limit || merge.fetched() * pattern.weight() > SCAN_BYTES {
            break merge.is_done();
        }
        let (stream, event) = match merge.next() {
            Ok(Some(next)) => next,
            Ok(None) => break true,
            // A stream's file was replaced or removed: the next page continues with its current
            // content.
            Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => break false,
            Err(error) => return Err(error),
        };
        if pattern.matches(&event.m) {
            if bytes + event.size() > PAGE_BYTES && !found.is_empty() {
                // The event that no longer fits is the first of the next page.
                merge.put_back();
                break false;
            }
            bytes += event.size();
            found.push(json!({
                "logStreamName": stream.name,
                "timestamp": event.t,
                "message": event.m,
                "ingestionTime": event.i,
                "eventId": stream.id(event.t, event.n),
            }));
        }
    };
    let mut value = json!({ "events": found, "searchedLogStreams": [] });
    if !complete {
        value["nextToken"] = token(&merge.place()).into();
    }
    Ok(value)
}
