//! Processes that share one local Lambda. The serving one may end at any time: no work of the
//! others is lost silently, and no function is blamed for it.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{Fixture, Home, Outcome, PATIENCE, Terminal, eventually};

/// A workspace with the function `f`, deployed, and the directory of its records.
struct Place {
    fixture: Fixture,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let fixture = Fixture::apart();
        fixture.prebuilt("f", "1", "timeout = 60");
        fixture.scripted("f", include_str!("serving.py"));
        let home = Home::new(fixture.path());
        home.run(["deploy", "f", "--json"]).ok();
        Self { fixture, home }
    }

    fn path(&self, name: &str) -> String {
        self.fixture.path().join(name).display().to_string()
    }

    /// Number of times that the function recorded this.
    fn noted(&self, name: &str) -> usize {
        fs::read(self.path(name)).map_or(0, |notes| notes.len())
    }

    /// The directory of the local Lambda.
    fn local(&self) -> PathBuf {
        let workspaces = fs::read_dir(self.home.path().join("state/lambda-console")).unwrap();
        workspaces
            .flatten()
            .map(|workspace| workspace.path().join("local"))
            .find(|local| local.exists())
            .unwrap()
    }

    /// The process that serves.
    fn serving(&self) -> Option<u64> {
        let text = fs::read(self.local().join("endpoint.json")).ok()?;
        serde_json::from_slice::<Value>(&text).ok()?["pid"].as_u64()
    }

    fn queued(&self) -> usize {
        fs::read_dir(self.local().join("queue")).unwrap().count()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Number of REPORT lines in the function's log, which must contain no error.
    fn reports(&self) -> usize {
        let logs = self.home.run(["logs", "f", "--since", "1h"]).ok().stdout;
        assert!(!logs.contains("rror"), "{logs}");
        logs.lines().filter(|line| line.contains("REPORT ")).count()
    }
}

fn send(signal: &str, process: u64) {
    // It may have ended by itself.
    let _ =
        Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status();
}

fn ended(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// Pseudo-random numbers, the same for each seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Number of commands: 200 take half a minute.
fn commands() -> usize {
    std::env::var("LAMBDA_CONSOLE_STORM").ok().and_then(|text| text.parse().ok()).unwrap_or(32)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Invoke,
    Async,
    Deploy,
    List,
    Logs,
}

/// Runs commands of all kinds, eight at a time. Returns the result of each, by its number.
fn storm(
    place: &Place,
    kind: impl Fn(usize) -> Kind + Sync,
    running: &Mutex<HashSet<u64>>,
) -> HashMap<usize, Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(HashMap::new()));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= commands() {
                        return;
                    }
                    let payload =
                        json!({ "ran": place.path(&format!("ran-{number}")), "sleep": 0.05 })
                            .to_string();
                    let child = place.start(&match kind(number) {
                        Kind::Invoke => vec!["invoke", "f", "--json", "--payload", &payload],
                        Kind::Async => {
                            vec!["invoke", "f", "--json", "--async", "--payload", &payload]
                        }
                        Kind::Deploy => vec!["deploy", "f", "--json"],
                        Kind::List => vec!["list", "--json"],
                        Kind::Logs => vec!["logs", "f", "--json"],
                    });
                    let process = u64::from(child.id());
                    running.lock().unwrap().insert(process);
                    let outcome = ended(child);
                    // A killed process was removed already.
                    if running.lock().unwrap().remove(&process) {
                        outcomes.lock().unwrap().insert(number, outcome);
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn commands_at_once_are_all_answered_though_the_first_one_serves() {
    let place = Place::new();
    let outcomes = storm(&place, |_| Kind::Invoke, &Mutex::default());
    for number in 0..commands() {
        assert_eq!(outcomes[&number].code, Some(0), "{number}: {:?}", outcomes[&number]);
        assert_eq!(place.noted(&format!("ran-{number}")), 1, "{number} ran once");
    }
    assert_eq!(place.reports(), commands());
}

#[test]
fn commands_finish_or_report_when_the_serving_process_is_killed() {
    let place = Place::new();
    let kind = |number: usize| {
        [Kind::Invoke, Kind::List, Kind::Async, Kind::Invoke, Kind::Logs, Kind::Deploy][number % 6]
    };
    let (running, over) = (Mutex::<HashSet<u64>>::default(), AtomicBool::new(false));
    let outcomes = thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(0x2545_F491_4F6C_DD1D);
            while !over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(50 + dice.below(300)));
                let Some(serving) = place.serving() else { continue };
                if running.lock().unwrap().remove(&serving) {
                    send(if dice.below(2) == 0 { "-KILL" } else { "-TERM" }, serving);
                }
            }
        });
        let outcomes = storm(&place, kind, &running);
        over.store(true, Ordering::SeqCst);
        outcomes
    });
    // The rest of the queue runs while this one serves.
    place.home.run(["list", "--json"]).ok();
    assert_eq!(place.queued(), 0);
    for (number, outcome) in &outcomes {
        let (kind, ran) = (kind(*number), place.noted(&format!("ran-{number}")));
        let is_invocation = matches!(kind, Kind::Invoke | Kind::Async);
        let reports = ["connection lost", "was stopped while the function ran"];
        if outcome.code != Some(0)
            && is_invocation
            && reports.iter().any(|text| outcome.stdout.contains(text))
        {
            continue;
        }
        assert_eq!(outcome.code, Some(0), "{number}, {kind:?}: {outcome:?}");
        match kind {
            Kind::Invoke => assert_eq!(ran, 1, "{number} ran once: {outcome:?}"),
            Kind::Async => assert!(ran >= 1, "{number} ran: {outcome:?}"),
            Kind::Deploy | Kind::List | Kind::Logs => {}
        }
        assert!(!outcome.stdout.contains("Runtime."), "{number}: {outcome:?}");
    }
    place.reports();
}

