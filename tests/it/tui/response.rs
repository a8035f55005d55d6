//! Responses on screen: they grow as they arrive, are cancelled midway, end early, are binary or
//! too large to be kept; and their log lines, which may arrive later.

use lambda_console::tui::{
    message::Effect,
    state::{JobId, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Failure, FunctionUrl, HttpHead, Invocation, InvokeMode, LogLine, RequestLog, ResponsePart,
    Streamed, UrlSetting,
};
use tests::{Harness, sample};

/// A console that streams the response of `hello`, of which nothing has arrived.
fn streaming(width: u16, height: u16) -> (Harness, JobId) {
    let mut console = Harness::ready(width, height);
    console.press("j:next mode<enter>i");
    let (job, Task::Invoke { request }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.mode, InvokeMode::Stream);
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console invoke hello --event hello --stream")
    );
    (console, job)
}

fn began(console: &mut Harness, job: JobId, content_type: &str) {
    let (request_id, content_type) = (sample::REQUEST.to_owned(), Some(content_type.to_owned()));
    console.report(job, JobEvent::ResponsePart(ResponsePart::Began { request_id, content_type }));
}

fn came(console: &mut Harness, job: JobId, bytes: &[u8]) {
    console.report(job, JobEvent::ResponsePart(ResponsePart::Bytes(bytes.to_vec())));
}

fn streamed(payload: &str, streamed: Streamed) -> Invocation {
    Invocation {
        payload: payload.into(),
        bytes: payload.len() as u64,
        stream: Some(Box::new(streamed)),
        ..sample::invocation("hello")
    }
}

#[test]
fn a_streamed_response_grows_while_it_comes() {
    let (mut console, job) = streaming(80, 24);
    assert!(console.screen().contains("no response yet") || console.state.tab == Tab::Payload);
    began(&mut console, job, "application/x-ndjson");
    assert_eq!(console.state.tab, Tab::Response, "it is looked at from its beginning");
    came(&mut console, job, b"{\"number\":1}\n{\"num");
    let screen = console.screen();
    assert!(screen.contains("receiving · 18B · application/x-ndjson"), "{screen}");
    assert!(screen.contains("{\"number\":1}") && screen.contains("{\"num"), "{screen}");
    assert!(screen.contains(&format!("request {}", sample::REQUEST)), "{screen}");
    came(&mut console, job, b"ber\":2}\n");
    assert!(console.screen().contains("{\"number\":2}"));
    insta::assert_snapshot!("streaming_80", console.styled());

    // More lines than the pane has rows: the end stays in view until the user scrolls.
    for number in 3..100 {
        came(&mut console, job, format!("{{\"number\":{number}}}\n").as_bytes());
    }
    assert!(console.screen().contains("{\"number\":99}"));
    console.press("2kk");
    came(&mut console, job, b"{\"number\":100}\n");
    let screen = console.screen();
    assert!(!screen.contains("{\"number\":100}") && screen.contains("{\"number\":97}"), "{screen}");
    console.press("G");
    came(&mut console, job, b"{\"number\":101}\n");
    assert!(console.screen().contains("{\"number\":101}"), "at the end it is followed again");
}

#[test]
fn what_came_of_a_cancelled_response_is_kept() {
    let (mut console, job) = streaming(80, 24);
    began(&mut console, job, "text/plain");
    came(&mut console, job, b"half of it");
    console.press("x");
    assert_eq!(console.effect(), Effect::Cancel(job));
    let cut_off = Some(Failure::interrupted("could not invoke hello"));
    let ended = Invocation {
        report: None,
        logs: Vec::new(),
        logs_pending: true,
        ..streamed("half of it", Streamed { cut_off, ..Streamed::default() })
    };
    console.report(job, JobEvent::InvokeFinished(Ok(ended)));
    let screen = console.screen();
    assert!(screen.contains("half of it") && screen.contains("✗ 200 truncated"), "{screen}");
    assert!(screen.contains("cancelled; partial response kept"), "{screen}");
    assert!(screen.contains("log is pending"), "{screen}");
    let (_, Task::LinkLogs { request_id, .. }) = console.started() else {
        panic!("its log lines are asked for")
    };
    assert_eq!(request_id, sample::REQUEST);
}

