//! Invokes a function once and collects the result: response, report and log lines.
//!
//! The payload is sent exactly as it was typed. Nothing is ever sent twice: a call is repeated only
//! if the service reports that it did not start.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_recursion::async_recursion as boxed;
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
    aws::{
        error::CallError,
        retry::{READINESS, retry},
        stage::Stage,
    },
};

mod cold;
mod kept;
mod lines;
mod prelude;
mod stream;

pub use lines::link;

/// Longest time to query the logs for a report that was not in the tail, if there is no screen to
/// show it later.
const REPORT: Duration = Duration::from_secs(10);
/// The largest client context, in bytes of base64.
/// Source: AWS Lambda API reference, `Invoke`, `X-Amz-Client-Context`.
const CONTEXT_LIMIT: usize = 3583;

/// Receiver of the response's parts. The invocation proceeds no faster than the parts are received,
/// and ends when the receiver is dropped.
pub type Parts = mpsc::Sender<ResponsePart>;

/// Invokes the function that `request` names, and waits for the report for some time if it did not
/// come with the response. A function error is a result, not a failure.
///
/// # Errors
/// As [`answer`].
#[boxed]
pub async fn invoke(
    stage: &Stage,
    request: &InvokeRequest,
    job: &Job,
) -> Result<Invocation, Failure> {
    invoke_in_parts(stage, request, None, job).await
}

/// As [`invoke`], but streams the response.
///
/// # Errors
/// As [`answer`].
#[boxed]
pub async fn invoke_in_parts(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Option<&Parts>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let mut invocation = answer(stage, request, parts, job).await?;
    let waits = matches!(request.mode, InvokeMode::Sync | InvokeMode::Stream)
        && invocation.cut_off().is_none();
    if waits && invocation.report.is_none() && !invocation.request_id.is_empty() {
        job.report(phase("waiting for the report"));
        let Invocation { function, request_id, started_at, .. } = &invocation;
        // An invocation is complete even without its report.
        if let Ok(log) = link(stage, function, request_id, *started_at, REPORT, |_| {}, job).await {
            invocation.logs = log.lines.into_iter().map(|line| line.message).collect();
            invocation.report = log.report;
            invocation.logs_pending = false;
        }
    }
    Ok(invocation)
}

/// Invokes the function that `request` names, and returns the response and its tail. A function
/// error is a result; so is a response that was cancelled or broke off after its beginning.
///
/// # Errors
/// Returns an error if the payload or the client context is not JSON (usage; nothing is sent), the
/// stage is read-only, the function does not exist, the service refused the call, no answer came,
/// or the job was cancelled before one came.
#[boxed]
pub async fn answer(
    stage: &Stage,
    request: &InvokeRequest,
    parts: Option<&Parts>,
    job: &Job,
) -> Result<Invocation, Failure> {
    let what = format!("could not invoke {}", request.function);
    check_payload(&request.payload).map_err(|(line, column, why)| {
        let place = format!("line {line}, column {column}: {why}");
        Failure::usage(
            what.clone(),
            format!("the payload is not JSON: {place}"),
            "nothing was sent",
        )
    })?;
    let context = request.client_context.as_deref().map(encode_context).transpose();
    let context = context.map_err(|why| Failure::usage(what.clone(), why, "nothing was sent"))?;
    if request.mode != InvokeMode::DryRun {
        stage.allow_call(&what)?;
    }
    let call = Call {
        stage,
        request,
        name: stage.remote_name(&request.function),
        context,
        what: &what,
        job,
    };
    if request.cold {
        job.report(phase("starting a new sandbox"));
        tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(Failure::interrupted(what.clone())),
            renewed = cold::renew_sandboxes(&call) => renewed?,
        }
    }
    job.report(phase("invoking"));
    match request.mode {
        InvokeMode::Stream => stream::run(&call, parts).await,
        InvokeMode::Sync | InvokeMode::Async | InvokeMode::DryRun => call.run(parts).await,
    }
}

/// Checks that `payload` is JSON. The error has the line, the column (both from 1) and the reason.
pub fn check_payload(payload: &str) -> Result<(), (usize, usize, String)> {
    serde_json::from_str::<serde::de::IgnoredAny>(payload).map(drop).map_err(|error| {
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        (error.line(), error.column(), why)
    })
}

