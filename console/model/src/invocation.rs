//! One invocation: its response, its report and what the platform said of it.

use serde::{Deserialize, Serialize};

use super::{Consent, Failure, FunctionConfig, UrlSetting};

/// How a function is invoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvokeMode {
    /// Wait for the response (`RequestResponse`).
    #[default]
    Sync,
    /// Take the response while it is being made (`InvokeWithResponseStream`).
    Stream,
    /// Queue the event (`Event`).
    Async,
    /// Check only that it could be invoked (`DryRun`).
    DryRun,
}

impl InvokeMode {
    /// How a function with this configuration is invoked: where its URL streams its responses, waiting is streaming.
    #[must_use]
    pub fn of(self, config: &FunctionConfig) -> Self {
        match &config.url {
            Some(UrlSetting::Present(url)) if self == Self::Sync && url.streaming == Some(true) => Self::Stream,
            _ => self,
        }
    }
}

/// What is asked of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeRequest {
    /// The function's name in the workspace.
    pub function: String,
    /// The payload's text, sent as it is.
    pub payload: String,
    /// A version or alias.
    pub qualifier: Option<String>,
    /// Wait, stream, queue, or only check.
    pub mode: InvokeMode,
    /// The client context: a JSON object that the function sees beside its event.
    pub client_context: Option<String>,
    /// The tenant, for a function that isolates its tenants.
    pub tenant: Option<String>,
    /// Force a new sandbox, so that the invocation is a cold start.
    pub cold: bool,
    /// For a new sandbox on a protected stage, since the function's configuration is touched for it.
    pub consent: Consent,
}

/// What an invocation came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The function's name.
    pub function: String,
    /// The stage's name.
    pub stage: String,
    /// The request id that Lambda gave it.
    pub request_id: String,
    /// HTTP status of the call: 200 sync, 202 async, 204 dry run.
    pub status: u16,
    /// The version that ran, where an alias was invoked the one that it chose.
    pub version: Option<String>,
    /// `Unhandled` or `Handled` when the function failed.
    pub function_error: Option<String>,
    /// The response's text: JSON unless the function answers something else. No more than [`Invocation::KEPT`] bytes of it
    /// are kept; in base64 where it is no text.
    pub payload: String,
    /// `payload` is base64, since the response is no text.
    pub is_base64: bool,
    /// How many bytes the response has, kept or not.
    pub bytes: u64,
    /// What there is beside the body of a response that was streamed.
    pub stream: Option<Box<Streamed>>,
    /// The REPORT line's figures; none where it has not come (yet), and for async and dry-run invocations.
    pub report: Option<Report>,
    /// The log lines of the invocation, oldest first (at first the 4 KB tail that Invoke returns).
    pub logs: Vec<String>,
    /// There are log lines beside those in `logs`, which come with the logs.
    pub logs_pending: bool,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: i64,
    /// Wall time of the call as this machine saw it, in milliseconds.
    pub client_ms: f64,
}

impl Invocation {
    /// How many bytes of a response are kept: more than a response has that is not streamed (6 MB), and little beside the
    /// 200 MB that a streamed one may have.
    pub const KEPT: usize = 8 << 20;

    /// What a stream says at its end of the error that ended it, as JSON; else the error is the payload.
    pub fn error_details(&self) -> Option<&str> {
        self.stream.as_ref()?.error_details.as_deref()
    }

    /// The HTTP response that a stream means.
    pub fn http(&self) -> Option<&HttpHead> {
        self.stream.as_ref()?.http.as_ref()
    }

    /// Why a streamed response is not whole.
    pub fn cut_off(&self) -> Option<&Failure> {
        self.stream.as_ref()?.cut_off.as_ref()
    }
}

/// What there is of a streamed response beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streamed {
    /// What it says of its content.
    pub content_type: Option<String>,
    /// The HTTP status and headers that it begins with, if it does.
    pub http: Option<HttpHead>,
    /// What it says at its end of the error that ended it, as JSON.
    pub error_details: Option<String>,
    /// Why it is not whole: it was cancelled, or broke off. What came of it is there.
    pub cut_off: Option<Failure>,
}

/// The HTTP response that a streamed response begins with (`application/vnd.awslambda.http-integration-response`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHead {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// Each the value of a `set-cookie`.
    pub cookies: Vec<String>,
}

impl HttpHead {
    /// What it says of the body's content.
    pub fn content_type(&self) -> Option<&str> {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        header.map(|(_, value)| value.as_str())
    }
}

/// A part of a response, as it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponsePart {
    /// The response begins.
    Began {
        /// The request id that Lambda gave it.
        request_id: String,
        /// What it says of its content.
        content_type: Option<String>,
    },
    /// The HTTP response that the stream means; its body follows.
    Http(HttpHead),
    /// Bytes of the body.
    Bytes(Vec<u8>),
    /// So many bytes of the body more, which are not kept.
    More(u64),
}

impl ResponsePart {
    /// The part as who keeps no more than `room` bytes of the body takes it: what is beyond is only counted.
    #[must_use]
    pub fn within(self, room: &mut usize) -> Self {
        match self {
            Self::Bytes(bytes) if *room == 0 => Self::More(bytes.len() as u64),
            Self::Bytes(bytes) => {
                *room = room.saturating_sub(bytes.len());
                Self::Bytes(bytes)
            }
            other => other,
        }
    }
}

/// The log lines of one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestLog {
    /// Its lines, oldest first.
    pub lines: Vec<LogLine>,
    /// The figures of its REPORT line.
    pub report: Option<Report>,
    /// They are all there, from START to REPORT.
    pub is_whole: bool,
}

/// The figures of a REPORT line.
/// Source: AWS Lambda developer guide, "Viewing `CloudWatch` logs for Lambda".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The invocation started its sandbox.
    pub cold: bool,
    /// Init duration in milliseconds; none when warm.
    pub init_ms: Option<f64>,
    /// Handler duration in milliseconds.
    pub duration_ms: f64,
    /// Billed duration in milliseconds.
    pub billed_ms: u64,
    /// Memory size in MB.
    pub memory_mb: u32,
    /// Peak memory in MB.
    pub max_memory_mb: u32,
    /// The bootstrap ran under an emulator, so its times are not those of the real processor.
    pub emulated: bool,
    /// The sandbox was restored from a snapshot: the init duration is the restore's.
    #[serde(default)]
    pub restored: bool,
    /// `error`, `failure` or `timeout`; none where it went well, or where the line does not say.
    #[serde(default)]
    pub status: Option<String>,
    /// What went wrong, as the platform names it: `Runtime.ExitError`.
    #[serde(default)]
    pub error_type: Option<String>,
}

/// One log line of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The function's name.
    pub function: String,
    /// The log stream: one a sandbox.
    pub stream: String,
    /// Its place among the lines of its stream with the same timestamp.
    #[serde(default)]
    pub rank: i64,
    /// The request that it belongs to, where that is known.
    pub request_id: Option<String>,
    /// The line without its line break.
    pub message: String,
}
