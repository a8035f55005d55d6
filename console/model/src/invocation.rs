//! One invocation: its request, response, report and log lines.

use serde::{Deserialize, Serialize};

use super::{
    deploy::Approval, failure::Failure, function::FunctionConfig, settings::values::UrlSetting,
};

/// Mode of an invocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvokeMode {
    /// Waits for the response (`RequestResponse`).
    #[default]
    Sync,
    /// Reads the response while it is being streamed (`InvokeWithResponseStream`).
    Stream,
    /// Queues the event (`Event`).
    Async,
    /// Only checks that the function could be invoked (`DryRun`).
    DryRun,
}

impl InvokeMode {
    /// Returns the mode for a function with this configuration: if its URL streams responses,
    /// waiting becomes streaming.
    #[must_use]
    pub fn of(self, config: &FunctionConfig) -> Self {
        match &config.url {
            Some(UrlSetting::Present(url)) if self == Self::Sync && url.streaming == Some(true) => {
                Self::Stream
            }
            _ => self,
        }
    }
}

/// Request of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeRequest {
    /// The function's name in the workspace.
    pub function: String,
    /// The payload's text, sent as it is.
    pub payload: String,
    /// Version or alias to invoke.
    pub qualifier: Option<String>,
    /// Wait, stream, queue, or only check.
    pub mode: InvokeMode,
    /// Client context: a JSON object that the function receives beside its event.
    pub client_context: Option<String>,
    /// Tenant ID, for a function that isolates its tenants.
    pub tenant: Option<String>,
    /// `true` to force a new sandbox, so that the invocation is a cold start.
    pub cold: bool,
    /// Consent for a new sandbox on a protected stage, since it changes the function's
    /// configuration.
    pub approval: Approval,
}

/// Outcome of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The function's name.
    pub function: String,
    /// The stage's name.
    pub stage: String,
    /// Request ID from Lambda.
    pub request_id: String,
    /// HTTP status of the call: 200 sync, 202 async, 204 dry run.
    pub status: u16,
    /// Version that ran; for an alias, the version that Lambda routed to.
    pub version: Option<String>,
    /// `Unhandled` or `Handled` if the function failed.
    pub function_error: Option<String>,
    /// The response as text: JSON unless the function returns something else; base64 if it is not
    /// text. At most
    /// [`Invocation::KEPT`] bytes are kept.
    pub payload: String,
    /// `true` if `payload` is base64, because the response is not text.
    pub is_base64: bool,
    /// Size of the response in bytes, kept or not.
    pub bytes: u64,
    /// Everything but the body of a streamed response.
    pub stream: Option<Box<Streamed>>,
    /// Figures of the REPORT line; `None` if it has not arrived (yet), and for async and dry-run
    /// invocations.
    pub report: Option<Report>,
    /// Log lines of the invocation, oldest first (at first the 4 KB tail that Invoke returns).
    pub logs: Vec<String>,
    /// `true` if there are more log lines than those in `logs`; they arrive with the logs.
    pub logs_pending: bool,
    /// Start time, in milliseconds since the Unix epoch.
    pub started_at: i64,
    /// Wall time of the call as measured on this machine, in milliseconds.
    pub client_ms: f64,
}

impl Invocation {
    /// Number of bytes of a response that are kept: more than a buffered response can have (6 MB),
    /// and little compared to the 200 MB of a streamed one.
    pub const KEPT: usize = 8 << 20;

    /// Returns the error details, as JSON, at the end of a stream that ended with an error;
    /// otherwise the error is the payload.
    pub fn error_details(&self) -> Option<&str> {
        self.stream.as_ref()?.error_details.as_deref()
    }

    /// Returns the HTTP response that a stream encodes.
    pub fn http(&self) -> Option<&HttpHead> {
        self.stream.as_ref()?.http.as_ref()
    }

    /// Returns the reason why a streamed response is incomplete.
    pub fn cut_off(&self) -> Option<&Failure> {
        self.stream.as_ref()?.cut_off.as_ref()
    }
}

/// Everything but the body of a streamed response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streamed {
    /// Content type of the response.
    pub content_type: Option<String>,
    /// HTTP status and headers that the stream begins with, if any.
    pub http: Option<HttpHead>,
    /// Error details, as JSON, at the end of a stream that ended with an error.
    pub error_details: Option<String>,
    /// Reason why the response is incomplete: it was cancelled, or the connection broke. The part
    /// that arrived is kept.
    pub cut_off: Option<Failure>,
}

/// The HTTP response that a streamed response begins with
/// (`application/vnd.awslambda.http-integration-response`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHead {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// Cookies, each the value of a `set-cookie` header.
    pub cookies: Vec<String>,
}

impl HttpHead {
    /// Returns the content type of the body.
    pub fn content_type(&self) -> Option<&str> {
        let header =
            self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        header.map(|(_, value)| value.as_str())
    }
}

/// A part of a response, as it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponsePart {
    /// The response begins.
    Began {
        /// Request ID from Lambda.
        request_id: String,
        /// Content type of the response.
        content_type: Option<String>,
    },
    /// The HTTP response that the stream encodes; its body follows.
    Http(HttpHead),
    /// Bytes of the body.
    Bytes(Vec<u8>),
    /// Number of further bytes of the body, which are not kept.
    More(u64),
}

impl ResponsePart {
    /// Limits the part to a body of at most `room` bytes: bytes beyond it are only counted.
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
    /// `true` if the lines are complete, from START to REPORT.
    pub is_whole: bool,
}

/// The figures of a REPORT line.
/// Source: AWS Lambda developer guide, "Viewing `CloudWatch` logs for Lambda".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `true` if the invocation was a cold start.
    pub cold: bool,
    /// Init duration in milliseconds; `None` for a warm invocation.
    pub init_ms: Option<f64>,
    /// Handler duration in milliseconds.
    pub duration_ms: f64,
    /// Billed duration in milliseconds.
    pub billed_ms: u64,
    /// Memory size in MB.
    pub memory_mb: u32,
    /// Peak memory in MB.
    pub max_memory_mb: u32,
    /// `true` if the bootstrap ran under an emulator, so its times are not those of the real
    /// processor.
    pub emulated: bool,
    /// `true` if the sandbox was restored from a snapshot: the init duration is the restore's.
    #[serde(default)]
    pub restored: bool,
    /// `error`, `failure` or `timeout`; `None` if the invocation succeeded, or if the line has no
    /// status.
    #[serde(default)]
    pub status: Option<String>,
    /// Error type as the platform names it: `Runtime.ExitError`.
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
    /// Log stream: one per sandbox.
    pub stream: String,
    /// Rank among the lines of its stream with the same timestamp.
    #[serde(default)]
    pub rank: i64,
    /// Request ID, if known.
    pub request_id: Option<String>,
    /// The line without its line break.
    pub message: String,
}
