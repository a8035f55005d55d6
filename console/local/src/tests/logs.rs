//! The Logs API.

use super::{ECHO, Server};
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use bytes::BytesMut;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn group(server: &Server, streams: &[&str]) {
    assert_eq!(server.client.logs("CreateLogGroup", &json!({ "logGroupName": "g" })).await.status, 200);
    for stream in streams {
        let reply =
            server.client.logs("CreateLogStream", &json!({ "logGroupName": "g", "logStreamName": stream })).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

async fn put(server: &Server, stream: &str, events: &[(i64, String)]) {
    let events: Vec<Value> = events.iter().map(|(t, m)| json!({ "timestamp": t, "message": m })).collect();
    let request = json!({ "logGroupName": "g", "logStreamName": stream, "logEvents": events });
    let reply = server.client.logs("PutLogEvents", &request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn messages(page: &Value) -> Vec<String> {
    page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// All pages of a filter, and how many they are.
async fn filter(server: &Server, request: Value) -> (Vec<Value>, usize) {
    let (mut events, mut pages, mut request) = (Vec::new(), 0, request);
    loop {
        let reply = server.client.logs("FilterLogEvents", &request).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page = reply.json();
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        pages += 1;
        match page["nextToken"].as_str() {
            Some(token) => request["nextToken"] = json!(token),
            None => return (events, pages),
        }
    }
}

#[tokio::test]
async fn filter_merges_streams_by_time_and_pages_lose_and_repeat_nothing() {
    let server = Server::start().await;
    group(&server, &["a", "b"]).await;
    let start = now() - 60_000;
    let event = |n: i64| (start + n / 3, format!("event {n}"));
    put(&server, "a", &(0..1000).filter(|n| n % 2 == 0).map(event).collect::<Vec<_>>()).await;
    put(&server, "b", &(0..1000).filter(|n| n % 2 == 1).map(event).collect::<Vec<_>>()).await;
    let (events, pages) = filter(&server, json!({ "logGroupName": "g", "limit": 77 })).await;
    assert_eq!(pages, 13);
    let mut ids: Vec<&str> = events.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert!(events.is_sorted_by_key(|event| event["timestamp"].as_i64().unwrap()));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1000, "every event once");
    assert!(ids.iter().all(|id| id.len() == 56));
    let (events, _) =
        filter(&server, json!({ "logGroupName": "g", "startTime": start + 100, "endTime": start + 101 })).await;
    assert_eq!(events.len(), 6, "both ends count");
    let (events, _) =
        filter(&server, json!({ "logGroupName": "g", "logStreamNames": ["a"], "filterPattern": "\"event 10\" -100" }))
            .await;
    let found: Vec<_> = events.iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(found, ["event 10", "event 102", "event 104", "event 106", "event 108"]);
    let (events, _) = filter(&server, json!({ "logGroupName": "g", "logStreamNamePrefix": "b" })).await;
    assert_eq!(events.len(), 500);
}

#[tokio::test]
async fn a_page_ends_at_1_mb() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    for n in 0..3 {
        put(&server, "a", &(0..10).map(|m| (now(), format!("{n}{m}{}", "x".repeat(100_000)))).collect::<Vec<_>>())
            .await;
    }
    let (events, pages) = filter(&server, json!({ "logGroupName": "g" })).await;
    assert_eq!((events.len(), pages), (30, 3));
}

#[tokio::test]
async fn what_filter_does_not_understand_it_refuses() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    for request in [
        json!({ "logGroupName": "g", "filterPattern": "{ $.level = \"x\" }" }),
        json!({ "logGroupName": "g", "nextToken": "nonsense" }),
        json!({ "logGroupName": "g", "limit": 0 }),
        json!({ "logGroupName": "g", "logStreamNames": ["a"], "logStreamNamePrefix": "a" }),
    ] {
        let reply = server.client.logs("FilterLogEvents", &request).await;
        assert_eq!(
            (reply.status, reply.json()["__type"].as_str()),
            (400, Some("InvalidParameterException")),
            "{request}"
        );
    }
    let reply = server.client.logs("FilterLogEvents", &json!({ "logGroupName": "none" })).await;
    assert_eq!((reply.status, reply.json()["__type"].as_str()), (400, Some("ResourceNotFoundException")));
}

#[tokio::test]
async fn one_stream_is_read_forwards_and_backwards() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let start = now() - 1000;
    put(&server, "a", &(0..10).map(|n| (start + n, n.to_string())).collect::<Vec<_>>()).await;
    let get = async |extra: Value| {
        let mut request = json!({ "logGroupName": "g", "logStreamName": "a", "limit": 4 });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.client.logs("GetLogEvents", &request).await.json()
    };
    let last = get(json!({})).await;
    assert_eq!(messages(&last).concat(), "6789", "the newest first");
    let before = get(json!({ "nextToken": last["nextBackwardToken"] })).await;
    assert_eq!(messages(&before).concat(), "2345");
    let end = get(json!({ "nextToken": last["nextForwardToken"] })).await;
    assert_eq!(
        (messages(&end).len(), &end["nextForwardToken"]),
        (0, &last["nextForwardToken"]),
        "the same token at the end"
    );
    put(&server, "a", &[(now(), "new".into())]).await;
    assert_eq!(messages(&get(json!({ "nextToken": end["nextForwardToken"] })).await), ["new"]);
    assert_eq!(
        messages(&get(json!({ "startFromHead": true, "startTime": start + 3, "endTime": start + 5 })).await).concat(),
        "34"
    );
}

#[tokio::test]
async fn groups_and_streams_are_described_in_pages_and_duplicates_refused() {
    let server = Server::start().await;
    for name in ["/x/1", "/x/2", "/x/3", "/y/1"] {
        server.client.logs("CreateLogGroup", &json!({ "logGroupName": name })).await;
    }
    let page = server.client.logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": "/x", "limit": 2 })).await.json();
    assert_eq!(page["logGroups"][1]["logGroupName"], "/x/2");
    assert_eq!(page["logGroups"][1]["arn"], "arn:aws:logs:eu-central-1:000000000000:log-group:/x/2:*");
    let page = server
        .client
        .logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": "/x", "limit": 2, "nextToken": page["nextToken"] }))
        .await
        .json();
    assert_eq!((page["logGroups"].as_array().unwrap().len(), page.get("nextToken")), (1, None));
    let again = server.client.logs("CreateLogGroup", &json!({ "logGroupName": "/x/1" })).await;
    assert_eq!((again.status, again.json()["__type"].as_str()), (400, Some("ResourceAlreadyExistsException")));
    let policy =
        server.client.logs("PutRetentionPolicy", &json!({ "logGroupName": "/x/1", "retentionInDays": 7 })).await;
    assert_eq!(policy.status, 200);
    let bad = server.client.logs("PutRetentionPolicy", &json!({ "logGroupName": "/x/1", "retentionInDays": 8 })).await;
    assert_eq!(bad.json()["__type"], "InvalidParameterException");
    let described = server.client.logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": "/x/1" })).await.json();
    assert_eq!(described["logGroups"][0]["retentionInDays"], 7);
    group(&server, &["old", "new"]).await;
    put(&server, "old", &[(now() - 5000, "1".into())]).await;
    put(&server, "new", &[(now(), "2".into())]).await;
    let request = json!({ "logGroupName": "g", "orderBy": "LastEventTime", "descending": true });
    let streams = server.client.logs("DescribeLogStreams", &request).await.json();
    assert_eq!(streams["logStreams"][0]["logStreamName"], "new");
    assert!(streams["logStreams"][1]["lastEventTimestamp"].as_i64().unwrap() < now() - 4000);
}

#[tokio::test]
async fn events_past_the_retention_are_gone() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let day = 24 * 60 * 60 * 1000;
    put(&server, "a", &[(now() - 3 * day, "old".into()), (now(), "new".into())]).await;
    server.client.logs("PutRetentionPolicy", &json!({ "logGroupName": "g", "retentionInDays": 1 })).await;
    let (events, _) = filter(&server, json!({ "logGroupName": "g" })).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["message"], "new");
}

