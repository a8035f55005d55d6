//! Deleting from a local Lambda through the SDK.

use aws_sdk_lambda::types::FunctionUrlAuthType;
use lambda_console_model::{FailureKind, Keep};

use super::*;
use crate::{
    deploy::tests::{Place, deploy_one},
    invoke,
};

/// A function with a version, an alias, a URL, a permission, an async config, logs and a role.
async fn furnished(place: &Place, stage: &Stage, name: &str) {
    deploy_one(stage, &place.function(name, "1")).await;
    let request = lambda_console_model::InvokeRequest {
        function: name.to_owned(),
        payload: "{}".to_owned(),
        ..lambda_console_model::InvokeRequest::default()
    };
    invoke::invoke(stage, &request, &Job::silent()).await.unwrap();
    let done = stage
        .call(|clients| async move {
            clients
                .lambda()
                .publish_version()
                .function_name(name)
                .description("a1b2c3d")
                .send()
                .await
        })
        .await
        .unwrap();
    assert_eq!(done.version(), Some("1"));
    stage
        .call(|clients| async move {
            clients
                .lambda()
                .create_alias()
                .function_name(name)
                .name("live")
                .function_version("1")
                .send()
                .await
        })
        .await
        .unwrap();
    stage
        .call(|clients| async move {
            let permission =
                clients.lambda().add_permission().function_name(name).qualifier("live");
            permission
                .statement_id("bucket")
                .action("lambda:InvokeFunction")
                .principal("s3.amazonaws.com")
                .send()
                .await
        })
        .await
        .unwrap();
    stage
        .call(|clients| async move {
            let url = clients.lambda().create_function_url_config().function_name(name);
            url.auth_type(FunctionUrlAuthType::AwsIam).send().await
        })
        .await
        .unwrap();
    stage
        .call(|clients| async move {
            let config = clients.lambda().put_function_event_invoke_config().function_name(name);
            config.maximum_retry_attempts(0).send().await
        })
        .await
        .unwrap();
}

async fn list(stage: &Stage, name: &str) -> Result<Resources, Failure> {
    let mut all = resources(stage, &[name.to_owned()], &Job::silent()).await?;
    Ok(all.remove(0))
}

fn shown(resources: &Resources) -> Vec<(ResourceKind, &str, &str)> {
    resources
        .items
        .iter()
        .map(|item| (item.kind, item.name.as_str(), item.detail.as_str()))
        .collect()
}

#[tokio::test]
async fn all_that_belongs_to_a_function_is_listed_and_then_gone() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    furnished(&place, &stage, "hello").await;
    deploy_one(&stage, &place.function("hello-too", "1")).await;
    let listed = list(&stage, "hello").await.unwrap();
    let all = shown(&listed);
    for expected in [
        (ResourceKind::Function, "hello", ""),
        (ResourceKind::Version, "1", "a1b2c3d"),
        (ResourceKind::Alias, "live", "version 1"),
        (ResourceKind::Permission, "live: bucket", "s3.amazonaws.com"),
        (ResourceKind::AsyncConfig, "$LATEST", ""),
        (ResourceKind::Role, "lambda-console-hello-us-east-1", ""),
    ] {
        assert!(all.contains(&expected), "{expected:?} in {all:?}");
    }
    assert!(all.iter().any(|(kind, url, auth)| *kind == ResourceKind::Url
        && url.starts_with("http")
        && *auth == "AWS_IAM"));
    assert!(
        all.iter()
            .any(|(kind, name, _)| *kind == ResourceKind::LogGroup && *name == "/aws/lambda/hello")
    );
    assert!(listed.items.iter().all(|item| item.kept.is_none()), "{listed:?}");

    let outcome = delete(&stage, std::slice::from_ref(&listed), Approval::Given, &Job::silent())
        .await
        .unwrap();
    let [function] = outcome.functions.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((function.failure.as_ref(), function.left.as_slice()), (None, &[][..]));
    assert_eq!(function.gone.len(), listed.items.len());
    assert_eq!(
        list(&stage, "hello").await.unwrap_err().kind,
        FailureKind::Work,
        "nothing is left to be found"
    );
    let roles = roles::roles(&stage).await.unwrap();
    assert_eq!(
        roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(),
        ["lambda-console-hello-too-us-east-1"]
    );
    stage.close().await;
}

