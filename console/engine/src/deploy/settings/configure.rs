//! Settings alone, without code: those of the stage that a person edited.

use async_recursion::async_recursion as boxed;
use lambda_console_model::{Failure, Function, LiveConfig, UrlSetting};

use crate::{
    aws::log_group,
    deploy::{
        Job, Stage,
        compare::{Plan, Scope, compare},
        remote::{self, Ask},
    },
};

/// Returns the settings of the workspace's function `function` on the stage; `None` if it is not
/// there.
///
/// # Errors
/// Returns an error if the stage cannot be reached.
#[boxed]
pub async fn live(stage: &Stage, function: &str) -> Result<Option<LiveConfig>, Failure> {
    let name = stage.remote_name(function);
    let ask = Ask { alias: stage.alias(), url: true, ..Ask::default() };
    let Some(found) = Box::pin(remote::get(stage, &name, ask)).await? else { return Ok(None) };
    let is_env_hidden = found.settings.env.is_none();
    let revision = found.revision.clone();
    let mut config = found.config();
    if config.log.group.as_ref().is_some_and(|group| *group == log_group::default(&name)) {
        // In a manifest, this means that a function has its own group.
        config.log.group = Some(String::new());
    }
    if let Some(UrlSetting::Present(url)) = &mut config.url {
        url.cors.get_or_insert_default();
    }
    Ok(Some(LiveConfig { config, is_env_hidden, url: None, revision }))
}

/// Compares the settings in `function` with the stage: settings that it does not contain are kept.
/// Sends no change.
///
/// # Errors
/// Returns an error if the function is not on the stage, it was changed there after `revision`, the
/// settings contradict each other, or the job was cancelled.
#[boxed]
pub async fn compare_settings(
    stage: &Stage,
    function: &Function,
    revision: Option<&str>,
    job: &Job,
) -> Result<Plan, Failure> {
    let mut plan = compare(stage, std::slice::from_ref(function), Scope::Settings, job).await?;
    if let Some((_, failure)) = plan.failed.pop() {
        return Err(failure);
    }
    let found = plan.ready.first().and_then(|ready| ready.found.as_ref()?.revision.as_deref());
    if revision.is_some() && revision != found {
        return Err(Failure::work(
            format!("could not change the settings of {}", function.name),
            "it was changed by someone else since they were read",
            "review the current settings, then apply yours again",
        ));
    }
    Ok(plan)
}
