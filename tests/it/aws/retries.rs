//! Every error that AWS documents as retryable or as permanent, injected by a proxy: a deploy
//! succeeds, or reports which changes were made and which were not.

use std::time::Duration;

use futures_util::future::join_all;
use lambda_console_model::{FailedFunction, Failure};
use tests::{Fault, LocalLambda, Rule};

use super::{
    alone::alone,
    behind::{Behind, SECRET},
};

/// Runs the test in a process of its own, with a local Lambda.
macro_rules! on_local {
    ($test:literal, $work:expr) => {
        alone(concat!(module_path!(), "::", $test), || {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let local = LocalLambda::start(directory.path());
            local.block_on($work(&local));
        })
    };
}

/// Checks that the deploy succeeds in spite of the fault, which was injected.
async fn survives(behind: Behind, operation: &str, fault: Fault, times: usize) {
    let what = format!("{operation}: {fault:?}");
    behind.proxy.fault(Rule::on(operation, fault).times(times));
    let outcome = behind.deploy().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    assert!(outcome.failed.is_empty(), "{what}: {outcome:?}\n{:#?}", behind.proxy.calls());
    let rules = behind.proxy.clear_faults();
    assert_eq!(rules[0].done(), times, "{what}: the harm was not done: {:?}", behind.proxy.calls());
    let differences = behind.differences().await;
    assert!(differences.is_empty(), "{what}: it says that all is well, and {differences:?}");
}

/// Checks that the deploy of an existing function fails, that its report is true, and that the next
/// deploy repairs it.
async fn fails(local: &LocalLambda, operation: &str, fault: Fault) -> FailedFunction {
    let behind = Box::pin(Behind::deployed(local)).await;
    let what = format!("{operation}: {fault:?}");
    behind.proxy.fault(Rule::on(operation, fault).always());
    let outcome = behind.deploy().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    assert!(behind.proxy.clear_faults()[0].done() > 0, "{what}: the harm was not done");
    let [failed] = outcome.failed.as_slice() else {
        panic!("{what}: it does not fail: {outcome:?}")
    };
    behind.assert_true(&what, failed).await;
    behind.assert_repaired(&what).await;
    failed.clone()
}

fn text(failure: &Failure) -> String {
    format!("{} {} {}", failure.what, failure.why, failure.hint)
}

#[test]
fn a_role_that_is_too_new_is_waited_for() {
    on_local!("a_role_that_is_too_new_is_waited_for", async |local: &LocalLambda| {
        let cases = [Fault::NO_ROLE, Fault::NO_KEY].map(async |fault| {
            survives(Behind::new(local).await, "CreateFunction", fault, 2).await;
        });
        join_all(cases).await;
    });
}

#[test]
fn throttled_and_failing_calls_are_made_again() {
    on_local!("throttled_and_failing_calls_are_made_again", async |local: &LocalLambda| {
        let operations = [
            "GetFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "PublishVersion",
            "UpdateAlias",
        ];
        let faults = [Fault::THROTTLED, Fault::FAILED, Fault::FAILED_DONE];
        let cases = operations
            .iter()
            .flat_map(|operation| faults.iter().map(move |fault| (*operation, fault.clone())));
        let cases = cases.map(async |(operation, fault)| {
            // A completed change is not made again, so the fault is injected once.
            let times = if fault == Fault::FAILED_DONE { 1 } else { 2 };
            survives(Behind::deployed(local).await, operation, fault, times).await;
        });
        join_all(cases).await;
    });
}

#[test]
fn another_change_under_way_is_waited_for() {
    on_local!("another_change_under_way_is_waited_for", async |local: &LocalLambda| {
        let operations = ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"];
        let cases = operations.map(async |operation| {
            survives(Behind::deployed(local).await, operation, Fault::CONFLICT, 2).await;
        });
        join_all(cases).await;
    });
}

#[test]
fn connections_that_break_are_made_again() {
    on_local!("connections_that_break_are_made_again", async |local: &LocalLambda| {
        let operations = [
            "GetFunction",
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
            "PublishVersion",
            "UpdateAlias",
        ];
        let faults =
            [Fault::Reset, Fault::ResetDone, Fault::Truncate, Fault::Late(Duration::from_secs(1))];
        let cases = operations
            .iter()
            .flat_map(|operation| faults.iter().map(move |fault| (*operation, fault.clone())));
        let cases = cases.map(async |(operation, fault)| {
            survives(Behind::deployed(local).await, operation, fault, 1).await;
        });
        join_all(cases).await;
    });
}

#[test]
fn what_was_made_though_the_answer_was_lost_is_found() {
    on_local!("what_was_made_though_the_answer_was_lost_is_found", async |local: &LocalLambda| {
        let operations =
            ["CreateRole", "AttachRolePolicy", "CreateFunction", "PublishVersion", "CreateAlias"];
        let faults = [Fault::ResetDone, Fault::FAILED_DONE, Fault::Truncate];
        let cases = operations
            .iter()
            .flat_map(|operation| faults.iter().map(move |fault| (*operation, fault.clone())));
        let cases = cases.map(async |(operation, fault)| {
            survives(Behind::new(local).await, operation, fault, 1).await;
        });
        join_all(cases).await;
    });
}

#[test]
fn a_change_by_somebody_else_is_not_run_over() {
    on_local!("a_change_by_somebody_else_is_not_run_over", async |local: &LocalLambda| {
        for operation in ["UpdateFunctionCode", "UpdateFunctionConfiguration"] {
            let failed = fails(local, operation, Fault::PRECONDITION).await;
            let message = text(&failed.failure);
            assert!(
                message.contains("someone else") || message.contains("keeps changing"),
                "{failed:?}"
            );
        }
    });
}

#[test]
fn what_is_not_allowed_is_reported_by_action_and_resource() {
    on_local!(
        "what_is_not_allowed_is_reported_by_action_and_resource",
        async |local: &LocalLambda| {
            let failed = fails(local, "UpdateFunctionCode", Fault::DENIED).await;
            for word in
                ["lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:000000000000:function:any"]
            {
                assert!(text(&failed.failure).contains(word), "{word}: {failed:?}");
            }
        }
    );
}

#[test]
fn a_full_account_is_reported_with_what_helps() {
    on_local!("a_full_account_is_reported_with_what_helps", async |local: &LocalLambda| {
        let failed = fails(local, "UpdateFunctionCode", Fault::NO_ROOM).await;
        assert!(text(&failed.failure).contains("versions"), "{failed:?}");
    });
}

#[test]
fn persistent_failures_are_reported_with_the_state() {
    on_local!("persistent_failures_are_reported_with_the_state", async |local: &LocalLambda| {
        let operations =
            ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"];
        let faults =
            [Fault::FAILED, Fault::THROTTLED, Fault::Reset, Fault::Truncate, Fault::FAILED_DONE];
        let cases = operations
            .iter()
            .flat_map(|operation| faults.iter().map(move |fault| (*operation, fault.clone())));
        let cases = cases.map(async |(operation, fault)| {
            let failed = fails(local, operation, fault).await;
            assert!(!text(&failed.failure).contains(SECRET), "{failed:?}");
        });
        join_all(cases).await;
    });
}
