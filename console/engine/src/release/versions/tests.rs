//! Versions and aliases through the SDK against a local Lambda in this process.

use lambda_console_model::{
    Canary, Change, DeployAction, Field, InvokeRequest, PromoteOutcome, Promoted, Promotion, Share,
};

use super::*;
use crate::{
    aws::stage::StageOptions,
    deploy::tests::{Place, deploy_one, request},
    invoke,
    release::promote,
};

const WITH_ALIAS: &str = "[workspace.metadata.lambda.stages.local]\nalias = \"live\"\n";

async fn invoked(stage: &Stage, qualifier: &str, payload: &str) {
    let request = InvokeRequest { qualifier: Some(qualifier.into()), ..request("hello", payload) };
    invoke::invoke(stage, &request, &Job::silent()).await.unwrap();
}

async fn done(stage: &Stage, what: VersionsChange) -> VersionsDone {
    changed(stage, what, Approval::Given).await.unwrap().done
}

async fn changed(
    stage: &Stage,
    what: VersionsChange,
    approval: Approval,
) -> Result<VersionsChanged, Failure> {
    let plan = VersionsPlan { function: "hello".into(), change: what, seen: None };
    change(stage, &plan, approval, &Job::silent()).await
}

async fn live(stage: &Stage) -> (String, Option<Share>) {
    let alias = alias::get(stage, &stage.remote_name("hello"), "live").await.unwrap().unwrap();
    (alias.version, alias.canary)
}

fn rolled_back(from: &str, to: &str) -> VersionsDone {
    VersionsDone::RolledBack { alias: Some("live".into()), from: Some(from.into()), to: to.into() }
}

#[test]
fn a_digest_goes_from_base64_to_hexadecimal_and_back() {
    assert_eq!(
        (hex_of("3q2+7w==").as_str(), base64_of("deadbeef").as_str()),
        ("deadbeef", "3q2+7w==")
    );
    assert_eq!(hex_of("no digest"), "");
}

#[tokio::test]
async fn each_version_has_its_aliases_and_its_figures() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    invoked(&stage, "live", r#"{"say":"the ERROR log of yesterday","errorType":"x"}"#).await;
    invoked(&stage, "live", r#"{"fail":"no luck"}"#).await;
    deploy_one(&stage, &place.function("hello", "2")).await;
    invoked(&stage, "2", "{}").await;
    let found = of(&stage, "hello", 0).await.unwrap();
    let numbers: Vec<&str> =
        found.versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(numbers, ["$LATEST", "2", "1"]);
    assert_eq!(
        (found.live(), found.stage_alias().unwrap().before.as_deref()),
        (Some("2"), Some("1"))
    );
    let figures = |index: usize| &found.versions[index].figures;
    assert_eq!((figures(1).invocations, figures(1).failed, figures(1).cold), (1, 0, 1));
    assert_eq!((figures(2).invocations, figures(2).failed, figures(2).cold), (2, 1, 1));
    assert!(figures(2).init_ms.unwrap().p50 > 1.0 && figures(2).duration_ms.is_some());
    assert_eq!(found.versions[0].sha256, found.versions[1].sha256);
    assert_ne!(found.versions[1].sha256, found.versions[2].sha256);
    assert_eq!(list(&stage, &["nobody".into()], 0).await, [("nobody".to_owned(), Ok(None))]);
    assert!(of(&stage, "nobody", 0).await.unwrap_err().hint.contains("deploy nobody"));
    stage.close().await;
}

#[tokio::test]
async fn a_roll_back_goes_to_the_version_before_and_forth_again() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    for salt in ["1", "2", "3"] {
        deploy_one(&stage, &place.function("hello", salt)).await;
    }
    assert_eq!(
        done(&stage, VersionsChange::Rollback(Some("1".into()))).await,
        rolled_back("3", "1")
    );
    assert_eq!(
        done(&stage, VersionsChange::Rollback(None)).await,
        rolled_back("1", "3"),
        "back to where it was"
    );
    let nine = VersionsChange::Rollback(Some("9".into()));
    let unknown = changed(&stage, nine, Approval::None).await.unwrap_err();
    assert!(unknown.why.contains("$LATEST, 3, 2, 1"), "{unknown:?}");
    assert_eq!(live(&stage).await, ("3".into(), None));
    stage.close().await;
}

