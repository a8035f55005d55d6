//! Runs the asynchronous invocations of the queue, and sends their results to their destinations.

mod destination;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use destination::{Condition, Last};
use http::StatusCode;
use uuid::Uuid;

use crate::{
    api::lambda::identifier::{Resolved, resolve},
    count::Counted,
    http::error::ApiError,
    invoke::invocation::{self, Invocation},
    service::Service,
    store::{
        disk,
        event_invoke_config::EventConfig,
        function::LATEST,
        queue::{EVENT_LIMIT, Entry, now},
    },
};

/// Maximum number of times that a function runs in one chain of destinations. Source: AWS Lambda
/// developer guide, "Use Lambda recursive loop detection to prevent infinite loops".
const CHAIN_LIMIT: u32 = 16;

/// Interval at which an event checks whether its function is ready to run.
const READINESS: Duration = Duration::from_millis(100);

/// Interval at which an event checks whether its function, which was found damaged, is back.
const ASIDE: Duration = Duration::from_secs(1);

/// Starts the invocations that an earlier process left in the queue.
pub(crate) fn resume(service: &Arc<Service>) -> io::Result<()> {
    for (file, entry) in service.queue.waiting(&service.damage)? {
        work(service, entry, file);
    }
    Ok(())
}

/// Queues an invocation, which is on disk when this returns.
pub(super) fn submit(service: &Arc<Service>, entry: Entry) -> Result<(), ApiError> {
    let file = service
        .queue
        .add(&entry)
        .map_err(|error| ApiError::service("could not queue the invocation", &error))?;
    work(service, entry, file);
    Ok(())
}

/// Builds the queue entry of an invocation.
pub(super) fn entry(invocation: Invocation, qualifier: Option<String>) -> Entry {
    let function = invocation.function.name.clone();
    Entry {
        id: invocation.id,
        chain: BTreeMap::from([(function.clone(), 1)]),
        function,
        qualifier,
        payload: String::from_utf8_lossy(&invocation.payload).into_owned(),
        client_context: invocation.client_context,
        tenant: invocation.tenant,
        trace: invocation.trace,
        queued: now(),
        attempts: 0,
    }
}

fn work(service: &Arc<Service>, mut entry: Entry, file: PathBuf) {
    let (service, stop, active) =
        (Arc::clone(service), service.queue.stop.clone(), service.queue.active.begin());
    tokio::spawn(async move {
        // An invocation that is interrupted has not succeeded: its file stays.
        if stop.run_until_cancelled(process(&service, &mut entry, &file, &active)).await.is_some()
            && let Err(error) = fs::remove_file(&file)
        {
            tracing::warn!(%error, file = %file.display(), "could not be removed; the invocation \
                would run again");
        }
    });
}

/// Runs the function until it answers, up to the number of attempts and the age that its config
/// allows; then notifies the destination. The function and its config may change in between: each
/// attempt uses their current state.
async fn process(service: &Arc<Service>, entry: &mut Entry, file: &Path, active: &Counted) {
    let pauses = service.pool.env().limits.retries;
    let mut last = None;
    loop {
        let config = config(service, entry);
        let left = config.age().saturating_sub(entry.age());
        if left.is_zero() {
            return finish(service, entry, Condition::EventAgeExceeded, last.as_ref());
        }
        let Resolved { function, arn, .. } =
            match resolve(service, &entry.function, entry.qualifier.as_deref()) {
                Ok(found) => found,
                Err(error) if error.status == StatusCode::NOT_FOUND => {
                    if service.functions.exists(&entry.function)
                        && service.functions.get(&entry.function).is_none()
                    {
                        // The function is set aside, and may come back with the next deploy.
                        tokio::time::sleep(left.min(ASIDE)).await;
                        continue;
                    }
                    tracing::warn!(error.message, id = entry.id, "an event is dropped");
                    return;
                }
                Err(_not_ready) => {
                    active.uncounted(tokio::time::sleep(left.min(READINESS))).await;
                    continue;
                }
            };
        let reserved =
            service.functions.get(&entry.function).and_then(|function| function.reserved);
        if reserved == Some(0) {
            return finish(service, entry, Condition::ZeroReservedConcurrency, last.as_ref());
        }
        // A throttled event waits its turn, up to its maximum age.
        let Ok(permit) = tokio::time::timeout(left, service.pool.wait_for_permit(&function)).await
        else {
            return finish(service, entry, Condition::EventAgeExceeded, last.as_ref());
        };
        let Some(permit) = permit else { return std::future::pending().await };
        let version = function.version.clone();
        let invocation = Invocation {
            id: entry.id.clone(),
            arn,
            function,
            payload: entry.payload.clone().into(),
            client_context: entry.client_context.clone(),
            tenant: entry.tenant.clone(),
            trace: entry.trace.clone(),
            tail: false,
            stream: None,
        };
        let result = invocation::run(&service.pool, invocation, permit).await;
        if result.is_err() && service.pool.is_closing() {
            // The invocation was interrupted by the end of this server, and does not count as an
            // attempt.
            return std::future::pending().await;
        }
        entry.attempts += 1;
        match result {
            Ok(outcome) => {
                let succeeded = !outcome.failed;
                last = Some(Last { outcome, version });
                if succeeded {
                    return finish(service, entry, Condition::Success, last.as_ref());
                }
            }
            Err(error) => tracing::warn!(
                error.message,
                id = entry.id,
                "an asynchronous invocation could not run"
            ),
        }
        let done = entry.attempts as usize;
        let pause = match pauses.get(done - 1) {
            Some(pause) if done <= config.retries() => *pause,
            _ => return finish(service, entry, Condition::RetriesExhausted, last.as_ref()),
        };
        // As on AWS, an event that would be too old for its next attempt is dropped now.
        if entry.age() + pause > config.age() {
            return finish(service, entry, Condition::EventAgeExceeded, last.as_ref());
        }
        if let Err(error) = disk::write_json(file, entry) {
            tracing::warn!(%error, id = entry.id, "an attempt was not recorded; after a restart \
                there may be one too many");
        }
        tokio::time::sleep(pause).await;
    }
}

