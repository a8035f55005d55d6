//! Tails against a faulty service: each line is reported once, and missed lines are filled in and
//! marked.

use std::sync::{Arc, Mutex};

use lambda_console_model::{FailureKind, MarkKind};
use lambda_console_testing::eventually;

use self::service::{Play, Service};
use super::*;

mod service;

/// A running tail, and its events with their times.
struct Following {
    events: Arc<Mutex<Vec<TailEvent>>>,
    show: tokio::sync::watch::Sender<bool>,
    job: Job,
    task: tokio::task::JoinHandle<Result<(), Failure>>,
}

impl Following {
    fn start(service: &Service) -> Self {
        let stage = Stage::at(service.endpoint());
        let events: Arc<Mutex<Vec<TailEvent>>> = Arc::default();
        let (show, shown) = tokio::sync::watch::channel(true);
        let job = Job::silent();
        let task = tokio::spawn({
            let (events, job) = (Arc::clone(&events), job.clone());
            async move {
                let query = LogQuery { functions: vec!["hello".into()], ..LogQuery::default() };
                let take = |event| events.lock().unwrap().push(event);
                super::tail(&stage, &query, shown, take, &job).await
            }
        });
        Self { events, show, job, task }
    }

    /// Waits until `holds` returns `true` for the events so far.
    async fn until(&self, what: &str, holds: impl Fn(&[TailEvent]) -> bool) {
        eventually(what, async || holds(&self.events.lock().unwrap())).await;
    }

    /// Stops it; returns the lines in order, and the other events.
    async fn stop(self) -> (Vec<String>, Vec<TailEvent>) {
        self.job.cancel.cancel();
        assert_eq!(self.task.await.unwrap().unwrap_err().kind, FailureKind::Interrupted);
        let events: Vec<TailEvent> = std::mem::take(&mut *self.events.lock().unwrap());
        let mut lines = lines(&events);
        lines.sort_by_key(|line| (line.timestamp, line.rank));
        (lines.into_iter().map(|line| line.message).collect(), events)
    }
}

fn lines(events: &[TailEvent]) -> Vec<LogLine> {
    let lines = events.iter().filter_map(|events| {
        if let TailEvent::Lines(lines) = events { Some(lines.clone()) } else { None }
    });
    lines.flatten().collect()
}

fn marks(events: &[TailEvent]) -> Vec<LogMark> {
    events
        .iter()
        .filter_map(
            |events| if let TailEvent::Marked(mark) = events { Some(mark.clone()) } else { None },
        )
        .collect()
}

fn states(events: &[TailEvent]) -> Vec<TailState> {
    events
        .iter()
        .filter_map(
            |events| if let TailEvent::State(state) = events { Some(state.clone()) } else { None },
        )
        .collect()
}

/// A recent time, of which all events are still stored.
fn time() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[tokio::test]
async fn what_a_sample_leaves_out_is_read_and_put_where_it_belongs() {
    let at = time();
    let all = vec![(at, "a"), (at, "b"), (at, "b"), (at, "c"), (at + 1, "d")];
    let plays =
        vec![Play::Pause(300), Play::Write(all), Play::Update(vec![(at, "a"), (at, "c")], true)];
    let service = Service::start(vec![plays], vec![]).await;
    let following = Following::start(&service);
    following
        .until("filled in", |events| marks(events).iter().any(|mark| mark.filled.is_some()))
        .await;
    let (lines, events) = following.stop().await;
    assert_eq!(lines, ["a", "b", "b", "c", "d"]);
    let marks = marks(&events);
    assert_eq!((marks[0].kind.clone(), marks[0].filled), (MarkKind::Sampled, None));
    assert_eq!((marks[1].id, marks[1].filled), (marks[0].id, Some(3)));
}

#[tokio::test]
async fn a_session_that_ends_is_reopened_and_lines_written_in_between_are_read() {
    let at = time();
    for (end, why) in [
        (Play::Exception("SessionTimeoutException"), "a session lasts three hours"),
        (Play::Exception("SessionStreamingException"), "SessionStreamingException of the script"),
        (Play::Corrupt, "hecksum"),
    ] {
        let first = vec![
            Play::Write(vec![(at, "a")]),
            Play::Update(vec![(at, "a")], false),
            Play::Pause(100),
            Play::Write(vec![(at + 1, "missed")]),
            end,
        ];
        let second = vec![
            Play::Write(vec![(at + 2, "b")]),
            Play::Update(vec![(at, "a"), (at + 2, "b")], false),
        ];
        let service = Service::start(vec![first, second], vec![]).await;
        let following = Following::start(&service);
        let is_done = |events: &[TailEvent]| {
            lines(events).len() >= 3 && marks(events).iter().any(|mark| mark.filled.is_some())
        };
        following.until("begun anew", is_done).await;
        let (lines, events) = following.stop().await;
        assert_eq!(lines, ["a", "missed", "b"], "{why}");
        let marks = marks(&events);
        let MarkKind::Reconnected(event) = &marks[0].kind else { panic!("{marks:?}") };
        assert!(event.contains(why) && marks.last().unwrap().filled.is_some(), "{marks:?}");
        assert_eq!(service.sessions().1, 2);
    }
}

