//! Cost and failures of each version's invocations: from the function's logs, and from the metric
//! `Errors`.
//!
//! The name of a log stream contains the version that wrote it. Only lines of the platform count: a
//! REPORT with its status, and lines with the reason why a request failed. A REPORT in text has no
//! status if the function itself returned an error; the metric covers those. Source: AWS Lambda
//! developer guide, "Configuring `CloudWatch` log groups" (the names of streams).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use lambda_console_model::{Failure, Percentiles, VersionFigures};

use crate::{
    aws::{
        metrics::{self, Errors},
        stage::Stage,
    },
    logs::platform_lines,
};

/// Parts of lines that count: those that end an invocation with its figures, and those with the
/// reason of a failure.
const WANTED: [&str; 4] =
    ["REPORT RequestId", "platform.report", "Task timed out", "Error: Runtime"];
/// Maximum number of pages that are read at once, each of at most 10,000 lines: the newest ones.
const MOST_PAGES: usize = 25;
/// Before this time, 2024-01-01, the service does not return the newest lines first.
const EARLIEST: i64 = 1_704_067_200_000;
/// Milliseconds by which a line may be stored later than newer ones.
pub(super) const OVERLAP: i64 = 60_000;
/// Milliseconds after its REPORT within which a line with the reason of a request's failure may
/// come. A retry of the same request comes later.
const AFTER: i64 = 1_000;

/// Source of the figures of a function's versions.
pub(super) struct Source {
    /// Log groups of the versions.
    pub(super) groups: BTreeSet<String>,
    /// The aliases, each with the version that it points to.
    pub(super) aliases: Vec<(String, String)>,
    /// `true` if reports are text, which lacks the status of some requests.
    pub(super) is_text: bool,
}

/// Figures by version, of the lines added so far. A line that is added twice counts once.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seen: HashSet<u64>,
    versions: HashMap<String, Counts>,
    /// Requests that failed and have no REPORT yet.
    wrong: HashSet<String>,
    /// The last REPORT of each request.
    ended: HashMap<String, Ended>,
    /// Errors by version, from the metric.
    metric: HashMap<String, u64>,
    /// Version and time before which its invocations do not count.
    skipped: Option<(String, i64)>,
}

#[derive(Debug, Default)]
struct Counts {
    invocations: u64,
    failed: u64,
    init: Vec<f64>,
    duration: Vec<f64>,
}

#[derive(Debug)]
struct Ended {
    version: String,
    time: i64,
    failed: bool,
}

/// One log line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Lambda's ID of it, if it has one.
    pub(super) id: Option<&'a str>,
    pub(super) stream: &'a str,
    pub(super) timestamp: i64,
    pub(super) message: &'a str,
}

impl Tally {
    /// Counts the invocations of `version` from that time on, and all of the others.
    pub(super) fn not_before(version: &str, time: i64) -> Self {
        Self { skipped: Some((version.to_owned(), time)), ..Self::default() }
    }

    /// Adds a line of `function`. Lines of one stream must arrive in their order.
    pub(super) fn take(&mut self, function: &str, line: Line<'_>) {
        let Some(version) = version_of(line.stream, function) else { return };
        if self
            .skipped
            .as_ref()
            .is_some_and(|(skipped, time)| version == skipped && line.timestamp < *time)
        {
            return;
        }
        if !self.seen.insert(fingerprint(line)) {
            return;
        }
        let Some((id, figures)) = platform_lines::report(line.message) else {
            if let Some(id) = platform_lines::failed(line.message) {
                self.fail(id, line.timestamp);
            }
            return;
        };
        let failed = self.wrong.remove(&id) || figures.status.is_some();
        let counts = self.versions.entry(version.to_owned()).or_default();
        counts.invocations += 1;
        counts.failed += u64::from(failed);
        counts.init.extend(figures.init_ms);
        counts.duration.push(figures.duration_ms);
        self.ended.insert(id, Ended { version: version.to_owned(), time: line.timestamp, failed });
    }

    /// Counts a request as failed: the one that has just ended, or the one that is about to.
    fn fail(&mut self, id: &str, time: i64) {
        match self
            .ended
            .get_mut(id)
            .filter(|ended| (ended.time..=ended.time + AFTER).contains(&time))
        {
            Some(ended) if ended.failed => {}
            Some(ended) => {
                ended.failed = true;
                self.versions.entry(ended.version.clone()).or_default().failed += 1;
            }
            None => drop(self.wrong.insert(id.to_owned())),
        }
    }

    /// Replaces the counts of the metric.
    fn measure(&mut self, errors: Vec<Errors>) {
        self.metric.clear();
        for Errors { version, time, count } in errors {
            // The metric has full minutes.
            let is_skipped =
                |(skipped, from): &(String, i64)| *skipped == version && time + 60_000 <= *from;
            if !self.skipped.as_ref().is_some_and(is_skipped) {
                *self.metric.entry(version).or_default() += count;
            }
        }
    }

    /// The figures of one version.
    pub(super) fn of(&self, version: &str) -> VersionFigures {
        let Some(counts) = self.versions.get(version) else { return VersionFigures::default() };
        VersionFigures {
            invocations: counts.invocations,
            // Each may lag behind the other.
            failed: counts
                .failed
                .max(self.metric.get(version).copied().unwrap_or_default())
                .min(counts.invocations),
            cold: counts.init.len() as u64,
            init_ms: Percentiles::of(counts.init.iter().copied()),
            duration_ms: Percentiles::of(counts.duration.iter().copied()),
        }
    }
}

/// The version in the name of a stream: `2026/11/21/[7]0123…`, and in a custom log group,
/// `2026/11/21/name[7][0123…]`. `None` for another function's.
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