/// Encodes a client context. The error has the reason.
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
        return Err(format!(
            "the client context has {length} bytes of base64, and Lambda accepts at most \
            {CONTEXT_LIMIT}"
        ));
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
    /// Summary of a failure.
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

    /// Invokes, and reads the whole response.
    async fn run(&self, parts: Option<&Parts>) -> Result<Invocation, Failure> {
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
        let output = self.make(tail, throttled, |tail| self.send(kind, tail, throttled)).await?;
        let client_ms = began.elapsed().as_secs_f64() * 1000.0;
        let request_id = output.request_id().unwrap_or_default().to_owned();
        let body = output.payload().map(Blob::as_ref).unwrap_or_default();
        if let Some(parts) = parts {
            let began = ResponsePart::Began { request_id: request_id.clone(), content_type: None };
            for part in [began, ResponsePart::Bytes(body.to_vec())] {
                // The receiver may be gone.
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
            logs_pending: !tail.is_whole
                && self.request.mode != InvokeMode::DryRun
                && !request_id.is_empty(),
            report: tail.report,
            logs: tail.lines,
            client_ms,
            ..self.started(request_id, started_at)
        })
    }

    /// An invocation of which only the id is known.
    fn started(&self, request_id: String, started_at: i64) -> Invocation {
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
                    if let Some(InvokeError::TooManyRequestsException(error)) =
                        error.as_service_error()
                    {
                        throttled.note(error);
                    }
                })
            })
            .await
    }

    /// Makes the call with `send`, requesting the log tail if it is wanted. It is repeated only if
    /// the service reports that the function did not run: it is not ready yet, or cannot return a
    /// log tail.
    async fn make<T, Fut>(
        &self,
        tail: Option<LogType>,
        throttled: &Throttled,
        send: impl Fn(Option<LogType>) -> Fut,
    ) -> Result<T, Failure>
    where
        Fut: Future<Output = Result<T, CallError>>,
    {
        let (send, has_tail) = (&send, &AtomicBool::new(tail.is_some()));
        let tail = &tail;
        let making = retry(&READINESS, &self.job.cancel, || async move {
            let wanted = tail.clone().filter(|_| has_tail.load(Relaxed));
            let is_wanted = wanted.is_some();
            let mut answer = send(wanted).await;
            if is_wanted && answer.as_ref().err().is_some_and(CallError::is_of_tail) {
                has_tail.store(false, Relaxed);
                answer = send(None).await;
            }
            if answer.as_ref().err().is_some_and(CallError::is_not_ready) {
                self.job.report(phase("waiting until the function is ready"));
            }
            answer
        });
        tokio::select! {
            biased;
            () = self.job.cancel.cancelled() => Err(Failure::interrupted(self.what)),
            answer = making => answer.map_err(|error| {
                throttled.explain(explain(self.stage, self.request, self.what, error))
            }),
        }
    }
}

/// Reason that the service reports for a throttled call.
#[derive(Default)]
struct Throttled(Mutex<Option<String>>);

impl Throttled {
    fn note(&self, error: &TooManyRequestsException) {
        let reason = error.reason().map(|reason| format!("the reason is {}", reason.as_str()));
        let after =
            error.retry_after_seconds().map(|seconds| format!("try again after {seconds} s"));
        let details: Vec<String> = reason.into_iter().chain(after).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            (!details.is_empty()).then(|| details.join(", "));
    }

    /// Nothing was run, and nothing is retried automatically: the user decides.
    fn explain(&self, failure: Failure) -> Failure {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(details) => {
                Failure { hint: format!("the function did not run; {details}"), ..failure }
            }
            None => failure,
        }
    }
}

fn explain(stage: &Stage, request: &InvokeRequest, what: &str, error: CallError) -> Failure {
    let InvokeRequest { function, qualifier, .. } = request;
    if error.is_not_found() {
        let (why, hint) = match qualifier {
            Some(qualifier) => (
                format!(
                    "{function} has no version or alias {qualifier} on the stage {}, or is not \
                    deployed there",
                    stage.name()
                ),
                format!(
                    "leave the qualifier out, or deploy it: `lambda-console --stage {} deploy \
                    {function}`",
                    stage.name()
                ),
            ),
            None => (
                format!("{function} is not deployed on the stage {}", stage.name()),
                format!(
                    "deploy it first: `lambda-console --stage {} deploy {function}`",
                    stage.name()
                ),
            ),
        };
        return Failure::work(what, why, hint);
    }
    if let CallError::Transport(unanswered) = error {
        return Failure::environment(
            what,
            unanswered.why,
            "the function may have run: check its logs before invoking it again",
        );
    }
    let is_too_large =
        matches!(error.code(), "RequestTooLargeException" | "RequestEntityTooLargeException");
    let failure = error.into_failure(what);
    if is_too_large && request.mode == InvokeMode::Async {
        return Failure {
            hint: "an asynchronous event may have at most 1 MB".to_owned(),
            ..failure
        };
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_not_json_is_reported_with_its_place() {
        assert_eq!(check_payload("{\"a\": 1}"), Ok(()));
        assert_eq!(check_payload("null"), Ok(()));
        assert_eq!(
            check_payload("{\n  \"a\": 1,\n}").unwrap_err(),
            (3, 1, "key must be a string".to_owned())
        );
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
