//! The loop against a scripted Runtime API: every status, every interruption, every form of a
//! handler.

use std::collections::VecDeque;
use std::sync::mpsc;

use serde::{Deserialize, Serialize};

use super::*;
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Error, Failure};
use crate::lifecycle::hooks::Absent;
use crate::respond::Body;
use crate::stream::Stream;
use crate::testing::server::{Request, Server, ServerStep};
use crate::testing::{self, Outcome};

pub(super) const ACCEPTED: &str =
    "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";

pub(super) fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(super) fn invocation(id: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: \
        {}\r\n\r\n{body}",
        body.len()
    )
}

/// Runs the loop against these responses, one for each request and then the end. Returns the reason
/// of the end and the requests.
fn serve_script<H: Handler<(), M>, M>(
    handler: H,
    script: impl IntoIterator<Item = ServerStep>,
) -> (End, Vec<Request>) {
    serve_script_on(|_| {}, handler, script)
}

/// Like [`serve_script`], with a configured endpoint.
#[expect(clippy::needless_pass_by_value, reason = "a handler reads better named than lent")]
pub(super) fn serve_script_on<H: Handler<(), M>, M>(
    set_up: fn(&mut Endpoint),
    handler: H,
    script: impl IntoIterator<Item = ServerStep>,
) -> (End, Vec<Request>) {
    let mut script: VecDeque<ServerStep> = script.into_iter().collect();
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |request| {
        sender.send(request.clone()).unwrap();
        script.pop_front().unwrap_or(ServerStep::End)
    })
    .unwrap();
    let mut endpoint = Endpoint::parse(&server.address()).unwrap();
    set_up(&mut endpoint);
    let endpoint = Arc::new(endpoint);
    let end = executor::create().unwrap().block_on(async {
        let mut client = Client::open(endpoint).await.unwrap();
        serve(&mut client, &(), &handler, &Absent, AfterPanic::End).await.unwrap_err()
    });
    drop(server);
    (end, requests.iter().collect())
}

fn serve_texts<H: Handler<(), M>, M>(handler: H, script: &[&str]) -> (End, Vec<Request>) {
    serve_script(handler, script.iter().map(|text| ServerStep::Bytes(text.as_bytes().to_vec())))
}

/// The last segments of the requests: `next`, `response`, `error`.
pub(super) fn verbs(requests: &[Request]) -> Vec<&str> {
    requests.iter().filter_map(|request| request.target.rsplit('/').next()).collect()
}

pub(super) async fn number(number: u8) -> Result<u8, Error> {
    Ok(number)
}

pub(super) async fn echo(event: Event) -> Result<Body, Error> {
    Ok(Body::json(event.into_bytes()))
}

#[test]
fn an_invocation_is_answered_under_its_id_and_the_next_one_is_asked_for() {
    let (_, requests) = serve_texts(
        echo,
        &[&invocation("r-1", "[1]"), ACCEPTED, &invocation("r-2", "[2]"), ACCEPTED],
    );
    assert_eq!(verbs(&requests), ["next", "response", "next", "response", "next"]);
    assert_eq!(requests[1].target, "/2018-06-01/runtime/invocation/r-1/response");
    assert_eq!(requests[3].target, "/2018-06-01/runtime/invocation/r-2/response");
    assert_eq!((&requests[1].body[..], &requests[3].body[..]), (&b"[1]"[..], &b"[2]"[..]));
    assert!(requests.iter().all(|request| request.connection == 0), "one connection serves all");
}

#[test]
fn a_chunked_payload_arrives_whole() {
    let chunked = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\nTransfer-Encoding: \
        chunked\r\n\r\n\
                   3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
    let (_, requests) = serve_texts(echo, &[chunked, ACCEPTED]);
    assert_eq!(requests[1].body, b"[1,2]");
}

#[test]
fn the_invocation_id_is_echoed_with_responses_and_errors() {
    let with_id = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\nLambda-Runtime-Invocation-Id: \
            i-7\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (_, requests) = serve_texts(
        number,
        &[&with_id("1"), ACCEPTED, &with_id("x"), ACCEPTED, &invocation("r", "2"), ACCEPTED],
    );
    assert_eq!(verbs(&requests), ["next", "response", "next", "error", "next", "response", "next"]);
    assert_eq!(requests[1].field("lambda-runtime-invocation-id"), Some("i-7"));
    assert_eq!(requests[3].field("lambda-runtime-invocation-id"), Some("i-7"));
    assert_eq!(requests[5].field("lambda-runtime-invocation-id"), None);
}

