//! Live tail sessions: the open ones, the time that they cost, and their events.

use std::{collections::HashMap, time::Duration};

use async_recursion::async_recursion as boxed;
use aws_sdk_cloudwatchlogs::{
    primitives::event_stream::EventReceiver,
    types::{
        LiveTailSessionMetadata, StartLiveTailResponseStream,
        error::StartLiveTailResponseStreamError,
    },
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use super::{
    group::Group,
    merge::{Entry, Update},
    tail::News,
};
use crate::aws::{error::CallError, stage::Stage};

/// Maximum number of log groups in one session.
pub(super) const MOST_GROUPS: usize = 10;

/// Event stream of a session.
pub(super) type Receiver =
    EventReceiver<StartLiveTailResponseStream, StartLiveTailResponseStreamError>;

/// The sessions that are open.
#[derive(Default)]
pub(super) struct Sessions {
    open: Vec<Session>,
    readers: JoinSet<()>,
    started: u64,
    used: Duration,
}

struct Session {
    id: u64,
    groups: Vec<usize>,
    since: Instant,
    reader: AbortHandle,
}

impl Sessions {
    /// Returns the number of open sessions.
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// Returns `true` if a session covers the group.
    pub(super) fn cover(&self, group: usize) -> bool {
        self.open.iter().any(|session| session.groups.contains(&group))
    }

    /// Returns the total time that sessions have been open.
    pub(super) fn used(&self) -> Duration {
        self.open.iter().map(|session| session.since.elapsed()).sum::<Duration>() + self.used
    }

    /// The groups for a new session that covers the missing ones; it replaces a session that has
    /// room for them.
    pub(super) fn plan(&self, mut missing: Vec<usize>) -> Vec<usize> {
        missing.truncate(MOST_GROUPS);
        let roomy =
            self.open.iter().find(|session| session.groups.len() + missing.len() <= MOST_GROUPS);
        roomy
            .into_iter()
            .flat_map(|session| session.groups.iter().copied())
            .chain(missing)
            .collect()
    }

    /// Adds a session, replacing those whose groups it covers, and reads it.
    pub(super) fn begin(
        &mut self,
        stage: &Stage,
        all: &[Group],
        numbers: Vec<usize>,
        receiver: Receiver,
        news: &mpsc::Sender<News>,
    ) {
        let replaced: Vec<u64> = self
            .open
            .iter()
            .filter(|session| session.groups.iter().all(|group| numbers.contains(group)))
            .map(|session| session.id)
            .collect();
        for id in replaced {
            self.end(id);
        }
        self.started += 1;
        let id = self.started;
        let names = Names {
            by_arn: numbers.iter().map(|&number| (all[number].arn(stage), number)).collect(),
            groups: numbers.iter().map(|&number| (number, all[number].clone())).collect(),
        };
        let reader = self.readers.spawn(read(id, receiver, names, news.clone()));
        self.open.push(Session { id, groups: numbers, since: Instant::now(), reader });
        // Sessions that have ended are dropped.
        while self.readers.try_join_next().is_some() {}
    }

    /// Ends a session; returns its groups and the time that it was open, or `None` if it had ended
    /// before.
    pub(super) fn end(&mut self, id: u64) -> Option<(Vec<usize>, Duration)> {
        let place = self.open.iter().position(|session| session.id == id)?;
        let session = self.open.remove(place);
        session.reader.abort();
        let lasted = session.since.elapsed();
        self.used += lasted;
        Some((session.groups, lasted))
    }

    /// Ends all.
    pub(super) fn end_all(&mut self) {
        let ids: Vec<u64> = self.open.iter().map(|session| session.id).collect();
        for id in ids {
            self.end(id);
        }
    }

    /// The groups of an open session.
    pub(super) fn groups_of(&self, id: u64) -> Option<&[usize]> {
        self.open.iter().find(|session| session.id == id).map(|session| session.groups.as_slice())
    }
}

/// Opens a session.
#[boxed]
pub(super) async fn open(
    stage: &Stage,
    groups: &[Group],
    numbers: Vec<usize>,
) -> (Vec<usize>, Result<Receiver, CallError>) {
    let arns: &Vec<String> = &numbers.iter().map(|&number| groups[number].arn(stage)).collect();
    let started = stage
        .call(|clients| async move {
            clients
                .logs()
                .start_live_tail()
                .set_log_group_identifiers(Some(arns.clone()))
                .send()
                .await
        })
        .await;
    (numbers, started.map(|output| output.response_stream))
}

/// The groups of one session, by their identifiers in it.
struct Names {
    by_arn: HashMap<String, usize>,
    groups: HashMap<usize, Group>,
}

impl Names {
    /// AWS's events have `account:name`, others the ARN of the request.
    fn group_of(&self, identifier: &str) -> Option<(usize, &Group)> {
        let by_name = || {
            let name = identifier.rsplit(':').next()?;
            self.groups.iter().find(|(_, group)| group.name == name).map(|(number, _)| *number)
        };
        let number = self.by_arn.get(identifier).copied().or_else(by_name)?;
        Some((number, self.groups.get(&number)?))
    }
}

/// Reads one session to its end.
async fn read(id: u64, mut receiver: Receiver, names: Names, news: mpsc::Sender<News>) {
    let why = loop {
        let update = match receiver.recv().await {
            Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => update,
            Ok(Some(_)) => continue,
            Ok(None) => break "the connection was closed".to_owned(),
            Err(error) => {
                let is_over = error
                    .as_service_error()
                    .is_some_and(StartLiveTailResponseStreamError::is_session_timeout_exception);
                let error = CallError::from(error);
                tracing::info!(code = error.code(), message = error.message(), "a live tail ended");
                break if is_over {
                    "a session lasts three hours".to_owned()
                } else {
                    error.message().to_owned()
                };
            }
        };
        let entry = |event: &aws_sdk_cloudwatchlogs::types::LiveTailSessionLogEvent| {
            let (number, group) = names.group_of(event.log_group_identifier()?)?;
            let line = group.line(event.timestamp(), event.log_stream_name(), event.message())?;
            Some(Entry {
                group: number,
                line,
                ingested: event.ingestion_time().unwrap_or_default(),
                id: None,
            })
        };
        let update = Update {
            groups: names.groups.keys().copied().collect(),
            entries: update.session_results().iter().filter_map(entry).collect(),
            sampled: update.session_metadata().is_some_and(LiveTailSessionMetadata::sampled),
        };
        let is_empty = update.entries.is_empty() && !update.sampled;
        if !is_empty && news.send(News::Update(id, update)).await.is_err() {
            return;
        }
    };
    // The receiver may be gone, and then the event is not needed.
    let _ = news.send(News::Ended(id, why)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_known_by_arn_and_by_account_and_name() {
        let group = super::super::group::tests::group("/aws/lambda/hello", &["hello"]);
        let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/hello";
        let names = Names {
            by_arn: HashMap::from([(arn.to_owned(), 3)]),
            groups: HashMap::from([(3, group)]),
        };
        for identifier in [arn, "123456789012:/aws/lambda/hello"] {
            assert_eq!(
                names.group_of(identifier).map(|(number, _)| number),
                Some(3),
                "{identifier}"
            );
        }
        assert!(names.group_of("123456789012:/aws/lambda/other").is_none());
    }
}
