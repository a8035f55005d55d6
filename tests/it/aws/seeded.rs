//! Deploys with random faults: each succeeds, or reports which changes were made and which were
//! not, and the next one repairs it.
//!
//! A run is determined by its seed. `FAULT_RUNS` is the number of runs, `FAULT_SEED` the first
//! one's seed.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tests::{Fault, LocalLambda, Rule};

use super::{alone::alone, behind::Behind};

/// Number of runs; they take less than half a minute.
const RUNS: u64 = 40;
/// Number of concurrent runs: they mostly wait.
const AT_ONCE: usize = 32;

/// Operations that a deploy of a new function calls.
const CREATING: [&str; 8] = [
    "*",
    "GetFunction",
    "GetFunctionConfiguration",
    "CreateRole",
    "AttachRolePolicy",
    "CreateFunction",
    "PublishVersion",
    "CreateAlias",
];
/// Operations that a deploy of an existing function calls.
const UPDATING: [&str; 8] = [
    "*",
    "GetFunction",
    "GetFunctionConfiguration",
    "GetAlias",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "PublishVersion",
    "UpdateAlias",
];

/// Pseudo-random numbers: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn fault(&mut self) -> Fault {
        let late = Fault::Late(Duration::from_millis(10 + self.below(300) as u64));
        let faults = [
            Fault::THROTTLED,
            Fault::CONFLICT,
            Fault::NO_ROLE,
            Fault::PRECONDITION,
            Fault::FAILED,
            Fault::FAILED_DONE,
            Fault::DENIED,
            Fault::Reset,
            Fault::ResetDone,
            Fault::Truncate,
            Fault::Corrupt,
            late,
        ];
        let which = self.below(faults.len());
        faults.into_iter().nth(which).expect("it is one of them")
    }

    fn rule(&mut self, operations: &[&str]) -> Rule {
        let operation = operations[self.below(operations.len())];
        let rule = Rule::on(operation, self.fault()).after(self.below(3));
        // Some faults last longer than any retry.
        if self.below(6) == 0 { rule.always() } else { rule.times(1 + self.below(3)) }
    }
}

/// End of a run.
enum End {
    Well,
    Reported,
}

async fn run(local: &LocalLambda, seed: u64) -> (End, usize) {
    let mut chance = Chance(seed.wrapping_mul(0x0123_4567_89ab_cdef));
    let (behind, operations) = if chance.below(3) == 0 {
        (Behind::new(local).await, CREATING)
    } else {
        (Behind::deployed(local).await, UPDATING)
    };
    let rules: Vec<Rule> = (0..=chance.below(4)).map(|_| chance.rule(&operations)).collect();
    let what = format!("FAULT_SEED={seed} FAULT_RUNS=1, {rules:?}");
    for rule in rules {
        behind.proxy.fault(rule);
    }
    let outcome = behind
        .deploy()
        .await
        .unwrap_or_else(|failure| panic!("{what}: the whole of it failed: {failure}"));
    let done = behind.proxy.clear_faults().iter().map(Rule::done).sum();
    let end = match (outcome.functions.as_slice(), outcome.failed.as_slice()) {
        ([_], []) => {
            let differences = behind.differences().await;
            assert!(
                differences.is_empty(),
                "{what}: it says that all is well, and {differences:?}"
            );
            End::Well
        }
        ([], [failed]) => {
            behind.assert_true(&what, failed).await;
            End::Reported
        }
        _ => panic!("{what}: the function is not reported once: {outcome:?}"),
    };
    behind.assert_repaired(&what).await;
    behind.forget().await;
    (end, done)
}

#[test]
fn no_function_is_left_half_made_without_a_report() {
    alone(concat!(module_path!(), "::no_function_is_left_half_made_without_a_report"), || {
        let number =
            |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let (first, runs) =
            (number("FAULT_SEED").unwrap_or(0), number("FAULT_RUNS").unwrap_or(RUNS));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let local = LocalLambda::start(directory.path());
        let began = std::time::Instant::now();
        let all = stream::iter(first..first + runs)
            .map(|seed| run(&local, seed))
            .buffer_unordered(AT_ONCE);
        let ends: Vec<(End, usize)> = local.block_on(all.collect());
        let well = ends.iter().filter(|(end, _)| matches!(end, End::Well)).count();
        let faulty = ends.iter().filter(|(_, done)| *done > 0).count();
        println!(
            "seen: {runs} runs in {:.1} s, harm done in {faulty}; {well} ended well, {} told what \
            is true",
            began.elapsed().as_secs_f64(),
            ends.len() - well
        );
        if runs >= RUNS {
            assert!(
                well > 0 && well < ends.len() && faulty * 2 > ends.len(),
                "the harm is not worth its name"
            );
        }
    });
}
