//! Invokes a function once and gathers what came of it: response, report and log lines.
//!
//! The payload is sent as it was typed. Nothing is ever sent twice: a call is repeated only where the service
//! says that it did not start.

use std::time::{Duration, Instant};

use aws_sdk_lambda::{
    operation::RequestId,
    operation::invoke::InvokeOutput,
    primitives::Blob,
    types::{Environment, InvocationType, LogType},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Job, deploy,
    logs::{self, LogQuery},
    report,
    stage::{Stage, call::CallError},
};
use crate::message::{Consent, Failure, Invocation, InvokeMode, InvokeRequest, Step};

/// The variable whose change makes Lambda start new sandboxes. It belongs to the console: diffs leave it out.
const COLD: &str = "LAMBDA_CONSOLE_COLD";
/// How long a function that is still being made ready is waited for.
const READY: Duration = Duration::from_mins(1);
/// How long the logs are asked for a report that was not in the tail.
const REPORT: Duration = Duration::from_secs(10);

/// Invokes the function that `request` names. A function error is a result, not a failure.
///
/// # Errors
/// The payload is not JSON (usage; nothing is sent), the stage is read-only, the function is not there, the
/// service refused the call, no answer came, or the job was cancelled.
pub async fn invoke(stage: &Stage, request: &InvokeRequest, job: &Job) -> Result<Invocation, Failure> {
    let what = format!("could not invoke {}", request.function);
    check_payload(&request.payload).map_err(|(line, column, why)| {
        let place = format!("line {line}, column {column}: {why}");
        Failure::usage(what.clone(), format!("the payload is not JSON: {place}"), "nothing was sent")
    })?;
    if request.mode != InvokeMode::DryRun {
        stage.allow_call(&what)?;
    }
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted(what.clone())),
        invocation = run(stage, request, &what, job) => invocation,
    }
}

/// The line, column (both from 1) and reason where `payload` stops being JSON.
pub fn check_payload(payload: &str) -> Result<(), (usize, usize, String)> {
    serde_json::from_str::<serde::de::IgnoredAny>(payload).map(drop).map_err(|error| {
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        (error.line(), error.column(), why)
    })
}

async fn run(stage: &Stage, request: &InvokeRequest, what: &str, job: &Job) -> Result<Invocation, Failure> {
    let name = stage.remote_name(&request.function);
    let qualifier = request.qualifier.as_deref().or_else(|| stage.alias());
    let step = |text: &str| job.report(Step::Phase { text: text.to_owned(), done: 0, total: 0 });
    if request.cold {
        step("starting a new sandbox");
        renew_sandboxes(stage, &name, qualifier, request.consent, what).await?;
    }
    step("invoking");
    let started_at = jiff::Timestamp::now().as_millisecond();
    let began = Instant::now();
    let output = send(stage, &name, qualifier, request).await.map_err(|error| explain(stage, request, what, error))?;
    let client_ms = began.elapsed().as_secs_f64() * 1000.0;
    let request_id = output.request_id().unwrap_or_default().to_owned();
    let tail = BASE64_STANDARD.decode(output.log_result().unwrap_or_default()).unwrap_or_default();
    let mut logs: Vec<String> = String::from_utf8_lossy(&tail).lines().map(str::to_owned).collect();
    let mut report = report_in(&logs, &request_id);
    if report.is_none() && request.mode == InvokeMode::Sync && !request_id.is_empty() {
        step("waiting for the report");
        if let Some(lines) = ask_logs(stage, &request.function, &request_id, started_at).await {
            report = report_in(&lines, &request_id);
            if lines.len() > logs.len() {
                logs = lines;
            }
        }
    }
    Ok(Invocation {
        function: request.function.clone(),
        stage: stage.name(),
        request_id,
        status: output.status_code() as u16,
        function_error: output.function_error().map(str::to_owned),
        payload: output.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned()).unwrap_or_default(),
        report,
        logs,
        started_at,
        client_ms,
    })
}

