//! Many streams and many events, without a server around them.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use serde_json::{Value, json};

use super::operate;
use crate::store::logs::Logs;

fn open(dir: &Path) -> Arc<Logs> {
    Logs::open(dir, "eu-central-1".to_owned(), &[], &Arc::default()).unwrap()
}

fn ask(logs: &Logs, operation: &str, request: &Value) -> Value {
    operate(logs, operation, request.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{}", error.message))
}

/// A group of that many streams with that many events each, all in the same few seconds.
fn fill(logs: &Logs, streams: i64, events: i64) {
    let group = logs.ensure_group("g").unwrap();
    for stream in 0..streams {
        let stream_name = format!("2026/11/21/[$LATEST]{stream:032x}");
        let stream_events = (0..events)
            .map(|n| {
                (
                    1_700_000_000_000 + n * 3 + stream % 3,
                    format!("INFO request {n} of sandbox {stream} took {} ms\n", n % 97),
                )
            })
            .collect();
        group.create_stream(&stream_name).unwrap().unwrap().append(stream_events).unwrap();
    }
}

/// Reads all pages of a filter. Returns the number of events and the number of pages.
fn pages(logs: &Logs, mut request: Value) -> (usize, usize) {
    let (mut events, mut count) = (0, 0);
    loop {
        let page = ask(logs, "FilterLogEvents", &request);
        events += page["events"].as_array().unwrap().len();
        count += 1;
        match page.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => return (events, count),
        }
    }
}

/// Number of files below a directory that this process has open.
fn descriptors(dir: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|path| path.starts_with(dir))
        .count()
}

/// Peak memory of this process so far, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn thousands_of_streams_are_read_at_once_with_few_files_open() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    fill(&logs, 2000, 5);
    assert_eq!(descriptors(dir.path()), 0);
    let done = AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(descriptors(dir.path()));
            }
            most
        });
        assert_eq!(pages(&logs, json!({ "logGroupName": "g" })).0, 10_000);
        let newest = json!({ "logGroupName": "g", "startTime": 1_704_067_200_000_i64, "startFromHead": false });
        assert_eq!(pages(&logs, newest).0, 0, "they are of 2023");
        done.store(true, Ordering::Relaxed);
        watch.join().unwrap()
    });
    assert!(most <= 2, "{most} files were open");
    // Reopened from the disk.
    drop(logs);
    let logs = open(dir.path());
    let found = pages(&logs, json!({ "logGroupName": "g", "filterPattern": "\"request 3 of\"" }));
    assert_eq!(found.0, 2000);
    assert_eq!(descriptors(dir.path()), 0);
}

#[test]
fn who_reads_while_others_write_sees_every_event_once() {
    const LINES: usize = 600;
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    let sandbox = logs.begin("g", "s").unwrap();
    sandbox.append_now(vec!["begin".to_owned()]).unwrap();
    let early = crate::store::logs::event::now() - 60_000;
    let read = || {
        let mut request = json!({ "logGroupName": "g", "limit": 50 });
        let mut described = Vec::new();
        loop {
            let page = ask(&logs, "FilterLogEvents", &request);
            described.extend(
                page["events"].as_array().unwrap().iter().map(|event| event["message"].to_string()),
            );
            match page.get("nextToken") {
                Some(token) => request["nextToken"] = token.clone(),
                None => return described,
            }
        }
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..LINES {
                sandbox.append_now(vec![format!("line {n}")]).unwrap();
            }
        });
        // Each call replaces the file that the readers and the sandbox use.
        let past = scope.spawn(|| {
            for n in 0..LINES / 20 {
                logs.group("g")
                    .unwrap()
                    .stream("s")
                    .unwrap()
                    .append(vec![(early, format!("past {n}"))])
                    .unwrap();
            }
        });
        while !writer.is_finished() || !past.is_finished() {
            let described = read();
            let lines: Vec<&String> =
                described.iter().filter(|message| message.starts_with("\"line")).collect();
            for (n, line) in lines.into_iter().enumerate() {
                assert_eq!(*line, format!("\"line {n}\""));
            }
        }
    });
    drop(sandbox);
    let described = read();
    assert_eq!(described.len(), 1 + LINES + LINES / 20);
    assert_eq!(
        described.iter().filter(|message| message.starts_with("\"past")).count(),
        LINES / 20
    );
    drop(logs);
    let logs = open(dir.path());
    assert_eq!(
        pages(&logs, json!({ "logGroupName": "g" })).0,
        described.len(),
        "and all are on disk"
    );
}

/// Run in a process of its own: memory is counted by process.
#[test]
fn reading_many_events_does_not_take_them_into_memory() {
    let name = "api::logs::tests::reading_many_events_alone";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let described = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && described.contains("1 passed"),
        "{described}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
#[ignore = "the one above runs it in a process of its own"]
fn reading_many_events_alone() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    // 12 MB.
    fill(&logs, 150, 800);
    let request = json!({ "logGroupName": "g", "filterPattern": "\"took 13 ms\"" });
    let first = pages(&logs, request.clone()).0;
    let before = peak();
    assert_eq!(first, 1350);
    assert_eq!(pages(&logs, request).0, first);
    let early = json!({ "logGroupName": "g", "limit": 500, "endTime": 1_700_000_000_100_i64 });
    assert_eq!(pages(&logs, early).0, 5050);
    let grown = peak() - before;
    assert!(grown < 4 << 20, "reading again took {grown} bytes more");
    assert!(before < 64 << 20, "{before} bytes at most");
}

/// The figures of a large group. `cargo test -p lambda-console-local -- --ignored --nocapture
/// figures`, optimised.
#[test]
#[ignore = "prints figures, which mean something only when nothing else runs"]
fn figures_of_a_million_events() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    let began = Instant::now();
    fill(&logs, 20, 50_000);
    println!("1,000,000 events written in {:?}", began.elapsed());
    for (what, pattern) in [
        ("no pattern", ""),
        ("a word that is nowhere", "nowhere"),
        ("a regular expression", "%took\\s9[0-9]\\sms\\sand%"),
        ("JSON", "{ $.level = 1 }"),
        ("columns", "[level, ..., took > 200, unit]"),
    ] {
        let mut request = json!({ "logGroupName": "g", "filterPattern": pattern });
        let (mut longest, mut count, mut events) = (std::time::Duration::ZERO, 0, 0);
        let all = Instant::now();
        loop {
            let began = Instant::now();
            let page = ask(&logs, "FilterLogEvents", &request);
            longest = longest.max(began.elapsed());
            count += 1;
            events += page["events"].as_array().unwrap().len();
            match page.get("nextToken") {
                Some(token) if count < 200 => request["nextToken"] = token.clone(),
                _ => break,
            }
        }
        println!(
            "{what} {pattern:?}: {events} events, {count} pages in {:?}, the longest {longest:?}",
            all.elapsed()
        );
    }
    println!("at most {} MB", peak() >> 20);
}