#[tokio::test]
async fn a_roll_back_of_what_was_changed_since_it_was_shown_is_not_made() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    for salt in ["1", "2", "3"] {
        deploy_one(&stage, &place.function("hello", salt)).await;
    }
    let plan = async |to: &str| {
        plan(&stage, "hello", VersionsChange::Rollback(Some(to.into()))).await.unwrap()
    };
    let [first, second] = [plan("2").await, plan("2").await];
    done(&stage, VersionsChange::Rollback(Some("1".into()))).await;
    let refused = change(&stage, &first, Approval::Given, &Job::silent()).await.unwrap_err();
    let expected = "the alias live was changed by someone else: it points to version 1";
    assert_eq!(refused.why, expected);
    assert_eq!(live(&stage).await, ("1".into(), None));
    done(&stage, VersionsChange::Rollback(Some("3".into()))).await;
    let back = change(&stage, &second, Approval::Given, &Job::silent()).await.unwrap();
    assert_eq!(back.done, rolled_back("3", "2"));
    stage.close().await;
}

/// Simulates `kill -9` during a canary.
#[tokio::test]
async fn a_canary_that_was_cut_off_is_seen_and_ended_by_a_roll_back() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    for salt in ["1", "2"] {
        deploy_one(&stage, &place.function("hello", salt)).await;
    }
    let found = alias::get(&stage, "hello", "live").await.unwrap().unwrap();
    let canary = Share { version: "2".into(), weight: 0.05 };
    alias::set(&stage, "hello", "live", &found, "1", Some(&canary)).await.unwrap();
    let seen = without_figures(&stage, "hello").await.unwrap();
    assert_eq!(
        (seen.live(), &seen.stage_alias().unwrap().canary),
        (Some("1"), &Some(canary.clone()))
    );
    assert!(
        alias::set(&stage, "hello", "live", &found, "2", None).await.is_err(),
        "it was read before the change"
    );
    let ended = done(&stage, VersionsChange::Rollback(None)).await;
    assert_eq!(ended, VersionsDone::Reset { alias: "live".into(), version: "1".into(), canary });
    assert_eq!(live(&stage).await, ("1".into(), None));
    stage.close().await;
}

#[tokio::test]
async fn a_deploy_takes_the_weights_of_a_canary_away() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    for salt in ["1", "2"] {
        deploy_one(&stage, &place.function("hello", salt)).await;
    }
    let found = alias::get(&stage, "hello", "live").await.unwrap().unwrap();
    let canary = Share { version: "2".into(), weight: 0.5 };
    alias::set(&stage, "hello", "live", &found, "1", Some(&canary)).await.unwrap();
    deploy_one(&stage, &place.function("hello", "3")).await;
    assert_eq!(live(&stage).await, ("3".into(), None));
    stage.close().await;
}

#[tokio::test]
async fn old_versions_are_deleted_but_those_in_use() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    for salt in ["1", "2", "3", "4", "5"] {
        deploy_one(&stage, &place.function("hello", salt)).await;
    }
    done(&stage, VersionsChange::Rollback(Some("2".into()))).await;
    let plan = plan(&stage, "hello", VersionsChange::Prune(2)).await.unwrap();
    assert_eq!(plan.deleted(), ["1", "3"]);
    // A version that is published after the list was shown makes no other one old.
    deploy_one(&stage, &place.function("hello", "6")).await;
    done(&stage, VersionsChange::Rollback(Some("2".into()))).await;
    let pruned = change(&stage, &plan, Approval::Given, &Job::silent()).await.unwrap().done;
    let of = |versions: &[&str]| versions.iter().map(|version| (*version).to_owned()).collect();
    assert_eq!(
        pruned,
        VersionsDone::Pruned { deleted: of(&["1", "3"]), kept: of(&["5", "4", "2"]) }
    );
    let left = without_figures(&stage, "hello").await.unwrap();
    assert_eq!(left.versions.len(), 5);
    stage.close().await;
}

#[tokio::test]
async fn without_an_alias_it_is_the_code_that_comes_back() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    let VersionsDone::Published { version, new: true, sha256 } =
        done(&stage, VersionsChange::Publish(None)).await
    else {
        panic!("a new version")
    };
    let again = done(&stage, VersionsChange::Publish(Some("once more".into()))).await;
    assert_eq!(
        again,
        VersionsDone::Published { version: "1".into(), new: false, sha256: sha256.clone() }
    );
    deploy_one(&stage, &place.function("hello", "2")).await;
    done(&stage, VersionsChange::Publish(Some("a1b2c3d dirty".into()))).await;
    let found = without_figures(&stage, "hello").await.unwrap();
    assert_eq!((version.as_str(), found.versions[1].description.as_str()), ("1", "a1b2c3d dirty"));
    assert_ne!(found.versions[0].sha256, sha256);
    let seen = plan(&stage, "hello", VersionsChange::Rollback(None)).await.unwrap();
    deploy_one(&stage, &place.function("hello", "3")).await;
    let refused = change(&stage, &seen, Approval::Given, &Job::silent()).await.unwrap_err();
    assert_eq!(refused.why, "someone else has deployed to it in the meantime");
    deploy_one(&stage, &place.function("hello", "2")).await;
    let back = done(&stage, VersionsChange::Rollback(None)).await;
    assert_eq!(
        back,
        VersionsDone::RolledBack { alias: None, from: Some("$LATEST".into()), to: "1".into() }
    );
    assert_eq!(without_figures(&stage, "hello").await.unwrap().versions[0].sha256, sha256);
    stage.close().await;
}

