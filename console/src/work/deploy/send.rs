//! Sends a function's code and configuration.

use aws_sdk_lambda::{
    primitives::Blob,
    types::{Architecture as Chip, Environment, FunctionCode, Runtime, TracingConfig, TracingMode},
};

use super::{
    Package, Remote, Stage,
    diff::{self, Wanted},
    patiently, remote,
};
use crate::{
    message::Failure,
    work::{
        iam,
        stage::{UPLOAD_READ_TIMEOUT, timeouts},
    },
};

/// Creates the function. False where it is there already.
pub(super) async fn create(
    stage: &Stage,
    name: &str,
    wanted: &Wanted<'_>,
    package: &Package,
    step: &(impl Fn(&str) + Sync),
) -> Result<bool, Failure> {
    let role = if let Some(role) = wanted.role {
        role.to_owned()
    } else {
        step("providing its role");
        iam::provide(stage, name, &iam::RolePolicies::of(stage, wanted.config)).await?
    };
    step("creating");
    let (config, role) = (wanted.config, &role);
    let created = patiently(stage, name, || {
        stage.call(|clients| async move {
            clients
                .lambda()
                .create_function()
                .function_name(name)
                .runtime(Runtime::Providedal2023)
                .handler("bootstrap")
                .role(role)
                .architectures(Chip::from(package.architecture.name()))
                .code(FunctionCode::builder().zip_file(Blob::new(package.bytes.clone())).build())
                .set_memory_size(config.memory.map(|memory| memory as i32))
                .set_timeout(config.timeout.map(|timeout| timeout as i32))
                .set_description(config.description.clone())
                .set_tracing_config(tracing(wanted))
                .set_layers(config.layers.clone())
                .set_environment((!config.env.is_empty()).then(|| environment(wanted, None)))
                .set_tags((!config.tags.is_empty()).then(|| config.tags.clone().into_iter().collect()))
                .customize()
                .config_override(
                    aws_sdk_lambda::config::Builder::default().timeout_config(timeouts(UPLOAD_READ_TIMEOUT)),
                )
                .send()
                .await
        })
    })
    .await;
    match created {
        Ok(_) => {}
        Err(error) if error.is_existing() => return Ok(false),
        Err(error) => return Err(error.into_failure(format!("could not create {name}"))),
    }
    step("waiting for it to be ready");
    remote::settled(stage, name).await?;
    Ok(true)
}

/// Sends what differs of a function that is there: first the code, then the configuration, then the tags.
pub(super) async fn update(
    stage: &Stage,
    name: &str,
    wanted: &Wanted<'_>,
    package: &Package,
    found: &Remote,
    step: &(impl Fn(&str) + Sync),
) -> Result<(), Failure> {
    let changes = diff::changes(wanted, Some(found))?;
    let differs = |field: &str| changes.iter().any(|change| change.field == field);
    let mut revision = found.revision.clone();
    if differs("code") || differs("architecture") {
        step("sending the code");
        send_code(stage, name, package, revision.as_deref()).await?;
        step("waiting for the code to be ready");
        revision = remote::get_settled(stage, name).await?.and_then(|found| found.revision);
    }
    let is_configuration = |field: &str| !matches!(field, "code" | "architecture") && !field.starts_with("tag.");
    if changes.iter().any(|change| is_configuration(&change.field)) {
        step("sending the configuration");
        let is_env = changes.iter().any(|change| change.field.starts_with("env."));
        let environment = is_env.then(|| environment(wanted, Some(found)));
        send_configuration(stage, name, wanted, environment, revision.as_deref()).await?;
        step("waiting for the configuration to be ready");
        remote::settled(stage, name).await?;
    }
    if changes.iter().any(|change| change.field.starts_with("tag.")) {
        let tags = &wanted.config.tags.clone().into_iter().collect::<std::collections::HashMap<_, _>>();
        stage
            .call(|clients| async move {
                clients.lambda().tag_resource().resource(&found.arn).set_tags(Some(tags.clone())).send().await
            })
            .await
            .map_err(|error| error.into_failure(format!("could not tag {name}")))?;
    }
    Ok(())
}

async fn send_code(stage: &Stage, name: &str, package: &Package, revision: Option<&str>) -> Result<(), Failure> {
    patiently(stage, name, || {
        stage.call(|clients| async move {
            clients
                .lambda()
                .update_function_code()
                .function_name(name)
                .architectures(Chip::from(package.architecture.name()))
                .zip_file(Blob::new(package.bytes.clone()))
                .set_revision_id(revision.map(str::to_owned))
                .customize()
                .config_override(
                    aws_sdk_lambda::config::Builder::default().timeout_config(timeouts(UPLOAD_READ_TIMEOUT)),
                )
                .send()
                .await
        })
    })
    .await
    .map_err(|error| error.into_failure(format!("could not send the code of {name}")))?;
    Ok(())
}

async fn send_configuration(
    stage: &Stage,
    name: &str,
    wanted: &Wanted<'_>,
    environment: Option<Environment>,
    revision: Option<&str>,
) -> Result<(), Failure> {
    let (config, environment) = (wanted.config, &environment);
    patiently(stage, name, || {
        stage.call(|clients| async move {
            clients
                .lambda()
                .update_function_configuration()
                .function_name(name)
                .set_memory_size(config.memory.map(|memory| memory as i32))
                .set_timeout(config.timeout.map(|timeout| timeout as i32))
                .set_role(wanted.role.map(str::to_owned))
                .set_description(config.description.clone())
                .set_tracing_config(tracing(wanted))
                .set_layers(config.layers.clone())
                .set_environment(environment.clone())
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
        })
    })
    .await
    .map_err(|error| error.into_failure(format!("could not send the configuration of {name}")))?;
    Ok(())
}

fn environment(wanted: &Wanted<'_>, found: Option<&Remote>) -> Environment {
    Environment::builder().set_variables(Some(diff::merged_env(wanted.config, found).into_iter().collect())).build()
}

fn tracing(wanted: &Wanted<'_>) -> Option<TracingConfig> {
    let mode = diff::tracing(wanted.config)?;
    Some(TracingConfig::builder().mode(TracingMode::from(mode)).build())
}
