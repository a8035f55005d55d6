//! Reads functions' logs: existing lines ([`fetch`]) and new ones ([`tail()`]).

use std::collections::{HashMap, HashSet};

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Failure, FailureKind, LogFix, LogLine, LogMark, Sample, TailState, text::clean,
};
use tokio_util::sync::CancellationToken;

use self::{
    group::{Group, groups},
    merge::Entry,
    pages::{Range, pattern},
    platform_lines::Requests,
};
use crate::{
    Job,
    aws::{
        error::present,
        log_group,
        retry::{LOGS, retry},
        stage::Stage,
    },
};

mod group;
mod live;
mod merge;
mod pages;
pub mod platform_lines;
mod tail;
#[cfg(test)]
mod tests;
mod wait;

pub use tail::tail;

/// Longest time between the start of a sandbox's init and its first request, in milliseconds: an
/// init has 10 s, and Lambda repeats one that failed.
const INIT: i64 = 30_000;

/// Selection of log lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// The functions' names in the workspace.
    pub functions: Vec<String>,
    /// Lines at or after this time, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Only lines that contain this text.
    pub filter: Option<String>,
    /// Only lines of this request.
    pub request_id: Option<String>,
}

impl LogQuery {
    /// Summary of the failure if the logs were not found.
    fn failed(&self) -> String {
        format!("could not find the logs of {}", self.functions.join(", "))
    }
}

/// Event of a tail.
#[derive(Clone, Debug, PartialEq)]
pub enum TailEvent {
    /// New lines, in order; they may be older than lines that were reported before.
    Lines(Vec<LogLine>),
    /// Corrections of lines that were reported before.
    Fixes(Vec<LogFix>),
    /// Lines were missed, or have been filled in.
    Marked(LogMark),
    /// The figures of invocations, by function.
    Samples(Vec<(String, Sample)>),
    /// State of the tail.
    State(TailState),
}

/// Returns the lines that `query` selects, in order, from all pages. A function without logs yet
/// has none.
///
/// # Errors
/// Returns an error if the stage cannot be reached, or not for all functions, or if the job was
/// cancelled.
#[boxed]
pub async fn fetch(stage: &Stage, query: &LogQuery, job: &Job) -> Result<Vec<LogLine>, Failure> {
    let (lines, refused) = fetch_allowed(stage, query, job).await?;
    match refused.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => Ok(lines),
    }
}

/// Returns `true` if the function named `name` has its default log group on the stage, also after
/// its deletion, or if that cannot be read.
#[boxed]
pub async fn has_group(stage: &Stage, name: &str) -> bool {
    let group = &log_group::default(&stage.remote_name(name));
    let groups = stage
        .call(|clients| async move {
            clients.logs().describe_log_groups().log_group_name_prefix(group).send().await
        })
        .await;
    groups.map_or(true, |found| {
        found.log_groups().iter().any(|found| found.log_group_name() == Some(group))
    })
}

/// As [`fetch`], with the functions whose logs this caller may not read.
///
/// # Errors
/// Returns an error if the stage cannot be reached, or the job was cancelled.
#[boxed]
pub async fn fetch_allowed(
    stage: &Stage,
    query: &LogQuery,
    job: &Job,
) -> Result<(Vec<LogLine>, Vec<(String, Failure)>), Failure> {
    let read = async {
        let groups = groups(stage, &query.functions).await;
        let groups = groups.map_err(|error| error.into_failure(query.failed()))?;
        entries(stage, &groups, query).await
    };
    let (entries, refused) = tokio::select! {
        biased;
        () = job.cancel.cancelled() => return Err(Failure::interrupted("could not read the logs")),
        read = read => read?,
    };
    let mut requests = Requests::default();
    let mut lines: Vec<LogLine> =
        entries.into_iter().map(|entry| assign(&mut requests, entry.line)).collect();
    if let Some(id) = &query.request_id {
        link_init(&mut lines, id);
    }
    lines.retain(|line| is_meant(query, line));
    Ok((lines, refused))
}

