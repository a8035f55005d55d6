//! Follows logs as they are written: live sessions for speed, looks at written events for
//! completeness, both merged by
//! [`super::merge`].
//!
//! A live session sends each line about a second after it was written, but nothing from before it
//! began, only a sample of many, ends after three hours, and is not available everywhere. So every
//! log group is also looked at: soon after a session began or left lines out, and otherwise from
//! time to time. Sessions cost money: those whose lines are not visible are closed, and only looks
//! continue.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lambda_console_model::{Failure, FailureKind, Sample, TailState};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    LogQuery, TailEvent,
    group::{Group, groups},
    is_meant,
    live::{self, Receiver, Sessions},
    merge::{Entry, Merger, Output, Scan, Update, Window},
    pages::{self, Range},
    wait::Wait,
};
use crate::{
    Job,
    aws::{
        error::CallError,
        retry::{FIRST, retry},
        stage::Stage,
    },
    logs::platform_lines,
};

/// Interval between two looks at a group: one that a session covers, one without a session, and one
/// of which a session left lines out.
const LOOK_LIVE: Duration = Duration::from_secs(5);
const LOOK_ALONE: Duration = Duration::from_secs(2);
const LOOK_MISSED: Duration = Duration::from_secs(1);
/// With more groups than this, all are looked at less often: services limit the number of calls.
const GROUPS_AT_PACE: usize = 5;
/// Number of looks that run at the same time.
const LOOKS: usize = 4;
/// Time that lines are hidden before their sessions are closed.
const HIDDEN: Duration = Duration::from_secs(3);
/// Minimum duration of a session that counts as successful.
const LASTED: Duration = Duration::from_mins(1);
/// Number of looks at a stage that has never answered: about a minute.
const FIRST_LOOKS: u32 = 6;
/// Maximum number of lines in one batch: a screen has other things to do as well.
const AT_ONCE: usize = 1_000;

/// Events of sessions and looks.
pub(super) enum News {
    /// A session sent events.
    Update(u64, Update),
    /// A session was ended by the service, with the reason.
    Ended(u64, String),
    /// A look at a group read a page.
    Page(usize, Vec<Entry>),
    /// A look at a group ended.
    Scanned(usize, Result<(), CallError>),
}

