//! Settings that are deployed and read back, against a local Lambda.

use lambda_console_model::{
    Concurrency, FunctionUrl, LogFormat, LogSettings, UrlAuth, UrlSetting, Vpc,
};

use super::applied::*;
use crate::{deploy::Scope, resources::roles};

#[tokio::test]
async fn layers_and_the_private_network_are_set_changed_and_removed() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let layer = |name: &'static str| {
        let path = place.dir.path().join("layer.zip");
        write_zip(&path, name);
        let zip = aws_smithy_types::Blob::new(std::fs::read(&path).unwrap());
        let content =
            aws_sdk_lambda::types::LayerVersionContentInput::builder().zip_file(zip).build();
        let stage = &stage;
        async move {
            let published = stage.call(|clients| {
                let content = content.clone();
                async move {
                    clients
                        .lambda()
                        .publish_layer_version()
                        .layer_name(name)
                        .content(content)
                        .send()
                        .await
                }
            });
            published.await.unwrap().layer_version_arn().unwrap().to_owned()
        }
    };
    let (one, two) = (layer("one").await, layer("two").await);
    let network = |subnets: &[&str]| {
        let subnet_ids = subnets.iter().map(ToString::to_string).collect();
        Some(Vpc { subnet_ids, security_group_ids: vec!["sg-1".into()], ..Vpc::default() })
    };
    let mut hello = place.function("hello", "1");
    hello.config.layers = Some(vec![one.clone()]);
    hello.config.vpc = network(&["subnet-1", "subnet-2"]);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Created);
    // The order of subnets has no meaning.
    hello.config.vpc = network(&["subnet-2", "subnet-1"]);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);
    let policies = |role: &lambda_console_model::Role| role.policies.len();
    assert_eq!(
        policies(&roles::roles(&stage).await.unwrap()[0]),
        2,
        "to log, and to be in a private network"
    );

    hello.config.layers = Some(vec![one, two]);
    hello.config.vpc = network(&["subnet-1"]);
    let plan = compared(&stage, &hello, Scope::Whole).await;
    assert_eq!(fields(&plan.shown()), ["layers", "vpc"]);
    assert_eq!(applied(&stage, &plan).await.failed, []);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);

    hello.config.layers = Some(Vec::new());
    hello.config.vpc = Some(Vpc::default());
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    let settings = deploy::settings(&stage, "hello").await.unwrap().unwrap();
    assert_eq!((settings.layers, settings.vpc), (Some(Vec::new()), None));
    stage.close().await;
}

#[tokio::test]
async fn every_setting_is_deployed_read_back_and_then_no_difference() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.config = FunctionConfig {
        memory: Some(192),
        timeout: Some(9),
        ephemeral_storage: Some(1024),
        env: BTreeMap::from([("KEY".into(), "value".into())]),
        description: Some("says hello".into()),
        tracing: Some("active".into()),
        tags: BTreeMap::from([("team".into(), "shop".into())]),
        log: LogSettings {
            format: Some(LogFormat::Json),
            application_level: Some("DEBUG".into()),
            system_level: Some("WARN".into()),
            group: Some("/shop/hello".into()),
            retention: Some(14),
        },
        concurrency: Some(Concurrency::Reserved(3)),
        url: Some(UrlSetting::Present(FunctionUrl {
            auth: UrlAuth::None,
            streaming: Some(true),
            cors: Some(lambda_console_model::Cors {
                allow_origins: vec!["*".into()],
                ..Default::default()
            }),
        })),
        ..FunctionConfig::default()
    };
    let plan = compared(&stage, &hello, Scope::Whole).await.shown();
    assert!(plan.opens(), "everybody may call it");
    let calls = [
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "lambda:CreateFunction",
        "lambda:PutFunctionConcurrency",
        "lambda:CreateFunctionUrlConfig",
        "lambda:AddPermission",
    ];
    assert_eq!(plan.functions[0].calls, calls);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Created);
    let there = deploy::settings(&stage, "hello").await.unwrap().unwrap();
    let wanted = &hello.config;
    assert_eq!(
        (there.memory, there.timeout, there.ephemeral_storage),
        (Some(192), Some(9), Some(1024))
    );
    assert_eq!((&there.env, &there.tags, &there.log), (&wanted.env, &wanted.tags, &wanted.log));
    assert_eq!((&there.description, &there.tracing), (&wanted.description, &wanted.tracing));
    assert_eq!((&there.concurrency, &there.url), (&wanted.concurrency, &wanted.url));
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);
    hello.config = FunctionConfig {
        description: Some(String::new()),
        env_replace: true,
        concurrency: Some(Concurrency::Unreserved),
        url: Some(UrlSetting::Absent),
        log: LogSettings {
            format: Some(LogFormat::Text),
            group: Some(String::new()),
            ..LogSettings::default()
        },
        ..FunctionConfig::default()
    };
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    let there = deploy::settings(&stage, "hello").await.unwrap().unwrap();
    assert_eq!((there.env, there.description.as_deref()), (BTreeMap::new(), Some("")));
    assert_eq!(
        (there.concurrency, there.url),
        (Some(Concurrency::Unreserved), Some(UrlSetting::Absent))
    );
    assert_eq!(
        (there.log.format, there.log.group.as_deref()),
        (Some(LogFormat::Text), Some("/aws/lambda/hello"))
    );
    assert_eq!((there.memory, there.tags.len()), (Some(192), 1), "what is no longer said stays");
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);
    stage.close().await;
}

#[tokio::test]
async fn settings_alone_leave_the_code_as_it_is() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    let absent = compared(&stage, &hello, Scope::Settings).await.shown();
    assert!(absent.failed[0].1.why.contains("not on the stage"), "{absent:?}");
    deploy_one(&stage, &hello).await;
    let zip = hello.zip.take().unwrap();
    hello.config = FunctionConfig { timeout: Some(7), ..FunctionConfig::default() };
    let plan = compared(&stage, &hello, Scope::Settings).await;
    assert_eq!(fields(&plan.shown()), ["timeout"]);
    assert_eq!(plan.shown().functions[0].calls, ["lambda:UpdateFunctionConfiguration"]);
    applied(&stage, &plan).await;
    hello.zip = Some(zip);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);
    stage.close().await;
}
