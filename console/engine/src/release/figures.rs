//! What each version's invocations cost and how many of them failed, from the function's logs.
//!
//! The name of a log stream says which version wrote it. Only the lines that count are asked for: reports, and those that
//! tell of errors, because a report in text does not say that the function itself answered with one.
//! Source: AWS Lambda developer guide, "Configuring `CloudWatch` log groups" (the names of streams).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use lambda_console_model::{Failure, Percentiles, VersionFigures};

use crate::{aws::stage::Stage, logs::platform_lines};

/// Parts of lines that tell of a failed invocation.
const ERRORS: [&str; 5] = ["ERROR", "Task timed out", "Runtime exited", "errorType", "panicked at"];
/// Parts of lines that end an invocation with its figures.
const REPORTS: [&str; 2] = ["REPORT RequestId", "platform.report"];
/// The most pages that are read at once, each of at most 10,000 lines: the newest ones.
const MOST_PAGES: usize = 25;
/// Before this time, 2024-01-01, the service gives no newest lines first.
const EARLIEST: i64 = 1_704_067_200_000;
/// Lines can come into the group after younger ones.
pub(super) const OVERLAP: i64 = 60_000;

/// Figures by version, of the lines taken so far. A line that is taken twice counts once.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seen: HashSet<u64>,
    versions: HashMap<String, Counts>,
    /// Requests, by id, and streams whose running request has told of an error.
    wrong: HashSet<String>,
    /// What this version did before that time does not count.
    skipped: Option<(String, i64)>,
}

#[derive(Debug, Default)]
struct Counts {
    invocations: u64,
    failed: u64,
    init: Vec<f64>,
    duration: Vec<f64>,
}

/// One line as it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Lambda's name of it, where it has one.
    pub(super) id: Option<&'a str>,
    pub(super) stream: &'a str,
    pub(super) timestamp: i64,
    pub(super) message: &'a str,
}

impl Tally {
    /// Counts what `version` did from that time on, and of the others all.
    pub(super) fn not_before(version: &str, time: i64) -> Self {
        Self { skipped: Some((version.to_owned(), time)), ..Self::default() }
    }

    /// Counts a line of `function`. Lines of one stream must come in their order.
    pub(super) fn take(&mut self, function: &str, line: Line<'_>) {
        let Some(version) = version_of(line.stream, function) else { return };
        if self.skipped.as_ref().is_some_and(|(skipped, time)| version == skipped && line.timestamp < *time) {
            return;
        }
        if !self.seen.insert(fingerprint(line)) {
            return;
        }
        let Some((id, figures)) = platform_lines::report(line.message) else {
            if is_error(line.message) {
                let request = platform_lines::request_id(line.message);
                self.wrong.insert(request.unwrap_or_else(|| line.stream.to_owned()));
            }
            return;
        };
        let told = [self.wrong.remove(&id), self.wrong.remove(line.stream)].contains(&true);
        let counts = self.versions.entry(version.to_owned()).or_default();
        counts.invocations += 1;
        counts.failed += u64::from(told || says_failed(line.message));
        counts.init.extend(figures.init_ms);
        counts.duration.push(figures.duration_ms);
    }

    /// The figures of one version.
    pub(super) fn of(&self, version: &str) -> VersionFigures {
        let Some(counts) = self.versions.get(version) else { return VersionFigures::default() };
        VersionFigures {
            invocations: counts.invocations,
            failed: counts.failed,
            cold: counts.init.len() as u64,
            init_ms: Percentiles::of(counts.init.iter().copied()),
            duration_ms: Percentiles::of(counts.duration.iter().copied()),
        }
    }
}

/// The version that a stream is of: `2026/11/21/[7]0123…`, and in a group that the function was given,
/// `2026/11/21/name[7][0123…]`. None for another function's.
fn version_of<'a>(stream: &'a str, function: &str) -> Option<&'a str> {
    let (before, rest) = stream.split_once('[')?;
    let name = before.rsplit('/').next().unwrap_or_default();
    if !name.is_empty() && name != function {
        return None;
    }
    rest.split_once(']').map(|(version, _)| version)
}