#[tokio::test]
async fn put_refuses_what_is_unordered_and_tells_what_is_too_old_or_new() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let put = async |events: &[i64]| {
        let events: Vec<Value> = events.iter().map(|t| json!({ "timestamp": t, "message": "m" })).collect();
        server
            .client
            .logs("PutLogEvents", &json!({ "logGroupName": "g", "logStreamName": "a", "logEvents": events }))
            .await
    };
    assert_eq!(put(&[now(), now() - 10]).await.json()["__type"], "InvalidParameterException");
    assert_eq!(put(&[]).await.json()["__type"], "InvalidParameterException");
    let day = 24 * 60 * 60 * 1000;
    let told = put(&[now() - 20 * day, now(), now() + day]).await.json();
    assert_eq!(told["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2 }));
    assert_eq!(filter(&server, json!({ "logGroupName": "g" })).await.0.len(), 1);
}

#[tokio::test]
async fn a_live_tail_sends_events_as_they_come() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    server.invoke("echo", "0").await;
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/echo";
    let body = json!({ "logGroupIdentifiers": [arn], "logEventFilterPattern": "REPORT" }).to_string();
    let host = format!("stream-{}", server.client.host());
    let headers = [
        ("host", host.as_str()),
        ("x-amz-target", "Logs_20140328.StartLiveTail"),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    let signed = server.client.sign("POST", "/", &headers, body.as_bytes(), "logs", SystemTime::now());
    let head: Vec<String> = signed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = head.concat();
    let mut stream = TcpStream::connect(server.client.host()).await.unwrap();
    let request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n{head}\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut tail = Tail { stream, raw: Vec::new(), decoder: MessageFrameDecoder::new(), buffer: BytesMut::new() };
    tail.head().await;
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
    assert_eq!(tail.next().await.1["sessionResults"], json!([]), "an update each second, be it empty");
    let missing = server.client.logs("StartLiveTail", &json!({ "logGroupIdentifiers": [format!("{arn}x")] })).await;
    assert_eq!(missing.json()["__type"], "ResourceNotFoundException");
}

/// A live tail's messages, out of a chunked body.
struct Tail {
    stream: TcpStream,
    raw: Vec<u8>,
    decoder: MessageFrameDecoder,
    buffer: BytesMut,
}

impl Tail {
    async fn head(&mut self) {
        let line = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(line).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains("application/vnd.amazon.eventstream"), "{head}");
    }

    async fn more(&mut self) {
        let read =
            tokio::time::timeout(Duration::from_secs(5), self.stream.read_buf(&mut self.raw)).await.unwrap().unwrap();
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
            if let DecodedFrame::Complete(message) = self.decoder.decode_frame(&mut self.buffer).unwrap() {
                let kind = message.headers().iter().find(|header| header.name().as_str() == ":event-type").unwrap();
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
