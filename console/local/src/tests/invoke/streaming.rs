//! Responses that are sent while they are made: event streams, errors in the middle, slow callers
//! and callers that disconnect.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::tests::{ECHO, Server, eventually, quick};

/// A request whose response is read bit by bit.
pub(crate) struct Open {
    stream: TcpStream,
    pub(crate) head: String,
    body: Vec<u8>,
}

impl Open {
    async fn invoke(server: &Server, name: &str, payload: &str) -> Self {
        let path = format!("/2021-11-15/functions/{name}/response-streaming-invocations");
        let host = server.client.host();
        let headers = [("host", host.as_str()), ("x-amz-log-type", "Tail")];
        let signed = server.client.sign(
            "POST",
            &path,
            &headers,
            payload.as_bytes(),
            "lambda",
            SystemTime::now(),
        );
        Self::send(&host, "POST", &path, &signed, payload).await
    }

    pub(crate) async fn send(
        host: &str,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Self {
        let mut request = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        let mut open = Self { stream, head: String::new(), body: Vec::new() };
        while !open.body.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(open.more().await, "{}", String::from_utf8_lossy(&open.body));
        }
        let end = open.body.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        open.head = String::from_utf8(open.body.drain(..end).collect()).unwrap().to_lowercase();
        open
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.body).await.unwrap() > 0
    }

    /// The next chunk, or `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.body.windows(2).position(|window| window == b"\r\n") {
                let length = std::str::from_utf8(&self.body[..line]).unwrap();
                let length = usize::from_str_radix(length, 16).unwrap();
                if self.body.len() >= line + 4 + length {
                    let chunk: Vec<u8> =
                        self.body.drain(..line + 4 + length).skip(line + 2).take(length).collect();
                    return Some(chunk).filter(|chunk| !chunk.is_empty());
                }
            }
            assert!(self.more().await, "the connection ended within a response");
        }
    }

    /// All remaining chunks, as messages.
    async fn messages(mut self) -> Vec<Message> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await {
            bytes.extend(chunk);
        }
        messages(&bytes)
    }
}

fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        messages.push(read_message_from(&mut bytes).unwrap());
    }
    messages
}

fn kind(message: &Message) -> &str {
    let header =
        message.headers().iter().find(|header| header.name().as_str() == ":event-type").unwrap();
    header.value().as_string().unwrap().as_str()
}

fn completion(messages: &[Message]) -> Value {
    let last = messages.last().unwrap();
    assert_eq!(kind(last), "InvokeComplete");
    serde_json::from_slice(last.payload()).unwrap()
}

fn payload(messages: &[Message]) -> Vec<u8> {
    messages
        .iter()
        .filter(|message| kind(message) == "PayloadChunk")
        .flat_map(|m| m.payload().to_vec())
        .collect()
}

#[tokio::test]
async fn a_streamed_response_comes_while_it_is_being_made() {
    let server = Server::start().await;
    let gate = server.dir.path().join("gate");
    let script = format!("streams_two_parts({gate:?})");
    server.create("stream", &script).await;
    let mut open = Open::invoke(&server, "stream", "{}").await;
    for header in [
        "http/1.1 200",
        "content-type: application/vnd.amazon.eventstream",
        "x-amzn-remapped-content-type: application/x-own",
        "x-amz-executed-version: $latest",
        "transfer-encoding: chunked",
    ] {
        assert!(open.head.contains(header), "no {header} in {}", open.head);
    }
    let first = messages(&open.chunk().await.unwrap());
    assert_eq!(
        (kind(&first[0]), first[0].payload().as_ref()),
        ("PayloadChunk", b"one\0\xff".as_ref())
    );
    // Only now may the function continue: the first part arrived before the second was made.
    std::fs::write(&gate, "").unwrap();
    let rest = open.messages().await;
    assert_eq!(payload(&rest), b"two");
    let complete = completion(&rest);
    assert_eq!(complete.get("ErrorCode"), None);
    let tail = String::from_utf8(STANDARD.decode(complete["LogResult"].as_str().unwrap()).unwrap())
        .unwrap();
    assert!(tail.contains("REPORT RequestId: "), "{tail}");
}

#[tokio::test]
async fn an_error_in_the_middle_is_reported_at_the_end() {
    let server = Server::start().await;
    server.create("mid", "fails_in_the_middle()").await;
    let messages = Open::invoke(&server, "mid", "{}").await.messages().await;
    assert_eq!(payload(&messages), b"half");
    let complete = completion(&messages);
    assert_eq!(complete["ErrorCode"], "Unhandled");
    assert_eq!(complete["ErrorDetails"], r#"{"errorMessage":"mid"}"#);
}

#[tokio::test]
async fn what_is_not_streamed_comes_as_one_payload() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let messages = Open::invoke(&server, "echo", "[1, 2]").await.messages().await;
    assert_eq!(payload(&messages), b"[1, 2]");
    assert_eq!(completion(&messages).get("ErrorCode"), None);
    let body = r#"{"errorMessage":"no"}"#;
    server.create("fails", &format!("fails({body:?})")).await;
    let messages = Open::invoke(&server, "fails", "{}").await.messages().await;
    assert_eq!(payload(&messages), body.as_bytes());
    assert_eq!(completion(&messages)["ErrorDetails"], body);
}