#[test]
fn an_error_in_the_middle_is_shown_below_the_partial_response() {
    let (mut console, job) = streaming(100, 30);
    began(&mut console, job, "application/x-ndjson");
    let body = "{\"number\":1}\n{\"number\":2}\n";
    came(&mut console, job, body.as_bytes());
    let details = r#"{"errorType":"Function.Stuck","errorMessage":"cannot count to 3"}"#;
    let error = Streamed { error_details: Some(details.into()), ..Streamed::default() };
    let ended = Invocation { function_error: Some("Unhandled".into()), ..streamed(body, error) };
    console.report(job, JobEvent::InvokeFinished(Ok(ended)));
    let screen = console.screen();
    for part in [
        "✗ 200 Unhandled Function.Stuck",
        "{\"number\":1}",
        "── error ─",
        "cannot count to 3",
        "── log ─",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    insta::assert_snapshot!("stream_error_100", console.styled());
}

#[test]
fn an_http_response_is_shown_with_status_and_headers() {
    let (mut console, job) = streaming(100, 30);
    began(&mut console, job, "application/vnd.awslambda.http-integration-response");
    let head = HttpHead {
        status: 404,
        headers: vec![
            ("content-type".into(), "text/html".into()),
            ("x-trace".into(), "\u{1b}[31mred".into()),
        ],
        cookies: vec!["seen=1".into()],
    };
    console.report(job, JobEvent::ResponsePart(ResponsePart::Http(head.clone())));
    came(&mut console, job, b"<p>nobody</p>");
    let screen = console.screen();
    for part in
        ["receiving · 13B · text/html", "HTTP 404", "content-type: text/html", "set-cookie: seen=1"]
    {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    let ended = streamed("<p>nobody</p>", Streamed { http: Some(head), ..Streamed::default() });
    console.report(job, JobEvent::InvokeFinished(Ok(ended)));
    assert!(console.screen().contains("HTTP 404") && console.screen().contains("<p>nobody</p>"));
    insta::assert_snapshot!("stream_http_100", console.styled());
}

#[test]
fn a_body_that_is_no_text_is_shown_in_bytes() {
    let (mut console, job) = streaming(100, 30);
    began(&mut console, job, "image/png");
    came(&mut console, job, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let row = "00000000  89 50 4e 47 0d 0a 1a 0a  00 00 00 0d 49 48 44 52  .PNG........IHDR";
    assert!(console.screen().contains(row), "{}", console.screen());
    let ended = Invocation {
        is_base64: true,
        bytes: 16,
        ..streamed("iVBORw0KGgoAAAANSUhEUg==", Streamed::default())
    };
    console.report(job, JobEvent::InvokeFinished(Ok(ended)));
    let screen = console.screen();
    assert!(screen.contains(row) && screen.contains("binary, 16B"), "{screen}");
    console.press("2y");
    assert_eq!(console.effects().pop(), Some(Effect::Copy("iVBORw0KGgoAAAANSUhEUg==".into())));
}

#[test]
fn of_a_huge_response_the_beginning_is_kept_and_the_rest_counted() {
    let (mut console, job) = streaming(100, 30);
    began(&mut console, job, "text/plain");
    let mut room = Invocation::KEPT;
    for _ in 0..200 {
        let part = ResponsePart::Bytes(vec![b'x'; 1 << 20]).within(&mut room);
        console.report(job, JobEvent::ResponsePart(part));
    }
    let response = console.state.stage().function("hello").response.as_ref().unwrap();
    assert_eq!((response.body.kept(), response.body.bytes), (Invocation::KEPT, 200 << 20));
    let screen = console.screen();
    assert!(screen.contains("receiving · 200.0M"), "{screen}");
    assert!(screen.contains("192.0M more not kept: `invoke --output FILE`"), "{screen}");
    let ended = Invocation {
        bytes: 200 << 20,
        ..streamed(&"x".repeat(Invocation::KEPT), Streamed::default())
    };
    console.report(job, JobEvent::InvokeFinished(Ok(ended)));
    console.press("2G");
    assert!(console.screen().contains("192.0M more"), "{}", console.screen());
}

#[test]
fn parts_of_an_older_invocation_change_nothing() {
    let (mut console, first) = streaming(80, 24);
    let second = console.invoke();
    began(&mut console, second, "text/plain");
    came(&mut console, second, b"the second");
    began(&mut console, first, "text/plain");
    came(&mut console, first, b"the first");
    let screen = console.screen();
    assert!(screen.contains("the second") && !screen.contains("the first"), "{screen}");
    console.report(first, JobEvent::InvokeFinished(Ok(streamed("the first", Streamed::default()))));
    assert_eq!(console.state.stage().function("hello").response.as_ref().unwrap().job, second);
}

#[test]
fn a_function_whose_url_streams_is_streamed_by_default() {
    let mut console = Harness::begun(80, 24);
    let mut workspace = sample::workspace();
    let url = FunctionUrl { streaming: Some(true), ..FunctionUrl::default() };
    workspace.functions[1].config.url = Some(UrlSetting::Present(url));
    console.answer_start(&workspace);
    console.press("j1");
    assert!(console.screen().contains("response stream"), "{}", console.screen());
    console.press("i");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.mode, InvokeMode::Stream);
    console.press(":next mode<enter>:next mode<enter>i");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.mode, InvokeMode::Async, "what is asked for is done");
}

#[test]
fn client_context_and_tenant_are_typed_shown_and_sent() {
    let mut console = Harness::ready(120, 40);
    console.press("j:client context<enter>[1]<enter>");
    assert_eq!(console.state.client_context, None);
    assert!(console.screen().contains("must be a JSON object"), "{}", console.screen());
    console.press(
        "<backspace><backspace><backspace>{\"custom\": {\"a\": 1}}<enter>:tenant<enter>acme<enter>",
    );
    assert!(console.screen().contains("tenant acme  client context"), "{}", console.screen());
    console.press("i");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.client_context.as_deref(), Some(r#"{"custom": {"a": 1}}"#));
    assert_eq!(request.tenant.as_deref(), Some("acme"));
    let command = r#"lambda-console invoke hello --event hello --client-context '{"custom": {"a": 1}}' --tenant acme"#;
    assert_eq!(console.state.command.as_deref(), Some(command));
    console.press(":tenant<enter><backspace><backspace><backspace><backspace><enter>");
    assert_eq!(console.state.stage().tenant, None);
}

/// The log lines of the sample invocation, `count` of them.
fn log(count: usize) -> RequestLog {
    let invocation = sample::invocation("hello");
    let line = |message: &String| LogLine {
        message: message.clone(),
        request_id: Some(sample::REQUEST.into()),
        ..sample::log_lines("hello", 1).remove(0)
    };
    let lines: Vec<LogLine> = invocation.logs.iter().take(count).map(line).collect();
    let is_whole = lines.len() == invocation.logs.len();
    RequestLog { report: invocation.report.filter(|_| is_whole), lines, is_whole }
}

#[test]
fn log_lines_that_come_later_are_linked_to_their_response() {
    let mut console = Harness::ready(100, 30);
    console.press("j");
    let job = console.invoke();
    let tail = Invocation {
        report: None,
        logs: vec!["the end".into()],
        logs_pending: true,
        ..sample::invocation("hello")
    };
    console.report(job, JobEvent::InvokeFinished(Ok(tail)));
    let (link, Task::LinkLogs { function, .. }) = console.started() else {
        panic!("the rest is asked for")
    };
    assert_eq!(function, "hello");
    console.press("2");
    let screen = console.screen();
    assert!(
        screen.contains("rest of the log is pending") && screen.contains("the end"),
        "{screen}"
    );
    assert_eq!(console.state.stage().logs.len(), 0, "the log pane waits for all of them");
    console.report(link, JobEvent::LogsLinked(Ok(log(3))));
    let screen = console.screen();
    assert!(screen.contains("greeting Lambda") && screen.contains("pending"), "{screen}");
    console.report(link, JobEvent::LogsLinked(Ok(log(5))));
    console.draw();
    let screen = console.press("G").screen();
    assert!(screen.contains("REPORT RequestId") && !screen.contains("pending"), "{screen}");
    assert!(
        screen.contains("200 · 3.10 ms · init 4.80 ms (cold)"),
        "the report's figures are the response's: {screen}"
    );
    assert_eq!(console.state.stage().logs.len(), 5);
    assert_eq!(console.state.stage().function("hello").figures.samples.len(), 1);
    console.report(link, JobEvent::LogsLinked(Ok(log(1))));
    assert!(console.screen().contains("REPORT RequestId"), "the job has ended");
}

#[test]
fn missing_log_lines_are_reported_and_can_be_fetched_again() {
    let mut console = Harness::ready(100, 30);
    console.press("j:next mode<enter>:next mode<enter>");
    let job = console.invoke();
    let queued = Invocation {
        status: 202,
        payload: String::new(),
        report: None,
        logs: Vec::new(),
        logs_pending: true,
        ..sample::invocation("hello")
    };
    console.report(job, JobEvent::InvokeFinished(Ok(queued)));
    let link = console.job("LinkLogs");
    assert!(console.press("2").screen().contains("log is pending"));
    let failure = Failure::work(
        "could not read the log lines",
        "its REPORT line did not arrive within 60 s",
        "",
    );
    console.report(link, JobEvent::LogsLinked(Err(failure)));
    assert!(console.screen().contains("log is missing, L fetches it"), "{}", console.screen());
    console.press("L");
    assert!(matches!(console.effect(), Effect::Start { task: Task::FetchLogs { .. }, .. }));
}

#[test]
fn a_new_invocation_ends_the_wait_for_the_log_of_the_one_before() {
    let mut console = Harness::ready(100, 30);
    console.press("j");
    let job = console.invoke();
    let tail = Invocation { report: None, logs_pending: true, ..sample::invocation("hello") };
    console.report(job, JobEvent::InvokeFinished(Ok(tail)));
    let link = console.job("LinkLogs");
    let job = console.invoke();
    console.report(job, JobEvent::InvokeFinished(Ok(sample::invocation("hello"))));
    let effects = console.effects();
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Start { task: Task::LinkLogs { .. }, .. }, Effect::Cancel(it)]
                if *it == link
        ),
        "{effects:?}"
    );
}
