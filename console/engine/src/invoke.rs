//! Invokes a function once and gathers what came of it: response, report and log lines.
//!
//! The payload is sent as it was typed. Nothing is ever sent twice: a call is repeated only where the service
//! says that it did not start.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_lambda::{
    operation::{
        RequestId,
        invoke::{InvokeError, InvokeOutput},
    },
    primitives::Blob,
    types::{InvocationType, LogType, error::TooManyRequestsException},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::{Failure, Invocation, InvokeMode, InvokeRequest, ResponsePart, Step};
use tokio::sync::mpsc;

use self::{kept::Kept, lines::Tail};
use super::{
    Job,
    aws::{error::CallError, stage::Stage},
};

mod cold;
mod kept;
mod lines;
mod prelude;
mod stream;

pub use lines::link;

/// How long a function that is still being made ready is waited for.
const READY: Duration = Duration::from_mins(1);
/// How long the logs are asked for a report that was not in the tail, where there is no screen to show it later.
const REPORT: Duration = Duration::from_secs(10);
/// The largest client context, in bytes of base64.
/// Source: AWS Lambda API reference, `Invoke`, `X-Amz-Client-Context`.
const CONTEXT_LIMIT: usize = 3583;

/// Who wants the response as it comes. The invocation goes on no faster than the parts are taken, and ends when nobody
/// takes them any more.
pub type Parts<'a> = Option<&'a mpsc::Sender<ResponsePart>>;

/// Invokes the function that `request` names, and waits a while for the report where it did not come with the response.
/// A function error is a result, not a failure.
///
/// # Errors
/// As [`answer`].
pub async fn invoke(stage: &Stage, request: &InvokeRequest, job: &Job) -> Result<Invocation, Failure> {
    invoke_in_parts(stage, request, None, job).await
}

/// As [`invoke`], with the response as it comes.
///
/// # Errors
/// As [`answer`].
pub async fn invoke_in_parts(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Parts<'_>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let mut invocation = answer(stage, request, parts, job).await?;
    let waits = matches!(request.mode, InvokeMode::Sync | InvokeMode::Stream) && invocation.cut_off().is_none();
    if waits && invocation.report.is_none() && !invocation.request_id.is_empty() {
        job.report(phase("waiting for the report"));
        let Invocation { function, request_id, started_at, .. } = &invocation;
        // Without its report an invocation is one all the same.
        if let Ok(log) = link(stage, function, request_id, *started_at, REPORT, |_| {}, job).await {
            invocation.logs = log.lines.into_iter().map(|line| line.message).collect();
            invocation.report = log.report;
            invocation.logs_pending = false;
        }
    }
    Ok(invocation)
}

/// Invokes the function that `request` names, and gives what came with the response. A function error is a result; so is
/// a response that was cancelled or broke off after its beginning.
///
/// # Errors
/// The payload or the client context is not JSON (usage; nothing is sent), the stage is read-only, the function is not
/// there, the service refused the call, no answer came, or the job was cancelled before one came.
pub async fn answer(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Parts<'_>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let what = format!("could not invoke {}", request.function);
    check_payload(&request.payload).map_err(|(line, column, why)| {
        let place = format!("line {line}, column {column}: {why}");
        Failure::usage(what.clone(), format!("the payload is not JSON: {place}"), "nothing was sent")
    })?;
    let context = request.client_context.as_deref().map(encode_context).transpose();
    let context = context.map_err(|why| Failure::usage(what.clone(), why, "nothing was sent"))?;
    if request.mode != InvokeMode::DryRun {
        stage.allow_call(&what)?;
    }
    let call = Call { stage, request, name: stage.remote_name(&request.function), context, what: &what, job };
    if request.cold {
        job.report(phase("starting a new sandbox"));
        let renewed = cold::renew_sandboxes(stage, &call.name, call.qualifier(), request.consent, &what);
        tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(Failure::interrupted(what.clone())),
            renewed = renewed => renewed?,
        }
    }
    job.report(phase("invoking"));
    match request.mode {
        InvokeMode::Stream => stream::run(&call, parts).await,
        InvokeMode::Sync | InvokeMode::Async | InvokeMode::DryRun => call.run(parts).await,
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

/// A client context as it is sent, or why it is none.
fn encode_context(text: &str) -> Result<String, String> {
    check_payload(text).map_err(|(line, column, why)| {
        format!("the client context is not JSON: line {line}, column {column}: {why}")
    })?;
    if !text.trim_start().starts_with('{') {
        return Err("the client context is not a JSON object".to_owned());
    }
    let encoded = BASE64_STANDARD.encode(text);
    if encoded.len() > CONTEXT_LIMIT {
        let length = encoded.len();
        return Err(format!("the client context has {length} bytes of base64, and Lambda takes {CONTEXT_LIMIT}"));
    }
    Ok(encoded)
}

fn phase(text: &str) -> Step {
    Step::Phase { text: text.to_owned(), done: 0, total: 0 }
}

/// One call, ready to be made.
struct Call<'a> {
    stage: &'a Stage,
    request: &'a InvokeRequest,
    /// The function's name on the stage.
    name: String,
    /// The client context in base64.
    context: Option<String>,
    /// What would fail.
    what: &'a str,
    job: &'a Job,
}

