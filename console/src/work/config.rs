//! Reads a function's settings from the stage, and changes some of them through the deploy engine.

use std::collections::BTreeMap;

use aws_sdk_lambda::{
    operation::{get_function::GetFunctionOutput, get_function_url_config::GetFunctionUrlConfigOutput},
    types::{FunctionUrlAuthType, InvokeMode as UrlMode, TracingMode},
};

use super::{Job, stage::Stage};
use crate::message::{
    Concurrency, Cors, Failure, FunctionConfig, FunctionUrl, LiveConfig, LogFormat, LogSettings, UrlAuth, UrlSetting,
};

/// The settings of the workspace's function `function` as they are on the stage; none where it is not there.
///
/// # Errors
/// The stage cannot be asked, or the job was cancelled.
pub async fn read(stage: &Stage, function: &str, job: &Job) -> Result<Option<LiveConfig>, Failure> {
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted(format!("could not read the settings of {function}"))),
        found = ask(stage, function) => found,
    }
}

async fn ask(stage: &Stage, function: &str) -> Result<Option<LiveConfig>, Failure> {
    let name = &stage.remote_name(function);
    let what = || format!("could not read the settings of {name}");
    let function =
        stage.call(|clients| async move { clients.lambda().get_function().function_name(name).send().await });
    // On a stage with an alias, the URL is the alias's.
    let alias = stage.alias();
    let url = stage.call(|clients| async move {
        let url = clients.lambda().get_function_url_config().function_name(name);
        url.set_qualifier(alias.map(str::to_owned)).send().await
    });
    let (function, url) = tokio::join!(function, url);
    let function = match function {
        Err(error) if error.is_not_found() => return Ok(None),
        other => other.map_err(|error| error.into_failure(what()))?,
    };
    let url = match url {
        Err(error) if error.is_not_found() => None,
        other => Some(other.map_err(|error| error.into_failure(what()))?),
    };
    Ok(Some(live(name, &function, url.as_ref())))
}

fn live(name: &str, function: &GetFunctionOutput, url: Option<&GetFunctionUrlConfigOutput>) -> LiveConfig {
    let Some(found) = function.configuration() else { return LiveConfig::default() };
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let environment = found.environment();
    let variables = environment.and_then(|environment| environment.variables()).into_iter().flatten();
    let reserved = function.concurrency().and_then(|concurrency| concurrency.reserved_concurrent_executions());
    let tracing = found.tracing_config().and_then(|tracing| tracing.mode());
    let config = FunctionConfig {
        memory: number(found.memory_size()),
        timeout: number(found.timeout()),
        ephemeral_storage: number(found.ephemeral_storage().map(|storage| storage.size())),
        concurrency: Some(number(reserved).map_or(Concurrency::Unreserved, Concurrency::Reserved)),
        description: Some(found.description().unwrap_or_default().to_owned()),
        tracing: Some(if tracing == Some(&TracingMode::Active) { "active" } else { "pass-through" }.to_owned()),
        log: log(name, found.logging_config()),
        url: Some(url.map_or(UrlSetting::Absent, |url| UrlSetting::Present(function_url(url)))),
        env: variables.map(|(name, value)| (name.clone(), value.clone())).collect::<BTreeMap<_, _>>(),
        ..FunctionConfig::default()
    };
    LiveConfig {
        config,
        is_env_hidden: environment.is_some_and(|environment| environment.error().is_some()),
        url: url.map(|url| url.function_url().to_owned()),
        revision: found.revision_id().map(str::to_owned),
    }
}

fn log(name: &str, logging: Option<&aws_sdk_lambda::types::LoggingConfig>) -> LogSettings {
    let format = logging.and_then(|logging| logging.log_format()).map(aws_sdk_lambda::types::LogFormat::as_str);
    let group = logging.and_then(|logging| logging.log_group()).unwrap_or_default();
    // The function's own group is what a function has that names none.
    let is_own = group.strip_prefix("/aws/lambda/") == Some(name);
    LogSettings {
        format: Some(format.and_then(LogFormat::named).unwrap_or(LogFormat::Text)),
        application_level: logging
            .and_then(|logging| logging.application_log_level())
            .map(|level| level.as_str().to_owned()),
        system_level: logging.and_then(|logging| logging.system_log_level()).map(|level| level.as_str().to_owned()),
        group: Some(if is_own { "" } else { group }.to_owned()),
        retention: None,
    }
}

fn function_url(url: &GetFunctionUrlConfigOutput) -> FunctionUrl {
    let is_open = *url.auth_type() == FunctionUrlAuthType::None;
    let cors = url.cors().map(|cors| Cors {
        allow_origins: cors.allow_origins().to_vec(),
        allow_methods: cors.allow_methods().to_vec(),
        allow_headers: cors.allow_headers().to_vec(),
        expose_headers: cors.expose_headers().to_vec(),
        max_age: cors.max_age().and_then(|age| u32::try_from(age).ok()),
        allow_credentials: cors.allow_credentials().unwrap_or_default(),
    });
    FunctionUrl {
        auth: if is_open { UrlAuth::None } else { UrlAuth::Iam },
        streaming: Some(url.invoke_mode() == Some(&UrlMode::ResponseStream)),
        cors: Some(cors.unwrap_or_default()),
    }
}
