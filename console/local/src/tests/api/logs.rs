//! The Logs API.

mod filter;
mod groups;
mod streams;
mod tail;

use serde_json::{Value, json};

use crate::tests::{ECHO, Server, quick};

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn group(server: &Server, streams: &[&str]) {
    assert_eq!(
        server.client.logs("CreateLogGroup", &json!({ "logGroupName": "g" })).await.status,
        200
    );
    for stream in streams {
        let reply = server
            .client
            .logs("CreateLogStream", &json!({ "logGroupName": "g", "logStreamName": stream }))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

async fn put(server: &Server, stream: &str, events: impl IntoIterator<Item = (i64, String)>) {
    let events: Vec<Value> =
        events.into_iter().map(|(t, m)| json!({ "timestamp": t, "message": m })).collect();
    let request = json!({ "logGroupName": "g", "logStreamName": stream, "logEvents": events });
    let reply = server.client.logs("PutLogEvents", &request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// Sends an operation that must succeed. Returns its response.
async fn ask(server: &Server, operation: &str, request: &Value) -> Value {
    let reply = server.client.logs(operation, request).await;
    assert_eq!(reply.status, 200, "{operation} {request}: {}", reply.text());
    if reply.body.is_empty() { Value::Null } else { reply.json() }
}

/// Sends an operation that must be refused. Returns the error code and message.
async fn refused(server: &Server, operation: &str, request: &Value) -> (String, String) {
    let reply = server.client.logs(operation, request).await;
    assert_eq!(reply.status, 400, "{operation} {request}: {}", reply.text());
    let body = reply.json();
    (body["__type"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
}

fn messages(page: &Value) -> Vec<String> {
    page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// Reads all pages of a filter. Returns the events and the number of pages.
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
