//! Following logs with faults injected by a proxy: every line arrives, once, and in order.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::Value;
use tests::{Account, Fault, Fixture, Home, LocalLambda, Ministack, Proxy, Rule, eventually};

/// Timeout of a failing test; a passing test never waits for it.
const PATIENCE: Duration = Duration::from_mins(2);

/// Writes into the log of a function.
struct Writer {
    client: aws_sdk_cloudwatchlogs::Client,
    executor: tokio::runtime::Runtime,
    group: String,
    count: usize,
}

impl Writer {
    fn new(account: &Account, function: &str) -> Self {
        let executor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an executor");
        Self {
            client: account.logs(),
            executor,
            group: format!("/aws/lambda/{function}"),
            count: 0,
        }
    }

    fn open(&self) {
        let made = self
            .executor
            .block_on(self.client.create_log_group().log_group_name(&self.group).send());
        made.expect("there is no such group yet");
        let stream =
            self.client.create_log_stream().log_group_name(&self.group).log_stream_name("writer");
        self.executor.block_on(stream.send()).expect("there is no such stream yet");
    }

    /// Writes the next lines, all in the same millisecond.
    fn write(&mut self, lines: usize) {
        let now = jiff::Timestamp::now().as_millisecond();
        let events = (self.count..self.count + lines).map(|number| {
            InputLogEvent::builder()
                .timestamp(now)
                .message(format!("line {number}"))
                .build()
                .expect("it is complete")
        });
        let call =
            self.client.put_log_events().log_group_name(&self.group).log_stream_name("writer");
        let put = self.executor.block_on(call.set_log_events(Some(events.collect())).send());
        put.expect("the lines are taken");
        self.count += lines;
    }
}

/// The console that follows a function's log.
struct Follower {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Follower {
    fn start(home: &Home, function: &str) -> Self {
        let arguments =
            ["--stage", "beta", "logs", function, "--follow", "--since", "10m", "--json"];
        let mut command = home.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the console starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line: Value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                // Markers, such as for gaps, are not the writer's.
                let message =
                    line["message"].as_str().filter(|message| message.starts_with("line "));
                if message.is_some_and(|message| sender.send(message.to_owned()).is_err()) {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits until it has shown `count` lines.
    #[track_caller]
    fn until(&mut self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            self.seen.push(line.unwrap_or_else(|error| {
                panic!("{error} after {} lines: {:?}", self.seen.len(), self.seen)
            }));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Follows earlier and new lines with these faults: lines are written before, between and after
/// them.
fn follow(home: &Home, account: &Account, proxy: &Proxy, function: &str, faults: Option<Faults>) {
    let mut writer = Writer::new(account, function);
    writer.open();
    writer.write(5);
    let mut times = 0;
    if let Some(faults) = faults {
        times = faults.times;
        proxy.fault(Rule::on(faults.operation, faults.fault).times(times));
    }
    let mut follower = Follower::start(home, function);
    follower.until(5);
    for number in 1..=times {
        eventually(&format!("fault {number} of {function}"), || proxy.faults() >= number);
        writer.write(2);
    }
    for _ in 0..3 {
        writer.write(2);
        follower.until(writer.count);
    }
    let expected: Vec<String> = (0..writer.count).map(|number| format!("line {number}")).collect();
    assert_eq!(follower.seen, expected);
}

/// Faults of the first calls of an operation.
struct Faults {
    operation: &'static str,
    fault: Fault,
    times: usize,
}

#[test]
fn every_line_comes_once_and_in_order_whatever_happens_to_the_connections() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    let faults = [
        ("StartLiveTail", Fault::Corrupt, 2),
        ("StartLiveTail", Fault::Truncate, 2),
        ("StartLiveTail", Fault::Reset, 4),
        ("StartLiveTail", Fault::THROTTLED_ELSEWHERE, 2),
        ("FilterLogEvents", Fault::THROTTLED_ELSEWHERE, 4),
        ("FilterLogEvents", Fault::Truncate, 2),
        ("FilterLogEvents", Fault::Late(Duration::from_secs(3)), 1),
        ("StartLiveTail", Fault::FAILED, 2),
    ];
    thread::scope(|scope| {
        for (number, (operation, fault, times)) in faults.into_iter().enumerate() {
            let account = local.account();
            scope.spawn(move || {
                let proxy = Proxy::start(account);
                let (_fixture, home) = workspace(proxy.account());
                let function = format!("greet-{number}");
                let faults = Faults { operation, fault, times };
                follow(&home, account, &proxy, &function, Some(faults));
            });
        }
    });
}

#[test]
fn a_log_group_that_is_not_there_yet_is_waited_for() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    let proxy = Proxy::start(local.account());
    let (_fixture, home) = workspace(proxy.account());
    let mut follower = Follower::start(&home, "greet");
    // The first look has its answer when the second one is sent.
    let mut looks = 0;
    eventually("it looks for the group again", || {
        looks += proxy.calls().iter().filter(|call| call.operation == "FilterLogEvents").count();
        looks > 1
    });
    let mut writer = Writer::new(local.account(), "greet");
    writer.open();
    writer.write(3);
    follower.until(3);
    assert_eq!(follower.seen, ["line 0", "line 1", "line 2"]);
}

#[test]
fn the_live_tail_of_ministack_is_followed() {
    let ministack = Ministack::start();
    let proxy = Proxy::start(&ministack.account());
    let (_fixture, home) = workspace(proxy.account());
    follow(&home, &ministack.account(), &proxy, "greet", None);
    let tails = proxy.calls().into_iter().filter(|call| call.operation == "StartLiveTail").count();
    assert!(tails > 0, "it was followed live");
}

fn workspace(account: &Account) -> (Fixture, Home) {
    let fixture = Fixture::apart();
    fixture.stage("beta", "");
    fixture.prebuilt("greet", "1", "");
    let home = Home::new(fixture.path()).on(account);
    (fixture, home)
}
