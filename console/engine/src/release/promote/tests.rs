//! Promotions through the SDK, between stages on local Lambdas in this process.

use lambda_console_model::{InvokeRequest, VersionsChange};

use super::*;
use crate::{
    deploy::tests::{Place, deploy_one, request},
    invoke,
    release::versions::tests::{WITH_ALIAS, done, invoked},
};

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

/// The alias `live` as it is now.
async fn pointer(live: &Stage) -> Pointer {
    alias::get(live, "hello", "live").await.unwrap().unwrap()
}

fn promotion(function: Function, canary: Option<Canary>) -> Promotion {
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
    let plan = between(from, to, promotion, directory.path(), job).await?;
    let outcome = apply(to, plan, Approval::None, job).await?;
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
    let plan =
        async || between(&beta, &live, &asked, directory.path(), &Job::silent()).await.unwrap();
    let planned = only(plan().await.expected()).unwrap();
    let change = Change {
        field: Field::Alias("live".into()),
        from: Some("1".into()),
        to: NewValue::Set("2".into()),
    };
    assert_eq!((planned.version.as_deref(), planned.changes), (Some("2"), vec![change]));
    assert_eq!(pointer(&live).await.version, "1", "a plan changes nothing");
    run(&beta, &live, &asked, &Job::silent()).await.unwrap();
    assert_eq!(pointer(&live).await.version, "2");
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

async fn planned(from: &Stage, to: &Stage, promotion: &Promotion, directory: &Path) -> Plan {
    between(from, to, promotion, directory, &Job::silent()).await.unwrap()
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
        only(apply_shown(&live, plan, Approval::None, &job).await.unwrap()).unwrap_err()
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
    let late = only(apply(&live, second, Approval::None, &job).await.unwrap());
    let why = "hello has changed on local since the plan was shown";
    assert_eq!(late.unwrap_err().why, why);
    assert_eq!(pointer(&live).await.version, "3");
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
    let outcome = apply_shown(&prod, plan, Approval::None, &job).await.unwrap();
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
    let outcome = apply_shown(&prod, plan, Approval::None, &job).await.unwrap();
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
            let share = pointer(&live).await;
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
    let after = pointer(&live).await;
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
    assert_eq!(pointer(&live).await.story(), "it points to version 1");
    live.close().await;
    beta.close().await;
}
