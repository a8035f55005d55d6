//! A server that ends while others use it: the calls that it completes, those that it interrupts
//! with an error, and its successor.

use std::{
    future::{pending, ready},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    Fate, Left, Local, Pending,
    limits::Limits,
    open,
    server::local::open_with,
    tests::{Client, Server, eventually, options, quick, second_process::SecondProcess},
};

const INVOKE: &str = "/2015-03-31/functions/f/invocations";

/// A caller of another process.
async fn caller(dir: &Path) -> (Local, Client) {
    let joined = open(options(dir)).await.unwrap();
    assert!(!joined.is_serving());
    let client = Client::new(joined.endpoint().clone());
    (joined, client)
}

/// A file that the function creates when it has begun, and one that lets it end.
struct Marks(tempfile::TempDir);

impl Marks {
    fn new() -> Self {
        // In `/tmp` a function sees only its own files.
        Self(crate::tests::shared_dir())
    }

    fn payload(&self) -> Value {
        json!(self.0.path())
    }

    fn let_go(&self) {
        std::fs::write(self.0.path().join("go"), "").unwrap();
    }

    /// Waits until `count` invocations have begun.
    async fn started(&self, count: usize) {
        eventually("it begins", async || {
            std::fs::read_dir(self.0.path()).unwrap().count() >= count
        })
        .await;
    }
}

fn queued(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("queue")).unwrap().count()
}

/// The messages of a function's log.
async fn log(client: &Client) -> Vec<String> {
    let events =
        client.logs("FilterLogEvents", &json!({ "logGroupName": "/aws/lambda/f" })).await.json();
    events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

fn reports(log: &[String]) -> usize {
    assert!(
        !log.iter().any(|line| line.contains("rror")),
        "nothing is blamed on the function: {log:?}"
    );
    log.iter().filter(|line| line.starts_with("REPORT")).count()
}

#[tokio::test]
async fn a_server_that_others_use_ends_after_their_answers() {
    let (server, marks) = (Server::start().await, Marks::new());
    server.create_native("f", json!({ "Timeout": 60 })).await;
    let (joined, client) = caller(server.dir.path()).await;
    let payload = marks.payload();
    let invoking = async {
        let reply = client.lambda("POST", INVOKE, &payload).await;
        assert_eq!(
            (reply.status, reply.header("x-amz-function-error")),
            (200, None),
            "{}",
            reply.text()
        );
    };
    let waits_for = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&waits_for);
    let leaving = async {
        marks.started(1).await;
        let left = server.local.leave(pending(), |waits| *seen.lock().unwrap() = Some(waits)).await;
        assert_eq!(left, Left::default());
    };
    let ending = async {
        eventually("it says that it waits", async || waits_for.lock().unwrap().is_some()).await;
        assert!(joined.is_alive(), "it goes on, also for those who come now");
        assert_eq!(client.lambda("GET", "/2015-03-31/functions/f", &Value::Null).await.status, 200);
        marks.let_go();
    };
    tokio::join!(invoking, leaving, ending);
    assert_eq!(*waits_for.lock().unwrap(), Some(Pending { requests: 1, events: 0 }));
    assert!(!joined.is_alive());
    assert_eq!(joined.link().fate(), Fate::Finished, "what was not answered was not begun");
    let next = open(options(server.dir.path())).await.unwrap();
    assert!(next.is_serving());
    let address = joined.endpoint().url.strip_prefix("http://").unwrap();
    // Another test may have taken it in the meantime.
    let is_taken = || std::net::TcpListener::bind(address).is_err();
    assert!(next.endpoint().url == joined.endpoint().url || is_taken(), "callers keep the port");
    assert_ne!(next.endpoint().id, joined.endpoint().id);
    assert!(!joined.is_alive(), "another server is not the one that was joined");
    assert_eq!(reports(&log(&Client::new(next.endpoint().clone())).await), 1);
}

#[tokio::test]
async fn an_aborted_invocation_is_reported_and_not_blamed_on_the_function() {
    let (server, marks) = (Server::start().await, Marks::new());
    server.create_native("f", json!({ "Timeout": 60 })).await;
    server.create("begins", "sleeps()").await;
    let (_joined, client) = caller(server.dir.path()).await;
    let (payload, service) = (marks.payload(), Arc::clone(server.service()));
    let (Server { local, dir, .. }, nothing) = (server, json!({}));
    let (running, beginning, left) = tokio::join!(
        client.lambda("POST", INVOKE, &payload),
        client.lambda("POST", "/2015-03-31/functions/begins/invocations", &nothing),
        async {
            marks.started(1).await;
            eventually("both are served", async || service.busy_poll.requests() == 2).await;
            local.leave(ready(()), |_| {}).await
        }
    );
    assert_eq!(left, Left { events: 0, broken: 2 });
    for reply in [running, beginning] {
        assert_eq!((reply.status, reply.code()), (500, "ServiceException"), "{}", reply.text());
        assert_eq!(reply.header("x-amz-function-error"), None);
        assert!(reply.text().contains("was stopped while the function ran"), "{}", reply.text());
    }
    let next = open(options(dir.path())).await.unwrap();
    let client = Client::new(next.endpoint().clone());
    marks.let_go();
    assert_eq!(client.lambda("POST", INVOKE, &payload).await.status, 200);
    assert_eq!(reports(&log(&client).await), 1, "of the last one alone");
}