/// Follows the logs that `query` selects: first the lines since `query.since`, then new ones, in
/// batches. Waits for a function without logs. While `shown` is false the lines are not visible.
/// Ends only with an error.
///
/// # Errors
/// Returns an error if the job was cancelled, or the stage cannot be reached.
pub async fn tail(
    stage: &Stage,
    query: &LogQuery,
    shown: watch::Receiver<bool>,
    on_event: impl FnMut(TailEvent) + Send,
    job: &Job,
) -> Result<(), Failure> {
    let follow = async {
        let groups = retry(&FIRST, &job.cancel, || groups(stage, &query.functions)).await;
        let groups = groups.map_err(|error| error.into_failure(query.failed()))?;
        Tail::new(stage, query, &groups, on_event).follow(shown).await
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
    groups: &'a [Group],
    on_event: F,
    merger: Merger,
    watched: Vec<Watched>,
    sessions: Sessions,
    /// Time at which a session may be opened next, and the result of the last attempt.
    live_due: Instant,
    live_wait: Wait,
    live_trouble: Option<String>,
    /// `true` if the stage has answered.
    answered: bool,
    reported: Option<TailState>,
}

/// State of looking at one group.
struct Watched {
    due: Instant,
    started: Instant,
    scan: Option<Scan>,
    /// `true` if the group exists; `None` if that is not known yet.
    present: Option<bool>,
    wait: Wait,
    trouble: Option<String>,
    /// `true` if it has never answered, and will not.
    is_lost: bool,
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, ()>>;
type Opening<'a> = FuturesUnordered<BoxFuture<'a, (Vec<usize>, Result<Receiver, CallError>)>>;

impl<'a, F: FnMut(TailEvent) + Send> Tail<'a, F> {
    fn new(stage: &'a Stage, query: &'a LogQuery, groups: &'a [Group], on_event: F) -> Self {
        let now = Instant::now();
        let watched = || Watched {
            due: now,
            started: now,
            scan: None,
            present: None,
            wait: Wait::new(Duration::from_secs(1), Duration::from_secs(30)),
            trouble: None,
            is_lost: false,
        };
        Self {
            stage,
            query,
            groups,
            on_event,
            merger: Merger::new(groups.len(), query.since, Window::default()),
            watched: groups.iter().map(|_| watched()).collect(),
            sessions: Sessions::default(),
            live_due: now,
            live_wait: Wait::new(Duration::from_secs(1), Duration::from_mins(1)),
            live_trouble: None,
            answered: false,
            reported: None,
        }
    }

    async fn follow(&mut self, mut shown: watch::Receiver<bool>) -> Result<(), Failure> {
        let (sender, mut news) = mpsc::channel(16);
        let (mut running, mut opening) = (Running::new(), Opening::new());
        let mut hidden: Option<Instant> = None;
        loop {
            let is_shown = *shown.borrow_and_update();
            hidden = if is_shown { None } else { hidden.or_else(|| Some(Instant::now())) };
            let closes = hidden.map(|since| since + HIDDEN);
            if closes.is_some_and(|closes| closes <= Instant::now()) {
                self.sessions.end_all();
            } else if opening.is_empty() {
                self.ask_for_session(&opening);
            }
            self.begin_looks(&running, &sender);
            self.report_how_it_stands();
            let wake = self
                .next_due(running.len())
                .min(closes.filter(|_| self.sessions.count() > 0).unwrap_or_else(far));
            let live = if opening.is_empty() && self.wants_session() && hidden.is_none() {
                self.live_due
            } else {
                far()
            };
            tokio::select! {
                Some(news) = news.recv() => self.take(news)?,
                Some(()) = running.next(), if !running.is_empty() => {}
                Some((numbers, started)) = opening.next(), if !opening.is_empty() => {
                    self.opened(numbers, started, &sender);
                }
                changed = shown.changed(), if shown.has_changed().is_ok() => drop(changed),
                () = sleep_until(wake.min(live)) => {}
            }
        }
    }

    /// The groups that exist and that no session covers.
    fn missing(&self) -> Vec<usize> {
        let is_missing = |number: &usize| {
            self.watched[*number].present == Some(true) && !self.sessions.cover(*number)
        };
        (0..self.groups.len()).filter(is_missing).collect()
    }

    fn wants_session(&self) -> bool {
        !self.missing().is_empty()
    }

    fn ask_for_session(&self, opening: &Opening<'a>) {
        let missing = self.missing();
        if !missing.is_empty() && self.live_due <= Instant::now() {
            let (stage, groups, numbers) = (self.stage, self.groups, self.sessions.plan(missing));
            opening.push(live::open(stage, groups, numbers).boxed());
        }
    }

    /// Handles the result of opening a session.
    fn opened(
        &mut self,
        numbers: Vec<usize>,
        started: Result<Receiver, CallError>,
        sender: &mpsc::Sender<News>,
    ) {
        match started {
            Ok(receiver) => {
                self.live_trouble = None;
                self.merger.started(&numbers, now());
                for &number in &numbers {
                    // Reads the lines written between the last look and the session.
                    self.watched[number].due = Instant::now();
                }
                self.sessions.begin(self.stage, self.groups, numbers, receiver, sender);
            }
            Err(error) => {
                let wait = self.live_wait.next();
                let can_pass = error.is_busy() || error.is_not_found() || error.is_unanswered();
                // A denied or missing operation will not work in a second either.
                self.live_due = Instant::now() + if can_pass { wait } else { LASTED };
                self.live_trouble = Some(if error.is_busy() {
                    format!("no live tail for {} s: {}", wait.as_secs(), error.code())
                } else {
                    format!("no live tail: {}", error.message())
                });
                tracing::info!(
                    code = error.code(),
                    message = error.message(),
                    "no live tail: polling instead"
                );
            }
        }
    }

    /// Begins the looks that are due, up to the limit.
    fn begin_looks(&mut self, running: &Running<'a>, sender: &mpsc::Sender<News>) {
        for number in 0..self.groups.len() {
            if running.len() >= LOOKS {
                return;
            }
            if self.watched[number].scan.is_some() || self.due(number) > Instant::now() {
                continue;
            }
            let scan = self.merger.scan(number, now());
            let (stage, group, since, sender) =
                (self.stage, &self.groups[number], scan.from, sender.clone());
            self.watched[number].scan = Some(scan);
            self.watched[number].started = Instant::now();
            let range = Range { number, group, since, pattern: None, stream: None };
            running.push(
                async move {
                    let read = read(stage, range, &sender).await;
                    // The receiver outlives its looks.
                    let _ = sender.send(News::Scanned(number, read)).await;
                }
                .boxed(),
            );
        }
    }

    /// Returns the time of the next look at the group.
    fn due(&self, number: usize) -> Instant {
        let watched = &self.watched[number];
        if self.merger.wants_look(number) && watched.trouble.is_none() {
            watched.due.min(watched.started + LOOK_MISSED)
        } else {
            watched.due
        }
    }

    fn next_due(&self, running: usize) -> Instant {
        let idle = (0..self.groups.len())
            .filter(|number| running < LOOKS && self.watched[*number].scan.is_none());
        idle.map(|number| self.due(number)).min().unwrap_or_else(far)
    }

    fn take(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Update(session, update) if self.sessions.groups_of(session).is_some() => {
                let output = self.merger.live(update, now());
                self.emit(output);
            }
            News::Ended(session, why) => {
                let Some((groups, lasted)) = self.sessions.end(session) else { return Ok(()) };
                if lasted >= LASTED {
                    self.live_wait.reset();
                    self.live_due = Instant::now();
                } else {
                    self.live_due = Instant::now() + self.live_wait.next();
                }
                let output = self.merger.ended(&groups, &why, now());
                self.emit(output);
            }
            News::Page(number, entries) => {
                let watched = &mut self.watched[number];
                if let Some(scan) = &mut watched.scan {
                    self.answered = true;
                    watched.present = Some(true);
                    let output = self.merger.page(scan, entries, now());
                    self.emit(output);
                }
            }
            News::Scanned(number, result) => return self.scanned(number, result),
            News::Update(..) => {}
        }
        Ok(())
    }

    /// Handles the end of a look.
    fn scanned(&mut self, number: usize, result: Result<(), CallError>) -> Result<(), Failure> {
        let Some(scan) = self.watched[number].scan.take() else { return Ok(()) };
        let covered = self.sessions.cover(number);
        let pace = (self.groups.len().div_ceil(GROUPS_AT_PACE) as u32)
            * if covered { LOOK_LIVE } else { LOOK_ALONE };
        let watched = &mut self.watched[number];
        watched.due = Instant::now() + pace;
        match result {
            Err(error) if error.is_not_found() => {
                self.answered = true;
                watched.present = Some(false);
                (watched.trouble, watched.is_lost) = (None, false);
            }
            Err(error) => {
                let wait = watched.wait.next();
                watched.due = Instant::now() + wait.max(pace);
                let busy = error.is_busy();
                watched.trouble = Some(if busy {
                    format!("{}: retrying in {} s", error.code(), wait.max(pace).as_secs())
                } else {
                    format!("{}: {}", self.groups[number].names(), error.message())
                });
                tracing::warn!(
                    code = error.code(),
                    message = error.message(),
                    "a log group cannot be read"
                );
                let tries = watched.wait.failed();
                let failure = error.into_failure(format!(
                    "could not read the logs of {}",
                    self.groups[number].names()
                ));
                if failure.kind.is_login() {
                    // It continues after a login.
                    watched.trouble = Some(failure.hint.clone());
                }
                // A group that never worked may not be usable; one that did is retried.
                let can_pass = busy || failure.kind == FailureKind::Environment;
                watched.is_lost = !self.answered && (!can_pass || tries > FIRST_LOOKS);
                // One that cannot be read does not end the others.
                if self.watched.iter().all(|watched| watched.is_lost) {
                    return Err(failure);
                }
            }
            Ok(()) => {
                self.answered = true;
                watched.present = Some(true);
                (watched.trouble, watched.is_lost) = (None, false);
                watched.wait.reset();
                let output = self.merger.scanned(&scan, now());
                self.emit(output);
            }
        }
        Ok(())
    }

    fn emit(&mut self, output: Output) {
        let Output { lines, fixes, marks } = output;
        let samples: Vec<(String, Sample)> = lines
            .iter()
            .filter_map(|line| {
                Some((line.function.clone(), sample(line.timestamp, &line.message)?))
            })
            .collect();
        let mut lines: Vec<_> =
            lines.into_iter().filter(|line| is_meant(self.query, line)).collect();
        while !lines.is_empty() {
            let rest = lines.split_off(lines.len().min(AT_ONCE));
            (self.on_event)(TailEvent::Lines(std::mem::replace(&mut lines, rest)));
        }
        if !fixes.is_empty() {
            (self.on_event)(TailEvent::Fixes(fixes));
        }
        for mark in marks {
            (self.on_event)(TailEvent::Marked(mark));
        }
        if !samples.is_empty() {
            (self.on_event)(TailEvent::Samples(samples));
        }
    }

    /// Reports the tail's state if it has changed.
    fn report_how_it_stands(&mut self) {
        let absent = self
            .watched
            .iter()
            .zip(self.groups)
            .filter(|(watched, _)| watched.present == Some(false));
        let trouble = self
            .watched
            .iter()
            .find_map(|watched| watched.trouble.as_ref())
            .or(self.live_trouble.as_ref());
        let stands = TailState {
            sessions: self.sessions.count() as u32,
            used_ms: self.sessions.used().as_millis() as i64,
            at: now(),
            waiting: absent.flat_map(|(_, group)| group.functions()).map(str::to_owned).collect(),
            trouble: trouble.cloned(),
        };
        let same = |reported: &TailState| {
            TailState { used_ms: stands.used_ms, at: stands.at, ..reported.clone() } == stands
        };
        if !self.reported.as_ref().is_some_and(same) {
            self.reported = Some(stands.clone());
            (self.on_event)(TailEvent::State(stands));
        }
    }
}

/// Reads all pages.
async fn read(
    stage: &Stage,
    range: Range<'_>,
    sender: &mpsc::Sender<News>,
) -> Result<(), CallError> {
    let mut token = None;
    loop {
        let (entries, next) = pages::page(stage, range, token).await?;
        if sender.send(News::Page(range.number, entries)).await.is_err() || next.is_none() {
            return Ok(());
        }
        token = next;
    }
}

/// The figures in a line, if it is a report.
fn sample(at: i64, message: &str) -> Option<Sample> {
    let (request_id, report) = platform_lines::report(message)?;
    Some(Sample {
        at,
        request_id,
        init_ms: report.init_ms,
        duration_ms: report.duration_ms,
        billed_ms: report.billed_ms,
        max_memory_mb: report.max_memory_mb,
        emulated: report.emulated,
        failed: report.status.is_some(),
    })
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Effectively never.
fn far() -> Instant {
    Instant::now() + Duration::from_hours(24)
}
