//! Lambda's own log lines, in text and in JSON, with AWS's wording and measured figures. Sources:
//! AWS Lambda developer guide, "Lambda Telemetry API Event schema reference" and "Log-level
//! filtering" (the level of each event); logs that people posted, for the text.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    event::time,
    level::Level,
    trace::Trace,
    writer::{Line, LogWriter},
};
use crate::{
    sandbox::{
        extensions::Standing,
        telemetry::{Api, Category},
    },
    store::function::Function,
};

/// Status of a failure in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It timed out.
    Timeout,
    /// It failed with this error type, such as `Runtime.ExitError`.
    Error(String),
}

/// Phase in which an init runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the invocation.
    Init,
    /// Repeated as part of the invocation.
    Invoke,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

/// Times of the runtime's work in an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Time at which its event was delivered.
    pub(crate) delivered: Instant,
    /// Times at which its response began and was complete.
    pub(crate) responded: Option<(Instant, Instant)>,
    /// Time at which it asked for the next event, or ended.
    pub(crate) over: Instant,
    /// Size of the response in bytes.
    pub(crate) produced: usize,
}

/// End of an invocation.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'a> {
    /// The request's id.
    pub(crate) id: &'a str,
    /// Its trace, if it is sampled.
    pub(crate) trace: Option<Trace<'a>>,
    /// `None` if it succeeded.
    pub(crate) status: Option<&'a Status>,
    /// The type of an error that the function itself returned. A text report on AWS leaves it out,
    /// and the metric `Errors` counts it; there are no metrics here.
    pub(crate) error_type: Option<&'a str>,
}

/// The figures of a `REPORT`.
pub(crate) struct Report<'a> {
    /// End of the invocation.
    pub(crate) ending: Ending<'a>,
    /// Time from the event's delivery until runtime and extensions asked for the next one.
    pub(crate) duration: Duration,
    /// Upper limit of the billed duration.
    pub(crate) timeout: Duration,
    /// Time from the start of the process to the end of its init, if it was started for this
    /// request.
    pub(crate) init: Option<Duration>,
    /// Start and duration of the extensions' work after the runtime was done.
    pub(crate) extensions: Option<(Instant, Duration)>,
    /// Peak memory in MB, or `None` if it could not be measured.
    pub(crate) peak: Option<u64>,
    /// The function's memory in MB.
    pub(crate) memory: u32,
    /// The name of the emulator.
    pub(crate) emulator: Option<&'static str>,
}

impl LogWriter {
    /// `INIT_START`. An init within an invocation has no line in text, and no version of the
    /// runtime.
    pub(crate) fn init_start(&self, function: &Function, region: &str, phase: Phase) {
        let first = phase == Phase::Init;
        if first {
            self.begin_tail();
        } else {
            self.telemetry.reopen();
        }
        let version = format!("local:{}", env!("CARGO_PKG_VERSION"));
        let arn = format!("arn:aws:lambda:{region}::runtime:local");
        self.platform(&Line {
            kind: "platform.initStart",
            level: if first { Level::Info } else { Level::Debug },
            text: &|| {
                let line = || {
                    format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n")
                };
                first.then(line).into_iter().collect()
            },
            record: &|| {
                let mut record = json!({
                    "initializationType": "on-demand", "phase": phase.name(),
                    "functionName": function.name, "functionVersion": function.version,
                    "instanceId": self.name, "instanceMaxMemory": u64::from(function.memory) << 20,
                });
                if first {
                    record["runtimeVersion"] = version.as_str().into();
                    record["runtimeVersionArn"] = arn.as_str().into();
                }
                record
            },
        });
    }

    /// The runtime asked for its first event, or cannot any more.
    pub(crate) fn init_runtime_done(&self, phase: Phase, status: Option<&Status>) {
        self.platform(&Line {
            kind: "platform.initRuntimeDone",
            level: if status.is_none() { Level::Debug } else { Level::Warn },
            text: &|| Vec::new(),
            record: &|| {
                let record = json!({ "initializationType": "on-demand", "phase": phase.name() });
                with_status(record, status, None)
            },
        });
    }