#[test]
fn no_content_polls_again() {
    let (_, requests) = serve_texts(
        echo,
        &[
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            &invocation("r", "1"),
        ],
    );
    assert_eq!(verbs(&requests), ["next", "next", "next", "response"]);
}

#[test]
fn an_answer_that_is_too_late_or_too_large_or_unknown_is_dropped_and_the_loop_goes_on() {
    for status in ["410 Gone", "413 Request Entity Too Large", "400 Bad Request", "404 Not Found"] {
        let (_, requests) = serve_texts(
            echo,
            &[&invocation("r", "1"), &response(status, "{}"), &invocation("s", "2")],
        );
        assert_eq!(verbs(&requests), ["next", "response", "next", "response"], "{status}");
    }
}

#[test]
fn a_permanent_refusal_ends_the_loop_with_its_message() {
    for status in ["403 Forbidden", "500 Internal Server Error", "503 Service Unavailable"] {
        let (end, requests) =
            serve_texts(echo, &[&invocation("r", "1"), &response(status, "container\nerror")]);
        assert_eq!(verbs(&requests), ["next", "response"]);
        let expected = format!(
            "the Lambda Runtime API answered {} while sending a response: container error",
            status.split(' ').next().unwrap()
        );
        assert_eq!(end.to_string(), expected);
        let (end, requests) = serve_texts(echo, &[&response(status, "no")]);
        assert_eq!(verbs(&requests), ["next"]);
        assert!(end.to_string().ends_with("while requesting the next invocation: no"), "{end}");
    }
    let (end, _) = serve_texts(echo, &[&response("404 Not Found", "")]);
    assert!(matches!(end, End::Refused { status: 404, .. }), "{end:?}");
}

#[test]
fn a_runtime_api_that_is_gone_ends_the_loop() {
    let (end, requests) = serve_script(echo, []);
    // It depends on the time at which its last socket closes.
    assert!(matches!(end, End::Unreachable { .. } | End::Lost { .. }), "{end:?}");
    assert_eq!(verbs(&requests), ["next"]);
}

