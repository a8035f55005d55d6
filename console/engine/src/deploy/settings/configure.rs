//! Settings alone, without code: those that a person edited on what is on the stage.

use lambda_console_model::{Failure, Function, LiveConfig, UrlSetting};

use crate::{
    aws::naming::default_group,
    deploy::{
        Job, Stage,
        compare::{Plan, Scope, compare},
        remote::{self, Ask},
    },
};

/// The settings of the workspace's function `function` as they are on the stage; none where it is not there.
///
/// # Errors
/// The stage cannot be asked.
pub async fn live(stage: &Stage, function: &str) -> Result<Option<LiveConfig>, Failure> {
    let name = stage.remote_name(function);
    let ask = Ask { alias: stage.alias(), url: true, ..Ask::default() };
    let Some(found) = Box::pin(remote::get(stage, &name, ask)).await? else { return Ok(None) };
    let is_env_hidden = found.settings.env.is_none();
    let revision = found.revision.clone();
    let mut config = found.config();
    if config.log.group.as_ref().is_some_and(|group| *group == default_group(&name)) {
        // As a manifest says that a function has its own.
        config.log.group = Some(String::new());
    }
    if let Some(UrlSetting::Present(url)) = &mut config.url {
        url.cors.get_or_insert_default();
    }
    Ok(Some(LiveConfig { config, is_env_hidden, url: None, revision }))
}

/// Compares the settings in `function` with the stage: what they say nothing of is left as it is. Sends no change.
///
/// # Errors
/// The function is not on the stage, it was changed there since it had `revision`, the settings contradict each other, or
/// the job was cancelled.
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
            "look at the settings as they are now, then apply them again",
        ));
    }
    Ok(plan)
}
