//! Carries a plan out: several functions at once, each to its end whatever becomes of the others. Where one is not brought
//! to its end, the stage is asked what is true of it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Change, Consent, DeployAction, DeployOutcome, DeployedFunction, FailedFunction, Failure, FunctionPlan, Step,
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

/// How many functions are changed at once.
const AT_ONCE: usize = 10;
/// How often a function is compared anew that is not what it was.
const ROUNDS: u32 = 4;
/// How long a call under way may go on after the job was cancelled, and how long the stage is then asked what is true.
const GRACE: Duration = Duration::from_secs(2);

/// Carries `plan` out.
///
/// # Errors
/// The stage is read-only, or protected and there is no consent. What fails of one function is in the outcome, also
/// where the job was cancelled.
pub async fn apply(stage: &Stage, plan: &Plan, consent: Consent, job: &Job) -> Result<DeployOutcome, Failure> {
    stage.allow_change("could not deploy", consent)?;
    let description = OnceCell::new();
    let work = plan.ready.iter().map(|ready| function(stage, ready, consent, &description, job).boxed());
    let work: Vec<_> = work.enumerate().map(|(at, work)| work.map(move |result| (at, result))).collect();
    let mut results: Vec<_> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
    results.sort_by_key(|(at, _)| *at);
    let mut outcome = DeployOutcome { stage: stage.name(), ..DeployOutcome::default() };
    for (name, failure) in &plan.failed {
        let (name, failure) = (name.clone(), failure.clone());
        outcome.failed.push(FailedFunction { name, failure, done: Vec::new(), left: Vec::new(), is_known: false });
    }
    for (_, result) in results {
        match result {
            Ok(done) => outcome.functions.push(done),
            Err(failed) => outcome.failed.push(failed),
        }
    }
    Ok(outcome)
}

/// Brings one function to its end, or tells how far it came.
async fn function(
    stage: &Stage,
    ready: &Ready,
    consent: Consent,
    description: &OnceCell<Option<String>>,
    job: &Job,
) -> Result<DeployedFunction, FailedFunction> {
    let began = Instant::now();
    let overdue = async {
        job.cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let result = tokio::select! {
        result = bring(stage, ready, consent, description, job) => result,
        () = overdue => Err(Failure::interrupted(format!("could not finish deploying {}", ready.name))),
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

/// What of the plan is done, and what is not, by what is on the stage now.
async fn truth(stage: &Stage, ready: &Ready) -> Option<(Vec<Change>, Vec<Change>)> {
    let found = compare::read(stage, &ready.wanted).await.ok()?;
    let (left, _) = compare::difference(&ready.wanted, found.as_ref()).ok()?;
    let is_left = |change: &&Change| left.iter().any(|other| other.field == change.field);
    let done = ready.shown.changes.iter().filter(|change| !is_left(change)).cloned().collect();
    Some((done, left))
}

/// Makes the calls; with the version that is then deployed.
async fn bring(
    stage: &Stage,
    ready: &Ready,
    consent: Consent,
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
        stage.allow_opening(&format!("could not open {} to everybody", ready.name), consent)?;
    }
    let mut found = ready.found.clone();
    let (mut changes, mut calls) = (ready.shown.changes.clone(), ready.calls.clone());
    let mut version = None;
    for round in 0..ROUNDS {
        let is_changing = found.as_ref().is_some_and(|found| found.is_changing);
        if round > 0 || is_changing {
            if found.is_some() {
                // Why another change failed is told by the comparison.
                drop(settle(stage, &wanted.name, &job.cancel).await);
            }
            found = compare::read(stage, wanted).await?;
            (changes, calls) = compare::difference(wanted, found.as_ref())?;
            explained(ready, found.as_ref(), &changes)?;
        }
        let described = if calls.contains(&Call::Publish) { describe(ready, description, job).await } else { None };
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
    Err(changed(ready, "it changes again and again while it is deployed"))
}

/// Of code from the workspace, its commit; where only settings change, what was said of the version before.
async fn describe(ready: &Ready, description: &OnceCell<Option<String>>, job: &Job) -> Option<String> {
    if ready.wanted.code.is_none() {
        let published = ready.found.as_ref()?.alias.as_ref()?;
        return Some(published.description.clone()).filter(|text| !text.is_empty());
    }
    let directory: &Path = if ready.directory == PathBuf::new() { Path::new(".") } else { &ready.directory };
    description.get_or_init(|| git::describe(directory, &job.cancel)).await.clone()
}

/// A function that is not what was compared is gone on with only where nothing that was going to change was changed by
/// someone else: a call of ours whose answer was lost leaves less to do, and nothing else.
fn explained(ready: &Ready, found: Option<&Remote>, left: &[Change]) -> Result<(), Failure> {
    let planned = &ready.shown.changes;
    match (&ready.found, found) {
        (Some(_), None) => return Err(changed(ready, "someone else deleted it meanwhile")),
        (None, Some(_)) if left.iter().any(|change| change.field == "code") => {
            return Err(changed(ready, "someone else made a function of this name meanwhile"));
        }
        _ => {}
    }
    let was_there = ready.found.as_ref();
    for change in left.iter().filter(|change| change.field != "state") {
        let before = planned.iter().find(|other| other.field == change.field);
        let is_as_before = before.is_some_and(|before| before.from == change.from);
        let is_ours = match change.field.strip_prefix(diff::ENV) {
            // All values look the same where they are shown.
            Some(name) if was_there.is_some() => diff::variable(was_there, name) == diff::variable(found, name),
            // What was not there before may be half made by a call of ours.
            _ => is_as_before || before.is_some_and(|before| before.from.is_none() && is_made(ready, &change.field)),
        };
        let follows = before.is_none() && change.field.starts_with("alias.");
        if !(is_ours || follows) {
            let now = change.from.as_deref().unwrap_or("not there");
            return Err(changed(ready, &format!("someone else changed it meanwhile: {} is {now}", change.field)));
        }
    }
    Ok(())
}

/// The deploy makes what `field` is of, by more than one call.
fn is_made(ready: &Ready, field: &str) -> bool {
    ready.found.is_none() || ["log.", "url", "alias."].iter().any(|prefix| field.starts_with(prefix))
}

fn changed(ready: &Ready, why: &str) -> Failure {
    let hint = "deploy again: the new differences are shown first (`--dry-run`)";
    Failure::work(format!("could not deploy {}", ready.name), why, hint)
}