/// Assigns the lines of an init to the request that it was for: the first one of its sandbox.
fn link_init(lines: &mut [LogLine], id: &str) {
    let mut started: HashMap<String, usize> = HashMap::new();
    for index in 0..lines.len() {
        let (before, line) = lines.split_at_mut(index);
        let Some(line) = line.first() else { return };
        if platform_lines::is_init_start(&line.message) {
            started.insert(line.stream.clone(), index);
        } else if let Some(mark) = platform_lines::mark(&line.message)
            && let Some(from) = started.remove(&line.stream)
            && mark.request_id() == id
        {
            let of_init = before.iter_mut().skip(from).filter(|other| other.stream == line.stream);
            of_init.for_each(|line| line.request_id = Some(id.to_owned()));
        }
    }
}

/// Assigns a line to its request.
fn assign(requests: &mut Requests, mut line: LogLine) -> LogLine {
    line.request_id = requests.assign(&line.stream, &line.message);
    line
}

fn is_meant(query: &LogQuery, line: &LogLine) -> bool {
    query.request_id.as_ref().is_none_or(|id| line.request_id.as_ref() == Some(id))
        && query.filter.as_ref().is_none_or(|text| clean(&line.message).contains(text))
}

/// All entries of the groups since `query.since`, oldest first. The text is filtered here and not
/// by the service, because the surrounding lines show the request that a line belongs to.
async fn entries(
    stage: &Stage,
    groups: &[Group],
    query: &LogQuery,
) -> Result<(Vec<Entry>, Vec<(String, Failure)>), Failure> {
    let asks: Vec<_> =
        groups.iter().map(|group| group_entries(stage, group, query).boxed()).collect();
    let answers: Vec<Result<Vec<Entry>, Failure>> = stream::iter(asks).buffered(4).collect().await;
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for (group, answer) in groups.iter().zip(answers) {
        match answer {
            Err(failure) if failure.kind == FailureKind::Denied => {
                refused.push((group.names(), failure));
            }
            answer => all.append(&mut answer?),
        }
    }
    // Stable: lines of one stream keep the service's order.
    all.sort_by_key(|entry| entry.line.timestamp);
    let mut ranks: HashMap<(i64, String), i64> = HashMap::new();
    for Entry { line, .. } in &mut all {
        let rank = ranks.entry((line.timestamp, line.stream.clone())).or_default();
        line.rank = *rank;
        *rank += 1;
    }
    Ok((all, refused))
}

async fn group_entries(
    stage: &Stage,
    group: &Group,
    query: &LogQuery,
) -> Result<Vec<Entry>, Failure> {
    let all = Range { number: 0, group, since: query.since, pattern: None, stream: None };
    let Some(id) = &query.request_id else {
        return pages(stage, all).await;
    };
    // The platform's own lines name the request; the function's are those between them in their
    // streams.
    let named = pages(stage, Range { pattern: Some(&pattern(id)), ..all }).await?;
    let streams: HashSet<&str> = named.iter().map(|entry| entry.line.stream.as_str()).collect();
    let Some(first) = named.iter().map(|entry| entry.line.timestamp).min() else {
        return Ok(named);
    };
    let mut entries = Vec::new();
    for stream in streams {
        let since = first.saturating_sub(INIT).max(query.since);
        entries.append(&mut pages(stage, Range { since, stream: Some(stream), ..all }).await?);
    }
    Ok(entries)
}

/// Every page of one range, each event once.
async fn pages(stage: &Stage, range: Range<'_>) -> Result<Vec<Entry>, Failure> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    let mut seen = HashSet::new();
    // A job that is cancelled drops this future.
    let cancel = CancellationToken::new();
    loop {
        let page = retry(&LOGS, &cancel, || pages::page(stage, range, token.clone())).await;
        let Some((entries, next)) = present(page).map_err(|error| {
            error.into_failure(format!("could not read the logs of {}", range.group.names()))
        })?
        else {
            return Ok(all);
        };
        all.extend(
            entries.into_iter().filter(|entry| entry.id.clone().is_none_or(|id| seen.insert(id))),
        );
        token = next;
        if token.is_none() {
            return Ok(all);
        }
    }
}
