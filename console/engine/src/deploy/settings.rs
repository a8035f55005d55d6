//! Reads a function's settings from the stage. They are changed through the deploy engine.

use async_recursion::async_recursion as boxed;
use lambda_console_model::{Failure, LiveConfig, UrlSetting};

use crate::{Job, aws::stage::Stage, deploy};

/// Returns the settings of the workspace's function `function` on the stage, with the address of
/// its URL; `None` if it is not there.
///
/// # Errors
/// Returns an error if the stage cannot be reached, or the job was cancelled.
#[boxed]
pub async fn read(stage: &Stage, function: &str, job: &Job) -> Result<Option<LiveConfig>, Failure> {
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted(format!("could not read the \
            settings of {function}"))),
        found = ask(stage, function) => found,
    }
}

async fn ask(stage: &Stage, function: &str) -> Result<Option<LiveConfig>, Failure> {
    let Some(mut live) = deploy::live(stage, function).await? else { return Ok(None) };
    if matches!(live.config.url, Some(UrlSetting::Present(_))) {
        let name = &stage.remote_name(function);
        let alias = || stage.alias().map(str::to_owned);
        let answer = stage
            .call(|clients| async move {
                clients
                    .lambda()
                    .get_function_url_config()
                    .function_name(name)
                    .set_qualifier(alias())
                    .send()
                    .await
            })
            .await;
        live.url = match answer {
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                return Err(error.into_failure(format!("could not read the URL of {name}")));
            }
            Ok(url) => Some(url.function_url().to_owned()),
        };
    }
    Ok(Some(live))
}

pub(super) mod configure;
#[cfg(test)]
mod tests;
