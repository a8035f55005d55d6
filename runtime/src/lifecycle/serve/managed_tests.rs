//! Managed instances: many requests at once, and a lost connection.

use std::collections::VecDeque;
use std::sync::mpsc;

use super::{tests::*, *};
use crate::context::Context;
use crate::event::Event;
use crate::failure::Error;
use crate::lifecycle::hooks::Absent;
use crate::respond::Body;
use crate::testing::server::{Request, Server, ServerStep};

#[test]
fn a_managed_instance_serves_as_many_requests_at_once_as_configured_and_mixes_none_up() {
    const WORKERS: usize = 10;
    const REQUESTS: usize = 1000;
    /// Waits until all workers are in it, once, then fails nine out of ten times and panics at
    /// times.
    async fn odd(
        together: &tokio::sync::Barrier,
        event: Event,
        context: Context,
    ) -> Result<Body, Error> {
        let number: usize = event.json()?;
        if number < WORKERS {
            together.wait().await;
        }
        tokio::task::yield_now().await;
        assert_ne!(number, 500, "five hundred");
        if !number.is_multiple_of(10) {
            return Err(format!("{number} for {}", context.request_id))?;
        }
        Ok(Body::text(format!("{number} for {}", context.request_id)))
    }
    let (mut number, mut answered) = (0, 0);
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |request| {
        if !request.is_next() {
            answered += 1;
            sender.send(request.clone()).unwrap();
            return ServerStep::Bytes(ACCEPTED.into());
        }
        number += 1;
        match number - 1 {
            number if number < REQUESTS => {
                ServerStep::Bytes(invocation(&format!("r-{number}"), &number.to_string()).into())
            }
            // The others are still working: let this worker poll until they are done.
            _ if answered < REQUESTS => {
                ServerStep::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
            }
            _ => ServerStep::End,
        }
    })
    .unwrap();
    let endpoint = Arc::new(Endpoint::parse(&server.address()).unwrap());
    panic::install(Arc::clone(&endpoint));
    let executor = executor::create().unwrap();
    let first = executor.block_on(Client::open(Arc::clone(&endpoint))).unwrap();
    let state = tokio::sync::Barrier::new(WORKERS);
    let (workers, function) = (WORKERS.try_into().unwrap(), (&state, &odd, &Absent));
    let end = serve_many(&executor, &endpoint, first, workers, function, std::future::pending());
    drop(server);
    assert!(matches!(end, End::Lost { .. } | End::Unreachable { .. }), "{end:?}");
    let requests: Vec<Request> = requests.iter().collect();
    assert_eq!(requests.len(), REQUESTS);
    for request in requests {
        let (_, target) = request.target.split_once("invocation/r-").unwrap();
        let (number, verb) = target.split_once('/').unwrap();
        let body = String::from_utf8(request.body).unwrap();
        match (number, number.ends_with('0')) {
            ("500", _) => assert!(verb == "error" && body.contains("five hundred"), "{body}"),
            (_, true) => assert_eq!((verb, body), ("response", format!("{number} for r-{number}"))),
            (_, false) => assert!(
                verb == "error" && body.contains(&format!("\"{number} for r-{number}\"")),
                "{body}"
            ),
        }
    }
}

#[test]
fn a_worker_of_a_managed_instance_that_loses_its_connection_takes_another_one() {
    let script = ["", "", "invocation", "cut", "invocation", "refusal"];
    let (mut script, mut number) = (VecDeque::from(script), 0);
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |request| {
        sender.send(request.clone()).unwrap();
        if !request.is_next() {
            return ServerStep::Bytes(ACCEPTED.into());
        }
        match script.pop_front().unwrap_or("refusal") {
            "invocation" => {
                number += 1;
                ServerStep::Bytes(invocation(&format!("r-{number}"), "1").into())
            }
            "refusal" => ServerStep::Bytes(response("500 Internal Server Error", "done").into()),
            "cut" => ServerStep::Last(b"HTTP/1.1 2".to_vec()),
            _ => ServerStep::Last(Vec::new()),
        }
    })
    .unwrap();
    let endpoint = Arc::new(Endpoint::parse(&server.address()).unwrap());
    let executor = executor::create().unwrap();
    let first = executor.block_on(Client::open(Arc::clone(&endpoint))).unwrap();
    let function = (&(), &echo, &Absent);
    let end = serve_many(
        &executor,
        &endpoint,
        first,
        NonZeroUsize::MIN,
        function,
        std::future::pending(),
    );
    assert_eq!(
        end.to_string(),
        "the Lambda Runtime API answered 500 while requesting the next invocation: done",
        "a refusal is for good"
    );
    drop(server);
    let requests: Vec<Request> = requests.iter().collect();
    assert_eq!(
        verbs(&requests),
        ["next", "next", "next", "response", "next", "next", "response", "next"]
    );
    assert_eq!(requests.last().unwrap().connection, 3);
}
