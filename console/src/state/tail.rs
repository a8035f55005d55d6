//! How a tail stands: what it has open, what that costs, and what it waits for.

use serde::{Deserialize, Serialize};

use super::JobId;

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

/// A tail as the screen knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The job.
    pub job: JobId,
    /// It was told that its lines are shown.
    pub shown: bool,
    /// How it stands.
    pub state: TailState,
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
