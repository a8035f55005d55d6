//! The Telemetry API and the Logs API: extensions that listen, and what they hear.

use super::extensions::{EXTENSION, create};
use crate::{
    limits::Limits,
    tests::{Server, invoke::phases::log, quick},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A function that prints a line.
const PRINTS: &str =
    "while True:\n    id, body, _ = next_event()\n    print('from the function', flush=True)\n    respond(id, body)\n";

/// A listener in an extension's process that writes what it gets to the file `HEARD`, a batch a line.
const LISTENER: &str = r#"
import http.server, threading
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(os.environ["HEARD"], "ab") as file: file.write(body + b"\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
def subscribe(*types, path="/2022-07-01/telemetry", version="2022-07-01", port=server.server_port):
    return ask("PUT", path, json.dumps({
        "schemaVersion": version, "types": types, "buffering": {"timeoutMs": 25, "maxItems": 1000, "maxBytes": 262144},
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/path"}}))
"#;

/// Answers events until the end.
const LIVES: &str = "while event()['eventType'] != 'SHUTDOWN': pass\n";

async fn listening(server: &Server, name: &str, script: &str) {
    let heard = server.dir.path().join(format!("heard-{name}"));
    let script = format!("{LISTENER}\nregister('INVOKE', 'SHUTDOWN')\n{script}\nsay('ready to hear')\n{LIVES}");
    let settings = json!({ "Environment": { "Variables": { "HEARD": heard.to_str().unwrap() } } });
    create(server, name, PRINTS, &[("listener", &script)], settings).await;
}

/// A server whose sandboxes are not frozen: those would hear of the last events only with their next invocation.
async fn awake() -> Server {
    Server::start_with(Limits { rest: Duration::from_mins(1), ..quick() }).await
}

/// What was heard, in order.
fn heard(dir: &std::path::Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(format!("heard-{name}"))).unwrap_or_default();
    let batch = |line: &str| serde_json::from_str::<Vec<Value>>(line).unwrap();
    // The last line may not be written as a whole yet.
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).flat_map(batch).collect()
}

/// Waits until an event of this type was heard.
async fn heard_of(dir: &std::path::Path, name: &str, kind: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let events = heard(dir, name);
        if let Some(event) = events.iter().find(|event| event["type"] == kind) {
            return event.clone();
        }
        assert!(Instant::now() < deadline, "{:?}", kinds(&events));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_subscriber_hears_of_everything_also_of_what_was_before() {
    let server = Server::start().await;
    listening(&server, "f", "say(subscribe('platform', 'function', 'extension')[2])").await;
    let reply = server.invoke("f", "[1]").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    let line = "TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function, Extension]\n";
    assert!(reply.tail().contains(line), "{}", reply.tail());
    assert!(reply.tail().contains("\"OK\"\n"), "{}", reply.tail());
    server.local.shutdown().await;
    let events = heard(server.dir.path(), "f");
    let kinds = kinds(&events);
    let platform: Vec<&str> = kinds.iter().copied().filter(|kind| kind.starts_with("platform.")).collect();
    assert_eq!(
        platform,
        [
            "platform.initStart",
            "platform.telemetrySubscription",
            "platform.initRuntimeDone",
            "platform.extension",
            "platform.initReport",
            "platform.start",
            "platform.runtimeDone",
            "platform.report",
        ]
    );
    let find = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap();
    assert_eq!(find("function")["record"], "from the function");
    assert!(
        events.iter().any(|event| event["type"] == "extension" && event["record"] == "ready to hear"),
        "{events:#?}"
    );
    assert!(events.iter().all(|event| event["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok()));
    assert_eq!(
        find("platform.telemetrySubscription")["record"],
        json!({ "name": "listener", "state": "Subscribed", "types": ["platform", "function", "extension"] })
    );
    assert_eq!(
        find("platform.extension")["record"],
        json!({ "name": "listener", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"] })
    );
    let done = &find("platform.runtimeDone")["record"];
    assert_eq!((&done["requestId"], &done["metrics"]["producedBytes"]), (&json!(id), &json!(3)));
    let report = &find("platform.report")["record"];
    assert_eq!(report["spans"][0]["name"], "extensionOverhead");
    let duration = |record: &Value| record["metrics"]["durationMs"].as_f64().unwrap();
    assert!(duration(report) >= duration(done), "{report} {done}");
    assert!(
        kinds.iter().position(|kind| *kind == "function")
            < kinds.iter().position(|kind| *kind == "platform.runtimeDone")
    );
}

#[tokio::test]
async fn a_subscriber_hears_only_what_it_asked_for_and_asking_twice_changes_nothing() {
    let server = Server::start().await;
    listening(&server, "f", "subscribe('function')\nsay(subscribe('function')[0], subscribe('function', path='/2020-08-15/logs', version='2020-08-15')[0])").await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(tail.contains("200 400\n"), "{tail}");
    assert_eq!(tail.matches("TELEMETRY\t").count(), 1, "{tail}");
    server.local.shutdown().await;
    assert_eq!(kinds(&heard(server.dir.path(), "f")), ["function"]);
}

#[tokio::test]
async fn the_logs_api_tells_its_own_events() {
    let server = Server::start().await;
    listening(&server, "f", "subscribe('platform', path='/2020-08-15/logs', version='2021-03-18')").await;
    let tail = server.invoke("f", "1").await.tail();
    assert!(tail.contains("LOGS\tName: listener\tState: Subscribed\tTypes: [Platform]\n"), "{tail}");
    server.local.shutdown().await;
    assert_eq!(
        kinds(&heard(server.dir.path(), "f")),
        [
            "platform.logsSubscription",
            "platform.extension",
            "platform.start",
            "platform.runtimeDone",
            "platform.end",
            "platform.report"
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_said() {
    let server = Server::start().await;
    listening(&server, "f", "say(*[ask('PUT', '/2022-07-01/telemetry/', json.dumps({'schemaVersion': '2022-07-01', 'types': [], 'destination': {'protocol': 'HTTP', 'URI': 'http://sandbox.localdomain'}}))[i] for i in (0, 2)])").await;
    let tail = server.invoke("f", "1").await.tail();
    let message = "URI port is not provided; types should not be empty";
    let line = tail.lines().find_map(|line| line.strip_prefix("400 ")).unwrap_or_else(|| panic!("{tail}"));
    let said: Value = serde_json::from_str(line).unwrap();
    assert_eq!(said, json!({ "errorType": "ValidationError", "errorMessage": message }));
}

#[tokio::test]
async fn tcp_is_a_line_an_event() {
    let server = awake().await;
    let script = r#"
import socketserver
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            with open(os.environ["HEARD"], "ab") as file: file.write(b"[" + line.strip() + b"]\n")
tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines)
threading.Thread(target=tcp.serve_forever, daemon=True).start()
ask("PUT", "/2022-07-01/telemetry", json.dumps({"schemaVersion": "2022-07-01", "types": ["function"],
    "buffering": {"timeoutMs": 25}, "destination": {"protocol": "TCP", "port": tcp.server_address[1]}}))
"#;
    listening(&server, "f", script).await;
    server.invoke("f", "1").await;
    heard_of(server.dir.path(), "f", "function").await;
    assert_eq!(kinds(&heard(server.dir.path(), "f")), ["function"]);
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_is_told_what_it_missed() {
    let server = awake().await;
    // Its listener comes up only when all is over: what the buffer cannot hold is lost.
    let script = r#"
import socket
# It has the port from the beginning, so that nobody else takes it; as long as it does not listen, callers are refused.
held = socket.socket()
held.bind(("127.0.0.1", 0))
subscribe("platform", "function", port=held.getsockname()[1])
def late():
    while not os.path.exists(os.environ["HEARD"] + ".go"): time.sleep(0.01)
    behind = http.server.ThreadingHTTPServer(held.getsockname(), Listener, bind_and_activate=False)
    behind.socket.close()
    behind.socket = held
    behind.server_activate()
    behind.serve_forever()
threading.Thread(target=late, daemon=True).start()
"#;
    let heard_file = server.dir.path().join("heard-f");
    let listener = format!("{LISTENER}\nregister('INVOKE', 'SHUTDOWN')\n{script}\n{LIVES}");
    let flood = "while True:\n    id, body, _ = next_event()\n    for n in range(60): print('x' * 50_000, flush=True)\n    respond(id, body)\n";
    let settings = json!({
        "Timeout": 30, "Environment": { "Variables": { "HEARD": heard_file.to_str().unwrap() } },
    });
    create(&server, "f", flood, &[("listener", &listener)], settings).await;
    assert_eq!(server.invoke("f", "1").await.text(), "1");
    std::fs::write(server.dir.path().join("heard-f.go"), "").unwrap();
    let dropped = heard_of(server.dir.path(), "f", "platform.logsDropped").await["record"].clone();
    assert!(dropped["droppedRecords"].as_u64().unwrap() > 10, "{dropped}");
    assert!(dropped["droppedBytes"].as_u64().unwrap() > 500_000, "{dropped}");
    assert!(dropped["reason"].as_str().unwrap().contains("fallen behind"), "{dropped}");
    let lines = log(&server, "f").await.iter().filter(|line| line.starts_with("xxx")).count();
    assert_eq!(lines, 60, "the log has them all");
}

#[tokio::test]
async fn a_subscriber_that_never_listens_keeps_nothing_up() {
    let server = Server::start().await;
    listening(&server, "f", "subscribe('platform', 'function', port=1)").await;
    for _ in 0..3 {
        assert_eq!(server.invoke("f", "1").await.text(), "1");
    }
    let began = Instant::now();
    server.local.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_internal_extension_may_listen_too() {
    let server = awake().await;
    let heard_file = server.dir.path().join("heard-f");
    let extension = EXTENSION.replace("os.path.basename(sys.argv[0])", "'inner'");
    let script = format!(
        "{extension}{LISTENER}\nregister()\nsubscribe('platform')\nthreading.Thread(target=event, daemon=True).start()\n{PRINTS}"
    );
    let variables = json!({ "HEARD": heard_file.to_str().unwrap() });
    server.create_with("f", &script, json!({ "Environment": { "Variables": variables } })).await;
    server.invoke("f", "1").await;
    server.invoke("f", "1").await;
    // It comes while the sandbox lives.
    heard_of(server.dir.path(), "f", "platform.report").await;
}
