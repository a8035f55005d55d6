//! Figures over many invocations.

use serde::{Deserialize, Serialize};

/// One invocation in the history, as the cold-start view needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it began, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Its request id.
    pub request_id: String,
    /// Init duration in milliseconds; none when warm.
    pub init_ms: Option<f64>,
    /// Handler duration in milliseconds.
    pub duration_ms: f64,
    /// Billed duration in milliseconds.
    pub billed_ms: u64,
    /// Peak memory in MB.
    pub max_memory_mb: u32,
    /// It ran under an emulator.
    pub emulated: bool,
    /// It failed.
    pub failed: bool,
}

/// Nearest-rank percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

impl Percentiles {
    /// Of `values`, in any order; none when there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let max = *values.last()?;
        let rank = |percent: usize| values[(values.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self { p50: rank(50), p90: rank(90), p99: rank(99), max })
    }
}

/// The figures of one function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionStats {
    /// The function's name.
    pub name: String,
    /// How many invocations the figures are of.
    pub invocations: u64,
    /// How many of them were cold starts.
    pub cold: u64,
    /// Init durations of the cold starts.
    pub init_ms: Option<Percentiles>,
    /// Handler durations of all.
    pub duration_ms: Option<Percentiles>,
}
