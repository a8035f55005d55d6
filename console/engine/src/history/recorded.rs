//! The verbs, as the screen and the command line both run them: the work itself, then its record in
//! the history.

use std::time::Duration;

use lambda_console_model::{
    Approval, BuildOutcome, ChangeKind, DeployOutcome, DeployPlan, Failure, Function, Invocation,
    InvokeRequest, RequestLog, Workspace,
};

use super::Store;
use crate::{
    Job,
    aws::stage::Stage,
    compile::{self, BuildRequest},
    deploy,
    invoke::{self, Parts},
};

/// Longest time to query the logs for lines that did not come with a response.
const LINK: Duration = Duration::from_mins(1);

/// Records the result of a verb, if there is a history.
fn recorded<T>(history: Option<&Store>, result: T, record: impl FnOnce(&Store, &T)) -> T {
    if let Some(history) = history {
        record(history, &result);
    }
    result
}

/// Builds and records it.
///
/// # Errors
/// As [`compile::build`].
pub async fn build(
    workspace: &Workspace,
    request: &BuildRequest,
    history: Option<&Store>,
    job: &Job,
) -> Result<BuildOutcome, Failure> {
    let began = jiff::Timestamp::now().as_millisecond();
    let outcome = compile::build(workspace, request, job).await?;
    Ok(recorded(history, outcome, |history, outcome| history.record_build(began, outcome)))
}

/// Deploys and records it: only the changes in `shown`, if a plan was shown.
///
/// # Errors
/// As [`deploy::deploy`].
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    shown: Option<&DeployPlan>,
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let mut plan = deploy::compare(stage, functions, deploy::Scope::Whole, job).await?;
    if let Some(shown) = shown {
        plan.keep_as_shown(shown);
    }
    apply(stage, &plan, approval, history, job).await
}

/// Changes settings of a function and records it: only the changes in `shown`, if a plan was shown.
///
/// # Errors
/// As [`deploy::apply`](deploy::apply()).
pub async fn configure(
    stage: &Stage,
    Settings { function, revision, shown }: Settings<'_>,
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let mut plan = deploy::compare_settings(stage, function, revision, job).await?;
    if let Some(shown) = shown {
        plan.keep_as_shown(shown);
    }
    apply(stage, &plan, approval, history, job).await
}

/// Settings to change.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The function, with only the settings to change.
    pub function: &'a Function,
    /// Revision ID of the function when they were edited.
    pub revision: Option<&'a str>,
    /// The plan that was shown.
    pub shown: Option<&'a DeployPlan>,
}

/// Applies a plan and records it.
///
/// # Errors
/// As [`deploy::apply`](deploy::apply()).
pub async fn apply(
    stage: &Stage,
    plan: &deploy::Plan,
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    let began = jiff::Timestamp::now().as_millisecond();
    let outcome = deploy::apply(stage, plan, approval, job).await?;
    Ok(recorded(history, outcome, |history, outcome| history.record_deploy(began, outcome)))
}

/// Invokes and records it.
///
/// # Errors
/// As [`invoke::invoke`].
pub async fn invoke(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Parts<'_>,
    history: Option<&Store>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let invocation = invoke::invoke_in_parts(stage, request, parts, job).await?;
    Ok(recorded(history, invocation, |history, invocation| {
        history.record_invocation(request, invocation);
    }))
}

/// Invokes and records it, without waiting for a report that did not come with the response:
/// [`link`] does.
///
/// # Errors
/// As [`invoke::answer`].
pub async fn answer(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Parts<'_>,
    history: Option<&Store>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let invocation = invoke::answer(stage, request, parts, job).await?;
    Ok(recorded(history, invocation, |history, invocation| {
        history.record_invocation(request, invocation);
    }))
}

/// Links the log lines that did not come with a response, and records them.
///
/// # Errors
/// As [`invoke::link`].
pub async fn link(
    stage: &Stage,
    (function, request_id, since): (&str, &str, i64),
    on_lines: impl FnMut(RequestLog),
    history: Option<&Store>,
    job: &Job,
) -> Result<RequestLog, Failure> {
    let log = invoke::link(stage, function, request_id, since, LINK, on_lines, job).await?;
    Ok(recorded(history, log, |history, log| history.record_log(request_id, log)))
}
