//! Telemetry events as lines of JSON. Pure but for the clock.

use serde_json::Value;

/// Formats an event with the current time as one line.
pub(crate) fn event(kind: &str, record: &Value) -> String {
    let time = time(jiff::Timestamp::now());
    format!("{{\"time\":\"{time}\",\"type\":\"{kind}\",\"record\":{record}}}\n")
}

pub(super) fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
