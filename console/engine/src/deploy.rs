//! Puts built functions on a stage.
//!
//! What is there already is compared first ([`compare`](compare())): the plan says what differs and which calls change it,
//! and is carried out as it was shown ([`apply`](apply())). An unchanged function is read once and not sent, and settings
//! made elsewhere are kept. Each step can be repeated, so a deploy that was cut off is mended by the next one.

use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Architecture, Consent, DeployOutcome, DeployPlan, Deployed, Failure, FailureKind, Found, Function,
};

pub(crate) use self::upload::fetch as fetch_zip;
pub use self::{
    apply::apply,
    compare::{Plan, Scope, compare},
    settings::configure::{compare_settings, live},
};
use super::{
    Job,
    aws::{naming, stage::Stage},
};

mod apply;
mod calls;
mod code;
mod compare;
mod diff;
mod git;
mod remote;
mod send;
pub mod settings;
#[cfg(test)]
pub(super) mod tests;
mod upload;
mod url;

/// What is deployed of `functions`, in their order: `None` for one that is not on the stage, a failure for one that this
/// caller may not look at.
///
/// # Errors
/// The stage cannot be asked.
pub async fn deployed(stage: &Stage, functions: &[Function]) -> Result<Vec<(String, Found)>, Failure> {
    let asks: Vec<_> = functions.iter().map(|function| deployed_one(stage, function).boxed()).collect();
    let answers = stream::iter(asks).buffered(8).collect::<Vec<_>>().await;
    let named = functions.iter().zip(answers).map(|(function, answer)| match answer {
        Err(failure) if !matches!(failure.kind, FailureKind::Denied | FailureKind::Work) => Err(failure),
        answer => Ok((function.name.clone(), answer)),
    });
    named.collect()
}

/// Asks whether the function `name` of the workspace, or one that is not of it, is on the stage. One that this caller may
/// not look at counts as there.
///
/// # Errors
/// The stage cannot be asked.
pub async fn is_there(stage: &Stage, name: &str) -> Result<bool, Failure> {
    let remote = &stage.remote_name(name);
    let answer = stage
        .call(|clients| async move { clients.lambda().get_function_configuration().function_name(remote).send().await })
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => match error.into_failure(format!("could not ask for {remote}")) {
            Failure { kind: FailureKind::Denied | FailureKind::Work, .. } => Ok(true),
            failure => Err(failure),
        },
    }
}

async fn deployed_one(stage: &Stage, function: &Function) -> Found {
    let remote = &stage.remote_name(&function.name);
    let answer = stage
        .call(|clients| async move { clients.lambda().get_function_configuration().function_name(remote).send().await })
        .await;
    let found = match answer {
        Err(error) if error.is_not_found() => return Ok(None),
        other => other.map_err(|error| error.into_failure(format!("could not ask for {remote}")))?,
    };
    let sha256 = naming::hex_of(found.code_sha256().unwrap_or_default());
    Ok(Some(Deployed {
        version: found.version().unwrap_or("$LATEST").to_owned(),
        in_sync: function.zip.as_ref().is_some_and(|zip| zip.sha256 == sha256),
        sha256,
        modified_at: found.last_modified().and_then(naming::milliseconds).unwrap_or_default(),
        architecture: found.architectures().first().and_then(|name| Architecture::named(name.as_str())),
    }))
}

/// Makes `functions` on the stage what they are in the workspace, several at once; one that fails does not
/// stop the others.
///
/// # Errors
/// The stage is read-only, or protected and there is no consent, or the job was cancelled before anything was sent. What
/// fails of one function is in the outcome.
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    consent: Consent,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow_change("could not deploy", consent)?;
    let plan = compare(stage, functions, Scope::Whole, job).await?;
    apply(stage, &plan, consent, job).await
}

/// Compares `functions` with what is on the stage, and says what [`deploy`] would do.
///
/// # Errors
/// The job was cancelled. What fails of one function is in the plan.
pub async fn plan(stage: &Stage, functions: &[Function], job: &Job) -> Result<DeployPlan, Failure> {
    Ok(compare(stage, functions, Scope::Whole, job).await?.shown())
}

/// What is set of the function `name` of the workspace on the stage, as a manifest would say it; none where it is not
/// there. Environment values are in it: they are secrets.
///
/// # Errors
/// The stage cannot be asked.
#[cfg(test)]
pub(crate) async fn settings(
    stage: &Stage,
    name: &str,
) -> Result<Option<lambda_console_model::FunctionConfig>, Failure> {
    let ask = remote::Ask { alias: stage.alias(), url: true, retention: true, ..remote::Ask::default() };
    Ok(Box::pin(remote::get(stage, &stage.remote_name(name), ask)).await?.map(remote::Remote::config))
}
