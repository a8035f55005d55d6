//! Parses the platform's lines in a function's logs: START, END and REPORT lines as text, or the
//! same as JSON `platform.*` records. Pure: text in, values out.
//!
//! The fields of a REPORT line are optional and their order differs between sources (AWS, its
//! emulator, `SnapStart`), so they are read as `key: value` pairs in any order. Source: AWS Lambda
//! developer guide, "Viewing `CloudWatch` logs for Lambda" and "Telemetry API event schema".

use std::collections::{HashMap, HashSet};

use lambda_console_model::Report;
use serde_json::Value;

/// Content of a platform line about a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// The request began in this stream.
    Start(String),
    /// The request's handler ended.
    End(String),
    /// The request's figures.
    Report(String, Report),
}

impl Mark {
    /// The request that the line is about.
    pub fn request_id(&self) -> &str {
        match self {
            Self::Start(id) | Self::End(id) | Self::Report(id, _) => id,
        }
    }
}

/// Reads a platform line; `None` for a function's own lines.
pub fn mark(line: &str) -> Option<Mark> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("REPORT RequestId: ") {
        let fields = fields(rest);
        let id = rest.split_whitespace().next()?;
        return Some(Mark::Report(id.to_owned(), report_of(|key| fields.get(key).copied())));
    }
    if let Some(rest) = line.strip_prefix("START RequestId: ") {
        return rest.split_whitespace().next().map(|id| Mark::Start(id.to_owned()));
    }
    if let Some(rest) = line.strip_prefix("END RequestId: ") {
        return rest.split_whitespace().next().map(|id| Mark::End(id.to_owned()));
    }
    if line.starts_with('{') && line.contains("platform.") {
        return json_mark(line);
    }
    None
}

/// Returns `true` if the line marks the beginning of a sandbox's init.
pub fn is_init_start(line: &str) -> bool {
    line.starts_with("INIT_START ")
        || (line.starts_with('{') && line.contains("\"platform.initStart\""))
}

/// The figures in a REPORT line or `platform.report` record, with their request.
pub fn report(line: &str) -> Option<(String, Report)> {
    match mark(line)? {
        Mark::Report(id, report) => Some((id, report)),
        Mark::Start(_) | Mark::End(_) => None,
    }
}

/// The request that failed, if the platform reports it in a line of its own: `RequestId: ID Error:
/// …`, and `TIME ID Task timed out after …`. The rest of a line may have been written by anybody.
pub fn failed(line: &str) -> Option<&str> {
    if let Some((id, why)) = line.strip_prefix("RequestId: ").and_then(|rest| rest.split_once(' '))
    {
        return Some(id).filter(|id| is_uuid(id) && why.starts_with("Error: "));
    }
    let (time, rest) = line.split_once(' ')?;
    let (id, why) = rest.split_once(' ')?;
    let is_time = time.len() == 24
        && time.ends_with('Z')
        && time.bytes().take(4).all(|byte| byte.is_ascii_digit());
    Some(id).filter(|id| is_time && is_uuid(id) && why.starts_with("Task timed out after "))
}

/// Keys of objects that contain more fields of a line: records of the telemetry API, and the fields
/// and spans of `tracing`, of `OpenTelemetry` and of other logging libraries.
const HOLDERS: [&str; 10] = [
    "record",
    "fields",
    "span",
    "spans",
    "attributes",
    "context",
    "lambdaContext",
    "lambda",
    "xray",
    "extra",
];

/// The request that a line itself names: a platform line, a JSON line with a request id under one
/// of the known keys, a line of tab-separated columns with the id in the second, or `RequestId:
/// <uuid>` at the start of a message of the platform.
pub fn request_id(line: &str) -> Option<String> {
    if let Some(mark) = mark(line) {
        return Some(mark.request_id().to_owned());
    }
    let trimmed = line.trim();
    if trimmed.starts_with('{') {
        let value: Value = serde_json::from_str(trimmed).ok()?;
        return named(&value)
            .or_else(|| HOLDERS.iter().find_map(|holder| within(value.get(*holder)?)))
            .map(str::to_owned);
    }
    let column = trimmed.split('\t').nth(1).map(str::trim).filter(|column| is_uuid(column));
    let after =
        || trimmed.split_once("RequestId: ")?.1.split_whitespace().next().filter(|id| is_uuid(id));
    column.or_else(after).map(str::to_owned)
}

