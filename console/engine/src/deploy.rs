//! Deploys built functions to a stage.
//!
//! The functions on the stage are compared first ([`compare`](compare())): the plan contains the
//! differences and the calls that change them, and is applied as it was shown ([`apply`](apply())).
//! An unchanged function is read once and not sent, and settings made elsewhere are kept. Each step
//! can be repeated, so the next deploy completes one that was interrupted.

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Approval, Architecture, ChangeKind, DeployOutcome, DeployPlan, Deployed, Failure, FailureKind,
    Found, Function,
};

use super::{
    Job,
    aws::{naming, stage::Stage},
};

pub(crate) use self::upload::fetch as fetch_zip;
pub use self::{
    apply::apply,
    compare::{Plan, Scope, compare},
    settings::configure::{compare_settings, live},
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

/// Returns the deployed state of `functions`, in their order: `None` for one that is not on the
/// stage, a failure for one that this caller may not read.
///
/// # Errors
/// Returns an error if the stage cannot be reached.
#[boxed]
pub async fn deployed(
    stage: &Stage,
    functions: &[Function],
) -> Result<Vec<(String, Found)>, Failure> {
    let asks: Vec<_> =
        functions.iter().map(|function| deployed_one(stage, function).boxed()).collect();
    let answers = stream::iter(asks).buffered(8).collect::<Vec<_>>().await;
    let named = functions.iter().zip(answers).map(|(function, answer)| match answer {
        Err(failure) if !matches!(failure.kind, FailureKind::Denied | FailureKind::Work) => {
            Err(failure)
        }
        answer => Ok((function.name.clone(), answer)),
    });
    named.collect()
}

/// Returns `true` if the function `name`, of the workspace or not, is on the stage. A function that
/// this caller may not read counts as present.
///
/// # Errors
/// Returns an error if the stage cannot be reached.
#[boxed]
pub async fn is_there(stage: &Stage, name: &str) -> Result<bool, Failure> {
    let remote = &stage.remote_name(name);
    let answer = stage
        .call(|clients| async move {
            clients.lambda().get_function_configuration().function_name(remote).send().await
        })
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => match error.into_failure(format!("could not read {remote}")) {
            Failure { kind: FailureKind::Denied | FailureKind::Work, .. } => Ok(true),
            failure => Err(failure),
        },
    }
}

async fn deployed_one(stage: &Stage, function: &Function) -> Found {
    let remote = &stage.remote_name(&function.name);
    let answer = stage
        .call(|clients| async move {
            clients.lambda().get_function_configuration().function_name(remote).send().await
        })
        .await;
    let found = match answer {
        Err(error) if error.is_not_found() => return Ok(None),
        other => other.map_err(|error| error.into_failure(format!("could not read {remote}")))?,
    };
    let sha256 = naming::hex_of(found.code_sha256().unwrap_or_default());
    Ok(Some(Deployed {
        version: found.version().unwrap_or("$LATEST").to_owned(),
        in_sync: function.zip.as_ref().is_some_and(|zip| zip.sha256 == sha256),
        sha256,
        modified_at: found.last_modified().and_then(naming::milliseconds).unwrap_or_default(),
        architecture: found
            .architectures()
            .first()
            .and_then(|name| Architecture::named(name.as_str())),
    }))
}

/// Deploys `functions` as they are in the workspace, several at once; one that fails does not stop
/// the others.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no consent, or the job was
/// cancelled before anything was sent. Failures of single functions are in the outcome.
#[boxed]
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    approval: Approval,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let plan = compare(stage, functions, Scope::Whole, job).await?;
    apply(stage, &plan, approval, job).await
}

/// Compares `functions` with the stage, and returns the changes that [`deploy`] would make.
///
/// # Errors
/// Returns an error if the job was cancelled. Failures of single functions are in the plan.
#[boxed]
pub async fn plan(stage: &Stage, functions: &[Function], job: &Job) -> Result<DeployPlan, Failure> {
    Ok(compare(stage, functions, Scope::Whole, job).await?.shown())
}

/// Returns `true` if the version that the stage's alias points to is equal to the function.
pub(crate) async fn is_published(stage: &Stage, name: &str) -> Result<bool, Failure> {
    let ask = remote::Ask { alias: stage.alias(), ..remote::Ask::default() };
    let found = Box::pin(remote::get(stage, &stage.remote_name(name), ask)).await?;
    Ok(found.is_some_and(|found| {
        found.alias.as_ref().is_some_and(|alias| alias.settings == found.settings)
    }))
}

/// Returns the settings on the stage of the workspace's function `name`, in the form of a manifest;
/// `None` if it is not there. They contain environment values, which are secrets.
///
/// # Errors
/// Returns an error if the stage cannot be reached.
#[cfg(test)]
pub(crate) async fn settings(
    stage: &Stage,
    name: &str,
) -> Result<Option<lambda_console_model::FunctionConfig>, Failure> {
    let ask =
        remote::Ask { alias: stage.alias(), url: true, retention: true, ..remote::Ask::default() };
    Ok(Box::pin(remote::get(stage, &stage.remote_name(name), ask))
        .await?
        .map(remote::Remote::config))
}
