//! Follows logs as they are written.
//!
//! A live tail sends each line about a second after it was written, but nothing from before it began, ends
//! after three hours, and does not exist everywhere. So each session begins with a look at what was written
//! meanwhile, and where there is no live tail that look is repeated. Entries seen twice are given out once.

use std::{collections::HashMap, time::Duration};

use aws_sdk_cloudwatchlogs::types::StartLiveTailResponseStream;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{
    Entry, Group, LogQuery, assign, by_arn, entries, groups, is_meant, line,
    seen::{Pass, Seen},
};
use crate::{
    message::{Failure, FailureKind, LogLine},
    work::{
        Job,
        report::Requests,
        stage::{Stage, call::CallError},
    },
};

/// The most log groups that one session takes.
const GROUPS_PER_SESSION: usize = 10;
/// How long before the newest line a look back begins: lines may be taken in late.
const OVERLAP: i64 = 60_000;
/// Between two looks where there is no live tail, and for log groups that are not there yet.
const LOOK: Duration = Duration::from_secs(2);
/// How long it is done without a live tail before one is tried again.
const WITHOUT: Duration = Duration::from_mins(1);

/// Seconds between attempts where the stage does not answer.
const WAITS: [u64; 6] = [1, 2, 4, 8, 16, 30];

/// Follows the logs that `query` means: first the lines since `query.since`, then those being written, handed
/// to `lines` in batches. A function without logs yet is waited for. Ends only with an error.
///
/// # Errors
/// The job was cancelled, or the stage can no longer be asked.
pub async fn tail(
    stage: &Stage,
    query: &LogQuery,
    lines: impl FnMut(Vec<LogLine>) + Send,
    job: &Job,
) -> Result<(), Failure> {
    let follow = async {
        let groups = groups(stage, query).await?;
        Tail { stage, query, groups, lines, seen: Seen::default(), requests: Requests::default() }.follow().await
    };
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted("stopped following the logs")),
        ended = follow => ended,
    }
}

struct Tail<'a, F> {
    stage: &'a Stage,
    query: &'a LogQuery,
    groups: Vec<Group>,
    lines: F,
    seen: Seen,
    requests: Requests,
}

/// What a live session says.
enum News {
    Entries(Vec<Entry>),
    Ended,
}

