//! Deletes functions with all their resources from a stage: listed first, then deleted as they were
//! listed.
//!
//! Each step can be repeated, so the next deletion completes one that was interrupted: it finds the
//! remaining resources by the names that are derived from the function's.

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Approval, ChangeKind, DeleteOutcome, DeletedFunction, Failure, FailureKind, Resource,
    ResourceKind, Resources, Step,
};
use tokio_util::sync::CancellationToken;

use super::{
    list::{self, resources_of},
    roles,
};
use crate::{
    Job,
    aws::{
        error::{CallError, present},
        retry::{DELETION, retry},
        stage::Stage,
    },
};

/// Number of functions that are processed at once.
const AT_ONCE: usize = 4;

/// Returns the resources of `functions`, named as in the workspace, in their order. Changes
/// nothing.
///
/// # Errors
/// Returns an error if one of them has no resources, the stage cannot be reached, or the job was
/// cancelled.
#[boxed]
pub async fn resources(
    stage: &Stage,
    functions: &[String],
    job: &Job,
) -> Result<Vec<Resources>, Failure> {
    let (all, refused) = allowed_resources(stage, functions, job).await?;
    match refused.into_iter().next() {
        Some((_, failure)) => Err(failure),
        None => Ok(all),
    }
}

/// As [`resources()`], with the functions that this caller may not read.
///
/// # Errors
/// Returns an error if one of them has no resources, the stage cannot be reached, or the job was
/// cancelled.
#[boxed]
pub async fn allowed_resources(
    stage: &Stage,
    functions: &[String],
    job: &Job,
) -> Result<(Vec<Resources>, Vec<(String, Failure)>), Failure> {
    let asks =
        async |function: &String| (function.clone(), Box::pin(resources_of(stage, function)).await);
    let asks: Vec<_> = functions.iter().map(|function| asks(function).boxed()).collect();
    let mut answers = stream::iter(asks).buffered(AT_ONCE);
    let (mut all, mut refused) = (Vec::with_capacity(functions.len()), Vec::new());
    loop {
        tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(Failure::interrupted("could not list what \
                would be deleted")),
            answer = answers.next() => match answer {
                Some((function, Err(failure))) if failure.kind == FailureKind::Denied => {
                    refused.push((function, failure));
                }
                Some((_, resources)) => all.push(resources?),
                None => return Ok((all, refused)),
            },
        }
    }
}

/// Deletes the resources that [`resources()`] listed, except for those marked as kept. One
/// function that fails does not stop the others; a cancelled job starts no further step, and the
/// outcome contains the deleted and the remaining ones.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no consent.
#[boxed]
pub async fn delete(
    stage: &Stage,
    functions: &[Resources],
    approval: Approval,
    job: &Job,
) -> Result<DeleteOutcome, Failure> {
    let names: Vec<String> = functions.iter().map(|one| one.function.clone()).collect();
    stage.allow("could not delete", ChangeKind::Delete(&names), approval)?;
    let work: Vec<_> =
        functions.iter().map(|function| delete_one(stage, function, job).boxed()).collect();
    let mut results = stream::iter(work).buffered(AT_ONCE);
    let mut outcome =
        DeleteOutcome { stage: stage.name(), functions: Vec::with_capacity(functions.len()) };
    while let Some(done) = results.next().await {
        job.report(Step::Done(done.name.clone()));
        outcome.functions.push(done);
    }
    Ok(outcome)
}

async fn delete_one(stage: &Stage, function: &Resources, job: &Job) -> DeletedFunction {
    let Resources { function: name, remote, items } = function;
    let (mut gone, mut left): (Vec<Resource>, Vec<Resource>) = (Vec::new(), Vec::new());
    let mut failure = None;
    for step in STEPS {
        let (mine, kept): (Vec<&Resource>, Vec<&Resource>) = items
            .iter()
            .filter(|item| step.contains(&item.kind))
            .partition(|item| item.kept.is_none());
        left.extend(kept.into_iter().cloned());
        // One call deletes the function with its own resources; the others are deleted one by one.
        let calls: Vec<Vec<&Resource>> = match mine.as_slice() {
            [] => Vec::new(),
            [first, ..] if first.kind == ResourceKind::Function => vec![mine],
            _ => mine.into_iter().map(|item| vec![item]).collect(),
        };
        for items in calls {
            if failure.is_none() && job.cancel.is_cancelled() {
                failure = Some(Failure::interrupted(format!("could not finish deleting {name}")));
            }
            if failure.is_none() {
                let text = format!("{name}: deleting its {}", items[0].kind.name());
                job.report(Step::Phase { text, done: 0, total: 0 });
                failure = send(stage, remote, items[0], &job.cancel).await.err();
            }
            let to = if failure.is_none() { &mut gone } else { &mut left };
            to.extend(items.into_iter().cloned());
        }
    }
    DeletedFunction { name: name.clone(), remote: remote.clone(), gone, left, failure }
}

/// The order: first the triggers, so that nothing invokes the function any more; the function
/// itself with its resources in Lambda; its role, without which a sandbox that is just ending
/// cannot create the log group again; the log group.
const STEPS: [&[ResourceKind]; 4] = [
    &[ResourceKind::Trigger],
    &[
        ResourceKind::Function,
        ResourceKind::Version,
        ResourceKind::Alias,
        ResourceKind::Url,
        ResourceKind::Permission,
        ResourceKind::AsyncConfig,
        ResourceKind::ProvisionedConcurrency,
    ],
    &[ResourceKind::Role],
    &[ResourceKind::LogGroup],
];

/// Sends the call that deletes `item`; for the function, with its resources in Lambda.
async fn send(
    stage: &Stage,
    remote: &str,
    item: &Resource,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let name = &item.name;
    match item.kind {
        ResourceKind::Trigger => retry_deletion(cancel, || {
            stage.call(|clients| async move {
                clients.lambda().delete_event_source_mapping().uuid(name).send().await.map(drop)
            })
        })
        .await
        .map_err(|error| {
            error.into_failure(format!("could not delete the trigger {name} of {remote}"))
        }),
        ResourceKind::Role => roles::remove_all_of(stage, name, cancel).await,
        ResourceKind::LogGroup => retry_deletion(cancel, || {
            stage.call(|clients| async move {
                clients.logs().delete_log_group().log_group_name(name).send().await.map(drop)
            })
        })
        .await
        .map_err(|error| error.into_failure(format!("could not delete the log group {name}"))),
        _ => function(stage, remote, cancel).await,
    }
}

/// Deletes the function. After a call that got no answer, checks whether it still exists.
async fn function(stage: &Stage, remote: &str, cancel: &CancellationToken) -> Result<(), Failure> {
    let delete = || {
        stage.call(|clients| async move {
            clients.lambda().delete_function().function_name(remote).send().await.map(drop)
        })
    };
    let Err(error) = retry_deletion(cancel, delete).await else { return Ok(()) };
    let is_unsure = error.is_unanswered() && !matches!(error, CallError::Cancelled);
    if is_unsure && matches!(list::configuration(stage, remote).await, Ok(None)) {
        return Ok(());
    }
    Err(error.into_failure(format!("could not delete {remote}")))
}

/// Retries by the policy [`DELETION`]. A missing resource counts as deleted.
async fn retry_deletion<F, Fut>(cancel: &CancellationToken, send: F) -> Result<(), CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    present(retry(&DELETION, cancel, send).await).map(drop)
}

#[cfg(test)]
mod tests;
