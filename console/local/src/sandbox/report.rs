//! Lambda's own log lines, in text and in JSON. The words are AWS's, the figures are measured.

use super::journal::Journal;
use crate::function::{Function, LogFormat};
use serde_json::{Value, json};
use std::time::Duration;

/// Why something did not go well, as the log says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It ran out of time.
    Timeout,
    /// It failed in this way, such as `Runtime.ExitError`.
    Error(String),
}

/// The figures of a `REPORT`.
pub(crate) struct Report<'a> {
    /// The request's id.
    pub(crate) id: &'a str,
    /// From the event's delivery to the response.
    pub(crate) duration: Duration,
    /// The most that is billed of the duration.
    pub(crate) timeout: Duration,
    /// From the process's start to its first `next`, when it was started for this request.
    pub(crate) init: Option<Duration>,
    /// Peak memory in MB; none when it could not be measured.
    pub(crate) peak: Option<u64>,
    /// The name of the emulator.
    pub(crate) emulator: Option<&'static str>,
    /// None when it went well.
    pub(crate) status: Option<Status>,
    /// The function itself told an error: text reports do not speak of it, JSON ones do.
    pub(crate) told: Option<&'a str>,
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

impl Journal {
    /// `INIT_START`.
    pub(crate) fn init_start(&self, function: &Function, region: &str) {
        self.begin_tail();
        let version = format!("local:{}", env!("CARGO_PKG_VERSION"));
        let arn = format!("arn:aws:lambda:{region}::runtime:local");
        self.record(
            || format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n"),
            "platform.initStart",
            || {
                json!({
                    "initializationType": "on-demand", "phase": "init", "functionName": function.name,
                    "functionVersion": function.version, "runtimeVersion": version, "runtimeVersionArn": arn,
                })
            },
        );
    }

    /// How the init went: text tells it only when it failed, in the phase `init` or `invoke`.
    pub(crate) fn init_report(&self, duration: Duration, phase: &str, status: Option<&Status>) {
        let ms = milliseconds(duration);
        if self.format == LogFormat::Text {
            if let Some(status) = status {
                self.write(vec![format!("INIT_REPORT Init Duration: {ms:.2} ms\tPhase: {phase}\t{}\n", words(status))]);
            }
            return;
        }
        let mut record = json!({
            "initializationType": "on-demand", "phase": phase, "status": name(status), "metrics": { "durationMs": ms },
        });
        if let Some(Status::Error(kind)) = status {
            record["errorType"] = kind.as_str().into();
        }
        self.record(String::new, "platform.initReport", || record);
    }

    /// `START`.
    pub(crate) fn start(&self, id: &str) {
        self.record(
            || format!("START RequestId: {id} Version: {}\n", self.version),
            "platform.start",
            || json!({ "requestId": id, "version": self.version }),
        );
    }

    /// A new invocation of a warm sandbox: `START` begins its tail.
    pub(crate) fn start_warm(&self, id: &str) {
        self.begin_tail();
        self.start(id);
    }

    /// What became of an invocation that did not answer.
    pub(crate) fn failure(&self, text: String) {
        self.write(vec![text]);
    }

    /// `END` and `REPORT`.
    pub(crate) fn end(&self, report: &Report<'_>, memory: u32) {
        let (duration, init) = (milliseconds(report.duration), report.init.map(milliseconds));
        let billed = report.duration.min(report.timeout) + report.init.unwrap_or_default();
        let billed = billed.as_micros().div_ceil(1000) as u64;
        let id = report.id;
        if self.format == LogFormat::Json {
            return self.end_json(report, duration, init, billed, memory);
        }
        let mut line = format!(
            "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB\t"
        );
        let mut field = |text: String| {
            line.push_str(&text);
            line.push('\t');
        };
        if let Some(peak) = report.peak {
            field(format!("Max Memory Used: {peak} MB"));
        }
        if let Some(init) = init {
            field(format!("Init Duration: {init:.2} ms"));
        }
        if let Some(status) = &report.status {
            field(words(status));
        }
        if let Some(emulator) = report.emulator {
            field(format!("Emulated: {emulator}"));
        }
        line.push('\n');
        self.write(vec![format!("END RequestId: {id}\n"), line]);
    }

    fn end_json(&self, report: &Report<'_>, duration: f64, init: Option<f64>, billed: u64, memory: u32) {
        let error = match (&report.status, report.told) {
            (Some(Status::Error(kind)), _) => Some(kind.as_str()),
            (_, told) => told,
        };
        let status = match (&report.status, error) {
            (Some(Status::Timeout), _) => "timeout",
            (_, Some(_)) => "error",
            _ => "success",
        };
        let mut done = json!({ "requestId": report.id, "status": status, "metrics": { "durationMs": duration } });
        let mut metrics = json!({ "durationMs": duration, "billedDurationMs": billed, "memorySizeMB": memory });
        for (name, value) in
            [("maxMemoryUsedMB", report.peak.map(Value::from)), ("initDurationMs", init.map(Value::from))]
        {
            if let Some(value) = value {
                metrics[name] = value;
            }
        }
        let mut record = json!({ "requestId": report.id, "status": status, "metrics": metrics });
        if let Some(error) = error {
            done["errorType"] = error.into();
            record["errorType"] = error.into();
        }
        if let Some(emulator) = report.emulator {
            record["emulated"] = emulator.into();
        }
        self.write(vec![event("platform.runtimeDone", &done), event("platform.report", &record)]);
    }

    fn record(&self, text: impl FnOnce() -> String, kind: &str, record: impl FnOnce() -> Value) {
        self.write(vec![match self.format {
            LogFormat::Text => text(),
            LogFormat::Json => event(kind, &record()),
        }]);
    }
}

fn event(kind: &str, record: &Value) -> String {
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let mut text = json!({ "time": time, "type": kind, "record": record }).to_string();
    text.push('\n');
    text
}

fn words(status: &Status) -> String {
    match status {
        Status::Timeout => "Status: timeout".to_owned(),
        Status::Error(kind) => format!("Status: error\tError Type: {kind}"),
    }
}

fn name(status: Option<&Status>) -> &'static str {
    match status {
        None => "success",
        Some(Status::Timeout) => "timeout",
        Some(Status::Error(_)) => "error",
    }
}