    /// `EXTENSION`, for each, at the end of an init.
    pub(crate) fn extensions(&self, standings: &[Standing]) {
        for Standing { name, state, events, error } in standings {
            self.platform(&Line {
                kind: "platform.extension",
                level: if error.is_none() { Level::Info } else { Level::Warn },
                text: &|| {
                    let events = events.join(", ");
                    let error =
                        error.map_or_else(String::new, |error| format!("\tError Type: {error}"));
                    vec![format!(
                        "EXTENSION\tName: {name}\tState: {state}\tEvents: [{events}]{error}\n"
                    )]
                },
                record: &|| {
                    let mut record = json!({ "name": name, "state": state, "events": events });
                    if let Some(error) = error {
                        record["errorType"] = (*error).into();
                    }
                    record
                },
            });
        }
    }

    /// `TELEMETRY` or `LOGS`: an extension subscribed.
    pub(crate) fn subscribed(&self, extension: &str, api: Api, categories: &[Category]) {
        let (word, kind) = match api {
            Api::Telemetry => ("TELEMETRY", "platform.telemetrySubscription"),
            Api::Logs => ("LOGS", "platform.logsSubscription"),
        };
        self.platform(&Line {
            kind,
            level: Level::Info,
            text: &|| {
                let names: Vec<&str> = categories.iter().map(|category| category.title()).collect();
                let names = names.join(", ");
                vec![format!("{word}\tName: {extension}\tState: Subscribed\tTypes: [{names}]\n")]
            },
            record: &|| {
                let names: Vec<&str> = categories.iter().map(|category| category.name()).collect();
                json!({ "name": extension, "state": "Subscribed", "types": names })
            },
        });
    }

    /// Result of the init: in text only if it failed.
    pub(crate) fn init_report(&self, duration: Duration, phase: Phase, status: Option<&Status>) {
        self.platform(&Line {
            kind: "platform.initReport",
            level: if status.is_none() { Level::Debug } else { Level::Warn },
            text: &|| {
                let line = |status| {
                    let (phase, status) = (phase.name(), words(status));
                    format!("INIT_REPORT Init Duration: {:.2} ms\tPhase: \
                        {phase}\t{status}\n", hundredths(duration))
                };
                status.map(line).into_iter().collect()
            },
            record: &|| {
                let metrics = json!({ "durationMs": thousandths(duration) });
                let record = json!({ "initializationType": "on-demand", "phase": phase.name(), "metrics": metrics });
                with_status(record, status, None)
            },
        });
    }

    /// `START`.
    pub(crate) fn start(&self, id: &str, trace: Option<Trace<'_>>) {
        self.platform(&Line {
            kind: "platform.start",
            level: Level::Info,
            text: &|| vec![format!("START RequestId: {id} Version: {}\n", self.version)],
            record: &|| with_trace(json!({ "requestId": id, "version": self.version }), trace),
        });
    }

    /// A new invocation of a warm sandbox: `START` is the first line of its tail.
    pub(crate) fn start_warm(&self, id: &str, trace: Option<Trace<'_>>) {
        self.begin_tail();
        self.start(id, trace);
    }

    /// The runtime asked for its next event, or cannot any more.
    pub(crate) fn runtime_done(&self, ending: Ending<'_>, run: Run) {
        self.platform(&Line {
            kind: "platform.runtimeDone",
            level: if ending.status.is_none() && ending.error_type.is_none() {
                Level::Debug
            } else {
                Level::Warn
            },
            text: &|| Vec::new(),
            record: &|| {
                let mut spans = Vec::new();
                if let Some((began, ended)) = run.responded {
                    spans = vec![
                        span("responseLatency", run.delivered, began - run.delivered),
                        span("responseDuration", began, ended - began),
                        span("runtimeOverhead", ended, run.over.saturating_duration_since(ended)),
                    ];
                }
                let duration = thousandths(run.over.saturating_duration_since(run.delivered));
                let record = json!({
                    "requestId": ending.id, "spans": spans,
                    "metrics": { "durationMs": duration, "producedBytes": run.produced },
                });
                with_trace(with_status(record, ending.status, ending.error_type), ending.trace)
            },
        });
    }

