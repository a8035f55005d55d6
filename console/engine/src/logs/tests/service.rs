//! A log service that follows a script: pages of its events, and live tails frame by frame.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use lambda_console_local::Endpoint;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Next step of a live tail.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// Adds these events to the pages from now on.
    Write(Vec<(i64, &'static str)>),
    /// Sends these, with the flag for left-out events.
    Update(Vec<(i64, &'static str)>, bool),
    /// Ends with this exception.
    Exception(&'static str),
    /// Sends a frame whose checksum is wrong.
    Corrupt,
    /// Waits.
    Pause(u64),
    /// Is refused with this code; must be the first and only step.
    Refuse(&'static str),
}

#[derive(Default)]
struct Script {
    events: Vec<(i64, &'static str)>,
    sessions: VecDeque<Vec<Play>>,
    /// Errors that pages return before they work.
    page_faults: VecDeque<&'static str>,
    /// Maximum number of events in a page.
    page: usize,
    open: usize,
    started: usize,
}

/// The service. It ends when it is dropped.
pub(super) struct Service {
    script: Arc<Mutex<Script>>,
    endpoint: Endpoint,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    /// Plays one session after another; after the last, one that is silent.
    pub(super) async fn start(sessions: Vec<Vec<Play>>, page_faults: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = Script {
            sessions: sessions.into(),
            page_faults: page_faults.into(),
            page: 3,
            ..Script::default()
        };
        let script = Arc::new(Mutex::new(script));
        let endpoint = Endpoint {
            url: format!("http://{}", listener.local_addr().unwrap()),
            region: "eu-west-1".into(),
            access_key: "a".into(),
            secret_key: "b".into(),
            pid: std::process::id(),
            id: String::new(),
            memory_limit: String::new(),
            damage: Vec::new(),
        };
        let served = Arc::clone(&script);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&served)));
            }
        });
        Self { script, endpoint, task }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the number of open live tails, and of all so far.
    pub(super) fn sessions(&self) -> (usize, usize) {
        let script = self.script.lock().unwrap();
        (script.open, script.started)
    }

    /// Makes the next page return this error.
    pub(super) fn fault(&self, code: &'static str) {
        self.script.lock().unwrap().page_faults.push_back(code);
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some((head, body)) = request(&mut stream).await {
        if !head.contains("Logs_20140328.") {
            answer(&mut stream, Err("ResourceNotFoundException")).await;
        } else if head.contains("StartLiveTail") {
            live(&mut stream, &script).await;
            return;
        } else {
            let reported = page(&body, &mut script.lock().unwrap());
            answer(&mut stream, reported).await;
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    while bytes.len() < end + length.unwrap_or(0) {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some((head, serde_json::from_slice(&bytes[end..]).unwrap_or_default()))
}

async fn answer(stream: &mut TcpStream, answer: Result<Value, &str>) {
    let (status, kind, body) = match answer {
        Ok(body) => ("200 OK", String::new(), body.to_string()),
        Err(code) => {
            let body =
                json!({ "__type": code, "message": format!("{code} of the script") }).to_string();
            ("400 Bad Request", format!("x-amzn-errortype: {code}\r\n"), body)
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{kind}content-type: application/x-amz-json-1.1\r\ncontent-length: "
    );
    // A client that went away needs no answer.
    let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await;
}

fn page(body: &Value, script: &mut Script) -> Result<Value, &'static str> {
    if let Some(fault) = script.page_faults.pop_front() {
        return Err(fault);
    }
    let since = body["startTime"].as_i64().unwrap_or(0);
    let from: usize = body["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let mut all: Vec<(usize, &(i64, &str))> = script.events.iter().enumerate().collect();
    all.sort_by_key(|(number, (timestamp, _))| (*timestamp, *number));
    all.retain(|(_, (timestamp, _))| *timestamp >= since);
    let event = |&(number, &(timestamp, message)): &(usize, &(i64, &str))| {
        json!({ "eventId": number.to_string(), "timestamp": timestamp, "ingestionTime": timestamp + 1,
            "logStreamName": "s", "message": message })
    };
    let events: Vec<Value> = all.iter().skip(from).take(script.page).map(event).collect();
    let mut reported = json!({ "events": events });
    if from + script.page < all.len() {
        reported["nextToken"] = (from + script.page).to_string().into();
    }
    Ok(reported)
}

async fn live(stream: &mut TcpStream, script: &Mutex<Script>) {
    let plays = {
        let mut script = script.lock().unwrap();
        script.started += 1;
        script.sessions.pop_front().unwrap_or_default()
    };
    if let Some(Play::Refuse(code)) = plays.first() {
        return answer(stream, Err(code)).await;
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: \
        close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&frame("event", "initial-response", &json!({}))).await;
    let _ = stream.write_all(&frame("event", "sessionStart", &json!({}))).await;
    script.lock().unwrap().open += 1;
    let mut is_over = false;
    for play in plays {
        let bytes = match play {
            Play::Write(events) => {
                script.lock().unwrap().events.extend(events);
                continue;
            }
            Play::Pause(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                continue;
            }
            Play::Update(events, sampled) => {
                let event = |(timestamp, message): (i64, &str)| {
                    json!({ "logStreamName": "s", "logGroupIdentifier": "000000000000:/aws/lambda/hello",
                        "timestamp": timestamp, "ingestionTime": timestamp + 1, "message": message })
                };
                let results: Vec<Value> = events.into_iter().map(event).collect();
                let update =
                    json!({ "sessionMetadata": { "sampled": sampled }, "sessionResults": results });
                frame("event", "sessionUpdate", &update)
            }
            Play::Exception(name) => {
                is_over = true;
                frame("exception", name, &json!({ "message": format!("{name} of the script") }))
            }
            Play::Corrupt => {
                let mut bytes = frame("event", "sessionUpdate", &json!({ "sessionResults": [] }));
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                is_over = true;
                bytes
            }
            Play::Refuse(_) => continue,
        };
        let _ = stream.write_all(&bytes).await;
    }
    if !is_over {
        // Silent until the client closes it.
        let _ = stream.read_u8().await;
    }
    script.lock().unwrap().open -= 1;
}

fn frame(kind: &'static str, name: &'static str, payload: &Value) -> Vec<u8> {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(value.into()))
    };
    let message = Message::new(payload.to_string())
        .add_header(header(if kind == "event" { ":event-type" } else { ":exception-type" }, name))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", kind));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}
