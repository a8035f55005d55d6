//! Receives a response while it is produced: `InvokeWithResponseStream`, from its head to its
//! completion. The part that arrived before it was cancelled or broke off is a result.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aws_sdk_lambda::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::BoxError,
    operation::{
        RequestId,
        invoke_with_response_stream::{
            InvokeWithResponseStreamError, InvokeWithResponseStreamOutput,
        },
    },
    types::{
        InvokeWithResponseStreamCompleteEvent as Completion,
        InvokeWithResponseStreamResponseEvent as Piece, LogType, ResponseStreamingInvocationType,
    },
};
use lambda_console_model::{Failure, HttpHead, Invocation, ResponsePart, Streamed};

use super::{Call, Parts, Throttled, kept::Kept, lines::Tail, prelude::Prelude};
use crate::aws::error::CallError;

/// Invokes, and passes on the response as it arrives.
pub(super) async fn run(call: &Call<'_>, parts: Option<&Parts>) -> Result<Invocation, Failure> {
    let throttled = &Throttled::default();
    let content_type = ContentType::default();
    let started_at = jiff::Timestamp::now().as_millisecond();
    let began = Instant::now();
    let mut output = call
        .make(Some(LogType::Tail), throttled, |tail| send(call, tail, throttled, &content_type))
        .await?;
    let request_id = output.request_id().unwrap_or_default().to_owned();
    let content_type = content_type.take();
    let mut taken = Taken { parts, kept: Kept::default(), head: None };
    let mut prelude = Prelude::new(content_type.as_deref());
    let begin =
        ResponsePart::Began { request_id: request_id.clone(), content_type: content_type.clone() };
    // Cancelling aborts the response at any point: also if nobody receives it.
    let ended = tokio::select! {
        biased;
        () = call.job.cancel.cancelled() => Err(Failure::interrupted(call.what)),
        ended = receive(call, &mut output, &mut prelude, &mut taken, begin) => ended,
    };
    let (mut completion, cut_off) = match ended {
        Ok(completion) => (completion, None),
        Err(failure) => (Completion::builder().build(), Some(failure)),
    };
    let rest = prelude.end();
    taken.kept.push(&rest);
    let tail = Tail::read(completion.log_result(), &request_id);
    let bytes = taken.kept.total;
    let (payload, is_base64) = taken.kept.into_payload(cut_off.is_none());
    Ok(Invocation {
        status: output.status_code() as u16,
        version: output.executed_version().map(str::to_owned),
        function_error: completion.error_code().map(str::to_owned),
        payload,
        is_base64,
        bytes,
        stream: Some(Box::new(Streamed {
            content_type,
            http: taken.head,
            error_details: completion.error_details.take(),
            cut_off,
        })),
        logs_pending: !tail.is_whole && !request_id.is_empty(),
        report: tail.report,
        logs: tail.lines,
        client_ms: began.elapsed().as_secs_f64() * 1000.0,
        ..call.started(request_id, started_at)
    })
}

async fn send(
    call: &Call<'_>,
    tail: Option<LogType>,
    throttled: &Throttled,
    content_type: &ContentType,
) -> Result<InvokeWithResponseStreamOutput, CallError> {
    let tail = &tail;
    call.stage
        .call_once(|clients| async move {
            let call = clients
                .invoke()
                .invoke_with_response_stream()
                .function_name(&call.name)
                .set_qualifier(call.qualifier().map(str::to_owned))
                .invocation_type(ResponseStreamingInvocationType::RequestResponse)
                .set_log_type(tail.clone())
                .set_client_context(call.context.clone())
                .set_tenant_id(call.request.tenant.clone())
                .payload(call.payload());
            call.customize().interceptor(content_type.clone()).send().await.inspect_err(|error| {
                if let Some(InvokeWithResponseStreamError::TooManyRequestsException(error)) =
                    error.as_service_error()
                {
                    throttled.note(error);
                }
            })
        })
        .await
}

/// Reads the stream to its completion.
async fn receive(
    call: &Call<'_>,
    output: &mut InvokeWithResponseStreamOutput,
    prelude: &mut Prelude,
    taken: &mut Taken<'_>,
    begin: ResponsePart,
) -> Result<Completion, Failure> {
    taken.hand_on(begin, call.what).await?;
    loop {
        match output.event_stream.recv().await {
            Ok(Some(Piece::PayloadChunk(chunk))) => {
                let bytes = chunk
                    .payload
                    .map(aws_sdk_lambda::primitives::Blob::into_inner)
                    .unwrap_or_default();
                let (head, body) = prelude.push(bytes);
                if let Some(head) = head {
                    taken.head = Some(head.clone());
                    taken.hand_on(ResponsePart::Http(head), call.what).await?;
                }
                taken.push(body, call.what).await?;
            }
            Ok(Some(Piece::InvokeComplete(completion))) => {
                let rest = prelude.end();
                taken.push(rest, call.what).await?;
                return Ok(completion);
            }
            // A kind of event that is newer than this console.
            Ok(Some(_)) => {}
            Ok(None) => return Err(broken(call.what, "the stream ended before its completion")),
            Err(error) => {
                let error = CallError::from(error);
                return Err(match &error {
                    CallError::Service { .. } => error.into_failure(call.what),
                    _ => broken(call.what, error.message()),
                });
            }
        }
    }
}

fn broken(what: &str, why: &str) -> Failure {
    let why = format!("the response ended early: {why}");
    Failure::environment(what, why, "the function ran: check its logs before invoking it again")
}

/// The received part of the body, and its receiver.
struct Taken<'a> {
    parts: Option<&'a Parts>,
    kept: Kept,
    head: Option<HttpHead>,
}

impl Taken<'_> {
    async fn push(&mut self, bytes: Vec<u8>, what: &str) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.kept.push(&bytes);
        self.hand_on(ResponsePart::Bytes(bytes), what).await
    }

    async fn hand_on(&self, part: ResponsePart, what: &str) -> Result<(), Failure> {
        let Some(parts) = self.parts else { return Ok(()) };
        parts.send(part).await.map_err(|_gone| Failure::interrupted(what))
    }
}

/// Content type of a stream. It is in a separate header, since `Content-Type` is that of the
/// events, and the SDK does not return it.
#[derive(Clone, Debug, Default)]
struct ContentType(Arc<Mutex<Option<String>>>);

impl ContentType {
    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for ContentType {
    fn name(&self) -> &'static str {
        "ContentType"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let content_type = context.response().headers().get("x-amzn-remapped-content-type");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = content_type.map(str::to_owned);
        Ok(())
    }
}
