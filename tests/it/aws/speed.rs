//! A workspace of twenty functions on a stage with a latency of 50 ms: an unchanged function costs
//! one read, and functions do not wait for each other.

use std::time::{Duration, Instant};

use tests::LocalLambda;

use super::{alone::alone, behind::Behind};

const FUNCTIONS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);

#[test]
fn twenty_functions_that_did_not_change_are_read_once_each_and_side_by_side() {
    alone(
        concat!(
            module_path!(),
            "::twenty_functions_that_did_not_change_are_read_once_each_and_side_by_side"
        ),
        || {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let local = LocalLambda::start(directory.path());
            local.block_on(async {
                let mut behind = Behind::many(&local, FUNCTIONS).await;
                behind.deploy().await.unwrap_or_else(|failure| panic!("{failure}"));
                behind.proxy.calls();
                behind.proxy.delay(LATENCY);
                behind.proxy.most_at_once();
                let began = Instant::now();
                let outcome = behind.deploy().await.unwrap_or_else(|failure| panic!("{failure}"));
                let unchanged = began.elapsed();
                assert_eq!((outcome.functions.len(), outcome.failed.len()), (FUNCTIONS, 0));
                let calls = behind.proxy.calls();
                let others: Vec<_> =
                    calls.iter().filter(|call| call.operation != "GetFunction").collect();
                assert!(others.is_empty(), "more than one read a function: {others:?}");
                assert_eq!(calls.len(), FUNCTIONS);
                let reads_at_once = behind.proxy.most_at_once();
                assert!(reads_at_once >= 4, "{reads_at_once} reads at once");

                behind.build("2", 256);
                let began = Instant::now();
                let outcome = behind.deploy().await.unwrap_or_else(|failure| panic!("{failure}"));
                let changed = began.elapsed();
                assert_eq!(
                    (outcome.functions.len(), outcome.failed.len()),
                    (FUNCTIONS, 0),
                    "{outcome:?}"
                );
                let (calls, at_once) = (behind.proxy.calls().len(), behind.proxy.most_at_once());
                assert!(at_once >= 4, "{at_once} calls at once");
                println!(
                    "seen: 20 unchanged in {unchanged:?}, 20 changed in {changed:?} with \
                    {calls} calls"
                );
            });
        },
    );
}
