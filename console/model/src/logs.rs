//! What a tail reports beside its lines: where some were missed, what is known of them only later, and how it stands.

use serde::{Deserialize, Serialize};

/// Why lines may have been missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkKind {
    /// More were written than a live tail sends: it sent a sample.
    Sampled,
    /// The live tail ended, with the reason, and another had to be begun.
    Reconnected(String),
}

/// A place where lines were missed. The same mark comes again, with what was filled in, when they have been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// Names it among the marks of its tail.
    pub id: u64,
    /// Where it stands, in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// What happened.
    pub kind: MarkKind,
    /// How many lines were filled in; none while they are being read.
    pub filled: Option<u64>,
}

impl LogMark {
    /// The mark in words.
    pub fn text(&self) -> String {
        let what = match &self.kind {
            MarkKind::Sampled => "more lines than a live tail sends".to_owned(),
            MarkKind::Reconnected(why) => format!("the live tail was begun anew: {why}"),
        };
        match self.filled {
            None => format!("{what}; reading those that were missed …"),
            Some(0) => format!("{what}; none was missed"),
            Some(1) => format!("{what}; 1 line filled in"),
            Some(lines) => format!("{what}; {lines} lines filled in"),
        }
    }
}

/// What is known only now of a line that was given out: its request, or that another place is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFix {
    /// The function's name.
    pub function: String,
    /// The log stream.
    pub stream: String,
    /// The line's timestamp.
    pub timestamp: i64,
    /// The line's rank as it was given.
    pub rank: i64,
    /// The rank that it has instead.
    pub new_rank: Option<i64>,
    /// The request that it belongs to.
    pub request_id: Option<String>,
}

/// What AWS asks for a minute of one live session, in dollars, once the month's free minutes are used.
/// Source: Amazon `CloudWatch` pricing, "Live Tail".
const DOLLARS_A_MINUTE: f64 = 0.01;
/// How many minutes of live sessions are free each month.
pub const FREE_MINUTES: i64 = 1_800;

/// How a tail stands, as it last said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailState {
    /// Live sessions that are open.
    pub sessions: u32,
    /// How long sessions of this tail have been open in all at the time `at`, in milliseconds.
    pub used_ms: i64,
    /// When it said so, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Functions whose log group is not there yet.
    pub waiting: Vec<String>,
    /// What hinders it.
    pub trouble: Option<String>,
}

impl TailState {
    /// How long sessions have been open in all, in milliseconds.
    pub fn used_at(&self, now: i64) -> i64 {
        self.used_ms + i64::from(self.sessions) * (now - self.at).max(0)
    }
}

/// The session minutes that so many milliseconds are charged as, and what they cost at most.
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