#[tokio::test]
async fn a_timeout_and_an_exit_in_the_middle_end_the_stream_with_their_error() {
    let server = Server::start().await;
    server.create_with("stops", "stops_in_the_middle()", json!({ "Timeout": 1 })).await;
    for (event, kind) in [("0", "Sandbox.Timedout"), ("1", "Runtime.")] {
        let messages = Open::invoke(&server, "stops", event).await.messages().await;
        assert_eq!(payload(&messages), b"half");
        let complete = completion(&messages);
        let details: Value =
            serde_json::from_str(complete["ErrorDetails"].as_str().unwrap()).unwrap();
        assert!(details["errorType"].as_str().unwrap().starts_with(kind), "{details}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_break_the_invocation_off() {
    let server = Server::start().await;
    let (gate, done) = (server.dir.path().join("gate"), server.dir.path().join("done"));
    let script = format!("streams_on({gate:?}, {done:?})");
    server.create_with("stream", &script, json!({ "Timeout": 30 })).await;
    let mut open = Open::invoke(&server, "stream", "{}").await;
    assert!(open.chunk().await.is_some());
    drop(open);
    std::fs::write(&gate, "").unwrap();
    eventually("the function came to its end", async || done.exists()).await;
    assert!(std::fs::read_to_string(&done).unwrap().starts_with("202 "), "and noticed nothing");
    let again = Open::invoke(&server, "stream", "{}").await.messages().await;
    assert_eq!(payload(&again).len(), 3 + 100 * 65536, "the next one works");
}

#[tokio::test]
async fn a_slow_caller_makes_the_function_wait() {
    let server = Server::start().await;
    let sent = server.dir.path().join("sent");
    let script = format!("streams_100_mb({sent:?})");
    server.create_with("fast", &script, json!({ "Timeout": 60 })).await;
    let mut open = Open::invoke(&server, "fast", "{}").await;
    open.chunk().await.unwrap();
    // Until it stops growing: no one reads. The file does not exist before the first piece was
    // read, and is empty while it is being written.
    let sent = || std::fs::read_to_string(&sent).ok().and_then(|text| text.parse::<u32>().ok());
    let mut before = sent();
    loop {
        // The absence of data can only be observed over time.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sent();
        if now.is_some() && now == before {
            break;
        }
        before = now;
    }
    let before = before.unwrap();
    assert!(before < 800, "{before} of 1600 pieces of 64 KB were taken before anything was read");
    assert_eq!(payload(&open.messages().await).len() / 65536, 1600 - 1, "nothing is lost");
}

#[tokio::test]
async fn a_streamed_response_may_have_200_mb_and_no_more() {
    let server = Server::start().await;
    server.create_with("huge", "streams_as_many_megabytes()", json!({ "Timeout": 120 })).await;
    let mut open = Open::invoke(&server, "huge", "201").await;
    let (mut length, mut last) = (0, Vec::new());
    while let Some(chunk) = open.chunk().await {
        length += chunk.len();
        last = chunk;
    }
    assert!((200 << 20..201 << 20).contains(&length), "{length}");
    assert!(String::from_utf8_lossy(&last).contains("Function.ResponseSizeTooLarge"));
    assert_eq!(server.invoke("huge", "0").await.text(), "413");
    // Collected, it is an ordinary response.
    let reply = server.invoke("huge", "7").await;
    assert_eq!(reply.json()["errorType"], "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_a_stream_begins() {
    let server = Server::start_with(crate::limits::Limits { concurrency: 1, ..quick() }).await;
    let (mark, gate) = (server.dir.path().join("mark"), server.dir.path().join("gate"));
    let script = format!("answers_when_let({mark:?}, {gate:?})");
    server.create_with("slow", &script, json!({ "Timeout": 20 })).await;
    let path = "/2021-11-15/functions/slow/response-streaming-invocations";
    let send = |headers, body: &'static str| {
        server.client.send("POST", path, headers, body.as_bytes(), "lambda")
    };
    assert_eq!(send(&[], "{").await.code(), "InvalidRequestContentException");
    assert_eq!(
        send(&[("x-amz-invocation-type", "Event")], "{}").await.code(),
        "ValidationException"
    );
    assert_eq!(send(&[("x-amz-invocation-type", "DryRun")], "{}").await.status, 204);
    let (first, second) = tokio::join!(server.invoke("slow", "1"), async {
        eventually("the first one runs", async || mark.exists()).await;
        let second = send(&[], "{}").await;
        std::fs::write(&gate, "").unwrap();
        second
    });
    assert_eq!(
        (first.status, second.status, second.code()),
        (200, 429, "TooManyRequestsException")
    );
    let nobody = "/2021-11-15/functions/nobody/response-streaming-invocations";
    assert_eq!(
        server.client.send("POST", nobody, &[], b"{}", "lambda").await.code(),
        "ResourceNotFoundException"
    );
}