#[tokio::test]
async fn versions_of_protected_and_read_only_stages_stay_as_they_are() {
    let place = Place::new(&format!("{WITH_ALIAS}protected = true\n"));
    let stage = place.stage().await;
    let read_only =
        place.try_stage(StageOptions { read_only: true, ..StageOptions::default() }).await.unwrap();
    for what in
        [VersionsChange::Publish(None), VersionsChange::Rollback(None), VersionsChange::Prune(0)]
    {
        let refused = changed(&stage, what.clone(), Approval::None).await.unwrap_err();
        assert!(refused.why.contains("protected"), "{refused:?}");
        let refused = changed(&read_only, what, Approval::Given).await.unwrap_err();
        assert!(refused.why.contains("--read-only"), "{refused:?}");
    }
    read_only.close().await;
    stage.close().await;
}

/// Two stages of one function on one local Lambda, `beta` and `live` its aliases; the second joins
/// the first.
async fn aliases(place: &Place) -> (Stage, Stage) {
    let with =
        |alias: &str| format!("[workspace.metadata.lambda.stages.local]\nalias = \"{alias}\"\n");
    std::fs::write(place.root().join("Cargo.toml"), with("beta")).unwrap();
    let beta = place.stage().await;
    std::fs::write(place.root().join("Cargo.toml"), with("live")).unwrap();
    (beta, place.stage().await)
}

fn promotion(function: lambda_console_model::Function, canary: Option<Canary>) -> Promotion {
    Promotion { functions: vec![function], from: "beta".into(), to: "live".into(), canary }
}

fn only(outcome: PromoteOutcome) -> Result<Promoted, Failure> {
    match outcome.failed.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => Ok(outcome.functions.into_iter().next().unwrap()),
    }
}

async fn run(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    job: &Job,
) -> Result<Promoted, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let plan = promote::between(from, to, promotion, directory.path(), job).await?;
    let outcome = promote::apply(to, plan, Approval::None, job).await?;
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "no zip is left lying about"
    );
    only(outcome)
}

#[tokio::test]
async fn a_promotion_between_aliases_moves_the_alias_alone() {
    let place = Place::new("[workspace]");
    let (beta, live) = aliases(&place).await;
    let hello = place.function("hello", "1");
    deploy_one(&beta, &hello).await;
    let asked = promotion(hello.clone(), None);
    let done = run(&beta, &live, &asked, &Job::silent()).await.unwrap();
    assert_eq!(
        (done.action, done.version.as_deref(), done.before),
        (DeployAction::Updated, Some("1"), None)
    );
    let again = run(&beta, &live, &asked, &Job::silent()).await.unwrap();
    assert_eq!(again.action, DeployAction::Unchanged);
    deploy_one(&beta, &place.function("hello", "2")).await;
    let directory = tempfile::tempdir().unwrap();
    let plan = async || {
        promote::between(&beta, &live, &asked, directory.path(), &Job::silent()).await.unwrap()
    };
    let planned = only(plan().await.expected()).unwrap();
    let change =
        Change { field: Field::Alias("live".into()), from: Some("1".into()), to: "2".into() };
    assert_eq!((planned.version.as_deref(), planned.changes), (Some("2"), vec![change]));
    assert_eq!(
        alias::get(&live, "hello", "live").await.unwrap().unwrap().version,
        "1",
        "a plan changes nothing"
    );
    run(&beta, &live, &asked, &Job::silent()).await.unwrap();
    assert_eq!(alias::get(&live, "hello", "live").await.unwrap().unwrap().version, "2");
    let found = without_figures(&live, "hello").await.unwrap();
    assert_eq!(found.versions.len(), 3, "nothing was published: {found:?}");
    let mut roled = asked.clone();
    roled.functions[0].config.role = Some("arn:aws:iam::000000000000:role/other".into());
    let refused = run(&beta, &live, &roled, &Job::silent()).await.unwrap_err();
    assert!(refused.why.contains("a version cannot be changed"), "{refused:?}");
    live.close().await;
    beta.close().await;
}

