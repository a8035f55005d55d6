//! Deploys that are planned, applied, interrupted and changed by others, against a local Lambda.

use std::process::Command;

use lambda_console_model::{Concurrency, DeployOutcome, DeployPlan, Field};
use tokio_util::sync::CancellationToken;

use crate::{
    aws::{alias, waiting},
    deploy::{Plan, Scope},
    history::recorded,
};

pub(super) use super::*;

pub(super) const WITH_ALIAS: &str = "[workspace.metadata.lambda.stages.local]\nalias = \"live\"\n";

pub(super) async fn compared(stage: &Stage, function: &Function, scope: Scope) -> Plan {
    deploy::compare(stage, std::slice::from_ref(function), scope, &Job::silent()).await.unwrap()
}

pub(super) async fn applied(stage: &Stage, plan: &Plan) -> DeployOutcome {
    deploy::apply(stage, plan, Approval::None, &Job::silent()).await.unwrap()
}

/// Applies a plan that waited for approval.
async fn approved(stage: &Stage, plan: Plan) -> DeployOutcome {
    recorded::apply_shown(stage, plan, Approval::None, None, &Job::silent()).await.unwrap()
}

/// The changes of the function that are on the stage in the meantime.
const CHANGED: &str = "hello has changed on local since the plan was shown";

pub(super) fn fields(plan: &DeployPlan) -> Vec<String> {
    assert_eq!(plan.failed, []);
    plan.functions[0].changes.iter().map(|change| change.field.to_string()).collect()
}

pub(super) async fn version_of(stage: &Stage, name: &str) -> String {
    alias::get(stage, name, "live").await.unwrap().unwrap().version
}

/// Someone else's change of the function's memory or timeout.
pub(super) async fn meddle(stage: &Stage, memory: Option<i32>, timeout: Option<i32>) {
    let changed = stage.call(|clients| async move {
        let update = clients.lambda().update_function_configuration().function_name("hello");
        update.set_memory_size(memory).set_timeout(timeout).send().await
    });
    assert!(changed.await.is_ok());
    waiting::settle(stage, "hello", &CancellationToken::new()).await.unwrap();
}

/// Someone else's values of the function's variables.
pub(super) async fn set_variables(stage: &Stage, variables: &[(&str, &str)]) {
    let variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment =
        &aws_sdk_lambda::types::Environment::builder().set_variables(Some(variables)).build();
    let changed = stage.call(|clients| async move {
        let update = clients.lambda().update_function_configuration().function_name("hello");
        update.environment(environment.clone()).send().await
    });
    assert!(changed.await.is_ok());
    waiting::settle(stage, "hello", &CancellationToken::new()).await.unwrap();
}

pub(super) async fn variables(stage: &Stage) -> BTreeMap<String, String> {
    deploy::settings(stage, "hello").await.unwrap().unwrap().env
}

#[tokio::test]
async fn a_variable_that_someone_else_changed_in_the_meantime_is_not_overwritten() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    let env = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    hello.config.env = env(&[("KEY", "one")]);
    deploy_one(&stage, &hello).await;
    hello.config.env = env(&[("KEY", "two"), ("NEW", "two")]);
    // The plan waits for approval; meanwhile a value changes, or one appears.
    for meanwhile in [&[("KEY", "other")][..], &[("KEY", "one"), ("NEW", "other")]] {
        set_variables(&stage, &[("KEY", "one")]).await;
        let plan = compared(&stage, &hello, Scope::Whole).await;
        assert_eq!(fields(&plan.shown()), ["env.KEY", "env.NEW"]);
        let same = compared(&stage, &hello, Scope::Whole).await;
        set_variables(&stage, meanwhile).await;
        let outcome = approved(&stage, same).await;
        assert_eq!(outcome.failed[0].failure.why, CHANGED);
        let outcome = applied(&stage, &plan).await;
        let why = &outcome.failed[0].failure.why;
        assert!(
            why.contains("someone else has changed it in the meantime: env.")
                && !why.contains("other"),
            "{outcome:?}"
        );
        assert_eq!(variables(&stage).await, env(meanwhile));
    }
    // Settings that are not in the plan may change, and stay; what was shown is shown again.
    set_variables(&stage, &[("KEY", "one")]).await;
    let plan = compared(&stage, &hello, Scope::Whole).await;
    let same = compared(&stage, &hello, Scope::Whole).await;
    set_variables(&stage, &[("KEY", "one"), ("MORE", "other")]).await;
    assert_eq!(approved(&stage, same).await.failed[0].failure.why, CHANGED);
    assert_eq!(applied(&stage, &plan).await.failed, []);
    assert_eq!(variables(&stage).await, env(&[("KEY", "two"), ("MORE", "other"), ("NEW", "two")]));
    stage.close().await;
}

