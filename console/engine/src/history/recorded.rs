//! The verbs, as the screen and the command line both run them: the work itself, then its record in
//! the history.

use std::time::Duration;

use async_recursion::async_recursion as boxed;
use lambda_console_model::{
    Approval, BuildOutcome, ChangeKind, DeployOutcome, Failure, Function, Invocation,
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
#[boxed]
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

/// Deploys without showing the plan, and records it.
///
/// # Errors
/// As [`deploy::deploy`].
#[boxed]
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let plan = deploy::compare(stage, functions, deploy::Scope::Whole, job).await?;
    apply(stage, &plan, approval, history, job).await
}

/// Changes settings of a function without showing the plan, and records it. `revision` is the
/// function's revision ID when they were edited.
///
/// # Errors
/// As [`deploy::compare_settings`] and [`deploy::apply`](deploy::apply()).
#[boxed]
pub async fn configure(
    stage: &Stage,
    function: &Function,
    revision: Option<&str>,
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let plan = deploy::compare_settings(stage, function, revision, job).await?;
    apply(stage, &plan, approval, history, job).await
}

/// Applies a plan that waited for approval, and records it. Functions that have changed on the
/// stage since the plan was made are not changed.
///
/// # Errors
/// As [`deploy::apply`](deploy::apply()).
#[boxed]
pub async fn apply_shown(
    stage: &Stage,
    mut plan: deploy::Plan,
    approval: Approval,
    history: Option<&Store>,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    plan.check(stage, job).await?;
    apply(stage, &plan, approval, history, job).await
}

/// Applies a plan as soon as it is made, and records it.
///
/// # Errors
/// As [`deploy::apply`](deploy::apply()).
#[boxed]
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
#[boxed]
pub async fn invoke(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Option<&Parts>,
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
#[boxed]
pub async fn answer(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Option<&Parts>,
    history: Option<&Store>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let invocation = invoke::answer(stage, request, parts, job).await?;
    Ok(recorded(history, invocation, |history, invocation| {
        history.record_invocation(request, invocation);
    }))
}

/// An invocation whose log lines are looked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The function's name in the workspace.
    pub function: &'a str,
    /// ID of the request.
    pub request_id: &'a str,
    /// Start time, in milliseconds since the Unix epoch.
    pub since: i64,
}

/// Links the log lines that did not come with a response, and records them.
///
/// # Errors
/// As [`invoke::link`].
pub async fn link(
    stage: &Stage,
    Request { function, request_id, since }: Request<'_>,
    on_lines: impl FnMut(RequestLog),
    history: Option<&Store>,
    job: &Job,
) -> Result<RequestLog, Failure> {
    let log = invoke::link(stage, function, request_id, since, LINK, on_lines, job).await?;
    Ok(recorded(history, log, |history, log| history.record_log(request_id, log)))
}