#[tokio::test]
async fn a_promotion_to_another_account_brings_the_same_code_and_not_the_configuration() {
    let (one, other) = (Place::new("[workspace]"), Place::new(WITH_ALIAS));
    let (beta, prod) = (one.stage().await, other.stage().await);
    let mut hello = one.function("hello", "1");
    hello.config.env = std::collections::BTreeMap::from([("WHERE".into(), "beta".into())]);
    deploy_one(&beta, &hello).await;
    done(&beta, VersionsChange::Publish(Some("git 1a2b3c4d5e6f dirty".into()))).await;
    hello.config.env = std::collections::BTreeMap::from([("WHERE".into(), "prod".into())]);
    hello.zip = None;
    let done = run(&beta, &prod, &promotion(hello, None), &Job::silent()).await.unwrap();
    assert_eq!((done.action, done.version.as_deref()), (DeployAction::Created, Some("1")));
    let (there, here) = (
        without_figures(&prod, "hello").await.unwrap(),
        without_figures(&beta, "hello").await.unwrap(),
    );
    assert_eq!((there.live(), &there.versions[1].sha256), (Some("1"), &here.versions[0].sha256));
    let asked =
        InvokeRequest { qualifier: Some("live".into()), ..request("hello", r#"{"env":"WHERE"}"#) };
    let answer = invoke::invoke(&prod, &asked, &Job::silent()).await.unwrap();
    assert!(answer.payload.contains("prod"), "{}", answer.payload);
    prod.close().await;
    beta.close().await;
}

async fn planned(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
) -> promote::Plan {
    promote::between(from, to, promotion, directory, &Job::silent()).await.unwrap()
}

#[tokio::test]
async fn a_promotion_to_an_alias_that_was_moved_since_it_was_shown_is_not_made() {
    let place = Place::new("[workspace]");
    let (beta, live) = aliases(&place).await;
    let (hello, directory) = (place.function("hello", "1"), tempfile::tempdir().unwrap());
    let (asked, job) = (promotion(hello.clone(), None), Job::silent());
    deploy_one(&beta, &hello).await;
    let new = planned(&beta, &live, &asked, directory.path()).await;
    run(&beta, &live, &asked, &job).await.unwrap();
    let changed = "hello has changed on local since the plan was shown";
    let failed = async |plan| {
        only(promote::apply_shown(&live, plan, Approval::None, &job).await.unwrap()).unwrap_err()
    };
    assert_eq!(failed(new).await.why, changed, "it exists now");
    deploy_one(&beta, &place.function("hello", "2")).await;
    let [first, second] = [0, 1].map(|_| planned(&beta, &live, &asked, directory.path()));
    let (first, second) = (first.await, second.await);
    let shown = first.shown();
    assert_eq!(
        (shown.functions[0].version.as_str(), shown.functions[0].changes[0].to.as_str()),
        ("1", "2")
    );
    deploy_one(&live, &place.function("hello", "3")).await;
    assert_eq!(failed(first).await.why, changed);
    let late = only(promote::apply(&live, second, Approval::None, &job).await.unwrap());
    assert_eq!(late.unwrap_err().why, "someone else has changed live in the meantime");
    assert_eq!(alias::get(&live, "hello", "live").await.unwrap().unwrap().version, "3");
    live.close().await;
    beta.close().await;
}

#[tokio::test]
async fn a_promotion_to_a_function_that_was_changed_since_it_was_shown_is_not_made() {
    let (one, other) = (Place::new("[workspace]"), Place::new(WITH_ALIAS));
    let (beta, prod) = (one.stage().await, other.stage().await);
    let (hello, directory) = (one.function("hello", "1"), tempfile::tempdir().unwrap());
    let (asked, job) = (promotion(hello.clone(), None), Job::silent());
    deploy_one(&beta, &hello).await;
    let plan = planned(&beta, &prod, &asked, directory.path()).await;
    let calls = plan.shown().functions.remove(0).calls;
    assert!(calls.contains(&"lambda:CreateFunction".to_owned()), "{calls:?}");
    deploy_one(&prod, &other.function("hello", "2")).await;
    let outcome = promote::apply_shown(&prod, plan, Approval::None, &job).await.unwrap();
    let failure = only(outcome).unwrap_err();
    assert_eq!(
        (failure.what.as_str(), failure.why.as_str(), failure.hint.as_str()),
        (
            "could not promote hello to local",
            "hello has changed on local since the plan was shown",
            "run it again: the new plan is shown first"
        )
    );
    let plan = planned(&beta, &prod, &asked, directory.path()).await;
    let outcome = promote::apply_shown(&prod, plan, Approval::None, &job).await.unwrap();
    assert_eq!(only(outcome).unwrap().version.as_deref(), Some("2"));
    let again = planned(&beta, &prod, &asked, directory.path()).await.shown();
    assert!(again.is_empty(), "{again:?}");
    // The same code with other settings is a new version.
    let mut settings = asked.clone();
    settings.functions[0].config.memory = Some(512);
    let plan = planned(&beta, &prod, &settings, directory.path()).await;
    let to = &plan.shown().functions[0].changes;
    assert_eq!(
        to.iter().map(|one| one.field.to_string()).collect::<Vec<_>>(),
        ["memory", "alias.live"]
    );
    drop(plan);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    prod.close().await;
    beta.close().await;
}

/// Runs a canary with version 1 live and version 2 on beta, while both are invoked often enough to
/// decide it.
async fn canary(
    payload: &str,
    canary: Canary,
    cancels: bool,
) -> (Result<Promoted, Failure>, String) {
    let place = Place::new("[workspace]");
    let (beta, live) = aliases(&place).await;
    let hello = place.function("hello", "1");
    deploy_one(&beta, &hello).await;
    run(&beta, &live, &promotion(hello.clone(), None), &Job::silent()).await.unwrap();
    deploy_one(&beta, &place.function("hello", "2")).await;
    let (job, asked) = (Job::silent(), promotion(hello, Some(canary)));
    // Warm sandboxes answer at once, and earlier invocations do not count.
    invoked(&live, "1", "{}").await;
    invoked(&live, "2", payload).await;
    let calls: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
        loop {
            let share = alias::get(&live, "hello", "live").await.unwrap().unwrap();
            if share.canary.is_some() {
                // Invokes the versions directly, instead of through the alias, so that nothing
                // depends on chance.
                invoked(&live, "2", payload).await;
                invoked(&live, "1", "{}").await;
                if cancels {
                    job.cancel.cancel();
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    let result = tokio::select! {
        result = run(&beta, &live, &asked, &job) => result,
        () = calls => unreachable!(),
    };
    let after = alias::get(&live, "hello", "live").await.unwrap().unwrap();
    let story = after.story();
    live.close().await;
    beta.close().await;
    (result, story)
}

fn quick() -> Canary {
    Canary {
        steps: vec![5.0, 50.0],
        every_ms: 1_000,
        least: 3,
        max_init: 10_000.0,
        ..Canary::default()
    }
}

#[tokio::test]
async fn a_canary_that_does_well_gets_all() {
    let (result, story) = canary("{}", quick(), false).await;
    assert_eq!(
        (result.unwrap().version.as_deref(), story.as_str()),
        (Some("2"), "it points to version 2")
    );
}

#[tokio::test]
async fn a_canary_that_fails_is_rolled_back_with_the_reason() {
    let (result, story) = canary(r#"{"fail":"no luck"}"#, quick(), false).await;
    let failure = result.unwrap_err();
    assert!(failure.why.contains("invocations of version 2 failed"), "{failure:?}");
    assert!(failure.why.contains("rolled back, live points to version 1 only"), "{failure:?}");
    assert_eq!((failure.kind.exit_code(), story.as_str()), (1, "it points to version 1"));
}

#[tokio::test]
async fn a_cancelled_canary_is_rolled_back() {
    let (result, story) = canary("{}", Canary { every_ms: 60_000, ..quick() }, true).await;
    let failure = result.unwrap_err();
    assert_eq!(
        (failure.kind.exit_code(), story.as_str()),
        (130, "it points to version 1"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_canary_that_nobody_calls_is_rolled_back() {
    let place = Place::new("[workspace]");
    let (beta, live) = aliases(&place).await;
    let hello = place.function("hello", "1");
    deploy_one(&beta, &hello).await;
    run(&beta, &live, &promotion(hello.clone(), None), &Job::silent()).await.unwrap();
    deploy_one(&beta, &place.function("hello", "2")).await;
    let asked = promotion(hello, Some(Canary { every_ms: 100, ..quick() }));
    let failure = run(&beta, &live, &asked, &Job::silent()).await.unwrap_err();
    assert!(failure.why.contains("are needed to evaluate it"), "{failure:?}");
    assert_eq!(
        alias::get(&live, "hello", "live").await.unwrap().unwrap().story(),
        "it points to version 1"
    );
    live.close().await;
    beta.close().await;
}
