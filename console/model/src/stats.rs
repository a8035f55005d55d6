//! Statistics over many invocations.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// One invocation in the history, with the values that the cold-start view needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Start time, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Its request id.
    pub request_id: String,
    /// Init duration in milliseconds; `None` for a warm invocation.
    pub init_ms: Option<f64>,
    /// Handler duration in milliseconds.
    pub duration_ms: f64,
    /// Billed duration in milliseconds.
    pub billed_ms: u64,
    /// Peak memory in MB.
    pub max_memory_mb: u32,
    /// `true` if it ran under an emulator.
    pub emulated: bool,
    /// `true` if it failed.
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
    /// Returns the percentiles of `values`, in any order; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let max = *values.last()?;
        let rank = |percent: usize| values[(values.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self { p50: rank(50), p90: rank(90), p99: rank(99), max })
    }
}

/// Statistics of one function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionStats {
    /// The function's name.
    pub name: String,
    /// Number of invocations.
    pub invocations: u64,
    /// Number of cold starts among them.
    pub cold: u64,
    /// Init durations of the cold starts.
    pub init_ms: Option<Percentiles>,
    /// Handler durations of all invocations.
    pub duration_ms: Option<Percentiles>,
}

/// Maximum number of invocations that are kept per function.
const MOST_SAMPLES: usize = 10_000;

/// Invocations, oldest first, with their statistics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The invocations.
    pub samples: Vec<Sample>,
    /// Number of cold starts.
    pub cold: usize,
    /// Number of failed invocations.
    pub failed: usize,
    /// Number of invocations that ran under an emulator.
    pub emulated: usize,
    /// Init durations.
    pub init: Option<Percentiles>,
    /// Handler durations of cold starts.
    pub cold_duration: Option<Percentiles>,
    /// Handler durations of warm invocations.
    pub warm_duration: Option<Percentiles>,
    /// Handler durations of all invocations.
    pub duration: Option<Percentiles>,
}

impl Figures {
    /// Computes the statistics of `samples`, oldest first.
    pub fn new(mut samples: Vec<Sample>) -> Self {
        samples.drain(..samples.len().saturating_sub(MOST_SAMPLES));
        let of = |wanted: fn(&Sample) -> bool| {
            Percentiles::of(
                samples.iter().filter(|sample| wanted(sample)).map(|sample| sample.duration_ms),
            )
        };
        let count =
            |wanted: fn(&Sample) -> bool| samples.iter().filter(|sample| wanted(sample)).count();
        Self {
            cold: count(|sample| sample.init_ms.is_some()),
            failed: count(|sample| sample.failed),
            emulated: count(|sample| sample.emulated),
            init: Percentiles::of(samples.iter().filter_map(|sample| sample.init_ms)),
            cold_duration: of(|sample| sample.init_ms.is_some()),
            warm_duration: of(|sample| sample.init_ms.is_none()),
            duration: of(|_| true),
            samples,
        }
    }

    /// Returns the statistics with one more invocation; one that is already contained is ignored.
    #[must_use]
    pub fn with(mut self, sample: Sample) -> Self {
        if self.samples.iter().rev().take(100).any(|known| known.request_id == sample.request_id) {
            return self;
        }
        self.samples.push(sample);
        Self::new(self.samples)
    }

    /// Returns the statistics with more invocations, in any order; those already contained are
    /// ignored.
    #[must_use]
    pub fn with_all(mut self, samples: Vec<Sample>) -> Self {
        let mut known: HashSet<String> =
            self.samples.iter().map(|sample| sample.request_id.clone()).collect();
        let before = self.samples.len();
        self.samples
            .extend(samples.into_iter().filter(|sample| known.insert(sample.request_id.clone())));
        if self.samples.len() == before {
            return self;
        }
        self.samples.sort_by_key(|sample| sample.at);
        Self::new(self.samples)
    }

    /// Returns the share of cold starts, 0 to 1.
    pub fn cold_share(&self) -> f64 {
        if self.samples.is_empty() { 0.0 } else { self.cold as f64 / self.samples.len() as f64 }
    }
}