#[tokio::test]
async fn tags_and_statements_that_someone_else_changed_in_the_meantime_are_not_overwritten() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    let allow = |action: &str| {
        Some(vec![serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": "*" })])
    };
    hello.config.statements = allow("s3:GetObject");
    deploy_one(&stage, &hello).await;
    hello.config.tags = BTreeMap::from([("team".into(), "shop".into())]);
    hello.config.statements = allow("s3:PutObject");
    let plan = async || compared(&stage, &hello, Scope::Whole).await;
    let [first, second] = [plan().await, plan().await];
    assert_eq!(fields(&first.shown()), ["role.statements", "tag.team"]);
    let mut theirs = hello.clone();
    theirs.config.tags = BTreeMap::from([("team".into(), "bank".into())]);
    theirs.config.statements = allow("s3:GetObject");
    deploy_one(&stage, &theirs).await;
    let refused = async |plan| approved(&stage, plan).await.failed[0].failure.why == CHANGED;
    assert!(refused(first).await, "a tag that was not there has a value");
    theirs.config.tags = BTreeMap::new();
    theirs.config.statements = allow("s3:ListBucket");
    deploy_one(&stage, &theirs).await;
    assert!(refused(second).await, "the statements are others");
    stage.close().await;
}

#[tokio::test]
async fn a_plan_shows_the_role_that_it_makes_and_that_the_code_is_stale() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.stale = true;
    hello.config.policies = Some(vec!["AmazonS3ReadOnlyAccess".into()]);
    let plan = deploy::plan(&stage, std::slice::from_ref(&hello), &Job::silent()).await.unwrap();
    let role: Vec<(String, &str)> = plan.functions[0]
        .changes
        .iter()
        .filter(|change| change.field.to_string().starts_with("role"))
        .map(|change| (change.field.to_string(), change.to.as_str()))
        .collect();
    let expected = [
        ("role".to_owned(), "lambda-console-hello-us-east-1, made for it"),
        ("role.policy.AWSLambdaBasicExecutionRole".to_owned(), "attached"),
        ("role.policy.AmazonS3ReadOnlyAccess".to_owned(), "attached"),
    ];
    assert_eq!(role, expected);
    assert!(
        plan.functions[0].stale && plan.functions[0].staleness().contains("build hello"),
        "{plan:?}"
    );
    assert_eq!(plan.functions[0].calls.iter().filter(|call| *call == "iam:CreateRole").count(), 1);
    deploy_one(&stage, &hello).await;
    let plan = deploy::plan(&stage, std::slice::from_ref(&hello), &Job::silent()).await.unwrap();
    assert_eq!(fields(&plan), [] as [&str; 0]);
    assert!(plan.functions[0].stale, "also where nothing would change");
    let silent = Function {
        config: FunctionConfig { role: Some("arn:role".into()), ..hello.config },
        name: "other".into(),
        ..hello
    };
    let plan = deploy::plan(&stage, &[silent], &Job::silent()).await.unwrap();
    assert!(
        plan.functions[0]
            .changes
            .iter()
            .any(|change| change.field == Field::Role && change.to.as_str() == "arn:role"),
        "{plan:?}"
    );
    stage.close().await;
}

