//! Settings alone, without code: those that a person edited on what is on the stage.

use std::time::Instant;

use super::{Job, Package, Remote, Stage, diff, remote, send};
use crate::message::{
    Architecture, Change, Consent, DeployAction, DeployOutcome, DeployPlan, DeployedFunction, FailedFunction, Failure,
    Function, FunctionPlan, Step,
};

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
    let (found, changes) = tokio::select! {
        biased;
        () = job.cancel.cancelled() => return Err(Failure::interrupted("could not compare the settings")),
        compared = compare(stage, function, revision) => compared?,
    };
    let action = if changes.is_empty() { DeployAction::Unchanged } else { DeployAction::Updated };
    let plan = FunctionPlan {
        name: function.name.clone(),
        action,
        changes,
        calls: Vec::new(),
        opens: false,
        version: found.version,
        sha256: String::new(),
    };
    Ok(DeployPlan { stage: stage.name(), functions: vec![plan], failed: Vec::new() })
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
    let began = Instant::now();
    let (found, changes) = compare(stage, function, revision).await?;
    let mut outcome = DeployOutcome { stage: stage.name(), ..DeployOutcome::default() };
    if let Err(failure) = send(stage, function, &found, job).await {
        let (name, done, left) = (function.name.clone(), Vec::new(), changes);
        outcome.failed.push(FailedFunction { name, failure, done, left, is_known: false });
        return Ok(outcome);
    }
    let action = if changes.is_empty() { DeployAction::Unchanged } else { DeployAction::Updated };
    outcome.functions.push(DeployedFunction {
        name: function.name.clone(),
        action,
        version: found.version,
        sha256: remote::hex_of(&found.sha256),
        seconds: began.elapsed().as_secs_f64(),
        changes,
    });
    Ok(outcome)
}

async fn compare(stage: &Stage, function: &Function, revision: Option<&str>) -> Result<(Remote, Vec<Change>), Failure> {
    let what = || format!("could not change the settings of {}", function.name);
    let Some(found) = remote::get(stage, &stage.remote_name(&function.name)).await? else {
        let why = format!("it is not on the stage {}", stage.name());
        return Err(Failure::work(what(), why, format!("deploy it first: `lambda-console deploy {}`", function.name)));
    };
    if revision.is_some() && revision != found.revision.as_deref() {
        let why = "it was changed by someone else since the settings were read";
        return Err(Failure::work(what(), why, "look at the settings as they are now, then apply them again"));
    }
    let changes = diff::changes(&wanted(function, &found), Some(&found))?;
    Ok((found, changes))
}

fn wanted<'a>(function: &'a Function, found: &'a Remote) -> diff::Wanted<'a> {
    let architecture = if found.architecture == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 };
    diff::Wanted {
        sha256: &found.sha256,
        architecture,
        config: &function.config,
        role: function.config.role.as_deref(),
    }
}

async fn send(stage: &Stage, function: &Function, found: &Remote, job: &Job) -> Result<(), Failure> {
    let wanted = wanted(function, found);
    let package = Package {
        bytes: Vec::new(),
        sha256: found.sha256.clone(),
        sha256_hex: String::new(),
        architecture: wanted.architecture,
    };
    let step = |text: &str| {
        job.report(Step::Phase { text: format!("{}: {text}", function.name), done: 0, total: 0 });
    };
    send::update(stage, &stage.remote_name(&function.name), &wanted, &package, found, &step).await
}