#[test]
fn an_event_alone_runs_before_the_command_ends_and_one_that_is_broken_off_runs_later() {
    let place = Place::new();
    let payload = json!({ "ran": place.path("ran"), "sleep": 0.2 }).to_string();
    place.home.run(["invoke", "f", "--async", "--payload", &payload]).ok();
    assert_eq!((place.noted("ran"), place.queued()), (1, 0));
    let payload =
        json!({ "begun": place.path("begun"), "go": place.path("go"), "ran": place.path("later") })
            .to_string();
    let child = place.start(&["invoke", "f", "--async", "--payload", &payload]);
    eventually("its begin", || place.noted("begun") == 1);
    send("-INT", child.id().into());
    let outcome = ended(child);
    assert_eq!(outcome.code, Some(0), "it was queued: {outcome:?}");
    assert!(
        outcome.stderr.contains("an asynchronous invocation is queued: it runs when"),
        "{outcome:?}"
    );
    fs::write(place.path("go"), "").unwrap();
    place.home.run(["list"]).ok();
    assert_eq!((place.noted("later"), place.queued()), (1, 0));
    assert_eq!(place.reports(), 2);
}

/// A long-running process, and the lines that it prints.
struct Staying {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Staying {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut child = place
            .home
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    fn until(&self, text: &str) {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line =
                self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("it never printed {text}"));
            if line.contains(text) {
                return;
            }
        }
    }

    fn id(&self) -> u64 {
        self.child.id().into()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_third_process_follows_to_the_second_and_then_serves_itself() {
    let place = Place::new();
    let first = Staying::start(&place, &["local", "--json"]);
    first.until("endpoint");
    assert_eq!(place.serving(), Some(first.id()));
    let second = Staying::start(&place, &["local", "--json"]);
    second.until("endpoint");
    let third = Staying::start(&place, &["logs", "f", "--follow"]);
    let url = fs::read(place.local().join("endpoint.json")).unwrap();
    let url = serde_json::from_slice::<Value>(&url).unwrap()["url"].clone();
    let invoke = |text: &str| {
        place.home.run(["invoke", "f", "--payload", &json!({ "text": text }).to_string()]).ok();
        third.until("REPORT");
    };
    invoke("one");
    send("-KILL", first.id());
    invoke("two");
    eventually("the second one serves", || {
        place.serving() == Some(second.id()) || place.serving() == Some(third.id())
    });
    drop(second);
    invoke("three");
    eventually("the third one serves", || place.serving() == Some(third.id()));
    let now =
        serde_json::from_slice::<Value>(&fs::read(place.local().join("endpoint.json")).unwrap())
            .unwrap();
    assert_eq!(now["url"], url, "callers of other programs keep their address");
    assert_eq!(place.reports(), 3);
}

#[test]
fn a_console_that_joined_serves_when_the_other_one_is_killed_though_nothing_is_asked_of_it() {
    let place = Place::new();
    let first = Staying::start(&place, &["local", "--json"]);
    first.until("endpoint");
    let mut console = Terminal::start(&place.home, &[], 100, 30);
    console.until_text("in sync");
    assert_eq!(place.serving(), Some(first.id()));
    drop(first);
    eventually("the console serves", || place.serving() == Some(console.pid().into()));
    console.press("q");
    assert_eq!(console.finish().code, 0);
}

#[test]
fn a_console_that_is_left_goes_on_until_the_others_have_their_answers() {
    let place = Place::new();
    let mut console = Terminal::start(&place.home, &[], 100, 30);
    console.until_text("in sync");
    eventually("the console serves", || place.serving() == Some(console.pid().into()));
    let payload = json!({ "begun": place.path("begun"), "go": place.path("go") }).to_string();
    let invoking = place.start(&["invoke", "f", "--json", "--payload", &payload]);
    eventually("its begin", || place.noted("begun") == 1);
    console.press("q");
    console.until_text("serving the local Lambda until a request of another process has ended");
    fs::write(place.path("go"), "").unwrap();
    let finished = console.finish();
    assert_eq!(finished.code, 0, "{finished:?}");
    finished.assert_restored();
    let invoked = ended(invoking).ok().json();
    assert_eq!((&invoked["status"], &invoked["function_error"]), (&json!(200), &Value::Null));
    assert_eq!(place.reports(), 1);
}