#[tokio::test]
async fn a_deploy_to_an_alias_publishes_what_is_new_and_nothing_else() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Created);
    assert_eq!(version_of(&stage, "hello").await, "1");
    let again =
        deploy::deploy(&stage, std::slice::from_ref(&hello), Approval::None, &Job::silent())
            .await
            .unwrap();
    assert_eq!(
        (again.functions[0].action, again.functions[0].version.as_str()),
        (DeployAction::Unchanged, "1")
    );
    hello.config.memory = Some(256);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    assert_eq!(version_of(&stage, "hello").await, "2");
    // As if the deploy had been cut off before the alias.
    meddle(&stage, Some(512), None).await;
    hello.config.memory = Some(512);
    let plan = compared(&stage, &hello, Scope::Whole).await;
    assert_eq!(fields(&plan.shown()), ["alias.live"]);
    assert_eq!(plan.shown().functions[0].calls, ["lambda:PublishVersion", "lambda:UpdateAlias"]);
    assert_eq!(applied(&stage, &plan).await.functions[0].version, "3");
    // A canary that was left behind ends with the next deploy.
    let canary = lambda_console_model::Share { version: "2".into(), weight: 0.5 };
    let present = alias::get(&stage, "hello", "live").await.unwrap().unwrap();
    alias::set(&stage, "hello", "live", &present, "3", Some(&canary)).await.unwrap();
    let newer = Function { config: hello.config.clone(), ..place.function("hello", "2") };
    assert_eq!(deploy_one(&stage, &newer).await, DeployAction::Updated);
    let alias = alias::get(&stage, "hello", "live").await.unwrap().unwrap();
    assert_eq!((alias.version.as_str(), alias.canary), ("4", None));
    stage.close().await;
}

#[tokio::test]
async fn a_published_version_has_its_commit() {
    let place = Place::new(WITH_ALIAS);
    let git = |arguments: &[&str]| {
        let identity =
            ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        let done =
            git.args(identity).args(arguments).current_dir(place.dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    git(&["init", "-q"]);
    std::fs::write(place.dir.path().join(".gitignore"), "*.zip\nstate\n").unwrap();
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "first"]);
    let commit = git(&["rev-parse", "HEAD"]).chars().take(12).collect::<String>();
    let stage = place.stage().await;
    let described = async |version: &str| {
        let version = stage.call(|clients| async move {
            clients
                .lambda()
                .get_function_configuration()
                .function_name("hello")
                .qualifier(version)
                .send()
                .await
        });
        version.await.unwrap().description().unwrap_or_default().to_owned()
    };
    let function = |salt: &str| Function {
        manifest: place.dir.path().join("Cargo.toml"),
        ..place.function("hello", salt)
    };
    deploy_one(&stage, &function("1")).await;
    assert_eq!(described("1").await, format!("git {commit}"));
    std::fs::write(place.dir.path().join("new.rs"), "").unwrap();
    deploy_one(&stage, &function("2")).await;
    assert_eq!(described("2").await, format!("git {commit} dirty"));
    let mut config = function("3");
    config.config.memory = Some(256);
    let plan = compared(&stage, &config, Scope::Settings).await;
    applied(&stage, &plan).await;
    assert_eq!(
        described("3").await,
        format!("git {commit} dirty"),
        "the same code, whatever the workspace is now"
    );
    stage.close().await;
}

#[tokio::test]
async fn a_change_elsewhere_is_merged_or_reported() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    let mut newer = place.function("hello", "2");
    newer.config = FunctionConfig { memory: Some(256), ..FunctionConfig::default() };
    let plan = compared(&stage, &newer, Scope::Whole).await;
    meddle(&stage, None, Some(33)).await;
    let outcome = applied(&stage, &plan).await;
    assert_eq!(outcome.failed, [], "the timeout was not ours to change");
    let there = deploy::settings(&stage, "hello").await.unwrap().unwrap();
    assert_eq!((there.memory, there.timeout), (Some(256), Some(33)), "and is kept");
    newer.config.memory = Some(384);
    let plan = compared(&stage, &newer, Scope::Whole).await;
    meddle(&stage, Some(1024), None).await;
    let outcome = applied(&stage, &plan).await;
    let failed = &outcome.failed[0];
    assert!(failed.failure.why.contains("memory is 1024 MB"), "{failed:?}");
    assert!(
        failed.is_known
            && failed.done.is_empty()
            && failed.left[0].from.as_deref() == Some("1024 MB")
    );
    let there = deploy::settings(&stage, "hello").await.unwrap().unwrap();
    assert_eq!(there.memory, Some(1024), "theirs is not overwritten unseen");
    stage.close().await;
}