    /// Logs the failure of an invocation: as text for all, and as an event for the Logs API.
    pub(crate) fn failure(&self, text: String) {
        self.whisper("platform.fault", || text.trim_end().into());
        self.write(vec![text]);
    }

    /// `END` and `REPORT`.
    pub(crate) fn end(&self, report: &Report<'_>) {
        let Ending { id, status, error_type, .. } = report.ending;
        self.whisper("platform.end", || json!({ "requestId": id }));
        let billed = report.duration.min(report.timeout) + report.init.unwrap_or_default();
        let billed = billed.as_micros().div_ceil(1000) as u64;
        self.platform(&Line {
            kind: "platform.report",
            level: if status.is_none() && error_type.is_none() { Level::Info } else { Level::Warn },
            text: &|| vec![format!("END RequestId: {id}\n"), report.text(billed)],
            record: &|| report.record(billed),
        });
    }
}

impl Report<'_> {
    fn text(&self, billed: u64) -> String {
        let (id, duration, memory) = (self.ending.id, hundredths(self.duration), self.memory);
        let mut line = format!(
            "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} \
            ms\tMemory Size: {memory} MB\t"
        );
        let mut field = |text: String| {
            line.push_str(&text);
            line.push('\t');
        };
        if let Some(peak) = self.peak {
            field(format!("Max Memory Used: {peak} MB"));
        }
        if let Some(init) = self.init {
            field(format!("Init Duration: {:.2} ms", hundredths(init)));
        }
        match (self.ending.status, self.ending.error_type) {
            (Some(status), _) => field(words(status)),
            (None, Some(kind)) => field(error_words(kind)),
            (None, None) => {}
        }
        if let Some(emulator) = self.emulator {
            field(format!("Emulated: {emulator}"));
        }
        line.push('\n');
        if let Some(trace) = self.ending.trace {
            line.push_str(&trace.line());
        }
        line
    }

    fn record(&self, billed: u64) -> Value {
        let mut metrics = json!({
            "durationMs": thousandths(self.duration), "billedDurationMs": billed, "memorySizeMB": self.memory,
        });
        if let Some(peak) = self.peak {
            metrics["maxMemoryUsedMB"] = peak.into();
        }
        if let Some(init) = self.init {
            metrics["initDurationMs"] = thousandths(init).into();
        }
        let mut record = json!({ "requestId": self.ending.id, "metrics": metrics });
        if let Some((began, took)) = self.extensions {
            record["spans"] = json!([span("extensionOverhead", began, took)]);
        }
        if let Some(emulator) = self.emulator {
            record["emulated"] = emulator.into();
        }
        with_trace(
            with_status(record, self.ending.status, self.ending.error_type),
            self.ending.trace,
        )
    }
}

fn span(name: &str, began: Instant, took: Duration) -> Value {
    let ago = began.elapsed();
    let began = jiff::Timestamp::now() - ago;
    json!({ "name": name, "start": time(began), "durationMs": thousandths(took) })
}

fn with_trace(mut record: Value, trace: Option<Trace<'_>>) -> Value {
    if let Some(trace) = trace {
        record["tracing"] = trace.record();
    }
    record
}

/// Adds the status. `error_type` is the type of an error that the function reported.
fn with_status(mut record: Value, status: Option<&Status>, error_type: Option<&str>) -> Value {
    let (name, error) = match (status, error_type) {
        (Some(Status::Timeout), _) => ("timeout", None),
        (Some(Status::Error(kind)), _) => ("error", Some(kind.as_str())),
        (None, Some(kind)) => ("error", Some(kind)),
        (None, None) => ("success", None),
    };
    record["status"] = name.into();
    if let Some(error) = error {
        record["errorType"] = error.into();
    }
    record
}

fn words(status: &Status) -> String {
    match status {
        Status::Timeout => "Status: timeout".to_owned(),
        Status::Error(kind) => error_words(kind),
    }
}

/// Error type as text. The function may choose it freely, but cannot add fields with it.
fn error_words(kind: &str) -> String {
    format!("Status: error\tError Type: {}", kind.replace(char::is_control, " "))
}

/// Milliseconds with two decimals, as in text.
fn hundredths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

/// Milliseconds with three decimals, as in JSON.
fn thousandths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