#[tokio::test]
async fn an_event_alone_runs_before_the_server_ends() {
    let (server, marks) = (Server::start().await, Marks::new());
    server.create_native("f", json!({ "Timeout": 60 })).await;
    let event = [("x-amz-invocation-type", "Event")];
    let payload = marks.payload().to_string();
    assert_eq!(
        server.client.send("POST", INVOKE, &event, payload.as_bytes(), "lambda").await.status,
        202
    );
    let dir = server.dir;
    let (left, ()) = tokio::join!(server.local.leave(pending(), |_| {}), async {
        marks.started(1).await;
        marks.let_go();
    });
    assert_eq!((left, queued(dir.path())), (Left::default(), 0));
    let next = open(options(dir.path())).await.unwrap();
    assert_eq!(reports(&log(&Client::new(next.endpoint().clone())).await), 1);
}

#[tokio::test]
async fn an_event_that_is_broken_off_runs_with_the_next_server() {
    let (server, marks) = (Server::start().await, Marks::new());
    server.create_native("f", json!({ "Timeout": 60 })).await;
    let event = [("x-amz-invocation-type", "Event")];
    let payload = marks.payload().to_string();
    server.client.send("POST", INVOKE, &event, payload.as_bytes(), "lambda").await;
    marks.started(1).await;
    let dir = server.dir;
    assert_eq!(server.local.leave(ready(()), |_| {}).await, Left { events: 1, broken: 0 });
    let entry =
        std::fs::read_dir(dir.path().join("queue")).unwrap().next().unwrap().unwrap().path();
    let entry: Value = serde_json::from_slice(&std::fs::read(entry).unwrap()).unwrap();
    assert_eq!(entry["attempts"], 0, "it does not count as a try");
    marks.let_go();
    let next = open_with(options(dir.path()), quick()).await.unwrap();
    let client = Client::new(next.endpoint().clone());
    next.leave(pending(), |_| {}).await;
    assert_eq!(queued(dir.path()), 0);
    let next = open(options(dir.path())).await.unwrap();
    assert_eq!(next.endpoint().url, client.endpoint.url);
    assert_eq!(reports(&log(&client).await), 1, "it ran to its end once");
}

#[tokio::test]
async fn retries_are_made_before_the_server_ends_and_what_cannot_run_is_left() {
    let server =
        Server::start_with(Limits { retries: [Duration::from_millis(50); 2], ..quick() }).await;
    server.create("f", "exits_at_once()").await;
    let event = [("x-amz-invocation-type", "Event")];
    server.client.send("POST", INVOKE, &event, b"1", "lambda").await;
    let dir = server.dir;
    assert_eq!(server.local.leave(pending(), |_| {}).await, Left::default());
    let next = open(options(dir.path())).await.unwrap();
    let log = log(&Client::new(next.endpoint().clone())).await;
    assert_eq!(
        log.iter().filter(|line| line.starts_with("REPORT")).count(),
        3,
        "this failure is its own: {log:?}"
    );
}

#[tokio::test]
async fn idle_connections_half_requests_and_live_tails_do_not_hold_a_server() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::start().await;
    server.create_native("f", json!({})).await;
    server.invoke("f", "0").await;
    let service = Arc::clone(server.service());
    let address = server.client.host();
    let _idle = TcpStream::connect(&address).await.unwrap();
    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/f";
    let target = [
        ("x-amz-target", "Logs_20140328.StartLiveTail"),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    let body = json!({ "logGroupIdentifiers": [arn] }).to_string();
    let Server { local, client, dir: _dir } = server;
    let tail = async {
        let reply = client.send("POST", "/", &target, body.as_bytes(), "logs").await;
        assert_eq!(reply.status, 200, "it ends as a stream does: {}", reply.text());
    };
    let leaving = async {
        eventually("the tail is open", async || service.logs.tails() > 0).await;
        local.leave(pending(), |waits| panic!("{waits:?}")).await;
    };
    tokio::join!(tail, leaving);
    assert_eq!(half.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_server_that_was_killed_is_known_as_that() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = SecondProcess::start(dir.path()).await;
    let (joined, _) = caller(dir.path()).await;
    assert!(joined.is_alive());
    first.kill();
    // A child of another test holds the lock between its fork and its exec.
    eventually("it is known as killed", async || joined.link().fate() == Fate::Killed).await;
    let next = open(options(dir.path())).await.unwrap();
    assert!(next.is_serving() && next.is_alive() && !joined.is_alive());
    assert_eq!(joined.link().fate(), Fate::Killed, "also when another one serves");
    let (third, _) = caller(dir.path()).await;
    next.leave(pending(), |_| {}).await;
    assert_eq!((third.link().fate(), joined.link().fate()), (Fate::Finished, Fate::Killed));
    // An unreadable record of past servers is ignored.
    std::fs::write(dir.path().join("past.json"), "{").unwrap();
    assert!(open(options(dir.path())).await.unwrap().is_serving());
}
