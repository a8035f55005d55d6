//! Every file in `events/`, sent through the runtime's loop to the router.

use lambda::{Event, testing};
use serde_json::{Value, json};

use super::*;

/// The status and the body of the response to an event file.
fn answer(event: &str) -> (u64, String) {
    let path = format!("{}/events/{event}.json", env!("CARGO_MANIFEST_DIR"));
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let router = executor.block_on(router()).unwrap();
    let outcomes =
        testing::run(&router, Serve, [Event::new(std::fs::read(path).unwrap())]).unwrap();
    let response: Value = outcomes[0].json().unwrap();
    (
        response["statusCode"].as_u64().unwrap(),
        response["body"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn the_root_answers_hello() {
    assert_eq!(answer("root"), (200, "Hello from a router!".to_owned()));
}

#[test]
fn a_path_and_a_query_reach_their_extractors() {
    assert_eq!(answer("hello"), (200, "HELLO, LAMBDA!".to_owned()));
}

#[test]
fn a_json_body_is_read_and_answered() {
    let (status, body) = answer("sum");
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, json!({"sum": 6.5})));
}

#[test]
fn what_the_router_does_not_know_is_not_found() {
    assert_eq!(answer("nowhere").0, 404);
}