#[tokio::test]
async fn without_a_live_tail_lines_are_polled_and_it_is_reported() {
    let at = time();
    for (code, event) in [
        ("AccessDeniedException", "no live tail: AccessDeniedException of the script"),
        ("LimitExceededException", "no live tail for 1 s: LimitExceededException"),
    ] {
        let service = Service::start(
            vec![vec![Play::Refuse(code)], vec![Play::Write(vec![(at, "a")])]],
            vec![],
        )
        .await;
        let following = Following::start(&service);
        let is_reported = |events: &[TailEvent]| {
            states(events).iter().any(|state| state.trouble.as_deref() == Some(event))
        };
        following.until(event, is_reported).await;
        if code.starts_with("Limit") {
            following
                .until("live at last", |events| {
                    states(events).last().is_some_and(|state| state.sessions == 1)
                })
                .await;
            following.until("its lines", |events| lines(events).len() == 1).await;
        }
        following.stop().await;
    }
}

#[tokio::test]
async fn throttled_pages_are_read_later_and_lines_come_in_the_meantime() {
    let at = time();
    let plays = vec![Play::Write(vec![(at, "a")])];
    let service = Service::start(vec![plays], vec!["ThrottlingException"]).await;
    let following = Following::start(&service);
    let is_reported = |events: &[TailEvent]| {
        let is_throttled =
            |trouble: &String| trouble.starts_with("ThrottlingException: retrying in");
        states(events).iter().any(|state| state.trouble.as_ref().is_some_and(is_throttled))
            && lines(events).len() == 1
    };
    following.until("throttled, then read", is_reported).await;
    let (_, events) = following.stop().await;
    assert_eq!(states(&events).last().unwrap().trouble, None);
}

#[tokio::test]
async fn pages_that_are_not_allowed_end_the_tail() {
    let service = Service::start(vec![], vec!["AccessDeniedException"; 9]).await;
    let failure = Following::start(&service).task.await.unwrap().unwrap_err();
    assert!(failure.why.contains("AccessDeniedException"), "{failure:?}");
}

#[tokio::test]
async fn a_session_whose_lines_are_hidden_is_closed_and_opened_when_they_are_shown() {
    let service = Service::start(vec![], vec![]).await;
    let following = Following::start(&service);
    let is_live =
        |events: &[TailEvent]| states(events).last().is_some_and(|state| state.sessions == 1);
    following.until("live", is_live).await;
    following.show.send_replace(false);
    following.until("closed", |events| !is_live(events)).await;
    let used = states(&following.events.lock().unwrap());
    assert!(used.last().unwrap().used_ms >= 1_000, "the meter counts what was open: {used:?}");
    eventually("the service ends it", async || service.sessions().0 == 0).await;
    following.show.send_replace(true);
    following.until("live again", is_live).await;
    let (_, events) = following.stop().await;
    assert_eq!(marks(&events), [], "nothing was missed");
    assert_eq!(service.sessions().1, 2);
}

#[tokio::test]
async fn a_line_is_reported_before_anything_follows_it() {
    // The session is silent after it, and no page has it.
    let plays = vec![Play::Pause(200), Play::Update(vec![(time(), "now")], false)];
    let service = Service::start(vec![plays], vec![]).await;
    let following = Following::start(&service);
    following.until("reported", |events| lines(events).len() == 1).await;
    following.stop().await;
}

#[tokio::test]
async fn a_page_that_is_throttled_is_asked_for_again_when_lines_are_fetched() {
    let at = time();
    let plays = vec![Play::Write(vec![(at, "a"), (at, "b"), (at + 1, "c"), (at + 2, "d")])];
    let service = Service::start(vec![plays], vec![]).await;
    let following = Following::start(&service);
    following.until("read", |events| lines(events).len() == 4).await;
    following.stop().await;
    let stage = Stage::at(service.endpoint());
    let query = LogQuery { functions: vec!["hello".into()], ..LogQuery::default() };
    service.fault("ThrottlingException");
    let lines = fetch(&stage, &query, &Job::silent()).await.unwrap();
    assert_eq!(
        lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(),
        ["a", "b", "c", "d"]
    );
}

#[tokio::test]
async fn a_cancelled_fetch_ends_at_once() {
    let service = Service::start(vec![], vec![]).await;
    let stage = Stage::at(service.endpoint());
    let query = LogQuery { functions: vec!["hello".into()], ..LogQuery::default() };
    service.fault("ThrottlingException");
    let job = Job::silent();
    let (answer, ()) = tokio::join!(fetch(&stage, &query, &job), async { job.cancel.cancel() });
    assert_eq!(answer.unwrap_err().kind, FailureKind::Interrupted);
}

#[test]
fn the_init_of_a_sandbox_belongs_to_its_first_request() {
    let line = |stream: &str, request: Option<&str>, message: &str| lambda_console_model::LogLine {
        timestamp: 1,
        function: "hello".into(),
        stream: stream.into(),
        rank: 0,
        request_id: request.map(str::to_owned),
        message: message.into(),
    };
    let mut lines = vec![
        line("a", None, "a line of a sandbox that is no longer new"),
        line("b", None, "INIT_START Runtime Version: provided.al2023"),
        line("a", Some("other"), "START RequestId: other Version: 1"),
        line("b", None, "connected"),
        line("b", Some("mine"), "START RequestId: mine Version: 1"),
        line("b", Some("mine"), "REPORT RequestId: mine\tDuration: 1 ms"),
        line("b", None, "between two requests"),
        line("b", Some("later"), "START RequestId: later Version: 1"),
    ];
    let before = lines.clone();
    link_init(&mut lines, "later");
    assert_eq!(lines, before, "it was not for a later one");
    link_init(&mut lines, "mine");
    let of_mine: Vec<usize> =
        (0..lines.len()).filter(|&at| lines[at].request_id.as_deref() == Some("mine")).collect();
    assert_eq!(of_mine, [1, 3, 4, 5]);
}
