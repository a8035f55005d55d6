//! The loop with an answer and the next poll in one write.

use super::tests::{ACCEPTED, echo, invocation, number, response, serve_script_on, verbs};
use super::*;
use crate::testing::server::{Request, ServerStep};

fn pipelined<H: Handler<(), M>, M>(
    handler: H,
    script: impl IntoIterator<Item = ServerStep>,
) -> (End, Vec<Request>) {
    serve_script_on(|endpoint| endpoint.pipelined = true, handler, script)
}

fn bytes(text: &str) -> ServerStep {
    ServerStep::Bytes(text.as_bytes().to_vec())
}

#[test]
fn answers_are_taken_in_their_order_over_one_connection() {
    let texts = [&invocation("r-1", "[1]"), ACCEPTED, &invocation("r-2", "[2]"), ACCEPTED];
    let (_, requests) = pipelined(echo, texts.map(bytes));
    assert_eq!(verbs(&requests)[..5], ["next", "response", "next", "response", "next"]);
    assert_eq!((&requests[1].body[..], &requests[3].body[..]), (&b"[1]"[..], &b"[2]"[..]));
    // A request without a response at the end is sent once more, on a new connection.
    assert!(
        requests[..5].iter().all(|request| request.connection == 0),
        "one connection serves all"
    );
}

#[test]
fn the_next_invocation_may_come_in_the_very_bytes_behind_the_acknowledgement() {
    // The fake handles each request separately, so the response to the answer carries the
    // invocation, and that to the poll is empty.
    for second in [
        invocation("r-2", "[2]"),
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-2\r\nTransfer-Encoding: \
        chunked\r\n\r\n3\r\n[2]\r\n0\r\n\r\n"
            .to_owned(),
    ] {
        let script = [
            bytes(&invocation("r-1", "[1]")),
            bytes(&format!("{ACCEPTED}{second}")),
            bytes(""),
            bytes(ACCEPTED),
        ];
        let (_, requests) = pipelined(echo, script);
        assert_eq!(requests[3].target, "/2018-06-01/runtime/invocation/r-2/response");
        assert_eq!(requests[3].body, b"[2]");
    }
}

#[test]
fn an_answer_that_is_refused_costs_nothing_of_what_follows() {
    for refusal in ["410 Gone", "413 Request Entity Too Large", "400 Bad Request"] {
        let texts = [
            &invocation("r-1", "[1]"),
            &response(refusal, "{}"),
            &invocation("r-2", "[2]"),
            ACCEPTED,
        ];
        let (_, requests) = pipelined(echo, texts.map(bytes));
        assert_eq!(requests[3].body, b"[2]", "{refusal}");
    }
}

#[test]
fn a_connection_that_closes_behind_the_acknowledgement_is_polled_again_on_another() {
    let closing = "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for acknowledgement in [closing, ACCEPTED] {
        let script = [
            bytes(&invocation("r-1", "[1]")),
            ServerStep::Last(acknowledgement.as_bytes().to_vec()),
            bytes(&invocation("r-2", "[2]")),
            bytes(ACCEPTED),
        ];
        let (_, requests) = pipelined(echo, script);
        assert_eq!(requests[3].body, b"[2]");
        assert_eq!(
            requests[2].connection, 1,
            "the poll that was sent along is lost with its connection"
        );
    }
}

#[test]
fn an_error_is_answered_by_itself() {
    let texts = [&invocation("r-1", "\"no number\""), ACCEPTED, &invocation("r-2", "2"), ACCEPTED];
    let (_, requests) = pipelined(number, texts.map(bytes));
    assert_eq!(verbs(&requests)[..5], ["next", "error", "next", "response", "next"]);
}