impl Call<'_> {
    fn qualifier(&self) -> Option<&str> {
        self.request.qualifier.as_deref().or_else(|| self.stage.alias())
    }

    fn payload(&self) -> Blob {
        Blob::new(self.request.payload.as_bytes())
    }

    /// Invokes, and takes the response whole.
    async fn run(&self, parts: Parts<'_>) -> Result<Invocation, Failure> {
        let kind = match self.request.mode {
            InvokeMode::Async => InvocationType::Event,
            InvokeMode::DryRun => InvocationType::DryRun,
            InvokeMode::Sync | InvokeMode::Stream => InvocationType::RequestResponse,
        };
        let is_sync = kind == InvocationType::RequestResponse;
        let (kind, throttled) = (&kind, &Throttled::default());
        let started_at = jiff::Timestamp::now().as_millisecond();
        let began = Instant::now();
        let tail = is_sync.then_some(LogType::Tail);
        let output = self.patiently(tail, throttled, |tail| self.send(kind, tail, throttled)).await?;
        let client_ms = began.elapsed().as_secs_f64() * 1000.0;
        let request_id = output.request_id().unwrap_or_default().to_owned();
        let body = output.payload().map(Blob::as_ref).unwrap_or_default();
        if let Some(parts) = parts {
            let began = ResponsePart::Began { request_id: request_id.clone(), content_type: None };
            for part in [began, ResponsePart::Bytes(body.to_vec())] {
                // Nobody may want it any more.
                drop(parts.send(part).await);
            }
        }
        let mut kept = Kept::default();
        kept.push(body);
        let bytes = kept.total;
        let (payload, is_base64) = kept.into_payload(true);
        let tail = Tail::read(output.log_result(), &request_id);
        Ok(Invocation {
            status: output.status_code() as u16,
            version: output.executed_version().map(str::to_owned),
            function_error: output.function_error().map(str::to_owned),
            payload,
            is_base64,
            bytes,
            logs_pending: !tail.is_whole && self.request.mode != InvokeMode::DryRun && !request_id.is_empty(),
            report: tail.report,
            logs: tail.lines,
            client_ms,
            ..self.begun(request_id, started_at)
        })
    }

    /// An invocation of which nothing is known yet but its id.
    fn begun(&self, request_id: String, started_at: i64) -> Invocation {
        Invocation {
            function: self.request.function.clone(),
            stage: self.stage.name(),
            request_id,
            started_at,
            ..Invocation::default()
        }
    }

    async fn send(
        &self,
        kind: &InvocationType,
        tail: Option<LogType>,
        throttled: &Throttled,
    ) -> Result<InvokeOutput, CallError> {
        let tail = &tail;
        self.stage
            .call_once(|clients| async move {
                let call = clients
                    .invoke()
                    .invoke()
                    .function_name(&self.name)
                    .set_qualifier(self.qualifier().map(str::to_owned))
                    .invocation_type(kind.clone())
                    .set_log_type(tail.clone())
                    .set_client_context(self.context.clone())
                    .set_tenant_id(self.request.tenant.clone())
                    .payload(self.payload());
                call.send().await.inspect_err(|error| {
                    if let Some(InvokeError::TooManyRequestsException(error)) = error.as_service_error() {
                        throttled.note(error);
                    }
                })
            })
            .await
    }

    /// Makes the call with `send`, asking for the log tail where it is wanted. It is made again only where the service says
    /// that the function did not run: it is still being made ready, or cannot return a log tail.
    async fn patiently<T, Fut>(
        &self,
        mut tail: Option<LogType>,
        throttled: &Throttled,
        send: impl Fn(Option<LogType>) -> Fut,
    ) -> Result<T, Failure>
    where
        Fut: Future<Output = Result<T, CallError>>,
    {
        let deadline = tokio::time::Instant::now() + READY;
        let mut wait = Duration::from_millis(100);
        loop {
            let answer = tokio::select! {
                biased;
                () = self.job.cancel.cancelled() => return Err(Failure::interrupted(self.what)),
                answer = send(tail.clone()) => answer,
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) if tail.is_some() && error.message().contains("Tail logs are not supported") => tail = None,
                Err(error) if is_not_ready(&error) && tokio::time::Instant::now() < deadline => {
                    self.job.report(phase("waiting until the function is ready"));
                    tokio::select! {
                        biased;
                        () = self.job.cancel.cancelled() => return Err(Failure::interrupted(self.what)),
                        () = tokio::time::sleep(wait) => {}
                    }
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(throttled.explain(explain(self.stage, self.request, self.what, error))),
            }
        }
    }
}