#[tokio::test]
async fn what_is_kept_is_found_by_the_next_deletion() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    furnished(&place, &stage, "hello").await;
    let kept = list(&stage, "hello").await.unwrap().keeping(Keep { logs: true, role: true });
    let outcome = delete(&stage, &[kept], Approval::Given, &Job::silent()).await.unwrap();
    let left: Vec<ResourceKind> = outcome.functions[0].left.iter().map(|item| item.kind).collect();
    assert_eq!(left, [ResourceKind::Role, ResourceKind::LogGroup]);
    // The state after a deletion that was interrupted there.
    let rest = list(&stage, "hello").await.unwrap();
    assert_eq!(
        rest.items.iter().map(|item| item.kind).collect::<Vec<_>>(),
        [ResourceKind::LogGroup, ResourceKind::Role]
    );
    let outcome = delete(&stage, &[rest], Approval::Given, &Job::silent()).await.unwrap();
    assert_eq!(outcome.functions[0].failure, None);
    assert!(list(&stage, "hello").await.is_err());
    stage.close().await;
}

#[tokio::test]
async fn a_role_or_a_log_group_that_others_use_stays() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("one", "1")).await;
    let arn = roles::roles(&stage).await.unwrap().remove(0).arn;
    let mut two = place.function("two", "1");
    two.config.role = Some(arn);
    deploy_one(&stage, &two).await;
    let mut three = place.function("three", "1");
    three.config.role = Some("arn:aws:iam::000000000000:role/theirs".to_owned());
    deploy_one(&stage, &three).await;
    stage
        .call(|clients| async move {
            let config =
                aws_sdk_lambda::types::LoggingConfig::builder().log_group("/shared").build();
            clients
                .lambda()
                .update_function_configuration()
                .function_name("three")
                .logging_config(config)
                .send()
                .await
        })
        .await
        .unwrap();
    let kept = |resources: &Resources, kind: ResourceKind| {
        resources.items.iter().find(|item| item.kind == kind).and_then(|item| item.kept.clone())
    };
    let one = list(&stage, "one").await.unwrap();
    assert_eq!(kept(&one, ResourceKind::Role).as_deref(), Some("it is also the role of two"));
    let three = list(&stage, "three").await.unwrap();
    assert_eq!(
        kept(&three, ResourceKind::Role).as_deref(),
        Some("lambda-console did not create it")
    );
    assert_eq!(
        kept(&three, ResourceKind::LogGroup).as_deref(),
        Some("other functions may write to it")
    );
    let outcome = delete(&stage, &[one, three], Approval::Given, &Job::silent()).await.unwrap();
    assert!(outcome.functions.iter().all(|function| function.failure.is_none()), "{outcome:?}");
    assert_eq!(roles::roles(&stage).await.unwrap()[0].functions, ["two"]);
    stage.close().await;
}

#[tokio::test]
async fn a_cancelled_deletion_reports_what_is_left() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    furnished(&place, &stage, "hello").await;
    let listed = list(&stage, "hello").await.unwrap();
    let cancel = tokio_util::sync::CancellationToken::new();
    let asked = cancel.clone();
    // The function is the last resource whose deletion begins.
    let job = Job::new(cancel, move |step| {
        if matches!(&step, Step::Phase { text, .. } if text.ends_with("its function")) {
            asked.cancel();
        }
    });
    let outcome = delete(&stage, &[listed], Approval::Given, &job).await.unwrap();
    let function = &outcome.functions[0];
    assert_eq!(
        function.failure.as_ref().map(|failure| failure.kind),
        Some(FailureKind::Interrupted)
    );
    assert!(function.gone.iter().any(|item| item.kind == ResourceKind::Function), "{function:?}");
    let left: Vec<ResourceKind> = function.left.iter().map(|item| item.kind).collect();
    assert_eq!(left, [ResourceKind::Role, ResourceKind::LogGroup]);
    let rest = list(&stage, "hello").await.unwrap();
    assert_eq!(rest.items.len(), 2, "the stage says the same");
    stage.close().await;
}

#[tokio::test]
async fn a_function_that_is_not_there_is_no_function_to_delete() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let failure = list(&stage, "nobody").await.unwrap_err();
    assert_eq!(
        (failure.what.as_str(), failure.kind),
        ("could not delete nobody", FailureKind::Work)
    );
    stage.close().await;
}
