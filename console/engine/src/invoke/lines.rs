//! The log lines of an invocation: the 4 KB tail that came with its response, and those that are
//! read from the logs.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::{Failure, FailureKind, LogLine, Report, RequestLog};
use tokio::time::Instant;

use crate::{
    Job,
    aws::{retry::pause, stage::Stage},
    logs::{
        self, LogQuery,
        platform_lines::{self, Mark},
    },
};

/// A tail that is shorter has all lines of the invocation.
/// Source: AWS Lambda API reference, `LogResult`: "The last 4 KB of the execution log".
const TAIL: usize = 4096;
/// The first wait for lines, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The tail from Invoke's answer.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) lines: Vec<String>,
    pub(super) report: Option<Report>,
    pub(super) is_whole: bool,
}

impl Tail {
    /// Reads the tail of the request from its base64.
    pub(super) fn read(encoded: Option<&str>, request_id: &str) -> Self {
        let bytes = BASE64_STANDARD.decode(encoded.unwrap_or_default()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        // A durable function's result names its log, and contains no line of it.
        if text.starts_with('{')
            && text.contains("\"logStreamName\"")
            && platform_lines::mark(&text).is_none()
        {
            return Self::default();
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let report = report_in(lines.iter().map(String::as_str), request_id);
        let has_start = begins(lines.iter().map(String::as_str), request_id);
        let is_whole = report.is_some() && (bytes.len() < TAIL || has_start);
        Self { lines, report, is_whole }
    }
}

/// The figures of the request, if its REPORT is among the lines.
fn report_in<'a>(lines: impl Iterator<Item = &'a str>, request_id: &str) -> Option<Report> {
    lines
        .filter_map(platform_lines::report)
        .filter(|(id, _)| id == request_id)
        .map(|(_, report)| report)
        .last()
}

/// Returns `true` if the request's START is among the lines.
fn begins<'a>(mut lines: impl Iterator<Item = &'a str>, request_id: &str) -> bool {
    lines
        .any(|line| matches!(platform_lines::mark(line), Some(Mark::Start(id)) if id == request_id))
}

/// Queries the logs for the lines of a request until its REPORT arrives, at most for `patience`,
/// and passes on new lines each time. `since` is the start of the request.
///
/// # Errors
/// Returns an error if the logs cannot be read (the last reason, if it may have been temporary),
/// the REPORT did not arrive, or the job was cancelled.
pub async fn link(
    stage: &Stage,
    function: &str,
    request_id: &str,
    since: i64,
    patience: Duration,
    mut on_lines: impl FnMut(RequestLog),
    job: &Job,
) -> Result<RequestLog, Failure> {
    let what = format!("could not read the log lines of request {request_id}");
    let query = LogQuery {
        functions: vec![function.to_owned()],
        // The clocks of this machine and of the stage may differ.
        since: since - 60_000,
        filter: None,
        request_id: Some(request_id.to_owned()),
    };
    let (deadline, mut wait, mut known) = (Instant::now() + patience, WAITS.0, 0);
    loop {
        let answer = logs::fetch(stage, &query, job).await;
        let is_late = Instant::now() + wait > deadline;
        match answer {
            Ok(lines) => {
                let log = log_of(lines, request_id);
                // A START that does not arrive in time does not change that the REPORT is the end.
                if log.is_whole || (is_late && log.report.is_some()) {
                    return Ok(RequestLog { is_whole: true, ..log });
                }
                if is_late {
                    let why =
                        format!("its REPORT line did not arrive within {} s", patience.as_secs());
                    return Err(Failure::work(what, why, "ask for its logs later"));
                }
                if log.lines.len() > known {
                    known = log.lines.len();
                    on_lines(log);
                }
            }
            // The logs may be busy; a retry helps with no other error.
            Err(failure) if failure.kind == FailureKind::Work && !is_late => {}
            Err(failure) => return Err(failure),
        }
        if !pause(wait, &job.cancel).await {
            return Err(Failure::interrupted(what));
        }
        wait = (wait * 2).min(WAITS.1);
    }
}

fn log_of(lines: Vec<LogLine>, request_id: &str) -> RequestLog {
    let texts = || lines.iter().map(|line| line.message.as_str());
    let report = report_in(texts(), request_id);
    let is_whole = report.is_some() && begins(texts(), request_id);
    RequestLog { lines, report, is_whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str) -> Tail {
        Tail::read(Some(&BASE64_STANDARD.encode(text)), "a")
    }

    #[test]
    fn the_report_is_the_one_of_the_request() {
        let lines = ["REPORT RequestId: a\tDuration: 1 ms", "REPORT RequestId: b\tDuration: 2 ms"];
        let of = |id| report_in(lines.into_iter(), id).map(|report| report.duration_ms);
        assert_eq!((of("a"), of("b"), of("c")), (Some(1.0), Some(2.0), None));
    }

    #[test]
    fn a_tail_is_whole_when_nothing_of_it_was_cut_off() {
        let report = "END RequestId: a\nREPORT RequestId: a\tDuration: 1 ms\n";
        assert!(tail(&format!("START RequestId: a Version: 1\n{report}")).is_whole);
        assert!(tail(report).is_whole, "it is shorter than a tail may be");
        let long = "x".repeat(TAIL);
        assert!(!tail(&format!("{long}\n{report}")).is_whole);
        assert!(tail(&format!("START RequestId: a Version: 1\n{long}\n{report}")).is_whole);
        assert!(!tail("START RequestId: a Version: 1\n").is_whole, "the report is still to come");
        assert!(!Tail::read(None, "a").is_whole);
    }

    #[test]
    fn the_tail_of_a_durable_function_has_no_line() {
        let tailed = tail(r#"{"logGroup":"/aws/lambda/x","logStreamName":"2026/11/21/[1]abc"}"#);
        assert!(tailed.lines.is_empty() && !tailed.is_whole);
    }
}