fn config(service: &Service, entry: &Entry) -> EventConfig {
    let qualifier = entry.qualifier.as_deref().unwrap_or(LATEST);
    service.event_configs.get(&entry.function, qualifier).unwrap_or_default()
}

/// The note that an event does not reach the dead-letter queue of its function. `None` when it has
/// none.
fn undelivered(config: &serde_json::Value) -> Option<String> {
    let target = config["TargetArn"].as_str().filter(|target| !target.is_empty())?;
    let (service, kind) =
        if target.split(':').nth(2) == Some("sns") { ("SNS", "topic") } else { ("SQS", "queue") };
    Some(format!(
        "; its event is not sent to the dead-letter {kind} {target}: the local Lambda has no \
        {service}"
    ))
}

/// Sends the record of an entry's result to its destination, if there is one.
fn finish(service: &Arc<Service>, entry: &Entry, condition: Condition, last: Option<&Last>) {
    let config = config(service, entry);
    let destination =
        if condition == Condition::Success { config.on_success } else { config.on_failure };
    if condition != Condition::Success {
        let function = resolve(service, &entry.function, entry.qualifier.as_deref())
            .map(|found| found.function);
        let undelivered =
            function.ok().and_then(|function| undelivered(function.other.get("DeadLetterConfig")?));
        let (id, function, undelivered) =
            (&entry.id, &entry.function, undelivered.unwrap_or_default());
        tracing::warn!(
            id,
            function,
            ?condition,
            "gave up on an asynchronous invocation{undelivered}"
        );
    }
    let Some(destination) = destination else { return };
    let sent = resolve(service, &destination, None).and_then(
        |Resolved { function, qualifier, .. }| {
            let mut chain = entry.chain.clone();
            let visits = chain.entry(function.name.clone()).or_default();
            *visits += 1;
            if *visits > CHAIN_LIMIT {
                let message = format!(
                    "{} was invoked {CHAIN_LIMIT} times in one chain: a recursive loop",
                    function.name
                );
                return Err(ApiError::new(400, "RecursiveInvocationException", message));
            }
            let payload = destination::record(entry, &service.region, condition, last, EVENT_LIMIT)
                .map_err(|error| {
                    ApiError::service("could not write the record of an invocation", &error)
                })?;
            let entry = Entry {
                id: Uuid::new_v4().to_string(),
                function: function.name.clone(),
                qualifier,
                payload,
                client_context: None,
                tenant: None,
                trace: entry.trace.clone(),
                queued: now(),
                attempts: 0,
                chain,
            };
            submit(service, entry)
        },
    );
    if let Err(error) = sent {
        tracing::warn!(
            error.message,
            id = entry.id,
            destination,
            "the record of an invocation was dropped"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::undelivered;
    use serde_json::json;

    #[test]
    fn an_event_that_a_dead_letter_queue_misses_names_it() {
        for (service, kind) in [("sqs", "queue"), ("sns", "topic")] {
            let arn = format!("arn:aws:{service}:eu-central-1:000000000000:dead");
            let note = undelivered(&json!({ "TargetArn": arn })).unwrap();
            assert!(note.contains(&format!("dead-letter {kind} {arn}")), "{note}");
            assert!(note.ends_with(&format!("no {}", service.to_uppercase())), "{note}");
        }
        for none in [json!({}), json!({ "TargetArn": "" }), json!(null)] {
            assert_eq!(undelivered(&none), None);
        }
    }
}
