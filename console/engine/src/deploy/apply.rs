//! Applies a plan: several functions at once, each to its end whether others fail or not. If one is
//! not completed, its actual state is read from the stage.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Approval, Change, ChangeKind, DeployAction, DeployOutcome, DeployedFunction, FailedFunction,
    Failure, Field, FunctionPlan, Step,
};
use tokio::sync::OnceCell;

use super::{
    Stage,
    calls::Call,
    compare::{self, Plan, Ready},
    diff, git,
    remote::Remote,
    send::{Sender, Stop},
};
use crate::{Job, aws::waiting::settle};

/// Number of functions that are changed at once.
const AT_ONCE: usize = 10;
/// Maximum number of comparisons of a function that differs from the plan.
const ROUNDS: u32 = 4;
/// Time that a call in progress may take after the job was cancelled, and then the reading of the
/// actual state.
const GRACE: Duration = Duration::from_secs(2);

/// Applies `plan`.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no consent. Failures of
/// single functions are in the outcome, also if the job was cancelled.
#[boxed]
pub async fn apply(
    stage: &Stage,
    plan: &Plan,
    approval: Approval,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow("could not deploy", ChangeKind::Update, approval)?;
    let description = OnceCell::new();
    let work =
        plan.ready.iter().map(|ready| function(stage, ready, approval, &description, job).boxed());
    let work: Vec<_> =
        work.enumerate().map(|(at, work)| work.map(move |result| (at, result))).collect();
    let mut results: Vec<_> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    results.sort_by_key(|(at, _)| *at);
    let mut outcome = DeployOutcome { stage: stage.name(), ..DeployOutcome::default() };
    for (name, failure) in &plan.failed {
        let (name, failure) = (name.clone(), failure.clone());
        outcome.failed.push(FailedFunction {
            name,
            failure,
            done: Vec::new(),
            left: Vec::new(),
            is_known: false,
        });
    }
    for (_, result) in results {
        match result {
            Ok(done) => outcome.functions.push(done),
            Err(failed) => outcome.failed.push(failed),
        }
    }
    Ok(outcome)
}