/// What the service says of a call that it throttled.
#[derive(Default)]
struct Throttled(Mutex<Option<String>>);

impl Throttled {
    fn note(&self, error: &TooManyRequestsException) {
        let reason = error.reason().map(|reason| format!("the reason is {}", reason.as_str()));
        let after = error.retry_after_seconds().map(|seconds| format!("try again after {seconds} s"));
        let told: Vec<String> = reason.into_iter().chain(after).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (!told.is_empty()).then(|| told.join(", "));
    }

    /// Nothing was run, and nothing is tried again by itself: who invokes decides.
    fn explain(&self, failure: Failure) -> Failure {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(told) => Failure { hint: format!("the function did not run; {told}"), ..failure },
            None => failure,
        }
    }
}

/// The function did not run, and will be able to.
fn is_not_ready(error: &CallError) -> bool {
    matches!(
        error.code(),
        "ResourceNotReadyException"
            | "CodeArtifactUserPendingException"
            | "SnapStartNotReadyException"
            | "ENINotReadyException"
            | "EC2ThrottledException"
    ) || (error.code() == "ResourceConflictException" && error.message().contains("Pending"))
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
    let is_too_large = matches!(error.code(), "RequestTooLargeException" | "RequestEntityTooLargeException");
    let failure = error.into_failure(what);
    if is_too_large && request.mode == InvokeMode::Async {
        return Failure { hint: "an event that is queued may have 1 MB".to_owned(), ..failure };
    }
    failure
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
    fn a_client_context_is_a_json_object_of_a_size_that_lambda_takes() {
        assert_eq!(encode_context(r#"{"a":1}"#).as_deref(), Ok("eyJhIjoxfQ=="));
        assert!(encode_context("[1]").unwrap_err().contains("not a JSON object"));
        assert!(encode_context("{\n x}").unwrap_err().contains("line 2, column 2"));
        let of = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(encode_context(&of(2685)).is_ok());
        assert!(encode_context(&of(2688)).unwrap_err().contains("3584 bytes"));
    }
}