/// Sends the invocation. It is repeated only where the service says that the function did not run: it is
/// still being made ready, or cannot return a log tail.
async fn send(
    stage: &Stage,
    name: &str,
    qualifier: Option<&str>,
    request: &InvokeRequest,
) -> Result<InvokeOutput, CallError> {
    let deadline = tokio::time::Instant::now() + READY;
    let kind = match request.mode {
        InvokeMode::Sync => InvocationType::RequestResponse,
        InvokeMode::Async => InvocationType::Event,
        InvokeMode::DryRun => InvocationType::DryRun,
    };
    let mut log_type = (request.mode == InvokeMode::Sync).then_some(LogType::Tail);
    let kind = &kind;
    loop {
        let with_tail = &log_type;
        let answer = stage
            .call(|clients| async move {
                clients
                    .invoke()
                    .invoke()
                    .function_name(name)
                    .set_qualifier(qualifier.map(str::to_owned))
                    .invocation_type(kind.clone())
                    .set_log_type(with_tail.clone())
                    .payload(Blob::new(request.payload.as_bytes()))
                    .send()
                    .await
            })
            .await;
        match answer {
            Err(error) if log_type.is_some() && error.message().contains("Tail logs are not supported") => {
                log_type = None;
            }
            Err(error) if is_not_ready(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            answer => return answer,
        }
    }
}

fn is_not_ready(error: &CallError) -> bool {
    matches!(
        error.code(),
        "ResourceNotReadyException" | "CodeArtifactUserPendingException" | "SnapStartNotReadyException"
    ) || (error.code() == "ResourceConflictException" && error.message().contains("Pending"))
}

/// Changes a variable of the function, which ends its sandboxes, and waits for the change.
async fn renew_sandboxes(
    stage: &Stage,
    name: &str,
    qualifier: Option<&str>,
    consent: Consent,
    what: &str,
) -> Result<(), Failure> {
    stage.allow_change(what, consent)?;
    if qualifier.is_some_and(|qualifier| qualifier != "$LATEST") {
        return Err(Failure::usage(
            what,
            "a published version cannot be changed, so no new sandbox can be forced for it",
            "pass --qualifier '$LATEST', or leave --cold out",
        ));
    }
    let found = stage
        .call(|clients| async move { clients.lambda().get_function_configuration().function_name(name).send().await })
        .await
        .map_err(|error| error.into_failure(what))?;
    if found.environment().is_some_and(|environment| environment.error().is_some()) {
        return Err(Failure::work(
            what,
            "the stage does not show the environment variables to this caller, so they could not be kept",
            "use a profile that may decrypt them (kms:Decrypt), or leave --cold out",
        ));
    }
    let mut variables =
        found.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default();
    variables.insert(COLD.to_owned(), uuid::Uuid::new_v4().to_string());
    let environment = &Environment::builder().set_variables(Some(variables)).build();
    let revision = found.revision_id();
    stage
        .call(|clients| async move {
            clients
                .lambda()
                .update_function_configuration()
                .function_name(name)
                .environment(environment.clone())
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
        })
        .await
        .map_err(|error| error.into_failure(what))?;
    deploy::settled(stage, name).await
}

fn report_in(lines: &[String], request_id: &str) -> Option<crate::message::Report> {
    lines
        .iter()
        .rev()
        .filter_map(|line| report::report(line))
        .find(|(id, _)| id == request_id)
        .map(|(_, report)| report)
}

/// The invocation's lines from the logs, once its report is among them.
async fn ask_logs(stage: &Stage, function: &str, request_id: &str, since: i64) -> Option<Vec<String>> {
    let deadline = tokio::time::Instant::now() + REPORT;
    let query = LogQuery {
        functions: vec![function.to_owned()],
        // The clocks of this machine and of the stage may differ.
        since: since - 60_000,
        filter: None,
        request_id: Some(request_id.to_owned()),
    };
    let mut wait = Duration::from_millis(100);
    while tokio::time::Instant::now() < deadline {
        let lines: Vec<String> = logs::fetch(stage, &query).await.ok()?.into_iter().map(|line| line.message).collect();
        if report_in(&lines, request_id).is_some() {
            return Some(lines);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
    None
}

fn explain(stage: &Stage, request: &InvokeRequest, what: &str, error: CallError) -> Failure {
    let InvokeRequest { function, qualifier, .. } = request;
    if error.is_not_found() {
        let (why, hint) = match qualifier {
            Some(qualifier) => (
                format!(
                    "{function} has no version or alias {qualifier} on the stage {}, or is not deployed there",
                    stage.name()
                ),
                format!(
                    "leave the qualifier out, or deploy it: `lambda-console --stage {} deploy {function}`",
                    stage.name()
                ),
            ),
            None => (
                format!("{function} is not deployed on the stage {}", stage.name()),
                format!("deploy it first: `lambda-console --stage {} deploy {function}`", stage.name()),
            ),
        };
        return Failure::work(what, why, hint);
    }
    if let CallError::Transport(why) = error {
        return Failure::environment(what, why, "the function may have run: look at its logs before invoking it again");
    }
    error.into_failure(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_not_json_is_told_with_its_place() {
        assert_eq!(check_payload("{\"a\": 1}"), Ok(()));
        assert_eq!(check_payload("null"), Ok(()));
        assert_eq!(check_payload("{\n  \"a\": 1,\n}").unwrap_err(), (3, 1, "key must be a string".to_owned()));
        assert_eq!(check_payload("hello").unwrap_err().0, 1);
        assert_eq!(check_payload("{} {}").unwrap_err(), (1, 4, "trailing characters".to_owned()));
        assert!(check_payload("").is_err());
    }

    #[test]
    fn the_report_is_the_one_of_the_request() {
        let lines = ["REPORT RequestId: a\tDuration: 1 ms", "REPORT RequestId: b\tDuration: 2 ms"].map(str::to_owned);
        assert_eq!(report_in(&lines, "a").map(|report| report.duration_ms), Some(1.0));
        assert_eq!(report_in(&lines, "c"), None);
    }
}