/// Deploys one function, or returns how far it came.
async fn function(
    stage: &Stage,
    ready: &Ready,
    approval: Approval,
    description: &OnceCell<Option<String>>,
    job: &Job,
) -> Result<DeployedFunction, FailedFunction> {
    let began = Instant::now();
    let overdue = async {
        job.cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let result = tokio::select! {
        result = bring(stage, ready, approval, description, job) => result,
        () = overdue => Err(Failure::interrupted(format!("could not finish deploying \
            {}", ready.name))),
    };
    job.report(Step::Done(ready.name.clone()));
    let failure = match result {
        Ok(version) => {
            let FunctionPlan { name, action, sha256, changes, .. } = ready.shown.clone();
            let seconds = ready.seconds + began.elapsed().as_secs_f64();
            return Ok(DeployedFunction { name, action, version, sha256, seconds, changes });
        }
        Err(failure) => failure,
    };
    let planned = ready.shown.changes.clone();
    let truth = tokio::time::timeout(GRACE, truth(stage, ready)).await.ok().flatten();
    let is_known = truth.is_some();
    let (done, left) = truth.unwrap_or((Vec::new(), planned));
    Err(FailedFunction { name: ready.name.clone(), failure, done, left, is_known })
}

/// Returns the changes of the plan that are done, and those that are left, by the state on the
/// stage.
async fn truth(stage: &Stage, ready: &Ready) -> Option<(Vec<Change>, Vec<Change>)> {
    let found = compare::read(stage, &ready.wanted).await.ok()?;
    let (left, _) = compare::difference(&ready.wanted, found.as_ref()).ok()?;
    let is_left = |change: &&Change| left.iter().any(|other| other.field == change.field);
    let done = ready.shown.changes.iter().filter(|change| !is_left(change)).cloned().collect();
    Some((done, left))
}

/// Makes the calls, and returns the version that is then deployed.
async fn bring(
    stage: &Stage,
    ready: &Ready,
    approval: Approval,
    description: &OnceCell<Option<String>>,
    job: &Job,
) -> Result<String, Failure> {
    let wanted = &ready.wanted;
    if ready.shown.action == DeployAction::Unchanged {
        return Ok(ready.shown.version.clone());
    }
    if job.cancel.is_cancelled() {
        return Err(Failure::interrupted(format!("could not deploy {}", ready.name)));
    }
    if ready.shown.opens {
        stage.allow(
            &format!("could not open {} to everybody", ready.name),
            ChangeKind::Open,
            approval,
        )?;
    }
    let mut found = ready.found.clone();
    let (mut changes, mut calls) = (ready.shown.changes.clone(), ready.calls.clone());
    let mut version = None;
    for round in 0..ROUNDS {
        let is_changing = found.as_ref().is_some_and(|found| found.is_changing);
        if round > 0 || is_changing {
            if found.is_some() {
                // The comparison reports the error of another change.
                drop(settle(stage, &wanted.name, &job.cancel).await);
            }
            found = compare::read(stage, wanted).await?;
            (changes, calls) = compare::difference(wanted, found.as_ref())?;
            explained(ready, found.as_ref(), &changes)?;
        }
        let described = if calls.contains(&Call::Publish) {
            describe(ready, description, job).await
        } else {
            None
        };
        let mut sender = Sender {
            stage,
            wanted,
            found: found.as_ref(),
            changes: &changes,
            description: described.as_deref(),
            job,
            now: found.clone().unwrap_or_default(),
            version: None,
            role: None,
        };
        let made = sender.make(&calls).await;
        version = sender.version.take().or(version);
        match made {
            Ok(()) => {
                let present = || found.as_ref()?.alias.as_ref().map(|alias| alias.version.clone());
                return Ok(version.or_else(present).unwrap_or_else(|| "$LATEST".to_owned()));
            }
            Err(Stop::Failed(failure)) => return Err(failure),
            Err(Stop::Meanwhile) => {}
        }
    }
    Err(changed(ready, "it keeps changing while it is deployed"))
}

/// For code from the workspace, its commit; if only settings change, the description of the version
/// before.
async fn describe(
    ready: &Ready,
    description: &OnceCell<Option<String>>,
    job: &Job,
) -> Option<String> {
    if ready.wanted.code.is_none() {
        let published = ready.found.as_ref()?.alias.as_ref()?;
        return Some(published.description.clone()).filter(|text| !text.is_empty());
    }
    let directory: &Path =
        if ready.directory == PathBuf::new() { Path::new(".") } else { &ready.directory };
    description.get_or_init(|| git::describe(directory, &job.cancel)).await.clone()
}

/// Checks a function that differs from the compared one: the deploy continues only if nobody else
/// changed a planned field. A call of this deploy whose answer was lost leaves fewer changes, and
/// no others.
fn explained(ready: &Ready, found: Option<&Remote>, left: &[Change]) -> Result<(), Failure> {
    let planned = &ready.shown.changes;
    match (&ready.found, found) {
        (Some(_), None) => {
            return Err(changed(ready, "someone else has deleted it in the meantime"));
        }
        (None, Some(_)) if left.iter().any(|change| change.field == Field::Code) => {
            return Err(changed(
                ready,
                "someone else has created a function of this name in the meantime",
            ));
        }
        _ => {}
    }
    let was_there = ready.found.as_ref();
    for change in left.iter().filter(|change| change.field != Field::State) {
        let before = planned.iter().find(|other| other.field == change.field);
        let is_as_before = before.is_some_and(|before| before.from == change.from);
        let is_ours = match &change.field {
            // All values look the same when they are masked.
            Field::Env(name) if was_there.is_some() => {
                diff::variable(was_there, name) == diff::variable(found, name)
            }
            // A part that was not there before may have been partly created by a call of this
            // deploy.
            _ => {
                is_as_before
                    || before.is_some_and(|before| {
                        before.from.is_none() && is_made(ready, &change.field)
                    })
            }
        };
        let follows = before.is_none() && matches!(change.field, Field::Alias(_));
        if !(is_ours || follows) {
            let now = change.from.as_deref().unwrap_or("not there");
            return Err(changed(
                ready,
                &format!("someone else has changed it in the meantime: {} is {now}", change.field),
            ));
        }
    }
    Ok(())
}

/// Returns `true` if the deploy creates the part that `field` belongs to with more than one call.
fn is_made(ready: &Ready, field: &Field) -> bool {
    ready.found.is_none()
        || field.is_of_url()
        || field.is_of_logging()
        || matches!(field, Field::LogRetention | Field::Alias(_))
}

fn changed(ready: &Ready, why: &str) -> Failure {
    let hint = "deploy again: the new differences are shown first (`--dry-run`)";
    Failure::work(format!("could not deploy {}", ready.name), why, hint)
}
