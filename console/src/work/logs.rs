//! Reads functions' logs: what was written ([`fetch`]) and what is being written ([`tail()`]).

use std::collections::{HashMap, HashSet};

use futures_util::{FutureExt, StreamExt, stream};

use super::{
    report::Requests,
    stage::{Stage, call::CallError},
};
use crate::message::{Failure, LogLine};

mod merge;
mod seen;
mod tail;

pub use tail::tail;

/// Which log lines are meant.
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

/// A function's log group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    function: String,
    name: String,
}

/// A line as the service has it, with when it took it in.
#[derive(Clone, Debug)]
struct Entry {
    line: LogLine,
    ingested: i64,
}

/// The lines that `query` means, oldest first, from all pages. A function without logs yet has none.
///
/// # Errors
/// The stage cannot be asked.
pub async fn fetch(stage: &Stage, query: &LogQuery) -> Result<Vec<LogLine>, Failure> {
    let groups = groups(stage, query).await?;
    let entries = entries(stage, &groups, query).await?;
    let mut requests = Requests::default();
    let lines = entries.into_iter().map(|entry| assign(&mut requests, entry.line));
    Ok(lines.filter(|line| is_meant(query, line)).collect())
}

/// Gives a line to the request that it belongs to.
fn assign(requests: &mut Requests, mut line: LogLine) -> LogLine {
    line.request_id = requests.assign(&line.stream, &line.message);
    line
}

fn is_meant(query: &LogQuery, line: &LogLine) -> bool {
    query.request_id.as_ref().is_none_or(|id| line.request_id.as_ref() == Some(id))
        && query.filter.as_ref().is_none_or(|text| line.message.contains(text))
}

/// The log group of each function: the one that it is configured with, or the one that Lambda makes.
async fn groups(stage: &Stage, query: &LogQuery) -> Result<Vec<Group>, Failure> {
    let asks: Vec<_> = query.functions.iter().map(|function| group(stage, function).boxed()).collect();
    stream::iter(asks).buffered(8).collect::<Vec<_>>().await.into_iter().collect()
}

async fn group(stage: &Stage, function: &str) -> Result<Group, Failure> {
    let remote = &stage.remote_name(function);
    let answer = stage
        .call(|clients| async move { clients.lambda().get_function_configuration().function_name(remote).send().await })
        .await;
    let configured = match answer {
        Ok(found) => found.logging_config().and_then(|logging| logging.log_group()).map(str::to_owned),
        // The logs outlive their function.
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into_failure(format!("could not find the logs of {function}"))),
    };
    let name = configured.unwrap_or_else(|| format!("/aws/lambda/{remote}"));
    Ok(Group { function: function.to_owned(), name })
}

/// All entries of the groups since `query.since`, oldest first. The text is looked for here and not by the
/// service, for the lines around tell which request a line belongs to.
async fn entries(stage: &Stage, groups: &[Group], query: &LogQuery) -> Result<Vec<Entry>, Failure> {
    let asks: Vec<_> = groups.iter().map(|group| group_entries(stage, group, query).boxed()).collect();
    let answers: Vec<Result<Vec<Entry>, Failure>> = stream::iter(asks).buffered(4).collect().await;
    let mut all = Vec::new();
    for answer in answers {
        all.append(&mut answer?);
    }
    // Stable: lines of one stream keep the order in which the service has them.
    all.sort_by_key(|entry| entry.line.timestamp);
    Ok(all)
}

async fn group_entries(stage: &Stage, group: &Group, query: &LogQuery) -> Result<Vec<Entry>, Failure> {
    let Some(id) = &query.request_id else {
        return pages(stage, group, query.since, None, None).await;
    };
    // The platform's own lines name the request; the function's are those between them in their streams.
    let named = pages(stage, group, query.since, Some(pattern(id)), None).await?;
    let streams: HashSet<&str> = named.iter().map(|entry| entry.line.stream.as_str()).collect();
    let Some(first) = named.iter().map(|entry| entry.line.timestamp).min() else { return Ok(named) };
    let mut all = Vec::new();
    for stream in streams {
        all.append(&mut pages(stage, group, first, None, Some(stream)).await?);
    }
    Ok(all)
}

/// Every page of one query: pages may be empty and still be followed by others.
async fn pages(
    stage: &Stage,
    group: &Group,
    since: i64,
    pattern: Option<String>,
    stream: Option<&str>,
) -> Result<Vec<Entry>, Failure> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let (pattern, from) = (&pattern, &token);
        let answer = stage
            .call(|clients| async move {
                clients
                    .logs()
                    .filter_log_events()
                    .log_group_name(&group.name)
                    .start_time(since.max(0))
                    .set_filter_pattern(pattern.clone())
                    .set_log_stream_names(stream.map(|stream| vec![stream.to_owned()]))
                    .set_next_token(from.clone())
                    .send()
                    .await
            })
            .await;
        let page = match answer {
            Err(error) if error.is_not_found() => return Ok(all),
            other => other.map_err(|error| cannot_read(group, error))?,
        };
        all.extend(page.events().iter().map(|event| Entry {
            ingested: event.ingestion_time().unwrap_or_default(),
            line: line(group, event.timestamp(), event.log_stream_name(), event.message()),
        }));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            return Ok(all);
        }
    }
}

fn line(group: &Group, timestamp: Option<i64>, stream: Option<&str>, message: Option<&str>) -> LogLine {
    LogLine {
        timestamp: timestamp.unwrap_or_default(),
        function: group.function.clone(),
        stream: stream.unwrap_or_default().to_owned(),
        rank: 0,
        request_id: None,
        message: message.unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned(),
    }
}

fn cannot_read(group: &Group, error: CallError) -> Failure {
    error.into_failure(format!("could not read the logs of {}", group.function))
}

/// A `CloudWatch` filter pattern for lines that contain `text`.
fn pattern(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The functions by the ARN of their log group, as a live tail names it: without `:*`.
fn by_arn<'a>(stage: &Stage, groups: impl IntoIterator<Item = &'a Group>) -> HashMap<String, &'a Group> {
    let info = stage.info();
    let arn = |group: &Group| {
        format!("arn:{}:logs:{}:{}:log-group:{}", stage.partition(), info.region, info.account, group.name)
    };
    groups.into_iter().map(|group| (arn(group), group)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_the_text_as_it_is() {
        assert_eq!(pattern(r#"say "hi" \o/"#), r#""say \"hi\" \\o/""#);
    }

    #[test]
    fn a_line_loses_its_line_break_and_nothing_else() {
        let group = Group { function: "hello".into(), name: "/aws/lambda/hello".into() };
        assert_eq!(line(&group, Some(1), Some("s"), Some("  a\tb \n")).message, "  a\tb ");
    }
}