#[tokio::test]
async fn what_is_no_longer_as_it_was_shown_is_not_deployed() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let hello = place.function("hello", "1");
    let plan = async |function: &Function| compared(&stage, function, Scope::Whole).await;
    let [first, second] = [plan(&hello).await, plan(&hello).await];
    place.function("hello", "2");
    let outcome = approved(&stage, first).await;
    assert!(outcome.failed[0].failure.why.contains("rebuilt"), "{outcome:?}");
    assert_eq!(deploy::settings(&stage, "hello").await.unwrap(), None);
    let mut hello = place.function("hello", "1");
    let outcome = approved(&stage, second).await;
    assert_eq!((outcome.functions.len(), outcome.failed.len()), (1, 0));
    // An unchanged function is not read again; one that others create or delete is not deployed.
    let unchanged = plan(&hello).await;
    meddle(&stage, None, Some(33)).await;
    assert_eq!(approved(&stage, unchanged).await.functions[0].action, DeployAction::Unchanged);
    hello.config.memory = Some(256);
    let update = plan(&hello).await;
    let delete = async || {
        let gone = stage.call(|clients| async move {
            clients.lambda().delete_function().function_name("hello").send().await
        });
        assert!(gone.await.is_ok());
    };
    delete().await;
    assert_eq!(approved(&stage, update).await.failed[0].failure.why, CHANGED);
    let create = plan(&hello).await;
    deploy_one(&stage, &hello).await;
    let failed = approved(&stage, create).await.failed.remove(0).failure;
    assert_eq!(failed.why, CHANGED);
    assert_eq!(failed.hint, "run it again: the new plan is shown first");
    stage.close().await;
}

#[tokio::test]
async fn a_resource_beside_the_function_that_others_changed_is_not_overwritten() {
    let place = Place::new(WITH_ALIAS);
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.config.log.retention = Some(7);
    deploy_one(&stage, &hello).await;
    let theirs = |change: fn(&mut FunctionConfig)| {
        let mut theirs = hello.clone();
        change(&mut theirs.config);
        theirs
    };
    let retention = theirs(|config| config.log.retention = Some(14));
    let concurrency = theirs(|config| config.concurrency = Some(Concurrency::Reserved(3)));
    for other in [&retention, &concurrency] {
        let mut ours = hello.clone();
        ours.config.log.retention = Some(30);
        let plan = compared(&stage, &ours, Scope::Whole).await;
        deploy_one(&stage, other).await;
        assert_eq!(approved(&stage, plan).await.failed[0].failure.why, CHANGED);
        deploy_one(&stage, &hello).await;
    }
    stage.close().await;
}

#[tokio::test]
async fn a_cancelled_deploy_reports_the_state_of_each_function() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let functions = [place.function("one", "1"), place.function("two", "1")];
    let job = Job::silent();
    let plan = deploy::compare(&stage, &functions, Scope::Whole, &job).await.unwrap();
    job.cancel.cancel();
    let outcome = deploy::apply(&stage, &plan, Approval::None, &job).await.unwrap();
    assert_eq!(outcome.functions, []);
    for failed in &outcome.failed {
        assert_eq!(failed.failure.kind, FailureKind::Interrupted);
        assert!(failed.is_known && failed.done.is_empty() && !failed.left.is_empty(), "{failed:?}");
        assert!(failed.truth().unwrap().starts_with("nothing was done"), "{failed:?}");
    }
    // If it is cancelled, it reports what was done, and the next deploy does the rest.
    let steps = Arc::new(Mutex::new(CancellationToken::new()));
    let cancel = steps.lock().unwrap().clone();
    let on_step = cancel.clone();
    let job = Job::new(cancel, move |step| {
        if let lambda_console_model::Step::Phase { text, .. } = step
            && text.ends_with("creating")
        {
            on_step.cancel();
        }
    });
    let mut three = place.function("three", "1");
    three.config.concurrency = Some(Concurrency::Reserved(1));
    let three = std::slice::from_ref(&three);
    let outcome = deploy::deploy(&stage, three, Approval::None, &job).await.unwrap();
    let failed = &outcome.failed[0];
    assert_eq!(failed.failure.kind, FailureKind::Interrupted);
    let left: Vec<String> = failed.left.iter().map(|change| change.field.to_string()).collect();
    assert!(failed.is_known && left.contains(&"concurrency".to_owned()), "{failed:?}");
    let outcome = deploy::deploy(&stage, three, Approval::None, &Job::silent()).await.unwrap();
    assert_eq!(outcome.failed, []);
    let plan = deploy::plan(&stage, three, &Job::silent()).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    stage.close().await;
}
