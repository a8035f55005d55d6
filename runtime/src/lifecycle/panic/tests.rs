//! The report of a process that aborts, sent as the hook sends it.

use std::sync::mpsc;

use super::*;
use crate::testing::server::{Server, ServerStep};

#[test]
fn an_aborting_process_reports_its_init_and_every_request_that_is_underway() {
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |request| {
        sender.send(request.clone()).unwrap();
        ServerStep::Bytes(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_vec())
    })
    .unwrap();
    underway(|underway| {
        underway.phase = Phase::Init;
        underway.requests = vec![("r-1".into(), b"i-1".to_vec()), ("r-2".into(), Vec::new())];
    });
    post_all(&Endpoint::parse(&server.address()).unwrap(), &Report::runtime("Panic", "broken"));
    drop(server);
    let requests: Vec<_> = requests.iter().collect();
    let targets: Vec<_> = requests
        .iter()
        .map(|request| request.target.trim_start_matches("/2018-06-01/runtime/"))
        .collect();
    assert_eq!(targets, ["init/error", "invocation/r-1/error", "invocation/r-2/error"]);
    assert_eq!(requests[1].field("lambda-runtime-invocation-id"), Some("i-1"));
    assert_eq!(requests[2].field("lambda-runtime-invocation-id"), None);
    for request in requests {
        assert_eq!(request.field("lambda-runtime-function-error-type"), Some("Runtime.Panic"));
        assert_eq!(
            request.body,
            br#"{"errorMessage":"broken","errorType":"Runtime.Panic","stackTrace":[]}"#
        );
    }
}