/// The request id among an object's own fields, by any of the names that runtimes and libraries
/// use: `requestId`, `AWSRequestId`, `function_request_id`, `faas.invocation_id`.
fn named(value: &Value) -> Option<&str> {
    let is_name = |key: &str| {
        let letters =
            key.bytes().filter(u8::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
        let names = [
            "requestid",
            "awsrequestid",
            "functionrequestid",
            "lambdarequestid",
            "faasinvocationid",
        ];
        names.iter().any(|name| letters.clone().eq(name.bytes()))
    };
    let fields = value.as_object()?.iter().filter(|(key, _)| is_name(key));
    fields.filter_map(|(_, id)| id.as_str()).find(|id| is_uuid(id))
}

/// The request id in an object, or in the innermost of a list of spans.
fn within(value: &Value) -> Option<&str> {
    match value {
        Value::Array(spans) => spans.iter().rev().find_map(named),
        value => named(value),
    }
}

/// Follows each log stream from START to END, so that a function's own lines, which seldom name
/// their request, can be assigned to the request that was running.
#[derive(Debug, Default)]
pub struct Requests {
    running: HashMap<String, String>,
    /// Streams of managed instances, where only lines that name a request belong to it.
    managed: HashSet<String>,
}

impl Requests {
    /// The request that `line` of `stream` belongs to. Lines must come in the order of the stream.
    pub fn assign(&mut self, stream: &str, line: &str) -> Option<String> {
        if is_of_managed_instance(line) {
            self.managed.insert(stream.to_owned());
            self.running.remove(stream);
        }
        if self.managed.contains(stream) {
            return request_id(line);
        }
        match mark(line) {
            Some(Mark::Start(id)) => {
                self.running.insert(stream.to_owned(), id.clone());
                Some(id)
            }
            // The REPORT comes after END, and on a timeout there may be no END at all.
            Some(Mark::Report(id, _)) => {
                self.running.remove(stream);
                Some(id)
            }
            Some(Mark::End(id)) => Some(id),
            None => request_id(line).or_else(|| self.running.get(stream).cloned()),
        }
    }
}

/// Reads `key: value [unit]` pairs, separated by tabs or spaces.
fn fields(line: &str) -> HashMap<String, &str> {
    let mut fields = HashMap::new();
    let mut key = String::new();
    let mut words = line.split_whitespace().skip(1).peekable();
    while let Some(word) = words.next() {
        if !key.is_empty() {
            key.push(' ');
        }
        let Some(last) = word.strip_suffix(':') else {
            key.push_str(word);
            continue;
        };
        key.push_str(last);
        if let Some(value) = words.next() {
            fields.insert(std::mem::take(&mut key), value);
        }
        words.next_if(|unit| matches!(*unit, "ms" | "MB"));
    }
    fields
}

/// A figure that is missing or unreadable is 0: managed instances report the duration alone.
fn report_of<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Report {
    let number = |key: &str| field(key).and_then(|value| value.parse::<f64>().ok());
    // A sandbox restored from a snapshot has a restore instead of an init.
    let restore_ms = number("Restore Duration");
    let init_ms = number("Init Duration").or(restore_ms);
    Report {
        cold: init_ms.is_some(),
        init_ms,
        duration_ms: number("Duration").unwrap_or_default(),
        billed_ms: number("Billed Duration").unwrap_or_default() as u64,
        memory_mb: number("Memory Size").unwrap_or_default() as u32,
        max_memory_mb: number("Max Memory Used").unwrap_or_default() as u32,
        emulated: field("Emulated").is_some(),
        restored: restore_ms.is_some(),
        status: bad_status(field("Status")),
        error_type: field("Error Type").map(str::to_owned),
    }
}

/// Only failures are reported.
fn bad_status(status: Option<&str>) -> Option<String> {
    status.filter(|status| *status != "success").map(str::to_owned)
}

/// Returns `true` if the line shows that its stream is a managed instance's, where requests run at
/// the same time: there, the lines between START and END may belong to another request. Its reports
/// have no figure but the duration.
pub fn is_of_managed_instance(line: &str) -> bool {
    let line = line.trim_start();
    if !line.starts_with('{') {
        return false;
    }
    let is_start =
        line.contains("\"platform.initStart\"") && line.contains("lambda-managed-instances");
    is_start || (line.contains("\"platform.report\"") && !line.contains("\"billedDurationMs\""))
}

/// Reads a `platform.*` record. The set of types is open: those that are not about a request are
/// skipped.
fn json_mark(line: &str) -> Option<Mark> {
    let value: Value = serde_json::from_str(line).ok()?;
    let record = value.get("record")?;
    let id = record.get("requestId")?.as_str()?.to_owned();
    match value.get("type")?.as_str()? {
        "platform.start" => Some(Mark::Start(id)),
        "platform.runtimeDone" => Some(Mark::End(id)),
        "platform.report" => {
            let metric = |name: &str| record.get("metrics")?.get(name)?.as_f64();
            let restore_ms = metric("restoreDurationMs");
            let init_ms = metric("initDurationMs").or(restore_ms);
            let text = |name: &str| record.get(name)?.as_str();
            let report = Report {
                cold: init_ms.is_some(),
                init_ms,
                duration_ms: metric("durationMs").unwrap_or_default(),
                billed_ms: metric("billedDurationMs").unwrap_or_default() as u64,
                memory_mb: metric("memorySizeMB").unwrap_or_default() as u32,
                max_memory_mb: metric("maxMemoryUsedMB").unwrap_or_default() as u32,
                emulated: record
                    .get("emulated")
                    .is_some_and(|emulated| !matches!(emulated, Value::Null | Value::Bool(false))),
                restored: restore_ms.is_some(),
                status: bad_status(text("status")),
                error_type: text("errorType").map(str::to_owned),
            };
            Some(Mark::Report(id, report))
        }
        _ => None,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
