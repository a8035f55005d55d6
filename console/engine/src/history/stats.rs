//! Figures over the invocations in the history. Pure.

use lambda_console_model::{FunctionStats, Percentiles, Sample};

/// The figures of the function `name` over `samples`, in any order.
pub fn of(name: &str, samples: &[Sample]) -> FunctionStats {
    let inits = samples.iter().filter_map(|sample| sample.init_ms);
    FunctionStats {
        name: name.to_owned(),
        invocations: samples.len() as u64,
        cold: inits.clone().count() as u64,
        init_ms: Percentiles::of(inits),
        duration_ms: Percentiles::of(samples.iter().map(|sample| sample.duration_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(init_ms: Option<f64>, duration_ms: f64) -> Sample {
        Sample {
            at: 0,
            request_id: String::new(),
            init_ms,
            duration_ms,
            billed_ms: 1,
            max_memory_mb: 9,
            emulated: false,
            failed: false,
        }
    }

    #[test]
    fn no_invocations_have_no_percentiles() {
        let stats = of("hello", &[]);
        assert_eq!(
            (stats.invocations, stats.cold, stats.init_ms, stats.duration_ms),
            (0, 0, None, None)
        );
    }

    #[test]
    fn cold_starts_are_counted_apart() {
        let mut samples: Vec<Sample> = (1..=100).map(|n| sample(None, f64::from(n))).collect();
        samples[7].init_ms = Some(20.0);
        samples[8].init_ms = Some(10.0);
        let stats = of("hello", &samples);
        assert_eq!((stats.invocations, stats.cold), (100, 2));
        assert_eq!(stats.init_ms, Some(Percentiles { p50: 10.0, p90: 20.0, p99: 20.0, max: 20.0 }));
        assert_eq!(
            stats.duration_ms,
            Some(Percentiles { p50: 50.0, p90: 90.0, p99: 99.0, max: 100.0 })
        );
    }
}