impl<F: FnMut(Vec<LogLine>) + Send> Tail<'_, F> {
    /// Follows, and begins again where the stage did not answer, for a while.
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut waits = WAITS.iter();
        loop {
            let began = Instant::now();
            let failed = match self.follow_once().await {
                Err(failure) if failure.kind == FailureKind::Environment => failure,
                Err(failure) => return Err(failure),
                Ok(()) => {
                    waits = WAITS.iter();
                    // A session that ends at once must not make this a busy loop.
                    tokio::time::sleep_until(began + Duration::from_millis(500)).await;
                    continue;
                }
            };
            let Some(wait) = waits.next() else { return Err(failed) };
            tracing::warn!(%failed, "the logs cannot be followed: trying again");
            tokio::time::sleep(Duration::from_secs(*wait)).await;
        }
    }

    /// Until a session ends.
    async fn follow_once(&mut self) -> Result<(), Failure> {
        loop {
            let present = self.present().await?;
            let (sender, mut news) = mpsc::channel(16);
            let mut sessions = JoinSet::new();
            let is_live = !present.is_empty() && self.open(&present, &sender, &mut sessions).await;
            drop(sender);
            // After the sessions began, so that nothing falls between.
            self.look_back().await?;
            if is_live {
                return self.listen(&mut news, present.len()).await;
            } else if present.len() < self.groups.len() {
                tokio::time::sleep(LOOK).await;
            } else {
                self.look_often().await?;
            }
        }
    }

    /// The log groups that are there.
    async fn present(&self) -> Result<Vec<Group>, Failure> {
        let mut present = Vec::new();
        for group in &self.groups {
            let name = &group.name;
            let found =
                self.stage
                    .call(|clients| async move {
                        clients.logs().describe_log_groups().log_group_name_prefix(name).send().await
                    })
                    .await
                    .map_err(|error| super::cannot_read(group, error))?;
            if found.log_groups().iter().any(|found| found.log_group_name() == Some(name)) {
                present.push(group.clone());
            }
        }
        Ok(present)
    }

    /// Opens live sessions for all of `groups`. False where one could not be.
    async fn open(&self, groups: &[Group], sender: &mpsc::Sender<News>, sessions: &mut JoinSet<()>) -> bool {
        for some in groups.chunks(GROUPS_PER_SESSION) {
            let named: HashMap<String, Group> =
                by_arn(self.stage, some).into_iter().map(|(arn, group)| (arn, group.clone())).collect();
            let arns: &Vec<String> = &named.keys().cloned().collect();
            let begun = self
                .stage
                .call(|clients| async move {
                    clients.logs().start_live_tail().set_log_group_identifiers(Some(arns.clone())).send().await
                })
                .await;
            match begun {
                Ok(output) => {
                    sessions.spawn(session(output.response_stream, named, sender.clone()));
                }
                Err(error) => {
                    tracing::info!(code = error.code(), message = error.message(), "no live tail: looking instead");
                    return false;
                }
            }
        }
        true
    }

    /// Hands on what the sessions say, until one ends or a log group that was missing is there.
    async fn listen(&mut self, news: &mut mpsc::Receiver<News>, present: usize) -> Result<(), Failure> {
        let mut pass = Pass::default();
        let mut look = tokio::time::interval(LOOK);
        look.tick().await;
        loop {
            tokio::select! {
                said = news.recv() => match said {
                    Some(News::Entries(entries)) => self.give(&mut pass, entries),
                    Some(News::Ended) | None => return Ok(()),
                },
                _ = look.tick(), if present < self.groups.len() => {
                    if self.present().await?.len() > present {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// In the place of a live tail.
    async fn look_often(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + WITHOUT;
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            self.look_back().await?;
        }
        Ok(())
    }

    /// Gives out what was written and not yet seen.
    async fn look_back(&mut self) -> Result<(), Failure> {
        let since = self.seen.newest().map_or(self.query.since, |newest| (newest - OVERLAP).max(self.query.since));
        let all = LogQuery { since, filter: None, request_id: None, functions: Vec::new() };
        let entries = entries(self.stage, &self.groups, &all).await?;
        self.give(&mut Pass::default(), entries);
        Ok(())
    }

    fn give(&mut self, pass: &mut Pass, entries: Vec<Entry>) {
        let new: Vec<LogLine> = entries
            .into_iter()
            .filter(|entry| entry.line.timestamp >= self.query.since && self.seen.is_new(pass, entry))
            .map(|entry| assign(&mut self.requests, entry.line))
            .filter(|line| is_meant(self.query, line))
            .collect();
        if self.seen.forget_old() {
            pass.forget(&self.seen);
        }
        if !new.is_empty() {
            (self.lines)(new);
        }
    }
}

/// Reads one live session to its end.
async fn session(
    mut stream: aws_sdk_cloudwatchlogs::primitives::event_stream::EventReceiver<
        StartLiveTailResponseStream,
        aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError,
    >,
    groups: HashMap<String, Group>,
    sender: mpsc::Sender<News>,
) {
    loop {
        let update = match stream.recv().await {
            Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => update,
            Ok(Some(_)) => continue,
            Ok(None) => break,
            Err(error) => {
                let error = CallError::from(error);
                tracing::info!(code = error.code(), message = error.message(), "a live tail ended");
                break;
            }
        };
        let entries: Vec<Entry> = update
            .session_results()
            .iter()
            .filter_map(|event| {
                let group = group_of(&groups, event.log_group_identifier()?)?;
                let line = line(group, event.timestamp(), event.log_stream_name(), event.message());
                Some(Entry { line, ingested: event.ingestion_time().unwrap_or_default() })
            })
            .collect();
        if !entries.is_empty() && sender.send(News::Entries(entries)).await.is_err() {
            return;
        }
    }
    // The listener may be gone, and then nobody needs to know.
    let _ = sender.send(News::Ended).await;
}

/// AWS answers with `account:name`, others with the ARN that was asked for.
fn group_of<'a>(groups: &'a HashMap<String, Group>, identifier: &str) -> Option<&'a Group> {
    groups.get(identifier).or_else(|| {
        let name = identifier.rsplit(':').next()?;
        groups.values().find(|group| group.name == name)
    })
}
