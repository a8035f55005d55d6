//! `StartLiveTail`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::tests::eventually;

const ARN: &str = "arn:aws:logs:eu-central-1:000000000000:log-group:g";

#[tokio::test]
async fn a_live_tail_sends_events_as_they_come() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    server.invoke("echo", "0").await;
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/echo";
    let request = json!({ "logGroupIdentifiers": [arn], "logEventFilterPattern": "REPORT" });
    let mut tail = Tail::raw(&server, &request).await;
    assert_eq!(tail.next().await, ("initial-response".to_owned(), json!({})));
    let (kind, start) = tail.next().await;
    assert_eq!((kind.as_str(), &start["logGroupIdentifiers"]), ("sessionStart", &json!([arn])));
    server.invoke("echo", "1").await;
    let (kind, update) = tail.next().await;
    assert_eq!(kind, "sessionUpdate");
    let results = update["sessionResults"].as_array().unwrap();
    assert_eq!(results.len(), 1, "no backlog, and only what matches: {update}");
    assert!(results[0]["message"].as_str().unwrap().starts_with("REPORT RequestId: "));
    assert_eq!(results[0]["logGroupIdentifier"], arn);
    assert_eq!(
        tail.next().await.1["sessionResults"],
        json!([]),
        "an update each second, be it empty"
    );
    let missing = server
        .client
        .logs("StartLiveTail", &json!({ "logGroupIdentifiers": [format!("{arn}x")] }))
        .await;
    assert_eq!(missing.json()["__type"], "ResourceNotFoundException");
}