fn fingerprint(line: Line<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match line.id {
        Some(id) => id.hash(&mut hasher),
        None => (line.stream, line.timestamp, line.message).hash(&mut hasher),
    }
    hasher.finish()
}

fn is_error(message: &str) -> bool {
    ERRORS.iter().any(|word| message.contains(word))
}

/// A report that says itself that the invocation failed: in text by a status, which is left out where all went well, or
/// in JSON.
fn says_failed(message: &str) -> bool {
    if !message.trim_start().starts_with('{') {
        return message.contains("\tStatus: ") && !message.contains("\tStatus: success");
    }
    let record: serde_json::Value = serde_json::from_str(message).unwrap_or_default();
    record["record"]["status"].as_str().is_some_and(|status| status != "success")
}

/// The figures of `function`'s versions since then, from these log groups.
pub(super) async fn since(
    stage: &Stage,
    function: &str,
    groups: &BTreeSet<String>,
    since: i64,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    read(stage, function, groups, since, &mut tally).await?;
    Ok(tally)
}

/// Adds the lines since then to `tally`; with the time of the newest one.
pub(super) async fn read(
    stage: &Stage,
    function: &str,
    groups: &BTreeSet<String>,
    since: i64,
    tally: &mut Tally,
) -> Result<i64, Failure> {
    let mut newest = since;
    for group in groups {
        newest = newest.max(read_group(stage, function, group, since, tally).await?);
    }
    Ok(newest)
}

async fn read_group(stage: &Stage, function: &str, group: &str, since: i64, tally: &mut Tally) -> Result<i64, Failure> {
    let pattern = &pattern();
    let (mut newest, mut token) = (since, None::<String>);
    let mut pages: Vec<Vec<FilteredLogEvent>> = Vec::new();
    for _ in 0..MOST_PAGES {
        let from = &token;
        let answer = stage
            .call(|clients| async move {
                clients
                    .logs()
                    .filter_log_events()
                    .log_group_name(group)
                    .start_time(since.max(EARLIEST))
                    .filter_pattern(pattern)
                    .start_from_head(false)
                    .set_next_token(from.clone())
                    .send()
                    .await
            })
            .await;
        let page = match answer {
            // Nothing ran yet.
            Err(error) if error.is_not_found() => break,
            other => other.map_err(|error| error.into_failure(format!("could not read the logs of {function}")))?,
        };
        token = page.next_token().map(str::to_owned);
        pages.push(page.events.unwrap_or_default());
        if token.is_none() {
            break;
        }
    }
    let mut lines: Vec<FilteredLogEvent> = pages.into_iter().flatten().collect();
    // Stable: of one time and stream, the order is the service's.
    lines.sort_by_key(|line| line.timestamp().unwrap_or_default());
    for line in &lines {
        let timestamp = line.timestamp().unwrap_or_default();
        newest = newest.max(timestamp);
        let stream = line.log_stream_name().unwrap_or_default();
        let message = line.message().unwrap_or_default();
        tally.take(function, Line { id: line.event_id(), stream, timestamp, message });
    }
    Ok(newest)
}