/// Adds the lines since the given time to `tally`; returns the time of the newest one.
pub(super) async fn read(
    stage: &Stage,
    function: &str,
    source: &Source,
    since: i64,
    tally: &mut Tally,
) -> Result<i64, Failure> {
    let mut newest = since;
    for group in &source.groups {
        newest = newest.max(read_group(stage, function, group, since, tally).await?);
    }
    Ok(newest)
}

/// Reads the metric since the given time, if the reports are incomplete.
pub(super) async fn measure(
    stage: &Stage,
    function: &str,
    source: &Source,
    since: i64,
    tally: &mut Tally,
) -> Result<(), Failure> {
    if source.is_text && !stage.is_local() {
        let errors = metrics::errors(stage, function, &source.aliases, since).await;
        tally.measure(errors.map_err(|error| {
            error.into_failure(format!(
                "could not read the metric Errors of {function}, which has errors that its \
                reports lack"
            ))
        })?);
    }
    Ok(())
}

async fn read_group(
    stage: &Stage,
    function: &str,
    group: &str,
    since: i64,
    tally: &mut Tally,
) -> Result<i64, Failure> {
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
            // Nothing has run yet.
            Err(error) if error.is_not_found() => break,
            other => other.map_err(|error| {
                error.into_failure(format!("could not read the logs of {function}"))
            })?,
        };
        token = page.next_token().map(str::to_owned);
        pages.push(page.events.unwrap_or_default());
        if token.is_none() {
            break;
        }
    }
    let mut lines: Vec<FilteredLogEvent> = pages.into_iter().flatten().collect();
    // Stable: lines of one time and stream keep the service's order.
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
    WANTED.iter().map(|word| format!("?\"{word}\"")).collect::<Vec<_>>().join(" ")
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
            "REPORT RequestId: {id}\tDuration: 2.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 \
            MB\tMax Memory Used: 9 MB\t{more}\n"
        )
    }

    #[test]
    fn a_stream_has_its_version() {
        assert_eq!(version_of(SEVEN, "hello"), Some("7"));
        assert_eq!(version_of("2026/11/21/[$LATEST]01", "hello"), Some("$LATEST"));
        assert_eq!(version_of("2026/11/21/hello[72][01]", "hello"), Some("72"));
        assert_eq!(
            version_of("2026/11/21/other[72][01]", "hello"),
            None,
            "several functions share a group"
        );
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
        let exited = || {
            format!(
                "RequestId: {ID} Error: Runtime exited with error: exit status \
                1\nRuntime.ExitError\n"
            )
        };
        let timed_out =
            || format!("2026-11-21T10:00:00.000Z {ID} Task timed out after 3.00 seconds\n\n");
        for (lines, failed) in [
            (vec![report("a", "")], 0),
            (vec![report("a", "Status: timeout\t")], 1),
            (vec![report("a", "Status: error\tError Type: Runtime.ExitError\t")], 1),
            (vec![exited(), report(ID, "")], 1),
            (vec![exited(), report(ID, "Status: error\tError Type: Runtime.ExitError\t")], 1),
            // Lines of one millisecond arrive in any order, and the older platform reports the
            // reason after the REPORT.
            (vec![report(ID, ""), exited()], 1),
            (vec![report(ID, "Status: timeout\t"), timed_out()], 1),
            (vec![report(ID, ""), timed_out(), exited()], 1),
            // A retry has the request's id.
            (vec![exited(), report(ID, ""), report(ID, "")], 1),
            (vec![json("success")], 0),
            (vec![json("timeout")], 1),
            (vec![json("error")], 1),
        ] {
            let mut tally = Tally::default();
            for (at, line) in lines.iter().enumerate() {
                take(&mut tally, SEVEN, at as i64, line);
            }
            assert_eq!(tally.of("7").failed, failed, "{lines:?}");
        }
    }

    #[test]
    fn what_a_function_logs_is_no_failure() {
        for line in [
            r#"{"message":"the ERROR log of yesterday","errorType":"x"}"#.to_owned(),
            "t\ta\tERROR\tno luck\n".to_owned(),
            format!("got RequestId: {ID} Error: Runtime exited with error: exit status 1"),
            format!("\"2026-11-21T10:00:00.000Z {ID} Task timed out after 3.00 seconds\""),
            "RequestId: mine Error: Runtime exited".to_owned(),
            format!(
                "thread 'main' panicked at src/main.rs:1:1:\nRequestId: {ID} Error: Runtime exited"
            ),
        ] {
            let mut tally = Tally::default();
            take(&mut tally, SEVEN, 1, &line);
            take(&mut tally, SEVEN, 2, &report(ID, ""));
            assert_eq!(tally.of("7").failed, 0, "{line}");
        }
    }

    #[test]
    fn errors_that_reports_lack_are_those_of_the_metric() {
        let errors = |version: &str, time, count| Errors { version: version.into(), time, count };
        let mut tally = Tally::not_before("8", 90_000);
        for id in ["a", "b", "c"] {
            take(&mut tally, SEVEN, 90_000, &report(id, ""));
            take(&mut tally, EIGHT, 90_000, &report(id, "Status: timeout\t"));
        }
        for _ in 0..2 {
            tally.measure(vec![
                errors("7", 0, 2),
                errors("8", 0, 1),
                errors("8", 60_000, 1),
                errors("9", 0, 1),
            ]);
            let failed = |version: &str| tally.of(version).failed;
            assert_eq!(
                (failed("7"), failed("8"), failed("9")),
                (2, 3, 0),
                "the greater of the two, and no more than ran"
            );
        }
        tally.measure(Vec::new());
        assert_eq!(tally.of("7").failed, 0);
    }
}
