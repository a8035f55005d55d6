//! Settings read, compared and changed through the SDK against a local Lambda in this process.

use std::{io::Write, path::PathBuf};

use aws_sdk_lambda::{
    primitives::Blob,
    types::{Architecture as Chip, Environment, FunctionCode, Runtime},
};
use lambda_console_model::{
    Approval, Architecture, CargoTarget, Concurrency, Cors, FailureKind, Function, FunctionConfig,
    FunctionUrl, LogFormat, RuntimeCrate, UrlAuth, Workspace,
};

use super::*;
use crate::{aws::stage::StageOptions, history::recorded};

/// A new stage with the function `hello` on it, created by someone else.
async fn stage_with_hello(manifest: &str, options: StageOptions) -> (tempfile::TempDir, Stage) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    let workspace = Workspace { root: dir.path().to_owned(), ..Workspace::default() };
    let open = async |options| {
        Stage::connect_in(dir.path().join("state"), &workspace, &options).await.unwrap()
    };
    let stage = open(StageOptions::default()).await;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755))
        .unwrap();
    zip.write_all(b"#!/bin/sh\n").unwrap();
    let zip = &zip.finish().unwrap().into_inner();
    let chip = if cfg!(target_arch = "aarch64") { Chip::Arm64 } else { Chip::X8664 };
    let created = stage
        .call(|clients| {
            let chip = chip.clone();
            async move {
                let variables = Environment::builder()
                    .variables("KEY", "hunter2")
                    .variables("OLD", "swordfish");
                let function =
                    clients.lambda().create_function().function_name("hello").handler("bootstrap");
                let function = function
                    .role("arn:aws:iam::000000000000:role/hello")
                    .environment(variables.build());
                let code = FunctionCode::builder().zip_file(Blob::new(zip.clone())).build();
                function
                    .runtime(Runtime::Providedal2023)
                    .architectures(chip)
                    .code(code)
                    .send()
                    .await
            }
        })
        .await;
    assert!(created.is_ok(), "{created:?}");
    stage.close().await;
    let stage = open(options).await;
    (dir, stage)
}

async fn local() -> (tempfile::TempDir, Stage) {
    Box::pin(stage_with_hello("[workspace]", StageOptions::default())).await
}

fn hello(config: FunctionConfig) -> Function {
    Function {
        name: "hello".into(),
        binary: "hello".into(),
        package: "hello".into(),
        manifest: PathBuf::new(),
        target: CargoTarget::default(),
        runtime: RuntimeCrate::Bundled,
        architecture: Architecture::Native,
        config,
        events: Vec::new(),
        bootstrap: None,
        zip: None,
        stale: false,
    }
}

async fn live(stage: &Stage) -> LiveConfig {
    read(stage, "hello", &Job::silent()).await.unwrap().unwrap()
}

/// Applies the settings in `config` to the function, which has to be at `revision`.
async fn change(
    stage: &Stage,
    config: FunctionConfig,
    revision: Option<String>,
) -> Result<(), Failure> {
    let plan = deploy::compare_settings(stage, &hello(config), revision.as_deref(), &Job::silent())
        .await?;
    let outcome = recorded::apply(stage, &plan, Approval::None, None, &Job::silent()).await?;
    assert_eq!(outcome.failed, []);
    Ok(())
}

