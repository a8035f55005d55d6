//! Decides whether a new version does worse than the old one. Pure.

use lambda_console_model::{
    Canary, VersionFigures,
    text::{counted, duration},
};

/// Minimum number of cold starts of each version for their medians to be compared, and for their
/// 99th percentiles.
const COLD: u64 = 3;
const COLD_P99: u64 = 20;
/// Milliseconds by which an init may always be slower: the measurement is no more precise.
const NOISE_MS: f64 = 5.0;

/// Returns the reason against the version `new`; `None` if there is none.
pub(super) fn breach(
    (old, of_old): (&str, &VersionFigures),
    (new, of_new): (&str, &VersionFigures),
    canary: &Canary,
) -> Option<String> {
    let percent = |figures: &VersionFigures| figures.failed_share() * 100.0;
    if of_new.invocations >= canary.least.max(1)
        && percent(of_new) > percent(of_old) + canary.max_errors
    {
        return Some(format!(
            "{:.1} % of {} of version {new} failed, {:.1} % of version {old}'s",
            percent(of_new),
            counted(of_new.invocations as usize, "invocation"),
            percent(of_old)
        ));
    }
    let (before, after) = (of_old.init_ms?, of_new.init_ms?);
    let cold = of_old.cold.min(of_new.cold);
    let measures = [("p50", before.p50, after.p50, COLD), ("p99", before.p99, after.p99, COLD_P99)];
    let slower = measures.into_iter().find(|(_, before, after, needed)| {
        cold >= *needed && *after > before * (1.0 + canary.max_init / 100.0) + NOISE_MS
    });
    slower.map(|(name, before, after, _)| {
        let (before, after) = (duration(before), duration(after));
        format!("the init of version {new} takes {after} at {name}, that of version {old} {before}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_console_model::Percentiles;

    fn figures(invocations: u64, failed: u64, cold: u64, p50: f64, p99: f64) -> VersionFigures {
        let init_ms = (cold > 0).then_some(Percentiles { p50, p90: p99, p99, max: p99 });
        VersionFigures { invocations, failed, cold, init_ms, duration_ms: None }
    }

    fn regression(old: &VersionFigures, new: &VersionFigures) -> Option<String> {
        breach(("7", old), ("8", new), &Canary::default())
    }

    #[test]
    fn errors_count_beside_those_of_the_old_version() {
        let fine = figures(1000, 0, 0, 0.0, 0.0);
        assert_eq!(
            regression(&fine, &figures(100, 1, 0, 0.0, 0.0)),
            None,
            "one in a hundred is allowed"
        );
        let why = regression(&fine, &figures(100, 2, 0, 0.0, 0.0)).unwrap();
        assert_eq!(why, "2.0 % of 100 invocations of version 8 failed, 0.0 % of version 7's");
        assert_eq!(
            regression(&figures(1000, 50, 0, 0.0, 0.0), &figures(100, 6, 0, 0.0, 0.0)),
            None,
            "the old one failed too"
        );
        assert_eq!(regression(&fine, &figures(9, 9, 0, 0.0, 0.0)), None, "too few to evaluate");
        assert!(
            regression(&VersionFigures::default(), &figures(10, 1, 0, 0.0, 0.0)).is_some(),
            "nobody called the old one"
        );
    }

    #[test]
    fn an_init_may_be_a_half_slower_and_some_milliseconds() {
        let old = figures(1000, 0, 40, 10.0, 30.0);
        assert_eq!(regression(&old, &figures(100, 0, 3, 20.0, 20.0)), None);
        assert!(
            regression(&old, &figures(100, 0, 3, 20.1, 20.1)).unwrap().contains("20.1 ms at p50")
        );
        assert_eq!(
            regression(&old, &figures(100, 0, 2, 90.0, 90.0)),
            None,
            "two cold starts are chance"
        );
        assert_eq!(
            regression(&old, &figures(100, 0, 19, 10.0, 90.0)),
            None,
            "the p99 of 19 is one of them"
        );
        assert!(
            regression(&old, &figures(100, 0, 20, 10.0, 90.0)).unwrap().contains("90.0 ms at p99")
        );
    }
}