#[test]
fn a_connection_closed_while_idle_is_replaced_once() {
    let last = |text: &str| ServerStep::Last(text.as_bytes().to_vec());
    let (end, requests) = serve_script(
        echo,
        [
            ServerStep::Bytes(invocation("r", "1").into()),
            // The server closes without announcing it.
            last(ACCEPTED),
            ServerStep::Bytes(invocation("s", "2").into()),
            // The server announces the close.
            last("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            last(""),
            last(""),
        ],
    );
    assert_eq!(verbs(&requests), ["next", "response", "next", "response", "next", "next"]);
    assert_eq!(
        requests.iter().map(|request| request.connection).collect::<Vec<_>>(),
        [0, 0, 1, 1, 2, 3]
    );
    assert_eq!(
        end.to_string(),
        "the Lambda Runtime API closed the connection while requesting the next invocation"
    );
}

#[test]
fn a_connection_cut_at_any_byte_of_an_invocation_ends_the_loop_and_calls_nobody() {
    async fn never(_: Event) -> Result<(), Error> {
        panic!("called with half an event");
    }
    let whole = invocation("r", "[1,2]");
    for cut in 1..whole.len() {
        let (end, requests) =
            serve_script(never, [ServerStep::Last(whole.as_bytes()[..cut].to_vec())]);
        assert!(matches!(end, End::Lost { .. }), "{cut}: {end:?}");
        assert_eq!(verbs(&requests), ["next"], "{cut}");
    }
}

#[test]
fn a_connection_cut_at_any_byte_of_an_acknowledgement_ends_the_loop() {
    for cut in 1..ACCEPTED.len() {
        let acknowledgement = ServerStep::Last(ACCEPTED.as_bytes()[..cut].to_vec());
        let (end, requests) =
            serve_script(echo, [ServerStep::Bytes(invocation("r", "1").into()), acknowledgement]);
        assert!(matches!(end, End::Lost { .. }), "{cut}: {end:?}");
        assert_eq!(verbs(&requests), ["next", "response"], "{cut}");
    }
}

#[test]
fn what_is_no_invocation_ends_the_loop_with_its_reason() {
    let cases = [
        (response("200 OK", "{}"), "an invocation has no request id"),
        (invocation("", "{}"), "an invocation's request id has invalid characters"),
        (invocation("a/b", "{}"), "an invocation's request id has invalid characters"),
        ("SSH-2.0\r\n\r\n".to_owned(), "the response is not HTTP/1.1"),
        (
            invocation("r", "{}") + "HTTP/1.1 200 OK\r\n",
            "there are bytes after the end of the response",
        ),
    ];
    for (text, why) in cases {
        let (end, _) = serve_texts(echo, &[&text]);
        let expected = "the Lambda Runtime API sent an invalid response while requesting the next \
            invocation: ";
        assert_eq!(end.to_string(), format!("{expected}{why}"));
    }
}

#[test]
fn a_panic_is_reported_with_its_place_and_ends_the_loop() {
    async fn falls(_: Event) -> Result<(), Error> {
        panic!("the shelf is empty");
    }
    let outcomes = testing::run(&(), falls, [Event::new("1"), Event::new("2")]).unwrap();
    let [Outcome::Error { kind, message, stack }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(kind, "Runtime.Panic");
    let place = stack.first().unwrap();
    assert!(place.contains("tests.rs:"), "{place}");
    assert_eq!(message, &format!("the shelf is empty (panicked at {place})"));
}

#[test]
fn the_report_of_an_error_is_in_body_and_fields() {
    async fn fails(_: Event) -> Result<(), Failure> {
        Err(Failure::new("NotFound", "there is no item 7"))
    }
    let (_, requests) = serve_texts(fails, &[&invocation("r", "1"), ACCEPTED]);
    let request = &requests[1];
    assert_eq!(request.target, "/2018-06-01/runtime/invocation/r/error");
    assert_eq!(request.field("lambda-runtime-function-error-type"), Some("Function.NotFound"));
    assert!(
        request
            .field("lambda-runtime-function-xray-error-cause")
            .unwrap()
            .contains("there is no item 7")
    );
    assert_eq!(
        request.body,
        br#"{"errorMessage":"there is no item 7","errorType":"Function.NotFound","stackTrace":[]}"#
    );
}

#[test]
fn a_response_that_cannot_be_json_fails_its_invocation_only() {
    async fn map(_: Event) -> Result<std::collections::BTreeMap<(u8, u8), u8>, Error> {
        Ok([((1, 2), 3)].into())
    }
    let outcomes = testing::run(&(), map, [Event::new(""), Event::new("")]).unwrap();
    for outcome in outcomes {
        let Outcome::Error { kind, message, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(kind, "Runtime.MarshalError");
        assert!(
            message.ends_with("cannot be serialized to JSON: key must be a string"),
            "{message}"
        );
    }
}

#[test]
fn a_stream_is_sent_in_chunks_and_its_error_in_trailers() {
    async fn shout(how: String) -> Result<Stream, Error> {
        Ok(Stream::new("text/plain", async move |out| {
            out.write("one ").await?;
            out.write("").await?;
            tokio::task::yield_now().await;
            out.write("x".repeat(100_000)).await?;
            assert_ne!(how, "panic", "mid-stream");
            if how == "fail" { Err(Failure::new("Mid", "no more"))? } else { Ok::<_, Error>(()) }
        }))
    }
    let calm = invocation("r", "\"calm\"");
    let (end, requests) = serve_texts(
        shout,
        &[
            &calm,
            ACCEPTED,
            &invocation("s", "\"fail\""),
            ACCEPTED,
            &invocation("t", "\"panic\""),
            ACCEPTED,
        ],
    );
    assert!(matches!(end, End::Panicked), "{end:?}");
    assert_eq!(verbs(&requests), ["next", "response", "next", "response", "next", "response"]);
    let failure = |request: &Request| {
        let body = request
            .field("lambda-runtime-function-error-body")
            .and_then(crate::runtime_api::base64::decode);
        let kind =
            request.field("lambda-runtime-function-error-type").unwrap_or_default().to_owned();
        (kind, String::from_utf8(body.unwrap_or_default()).unwrap())
    };
    for request in [&requests[1], &requests[3], &requests[5]] {
        assert_eq!(request.field("lambda-runtime-function-response-mode"), Some("streaming"));
        assert_eq!(request.body, ["one ", &"x".repeat(100_000)].concat().as_bytes());
        assert_eq!(request.connection, 0);
    }
    assert_eq!(failure(&requests[1]), (String::new(), String::new()));
    let expected = r#"{"errorMessage":"no more","errorType":"Function.Mid","stackTrace":[]}"#;
    assert_eq!(failure(&requests[3]), ("Function.Mid".to_owned(), expected.to_owned()));
    let (kind, body) = failure(&requests[5]);
    assert!(kind == "Runtime.Panic" && body.contains("mid-stream"), "{body}");
}

#[test]
fn a_stream_whose_reader_is_gone_fails_its_closure_and_ends_the_loop() {
    use std::io::{Read as _, Write as _};
    async fn endless(_: Event) -> Result<Stream, Error> {
        Ok(Stream::new("text/plain", async |out| {
            loop {
                out.write([b'x'; 4096]).await?;
            }
            #[expect(unreachable_code, reason = "it is what the closure would return")]
            Ok::<_, Error>(())
        }))
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut part = [0; 1024];
        assert!(stream.read(&mut part).unwrap() > 0);
        stream.write_all(invocation("r-1", "1").as_bytes()).unwrap();
        assert!(stream.read(&mut part).unwrap() > 0);
        // It disappears in the middle of the stream, and accepts no new connection.
    });
    let endpoint = Arc::new(Endpoint::parse(&address).unwrap());
    let end = executor::create().unwrap().block_on(async {
        let mut client = Client::open(endpoint).await.unwrap();
        serve(&mut client, &(), &endless, &Absent, AfterPanic::End).await.unwrap_err()
    });
    server.join().unwrap();
    assert!(end.is_of_connection(), "{end}");
}

#[test]
fn every_form_of_a_handler_is_one() {
    #[derive(Debug, Deserialize, Serialize)]
    struct Pair(u8, u8);
    async fn typed(pair: Pair) -> Result<Pair, Error> {
        Ok(Pair(pair.1, pair.0))
    }
    async fn with_context(pair: Pair, context: Context) -> Result<String, String> {
        Ok(format!("{} {} {:?}", context.request_id, pair.0, context.tenant_id))
    }
    async fn with_state(state: &u8, pair: Pair) -> Result<u8, std::convert::Infallible> {
        Ok(state + pair.0)
    }
    async fn with_both(
        state: &u8,
        event: Event,
        context: Context,
    ) -> Result<Body, Box<dyn std::error::Error>> {
        Ok(Body::text(format!("{state}{}{}", event.json::<Pair>()?.1, context.function_arn)))
    }
    let event = || {
        let context = Context {
            request_id: "r".into(),
            tenant_id: Some("blue".into()),
            function_arn: "arn".into(),
            ..Context::default()
        };
        [(Event::new("[1,2]"), context)]
    };
    let body = |outcomes: std::io::Result<Vec<Outcome>>| match &outcomes.unwrap()[..] {
        [Outcome::Response { body, .. }] => String::from_utf8(body.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(body(testing::run(&(), typed, event())), "[2,1]");
    assert_eq!(body(testing::run(&(), with_context, event())), "\"r 1 Some(\\\"blue\\\")\"");
    assert_eq!(body(testing::run(&7_u8, with_state, event())), "8");
    assert_eq!(body(testing::run(&7_u8, with_both, event())), "72arn");
    let added = 5;
    let closure = async move |number: u8| Ok::<_, Error>(number + added);
    assert_eq!(body(testing::run(&(), closure, [Event::new("1")])), "6");
}

#[test]
fn large_payloads_and_responses_go_through_and_leave_no_memory_behind() {
    let payload = format!("\"{}\"", "x".repeat(6 * 1024 * 1024));
    let outcomes = testing::run(&(), echo, [Event::new(payload.clone()), Event::new("1")]).unwrap();
    let [Outcome::Response { body, .. }, Outcome::Response { body: small, .. }] = &outcomes[..]
    else {
        panic!()
    };
    assert!(body == payload.as_bytes(), "the payload came back changed");
    assert_eq!(small, "1");
}

#[test]
fn a_future_that_cannot_be_sent_between_threads_is_served() {
    async fn local(number: u8) -> Result<u8, Error> {
        let shared = std::rc::Rc::new(std::cell::Cell::new(number));
        tokio::task::yield_now().await;
        Ok(shared.get() + 1)
    }
    assert_eq!(testing::run(&(), local, [Event::new("1")]).unwrap()[0].json::<u8>().unwrap(), 2);
}