#[tokio::test]
async fn events_of_the_requested_streams_are_sent() {
    let server = Server::start().await;
    group(&server, &["a1", "a2", "b"]).await;
    let mut named =
        Tail::open(&server, &json!({ "logGroupIdentifiers": [ARN], "logStreamNames": ["b"] }))
            .await;
    let mut prefixed = Tail::open(
        &server,
        &json!({ "logGroupIdentifiers": [ARN], "logStreamNamePrefixes": ["a"],
            "logEventFilterPattern": "{ $.n >= 2 }" }),
    )
    .await;
    let time = now();
    for stream in ["a1", "a2", "b"] {
        put(&server, stream, (1..=2).map(|n| (time, format!("{{\"n\":{n}}}")))).await;
    }
    let (events, sampled) = named.events().await;
    assert_eq!((events.len(), sampled), (2, false));
    assert!(events.iter().all(|event| event["logStreamName"] == "b" && event["timestamp"] == time));
    assert!(
        events[0]["ingestionTime"].as_i64().unwrap() >= time && events[0].get("eventId").is_none()
    );
    let mut events = prefixed.events().await.0;
    if events.len() < 2 {
        events.extend(prefixed.events().await.0);
    }
    let described: Vec<&str> =
        events.iter().map(|event| event["logStreamName"].as_str().unwrap()).collect();
    assert_eq!(described, ["a1", "a2"]);
    for wrong in [
        json!({ "logGroupIdentifiers": [] }),
        json!({ "logGroupIdentifiers": ["g"] }),
        json!({ "logGroupIdentifiers": [format!("{ARN}:*")] }),
        json!({ "logGroupIdentifiers": [ARN], "logStreamNames": ["b"], "logStreamNamePrefixes": ["a"] }),
        json!({ "logGroupIdentifiers": [ARN, ARN], "logStreamNames": ["b"] }),
        json!({ "logGroupIdentifiers": [ARN], "logStreamNames": [] }),
        json!({ "logGroupIdentifiers": [ARN], "logEventFilterPattern": "\"open" }),
    ] {
        assert_eq!(
            refused(&server, "StartLiveTail", &wrong).await.0,
            "InvalidParameterException",
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn of_thousands_of_lines_a_second_a_sample_of_500_is_sent_in_order() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let mut tail = Tail::open(&server, &json!({ "logGroupIdentifiers": [ARN] })).await;
    let (mut described, mut sampled) = (Vec::new(), false);
    for second in 0..3 {
        put(&server, "a", (0..5000).map(|n| (now(), format!("{:05}", second * 5000 + n)))).await;
        let (events, some) = tail.events().await;
        assert!(events.len() <= 500, "{}", events.len());
        sampled |= some;
        described.extend(events.iter().map(|event| event["message"].as_str().unwrap().to_owned()));
    }
    assert!(sampled && described.len() >= 500);
    assert!(described.is_sorted_by(|one, next| one < next), "each once and in order");
    // A sample, not the first ones.
    assert!(
        described.iter().take(500).any(|message| message.as_str() > "02500"),
        "{:?}",
        described.get(499)
    );
    // All of them are on disk.
    let (events, _) = filter(&server, json!({ "logGroupName": "g" })).await;
    assert_eq!(events.len(), 15_000);
}

#[tokio::test]
async fn a_function_that_writes_thousands_of_lines_loses_none_on_disk_while_it_is_followed() {
    let server = Server::start().await;
    server.create("writer", "prints_5000_lines()").await;
    server.invoke("writer", "0").await;
    let group = "/aws/lambda/writer";
    let arn = format!("arn:aws:logs:eu-central-1:000000000000:log-group:{group}");
    let request =
        json!({ "logGroupIdentifiers": [arn], "logEventFilterPattern": "-REPORT -START -END" });
    let mut tail = Tail::open(&server, &request).await;
    server.invoke("writer", "1").await;
    let (events, sampled) = tail.events().await;
    assert!(events.len() <= 500 && (sampled || events.len() < 500), "{}", events.len());
    let described: Vec<u32> = events
        .iter()
        .map(|event| event["message"].as_str().unwrap().trim().parse().unwrap())
        .collect();
    assert!(described.is_sorted_by(|one, next| one < next));
    let request = json!({ "logGroupName": group, "filterPattern": "%^\\d+$%" });
    let (events, _) = filter(&server, request).await;
    let kept: Vec<u32> = events
        .iter()
        .map(|event| event["message"].as_str().unwrap().trim().parse().unwrap())
        .collect();
    assert_eq!(kept, (0..5000).chain(0..5000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_session_ends_when_its_client_is_gone() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let logs = Arc::clone(&server.local.server.as_ref().unwrap().service.logs);
    let request = json!({ "logGroupIdentifiers": [ARN] });
    let stays = Tail::open(&server, &request).await;
    let mut leaves = Vec::new();
    for _ in 0..20 {
        leaves.push(Tail::open(&server, &request).await);
    }
    assert_eq!(logs.tails(), 21);
    drop(leaves);
    eventually("the sessions of those that left end", async || logs.tails() == 1).await;
    drop(stays);
    // Also when the server ends.
    let _open = Tail::open(&server, &request).await;
    server.local.shutdown().await;
    eventually("all sessions end", async || logs.tails() == 0).await;
}

/// Messages of a live tail, read from a chunked body.
struct Tail {
    stream: TcpStream,
    raw: Vec<u8>,
    decoder: MessageFrameDecoder,
    buffer: BytesMut,
}

impl Tail {
    /// Opens a session.
    async fn raw(server: &Server, request: &Value) -> Self {
        let body = request.to_string();
        let host = format!("stream-{}", server.client.host());
        let headers = [
            ("host", host.as_str()),
            ("x-amz-target", "Logs_20140328.StartLiveTail"),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        let signed =
            server.client.sign("POST", "/", &headers, body.as_bytes(), "logs", SystemTime::now());
        let head: Vec<String> =
            signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = head.concat();
        let mut stream = TcpStream::connect(server.client.host()).await.unwrap();
        let request =
            format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n{head}\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut tail = Self {
            stream,
            raw: Vec::new(),
            decoder: MessageFrameDecoder::new(),
            buffer: BytesMut::new(),
        };
        tail.head().await;
        tail
    }

    /// Opens a session and skips the messages before the updates.
    async fn open(server: &Server, request: &Value) -> Self {
        let mut tail = Self::raw(server, request).await;
        assert_eq!(tail.next().await.0, "initial-response");
        assert_eq!(tail.next().await.0, "sessionStart");
        tail
    }

    /// The next update with events. Returns them, and whether they are sampled.
    async fn events(&mut self) -> (Vec<Value>, bool) {
        loop {
            let (kind, update) = self.next().await;
            assert_eq!(kind, "sessionUpdate");
            let events = update["sessionResults"].as_array().unwrap();
            if !events.is_empty() {
                return (events.clone(), update["sessionMetadata"]["sampled"].as_bool().unwrap());
            }
        }
    }

    async fn head(&mut self) {
        let line = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(line).unwrap().to_lowercase();
        assert!(
            head.starts_with("http/1.1 200") && head.contains("application/vnd.amazon.eventstream"),
            "{head}"
        );
    }

    async fn more(&mut self) {
        let read =
            tokio::time::timeout(Duration::from_secs(5), self.stream.read_buf(&mut self.raw))
                .await
                .unwrap()
                .unwrap();
        assert!(read > 0, "the tail ended");
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(place) = self.raw.windows(end.len()).position(|window| window == end) {
                let rest = self.raw.split_off(place + end.len());
                return std::mem::replace(&mut self.raw, rest);
            }
            self.more().await;
        }
    }

    async fn next(&mut self) -> (String, Value) {
        loop {
            if let DecodedFrame::Complete(message) =
                self.decoder.decode_frame(&mut self.buffer).unwrap()
            {
                let kind = message
                    .headers()
                    .iter()
                    .find(|header| header.name().as_str() == ":event-type")
                    .unwrap();
                let kind = kind.value().as_string().unwrap().as_str().to_owned();
                return (kind, serde_json::from_slice(message.payload()).unwrap());
            }
            let size = String::from_utf8(self.until(b"\r\n").await).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            while self.raw.len() < size + 2 {
                self.more().await;
            }
            let rest = self.raw.split_off(size + 2);
            let chunk = std::mem::replace(&mut self.raw, rest);
            self.buffer.extend_from_slice(&chunk[..size]);
        }
    }
}
