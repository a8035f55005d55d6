//! Faults from outside: sandboxes killed at any moment, callers that disconnect, malformed data on
//! every port, a clock that jumps. Nothing hangs, nothing is lost, and the next invocation works.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    limits::Limits,
    tests::{PATIENCE, Server, eventually, quick},
};

/// The content of a file, once it is not empty.
async fn content_of(file: &Path) -> String {
    let text = || std::fs::read_to_string(file).unwrap_or_default();
    eventually(&format!("{} is written", file.display()), async || !text().is_empty()).await;
    text()
}

fn kill(process: &str) {
    kill_process(Pid::from_raw(process.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// Kills the process of a sandbox at `step`, and checks that the log is complete.
async fn killed_at(step: &str, limits: Limits) {
    let server = Server::start_with(limits).await;
    let mark = server.dir.path().join("mark");
    // At its step it reports its process id and stops, once.
    let variables = json!({ "STEP": step, "MARK": mark });
    server
        .create_with(
            "f",
            "stops_at_its_step()",
            json!({ "Timeout": 60, "Environment": { "Variables": variables } }),
        )
        .await;
    let killing = async {
        let process = content_of(&mark).await;
        if step != "idle" {
            kill(&process);
        }
        process
    };
    let (reply, process) = tokio::join!(server.invoke("f", "1"), killing);
    match step {
        // The init is repeated within the invocation, as on AWS.
        "init" | "idle" => assert_eq!(reply.text(), "1", "{step}"),
        _ => {
            let message = reply.json()["errorMessage"].as_str().unwrap().to_owned();
            let words = if step == "answering" {
                "the response ended early"
            } else {
                "Runtime exited with error: signal: killed"
            };
            assert!(message.ends_with(&format!("Error: {words}")), "{step}: {message}");
        }
    }
    if step == "idle" {
        if limits.rest < Duration::from_secs(1) {
            super::reuse::becomes(&process, 'T').await;
        }
        kill(&process);
        super::reuse::becomes(&process, 'Z').await;
    }
    for n in 2..5 {
        assert_eq!(server.invoke("f", &n.to_string()).await.text(), n.to_string(), "after {step}");
    }
    let request = json!({ "logGroupName": "/aws/lambda/f" });
    let events = server.client.logs("FilterLogEvents", &request).await.json();
    let count = |start: &str| {
        let events = events["events"].as_array().unwrap().iter();
        events.filter(|event| event["message"].as_str().unwrap().starts_with(start)).count()
    };
    assert_eq!((count("START "), count("END "), count("REPORT ")), (4, 4, 4), "{step}");
    assert_eq!((count("working"), count("at ")), (4, 1), "{step}");
}

#[tokio::test]
async fn a_sandbox_killed_at_any_step_costs_that_invocation_at_most() {
    let awake = Limits { rest: Duration::from_mins(1), ..quick() };
    let steps = [
        ("init", quick()),
        ("working", quick()),
        ("answering", quick()),
        ("idle", quick()),
        ("idle", awake),
    ];
    for (step, limits) in steps {
        killed_at(step, limits).await;
    }
}

#[tokio::test]
async fn a_caller_that_leaves_changes_nothing_for_the_function_and_the_next_one() {
    let server = Server::start_with(Limits { concurrency: 1, ..quick() }).await;
    let (mark, go) = (server.dir.path().join("mark"), server.dir.path().join("go"));
    let variables = json!({ "MARK": mark, "GO": go });
    server
        .create_with(
            "f",
            "marks_and_waits()",
            json!({ "Timeout": 60, "Environment": { "Variables": variables } }),
        )
        .await;
    let path = "/2015-03-31/functions/f/invocations";
    let host = server.client.host();
    let headers =
        server.client.sign("POST", path, &[("host", &host)], b"1", "lambda", SystemTime::now());
    let mut request = format!("POST {path} HTTP/1.1\r\ncontent-length: 1\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    let mut caller = TcpStream::connect(&host).await.unwrap();
    caller.write_all(format!("{request}\r\n1").as_bytes()).await.unwrap();
    content_of(&mark).await;
    drop(caller);
    assert_eq!(server.invoke("f", "2").await.status, 429, "the first one still runs");
    std::fs::write(go, "").unwrap();
    eventually("the first one ends", async || server.invoke("f", "3").await.status != 429).await;
    let request = json!({ "logGroupName": "/aws/lambda/f", "filterPattern": "done" });
    assert_eq!(
        server.client.logs("FilterLogEvents", &request).await.json()["events"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// Uniform random numbers, the same in every run: xorshift.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    /// A request with one to three faults.
    fn spoil(&mut self, request: &[u8]) -> Vec<u8> {
        let mut bytes = request.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(7) {
                0 => bytes[at] = self.below(256) as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, self.below(256) as u8),
                3 => drop(bytes.splice(at..at, b"\r\n".iter().copied())),
                4 => drop(bytes.drain(at..(at + 1 + self.below(40)).min(bytes.len()))),
                5 => drop(bytes.splice(at..at, std::iter::repeat_n(b'A', self.below(20_000)))),
                _ => drop(bytes.splice(at..at, request[..self.below(request.len())].to_vec())),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        bytes
    }
}

#[tokio::test]
async fn ten_thousand_spoiled_requests_break_nothing() {
    let server = Server::start().await;
    server.create("echo", crate::tests::ECHO).await;
    let (path, host) = ("/2015-03-31/functions/echo", server.client.host());
    let headers =
        server.client.sign("GET", path, &[("host", &host)], b"{}", "lambda", SystemTime::now());
    let mut request = format!("GET {path} HTTP/1.1\r\ncontent-length: 2\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    let request = format!("{request}\r\n{{}}").into_bytes();
    let work = (1..=8_u64).map(|seed| {
        let (request, host) = (request.clone(), host.clone());
        tokio::spawn(async move {
            let mut dice = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            for _ in 0..1250 {
                let spoiled = dice.spoil(&request);
                let mut stream = TcpStream::connect(&host).await.unwrap();
                let answered = async {
                    // The server may have closed it already.
                    let _ = stream.write_all(&spoiled).await;
                    let _ = stream.shutdown().await;
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                };
                let answered = tokio::time::timeout(PATIENCE, answered).await;
                assert!(answered.is_ok(), "it hangs: {}", String::from_utf8_lossy(&spoiled));
            }
        })
    });
    for done in futures_util::future::join_all(work).await {
        done.unwrap();
    }
    assert_eq!(server.invoke("echo", "1").await.text(), "1");
}

#[tokio::test]
async fn ten_thousand_spoiled_requests_to_its_runtime_api_break_no_sandbox() {
    let server = Server::start().await;
    server
        .create_with("fuzzer", "spoils_requests()", json!({ "Timeout": 120, "MemorySize": 512 }))
        .await;
    for count in [10_000, 0] {
        assert_eq!(server.invoke("fuzzer", &count.to_string()).await.json(), json!(count));
    }
}

#[tokio::test]
async fn a_clock_that_went_back_loses_no_line() {
    let server = Server::start().await;
    server.create("f", crate::tests::ECHO).await;
    server.invoke("f", "1").await;
    let group = "/aws/lambda/f";
    let streams =
        server.client.logs("DescribeLogStreams", &json!({ "logGroupName": group })).await.json();
    let stream = streams["logStreams"][0]["logStreamName"].clone();
    // After the clock went back there are events of the future.
    let ahead = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let event = json!({ "timestamp": ahead, "message": "from the future" });
    let put = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": [event] });
    assert_eq!(server.client.logs("PutLogEvents", &put).await.status, 200);
    let reply = server.invoke("f", "2").await;
    assert!(reply.report("Duration").unwrap() < 60_000.0, "{}", reply.tail());
    let request = json!({ "logGroupName": group, "logStreamName": stream, "startFromHead": true });
    let events = server.client.logs("GetLogEvents", &request).await.json();
    let events: Vec<Value> = events["events"].as_array().unwrap().clone();
    let count = |start: &str| {
        events.iter().filter(|e| e["message"].as_str().unwrap().starts_with(start)).count()
    };
    assert_eq!((count("START"), count("REPORT"), count("from the future")), (2, 2, 1));
    assert!(events.is_sorted_by_key(|event| event["timestamp"].as_i64()), "{events:?}");
}
