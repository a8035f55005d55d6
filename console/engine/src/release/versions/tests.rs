//! Versions and aliases through the SDK against a local Lambda in this process.

use lambda_console_model::{InvokeRequest, Share};

use super::*;
use crate::{
    aws::stage::StageOptions,
    deploy::tests::{Place, deploy_one, request},
    invoke,
};

pub(in crate::release) const WITH_ALIAS: &str =
    "[workspace.metadata.lambda.stages.local]\nalias = \"live\"\n";

/// The reason why a plan is not applied.
const CHANGED: &str = "hello has changed on local since the plan was shown";

pub(in crate::release) async fn invoked(stage: &Stage, qualifier: &str, payload: &str) {
    let request = InvokeRequest { qualifier: Some(qualifier.into()), ..request("hello", payload) };
    invoke::invoke(stage, &request, &Job::silent()).await.unwrap();
}

pub(in crate::release) async fn done(stage: &Stage, what: VersionsChange) -> VersionsDone {
    changed(stage, what, Approval::Given).await.unwrap().done
}

async fn changed(
    stage: &Stage,
    what: VersionsChange,
    approval: Approval,
) -> Result<VersionsChanged, Failure> {
    let plan = plan(stage, "hello", what, &Job::silent()).await?;
    apply(stage, &plan, approval, &Job::silent()).await
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
        let change = VersionsChange::Rollback(Some(to.into()));
        plan(&stage, "hello", change, &Job::silent()).await.unwrap()
    };
    let [first, second] = [plan("2").await, plan("2").await];
    done(&stage, VersionsChange::Rollback(Some("1".into()))).await;
    let refused = apply(&stage, &first, Approval::Given, &Job::silent()).await.unwrap_err();
    assert_eq!(refused.why, CHANGED);
    assert_eq!(live(&stage).await, ("1".into(), None));
    done(&stage, VersionsChange::Rollback(Some("3".into()))).await;
    let back = apply(&stage, &second, Approval::Given, &Job::silent()).await.unwrap();
    assert_eq!(back.done, rolled_back("3", "2"));
    stage.close().await;
}

#[tokio::test]
async fn a_version_of_what_was_changed_since_it_was_shown_is_not_published() {
    let place = Place::new("[workspace]");
    let (stage, job) = (place.stage().await, Job::silent());
    let mut hello = place.function("hello", "1");
    deploy_one(&stage, &hello).await;
    let planned =
        async || plan(&stage, "hello", VersionsChange::Publish(None), &job).await.unwrap();
    let first = planned().await;
    hello.config.memory = Some(384);
    deploy_one(&stage, &hello).await;
    let refused = apply(&stage, &first, Approval::None, &job).await.unwrap_err();
    assert_eq!(refused.why, CHANGED);
    assert_eq!(without_figures(&stage, "hello").await.unwrap().versions.len(), 1);
    let published = apply(&stage, &planned().await, Approval::None, &job).await.unwrap();
    assert_eq!(published.story(), "hello: published version 1");
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
    let job = Job::silent();
    let plan = plan(&stage, "hello", VersionsChange::Rollback(None), &job).await.unwrap();
    let shown = plan.shown().changes.pop().unwrap();
    assert_eq!((shown.from.as_deref(), shown.to.as_str()), (Some("1 (95 %), 2 (5 %)"), "1"));
    let found = alias::get(&stage, "hello", "live").await.unwrap().unwrap();
    let grown = Share { weight: 0.25, ..canary.clone() };
    let found = alias::set(&stage, "hello", "live", &found, "1", Some(&grown)).await.unwrap();
    let refused = apply(&stage, &plan, Approval::None, &job).await.unwrap_err();
    assert_eq!(refused.why, CHANGED, "the canary went on");
    alias::set(&stage, "hello", "live", &found, "1", Some(&canary)).await.unwrap();
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
    let plan = plan(&stage, "hello", VersionsChange::Prune(2), &Job::silent()).await.unwrap();
    let of = |versions: &[&str]| versions.iter().map(|version| (*version).to_owned()).collect();
    assert_eq!(plan.effect, VersionsEffect::Delete(of(&["1", "3"])));
    // A version that is published after the list was shown makes no other one old.
    deploy_one(&stage, &place.function("hello", "6")).await;
    done(&stage, VersionsChange::Rollback(Some("2".into()))).await;
    let pruned = apply(&stage, &plan, Approval::Given, &Job::silent()).await.unwrap().done;
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
    let silent = Job::silent();
    let seen = plan(&stage, "hello", VersionsChange::Rollback(None), &silent).await.unwrap();
    deploy_one(&stage, &place.function("hello", "3")).await;
    let refused = apply(&stage, &seen, Approval::Given, &Job::silent()).await.unwrap_err();
    assert_eq!(refused.why, CHANGED);
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
    for change in
        [VersionsChange::Publish(None), VersionsChange::Rollback(None), VersionsChange::Prune(0)]
    {
        let seen = FunctionVersions { name: "hello".into(), ..FunctionVersions::default() };
        let effect = VersionsEffect::Delete(Vec::new());
        let (plan, job) = (VersionsPlan { change, effect, seen }, Job::silent());
        let refused = apply(&stage, &plan, Approval::None, &job).await.unwrap_err();
        assert!(refused.why.contains("protected"), "{refused:?}");
        let refused = apply(&read_only, &plan, Approval::Given, &job).await.unwrap_err();
        assert!(refused.why.contains("--read-only"), "{refused:?}");
    }
    read_only.close().await;
    stage.close().await;
}
