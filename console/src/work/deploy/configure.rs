//! Settings alone, without code: those that a person edited on what is on the stage.

use super::{Job, Plan, Scope, Stage, apply, compare};
use crate::message::{Consent, DeployOutcome, DeployPlan, Failure, Function};

/// Compares the settings in `function` with the stage, and says what [`configure`] would do. What `function` says
/// nothing of is left as it is.
///
/// # Errors
/// The function is not on the stage, was changed there since `revision`, or the job was cancelled.
pub async fn plan_settings(
    stage: &Stage,
    function: &Function,
    revision: Option<&str>,
    job: &Job,
) -> Result<DeployPlan, Failure> {
    Ok(plan(stage, function, revision, job).await?.shown())
}

/// Makes the settings in `function` those of the function on the stage.
///
/// # Errors
/// The stage is read-only, or protected and there is no consent, or what [`plan_settings`] fails of. What fails while
/// they are sent is in the outcome.
pub async fn configure(
    stage: &Stage,
    function: &Function,
    revision: Option<&str>,
    consent: Consent,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow_change(&format!("could not change the settings of {}", function.name), consent)?;
    let plan = plan(stage, function, revision, job).await?;
    apply(stage, &plan, consent, job).await
}

async fn plan(stage: &Stage, function: &Function, revision: Option<&str>, job: &Job) -> Result<Plan, Failure> {
    let mut plan = compare(stage, std::slice::from_ref(function), Scope::Settings, job).await?;
    if let Some((_, failure)) = plan.failed.pop() {
        return Err(failure);
    }
    let now = plan.ready.iter().find_map(|ready| ready.found.as_ref()?.revision.as_deref());
    if revision.is_some() && revision != now {
        return Err(Failure::work(
            format!("could not change the settings of {}", function.name),
            "it was changed by someone else since the settings were read",
            "look at the settings as they are now, then apply them again",
        ));
    }
    Ok(plan)
}
