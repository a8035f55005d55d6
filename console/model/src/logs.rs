//! Reports of a tail beside its lines: missed lines, corrections of earlier lines, and its state.

use serde::{Deserialize, Serialize};

/// Reason why lines may have been missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkKind {
    /// More lines were written than a live tail sends; it sent a sample.
    Sampled,
    /// The live tail ended, with the reason, and a new one was started.
    Reconnected(String),
}

/// A place where lines were missed. The same mark is sent again, with the number of lines, when
/// they have been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// ID among the marks of its tail.
    pub id: u64,
    /// Time of the mark, in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Reason for the mark.
    pub kind: MarkKind,
    /// Number of lines that were filled in; `None` while they are being read.
    pub filled: Option<u64>,
}

impl LogMark {
    /// Returns the mark as text.
    pub fn text(&self) -> String {
        let what = match &self.kind {
            MarkKind::Sampled => "more lines than a live tail sends".to_owned(),
            MarkKind::Reconnected(why) => format!("the live tail reconnected: {why}"),
        };
        match self.filled {
            None => format!("{what}; reading missed lines …"),
            Some(0) => format!("{what}; no lines missed"),
            Some(1) => format!("{what}; 1 line filled in"),
            Some(lines) => format!("{what}; {lines} lines filled in"),
        }
    }
}

/// Correction of a line that was sent earlier: its request, or its new rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFix {
    /// The function's name.
    pub function: String,
    /// The log stream.
    pub stream: String,
    /// The line's timestamp.
    pub timestamp: i64,
    /// The line's rank when it was sent.
    pub rank: i64,
    /// New rank, if it changed.
    pub new_rank: Option<i64>,
    /// Request ID of the line.
    pub request_id: Option<String>,
}

/// Price of a minute of one live session, in dollars, once the month's free minutes are used.
/// Source: Amazon `CloudWatch` pricing, "Live Tail".
const DOLLARS_A_MINUTE: f64 = 0.01;
/// Number of free minutes of live sessions per month.
pub const FREE_MINUTES: i64 = 1_800;

/// State of a tail, as last reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailState {
    /// Number of open live sessions.
    pub sessions: u32,
    /// Total time that sessions of this tail were open, at the time `at`, in milliseconds.
    pub used_ms: i64,
    /// Time of the report, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Functions whose log group does not exist yet.
    pub waiting: Vec<String>,
    /// Error that currently stops the tail.
    pub trouble: Option<String>,
}

impl TailState {
    /// Returns the total time that sessions were open, in milliseconds.
    pub fn used_at(&self, now: i64) -> i64 {
        self.used_ms + i64::from(self.sessions) * (now - self.at).max(0)
    }
}

/// Returns the session minutes that `used_ms` milliseconds are charged as, and their maximum cost.
pub fn live_cost(used_ms: i64) -> (i64, f64) {
    let minutes = (used_ms + 59_999) / 60_000;
    (minutes, minutes as f64 * DOLLARS_A_MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_runs_for_each_open_session() {
        let state = TailState { sessions: 2, used_ms: 30_000, at: 1_000, ..TailState::default() };
        assert_eq!(state.used_at(61_000), 150_000);
        assert_eq!(state.used_at(0), 30_000, "a clock that was set back takes nothing away");
        assert_eq!(live_cost(150_000), (3, 0.03));
        assert_eq!(live_cost(0), (0, 0.0));
    }
}
