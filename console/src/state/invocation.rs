//! One invocation: its response, its report and what the platform said of it.

use serde::{Deserialize, Serialize};

use super::Consent;

/// How a function is invoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvokeMode {
    /// Wait for the response (`RequestResponse`).
    #[default]
    Sync,
    /// Queue the event (`Event`).
    Async,
    /// Check only that it could be invoked (`DryRun`).
    DryRun,
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
    /// Wait, queue, or only check.
    pub mode: InvokeMode,
    /// Force a new sandbox, so that the invocation is a cold start.
    pub cold: bool,
    /// For a new sandbox on a protected stage, since the function's configuration is touched for it.
    pub consent: Consent,
}

/// What an invocation came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The function's name.
    pub function: String,
    /// The stage's name.
    pub stage: String,
    /// The request id that Lambda gave it.
    pub request_id: String,
    /// HTTP status: 200 sync, 202 async, 204 dry run.
    pub status: u16,
    /// `Unhandled` or `Handled` when the function failed.
    pub function_error: Option<String>,
    /// The response's text: JSON unless the function answers something else.
    pub payload: String,
    /// The REPORT line's figures; none for async and dry-run invocations.
    pub report: Option<Report>,
    /// The log lines of the invocation, oldest first (the 4 KB tail that Invoke returns).
    pub logs: Vec<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: i64,
    /// Wall time of the call as this machine saw it, in milliseconds.
    pub client_ms: f64,
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