#[tokio::test]
async fn every_setting_of_the_pane_is_read_changed_and_read_again() {
    let (_dir, stage) = local().await;
    let before = live(&stage).await;
    assert_eq!(
        (before.config.memory, before.config.timeout, before.config.ephemeral_storage),
        (Some(128), Some(3), Some(512))
    );
    assert_eq!((before.config.url.clone(), before.url.clone()), (Some(UrlSetting::Absent), None));
    assert_eq!(before.config.log.group.as_deref(), Some(""), "its own");
    assert_eq!(before.config.env["KEY"], "hunter2");
    let cors = Cors {
        allow_origins: vec!["https://a.example".into()],
        max_age: Some(60),
        ..Cors::default()
    };
    let url = FunctionUrl { auth: UrlAuth::Iam, streaming: Some(true), cors: Some(cors) };
    let wanted = FunctionConfig {
        memory: Some(512),
        timeout: Some(9),
        ephemeral_storage: Some(1024),
        concurrency: Some(Concurrency::Reserved(5)),
        log: lambda_console_model::LogSettings {
            format: Some(LogFormat::Json),
            ..Default::default()
        },
        env: [("KEY".to_owned(), "new".to_owned())].into(),
        url: Some(UrlSetting::Present(url.clone())),
        ..FunctionConfig::default()
    };
    change(&stage, wanted, before.revision.clone()).await.unwrap();
    let after = live(&stage).await;
    assert_eq!(
        (after.config.memory, after.config.timeout, after.config.ephemeral_storage),
        (Some(512), Some(9), Some(1024))
    );
    assert_eq!(after.config.concurrency, Some(Concurrency::Reserved(5)));
    assert_eq!(after.config.log.format, Some(LogFormat::Json));
    assert_eq!(after.config.url, Some(UrlSetting::Present(url)));
    assert!(
        after.url.as_ref().is_some_and(|address| address.starts_with("http")),
        "{:?}",
        after.url
    );
    assert_eq!(after.config.env["KEY"], "new");
    assert_eq!(after.config.env["OLD"], "swordfish", "variables that are not edited stay");
    assert_ne!(after.revision, before.revision);
    let removed = FunctionConfig {
        env: [("KEY".to_owned(), "new".to_owned())].into(),
        env_replace: true,
        url: Some(UrlSetting::Absent),
        concurrency: Some(Concurrency::Unreserved),
        ..FunctionConfig::default()
    };
    change(&stage, removed, after.revision).await.unwrap();
    let last = live(&stage).await;
    assert_eq!(last.config.env.keys().collect::<Vec<_>>(), ["KEY"]);
    assert_eq!(
        (last.config.url, last.config.concurrency),
        (Some(UrlSetting::Absent), Some(Concurrency::Unreserved))
    );
    assert_eq!(last.config.memory, Some(512), "what is not said stays");
    stage.close().await;
}

#[tokio::test]
async fn settings_that_someone_else_changed_in_the_meantime_are_not_written_over() {
    let (_dir, stage) = local().await;
    let seen = live(&stage).await.revision;
    let config = |memory| FunctionConfig { memory: Some(memory), ..FunctionConfig::default() };
    change(&stage, config(256), seen.clone()).await.unwrap();
    let failure = change(&stage, config(1024), seen).await.unwrap_err();
    assert!(failure.why.contains("changed by someone else"), "{failure}");
    assert_eq!(live(&stage).await.config.memory, Some(256));
    stage.close().await;
}

#[tokio::test]
async fn a_comparison_masks_values_and_sends_nothing() {
    let (_dir, stage) = local().await;
    let env = [("KEY".to_owned(), "opensesame".to_owned())].into();
    let function = hello(FunctionConfig { env, ..FunctionConfig::default() });
    let plan =
        deploy::compare_settings(&stage, &function, None, &Job::silent()).await.unwrap().shown();
    let text = format!("{plan:?}");
    assert!(
        text.contains("Env(\"KEY\")") && !text.contains("hunter2") && !text.contains("opensesame"),
        "{text}"
    );
    assert_eq!(live(&stage).await.config.env["KEY"], "hunter2");
    stage.close().await;
}

#[tokio::test]
async fn a_protected_stage_wants_consent_and_a_read_only_one_refuses() {
    let protected = "[workspace]\n[workspace.metadata.lambda.stages.local]\nprotected = true\n";
    let read_only = StageOptions { read_only: true, ..StageOptions::default() };
    for (manifest, options) in [(protected, StageOptions::default()), ("[workspace]", read_only)] {
        let (_dir, stage) = Box::pin(stage_with_hello(manifest, options)).await;
        let config = FunctionConfig { memory: Some(512), ..FunctionConfig::default() };
        let failure = change(&stage, config, None).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Usage, "{failure}");
        assert_eq!(live(&stage).await.config.memory, Some(128));
        stage.close().await;
    }
}

#[tokio::test]
async fn a_function_that_is_not_there_has_no_settings() {
    let (_dir, stage) = local().await;
    assert_eq!(read(&stage, "nobody", &Job::silent()).await, Ok(None));
    let nobody = Function { name: "nobody".into(), ..hello(FunctionConfig::default()) };
    let Err(failure) = deploy::compare_settings(&stage, &nobody, None, &Job::silent()).await else {
        panic!("there is nothing to compare with")
    };
    assert!(failure.hint.contains("deploy nobody"), "{failure} {}", failure.hint);
    stage.close().await;
}
