//! Responses that are streamed, and log lines that arrive after them, through the SDK.

use std::time::Duration;

use lambda_console_model::{
    FailureKind, Function, Invocation, InvokeMode, InvokeRequest, RequestLog, ResponsePart,
};
use lambda_console_testing::bootstrap;
use tokio::sync::mpsc;

use super::{Place, deploy_one, request, zip_at};
use crate::{Job, invoke};

fn streamer(place: &Place) -> Function {
    let mut function = place.function("stream", "1");
    let path = place.dir.path().join("stream.zip");
    super::write_zip(&path, &bootstrap(include_str!("streams.py")));
    function.zip = Some(zip_at(&path));
    function
}

fn streamed(payload: &str) -> InvokeRequest {
    InvokeRequest { mode: InvokeMode::Stream, ..request("stream", payload) }
}

#[tokio::test]
async fn a_cancelled_stream_is_a_result_with_what_came() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &streamer(&place)).await;
    let gate = place.dir.path().join("gate");
    let asked = streamed(&serde_json::json!({ "gate": gate }).to_string());
    let (job, (sender, mut parts)) = (Job::silent(), mpsc::channel(1));
    let cancel = job.cancel.clone();
    let (result, seen) = tokio::join!(
        async {
            let sender = sender;
            invoke::answer(&stage, &asked, Some(&sender), &job).await
        },
        async {
            let mut seen = Vec::new();
            while let Some(part) = parts.recv().await {
                if matches!(part, ResponsePart::Bytes(_)) {
                    cancel.cancel();
                }
                seen.push(part);
            }
            seen
        }
    );
    std::fs::write(&gate, "").unwrap();
    let invocation = result.unwrap();
    assert_eq!(invocation.cut_off().map(|failure| failure.kind), Some(FailureKind::Interrupted));
    assert_eq!(
        (invocation.payload.as_str(), invocation.bytes, invocation.logs_pending),
        ("one", 3, true)
    );
    assert!(
        matches!(&seen[0], ResponsePart::Began { content_type: Some(reported), .. } if reported == "text/plain"),
        "{seen:?}"
    );
    // The function continues nevertheless, and its log contains the result.
    let Invocation { request_id, started_at, .. } = &invocation;
    let patience = Duration::from_secs(20);
    let job = Job::silent();
    let log = invoke::link(&stage, "stream", request_id, *started_at, patience, |_| {}, &job)
        .await
        .unwrap();
    assert!(log.is_whole && log.report.is_some(), "{log:?}");
    stage.close().await;
}

#[tokio::test]
async fn a_stream_that_nobody_takes_ends() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &streamer(&place)).await;
    let (sender, parts) = mpsc::channel(1);
    drop(parts);
    let asked =
        streamed(&serde_json::json!({ "gate": place.dir.path().join("never") }).to_string());
    let invocation = invoke::answer(&stage, &asked, Some(&sender), &Job::silent()).await.unwrap();
    assert_eq!(invocation.cut_off().map(|failure| failure.kind), Some(FailureKind::Interrupted));
    stage.close().await;
}

#[tokio::test]
async fn of_a_large_stream_the_beginning_is_kept() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &streamer(&place)).await;
    let invocation = invoke::answer(&stage, &streamed(r#"{"megabytes":12}"#), None, &Job::silent())
        .await
        .unwrap();
    assert_eq!(invocation.cut_off(), None);
    assert_eq!((invocation.payload.len(), invocation.bytes), (Invocation::KEPT, 3 + (12 << 20)));
    assert!(invocation.report.is_some(), "the report is in the tail at the end of the stream");
    stage.close().await;
}

#[tokio::test]
async fn log_lines_beyond_the_tail_come_with_the_logs() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &streamer(&place)).await;
    let link = async |invocation: &Invocation| {
        let mut reported: Vec<RequestLog> = Vec::new();
        let Invocation { request_id, started_at, .. } = invocation;
        let patience = Duration::from_secs(20);
        let on_lines = |log| reported.push(log);
        let log = invoke::link(
            &stage,
            "stream",
            request_id,
            *started_at,
            patience,
            on_lines,
            &Job::silent(),
        )
        .await;
        assert!(reported.iter().all(|log| !log.is_whole), "what is whole is the end");
        log.unwrap()
    };
    let short =
        invoke::answer(&stage, &streamed(r#"{"lines":3}"#), None, &Job::silent()).await.unwrap();
    assert!(
        !short.logs_pending && short.report.is_some(),
        "the tail has all of it: {:?}",
        short.logs
    );
    let long =
        invoke::answer(&stage, &streamed(r#"{"lines":60}"#), None, &Job::silent()).await.unwrap();
    assert!(long.logs_pending && long.report.is_some(), "{:?}", long.logs);
    assert!(
        !long.logs.iter().any(|line| line.starts_with("line 0 ")),
        "the tail has 4 KB: {:?}",
        long.logs
    );
    let log = link(&long).await;
    let lines = log.lines.iter().filter(|line| line.message.starts_with("line ")).count();
    assert_eq!((lines, log.is_whole, log.report == long.report), (60, true, true));
    assert!(log.lines.iter().all(|line| line.request_id.as_ref() == Some(&long.request_id)));

    let queued = InvokeRequest { mode: InvokeMode::Async, ..request("stream", r#"{"lines":2}"#) };
    let queued = invoke::answer(&stage, &queued, None, &Job::silent()).await.unwrap();
    assert_eq!((queued.status, queued.logs_pending), (202, true));
    let log = link(&queued).await;
    assert_eq!(
        log.lines.iter().filter(|line| line.message.starts_with("line ")).count(),
        2,
        "{log:?}"
    );

    let (patience, job) = (Duration::from_millis(300), Job::silent());
    let nobody = invoke::link(&stage, "stream", "no-such-request", 0, patience, |_| {}, &job);
    let failure = nobody.await.unwrap_err();
    assert!(failure.why.contains("REPORT line did not arrive"), "{failure:?}");
    stage.close().await;
}
