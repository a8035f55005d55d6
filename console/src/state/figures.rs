//! What the invocations of a function cost, worked out once when they arrive.

use std::collections::HashSet;

use super::{Percentiles, Sample};

/// The most invocations that are kept of a function.
const MOST_SAMPLES: usize = 10_000;

/// Invocations, oldest first, with their figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The invocations.
    pub samples: Vec<Sample>,
    /// How many of them were cold starts.
    pub cold: usize,
    /// How many failed.
    pub failed: usize,
    /// How many ran under an emulator.
    pub emulated: usize,
    /// Init durations.
    pub init: Option<Percentiles>,
    /// Handler durations of cold starts.
    pub cold_duration: Option<Percentiles>,
    /// Handler durations of warm invocations.
    pub warm_duration: Option<Percentiles>,
    /// Handler durations of all.
    pub duration: Option<Percentiles>,
}

impl Figures {
    /// The figures of `samples`, oldest first.
    pub fn new(mut samples: Vec<Sample>) -> Self {
        samples.drain(..samples.len().saturating_sub(MOST_SAMPLES));
        let of = |wanted: fn(&Sample) -> bool| {
            Percentiles::of(samples.iter().filter(|sample| wanted(sample)).map(|sample| sample.duration_ms))
        };
        let count = |wanted: fn(&Sample) -> bool| samples.iter().filter(|sample| wanted(sample)).count();
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

    /// The figures with one more invocation; one that is there already adds nothing.
    #[must_use]
    pub fn with(mut self, sample: Sample) -> Self {
        if self.samples.iter().rev().take(100).any(|known| known.request_id == sample.request_id) {
            return self;
        }
        self.samples.push(sample);
        Self::new(self.samples)
    }

    /// The figures with more invocations, in any order; those that are there already add nothing.
    #[must_use]
    pub fn with_all(mut self, samples: Vec<Sample>) -> Self {
        let mut known: HashSet<String> = self.samples.iter().map(|sample| sample.request_id.clone()).collect();
        let before = self.samples.len();
        self.samples.extend(samples.into_iter().filter(|sample| known.insert(sample.request_id.clone())));
        if self.samples.len() == before {
            return self;
        }
        self.samples.sort_by_key(|sample| sample.at);
        Self::new(self.samples)
    }

    /// The share of cold starts, 0 to 1.
    pub fn cold_share(&self) -> f64 {
        if self.samples.is_empty() { 0.0 } else { self.cold as f64 / self.samples.len() as f64 }
    }
}