/// Lines with any of the words: `?"ERROR" ?"…"`.
fn pattern() -> String {
    REPORTS.iter().chain(&ERRORS).map(|word| format!("?\"{word}\"")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: &str = "2026/11/21/[7]0123456789abcdef0123456789abcdef";
    const EIGHT: &str = "2026/11/21/[8]fedcba9876543210fedcba9876543210";
    const ID: &str = "8f0c2d6e-1f7a-4a52-9f55-5b0d6a6a1c11";

    fn take(tally: &mut Tally, stream: &str, timestamp: i64, message: &str) {
        tally.take("hello", Line { id: None, stream, timestamp, message });
    }

    fn report(id: &str, more: &str) -> String {
        format!(
            "REPORT RequestId: {id}\tDuration: 2.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\t{more}\n"
        )
    }

    #[test]
    fn a_stream_says_its_version() {
        assert_eq!(version_of(SEVEN, "hello"), Some("7"));
        assert_eq!(version_of("2026/11/21/[$LATEST]01", "hello"), Some("$LATEST"));
        assert_eq!(version_of("2026/11/21/hello[72][01]", "hello"), Some("72"));
        assert_eq!(version_of("2026/11/21/other[72][01]", "hello"), None, "several functions share a group");
        assert_eq!(version_of("my-own-stream", "hello"), None);
    }

    #[test]
    fn figures_are_kept_apart_by_version() {
        let mut tally = Tally::default();
        take(&mut tally, SEVEN, 1, &report("a", "Init Duration: 10.00 ms\t"));
        take(&mut tally, EIGHT, 2, &report("b", "Init Duration: 30.00 ms\t"));
        take(&mut tally, EIGHT, 3, &report("c", ""));
        let (seven, eight) = (tally.of("7"), tally.of("8"));
        assert_eq!((seven.invocations, seven.cold, seven.init_ms.unwrap().p50), (1, 1, 10.0));
        assert_eq!((eight.invocations, eight.cold, eight.init_ms.unwrap().p99), (2, 1, 30.0));
        assert_eq!(tally.of("9"), VersionFigures::default());
    }

    #[test]
    fn a_line_that_comes_twice_counts_once() {
        let mut tally = Tally::default();
        let line = Line { id: Some("1"), stream: SEVEN, timestamp: 1, message: &report("a", "") };
        tally.take("hello", line);
        tally.take("hello", line);
        take(&mut tally, SEVEN, 2, &report("b", ""));
        take(&mut tally, SEVEN, 2, &report("b", ""));
        assert_eq!(tally.of("7").invocations, 2);
    }

    #[test]
    fn what_an_earlier_canary_did_does_not_count() {
        let mut tally = Tally::not_before("8", 10);
        for (stream, time) in [(SEVEN, 5), (EIGHT, 9), (EIGHT, 10)] {
            take(&mut tally, stream, time, &report(&format!("{stream}{time}"), ""));
        }
        assert_eq!((tally.of("7").invocations, tally.of("8").invocations), (1, 1));
    }

    #[test]
    fn every_way_to_fail_is_counted_once_an_invocation() {
        let json = |status: &str| {
            format!(
                r#"{{"time":"t","type":"platform.report","record":{{"requestId":"{ID}","status":"{status}","metrics":{{"durationMs":1.5}}}}}}"#
            )
        };
        for (lines, failed) in [
            (vec![report("a", "")], 0),
            (vec![report("a", "Status: timeout\t")], 1),
            (vec![report("a", "Status: error\tError Type: Runtime.ExitError\t")], 1),
            (vec!["t\ta\tERROR\tno luck\n".to_owned(), "more ERROR".to_owned(), report("a", "")], 1),
            (vec![format!("RequestId: {ID} Error: Runtime exited with error: exit status 1"), report(ID, "")], 1),
            (vec![json("success")], 0),
            (vec![json("timeout")], 1),
            (
                vec![
                    format!(
                        r#"{{"type":"platform.runtimeDone","record":{{"requestId":"{ID}","status":"error","errorType":"X"}}}}"#
                    ),
                    json("error"),
                ],
                1,
            ),
            (vec!["t\ta\tERROR\tof the first\n".to_owned(), report("a", ""), report("b", "")], 1),
        ] {
            let mut tally = Tally::default();
            for (at, line) in lines.iter().enumerate() {
                take(&mut tally, SEVEN, at as i64, line);
            }
            assert_eq!(tally.of("7").failed, failed, "{lines:?}");
        }
    }

    #[test]
    fn an_error_of_one_sandbox_is_not_that_of_another() {
        let mut tally = Tally::default();
        take(&mut tally, SEVEN, 1, "ERROR\tno luck");
        take(&mut tally, EIGHT, 2, &report("b", ""));
        take(&mut tally, SEVEN, 3, &report("a", ""));
        assert_eq!((tally.of("7").failed, tally.of("8").failed), (1, 0));
    }
}
