//! The verbs, as the screen and the command line both do them: the work itself, then its place in the history.

use super::{
    Job,
    build::{self, BuildRequest},
    deploy, invoke,
    stage::Stage,
    store::Store,
};
use crate::message::{BuildOutcome, Consent, DeployOutcome, Failure, Function, Invocation, InvokeRequest, Workspace};

/// Builds and records it.
///
/// # Errors
/// As [`build::build`].
pub async fn build(
    workspace: &Workspace,
    request: &BuildRequest,
    history: Option<&Store>,
    job: &Job,
) -> Result<BuildOutcome, Failure> {
    let began = jiff::Timestamp::now().as_millisecond();
    let outcome = build::build(workspace, request, job).await?;
    if let Some(history) = history {
        history.record_build(began, &outcome);
    }
    Ok(outcome)
}

/// Deploys and records it.
///
/// # Errors
/// As [`deploy::deploy`].
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    consent: Consent,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    let began = jiff::Timestamp::now().as_millisecond();
    let outcome = deploy::deploy(stage, functions, consent, job).await?;
    if let Some(history) = history {
        history.record_deploy(began, &outcome);
    }
    Ok(outcome)
}

/// Invokes and records it.
///
/// # Errors
/// As [`invoke::invoke`].
pub async fn invoke(
    stage: &Stage,
    request: &InvokeRequest,
    history: Option<&Store>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let invocation = invoke::invoke(stage, request, job).await?;
    if let Some(history) = history {
        history.record_invocation(request, &invocation);
    }
    Ok(invocation)
}
