//! Calls every route as a function, and sends every file in `events/` through the runtime's loop.

use lambda::Event;
use lambda::testing;
use serde_json::{Value, json};

use super::*;

/// Sends a request to a new store, or to one that was used before.
fn call(store: &Store, request: Request) -> (u16, Value) {
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = executor.block_on(route(store, request)).unwrap();
    assert_eq!(response.header("content-type"), Some("application/json"));
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

#[test]
fn the_root_names_every_route() {
    let (status, about) = call(&Store::default(), Request::new("GET", "/"));
    assert_eq!((status, &about["name"]), (200, &json!("backend")));
    assert_eq!(about["routes"].as_array().unwrap().len(), 4);
}

#[test]
fn an_item_that_was_added_is_found_and_listed() {
    let store = Store::default();
    let new = json!({"name": "desk", "price": 120.0});
    let desk = json!({"id": 1, "name": "desk", "price": 120.0});
    assert_eq!(
        call(&store, Request::new("POST", "/items").with_json(&new).unwrap()),
        (201, desk.clone())
    );
    assert_eq!(call(&store, Request::new("GET", "/items/1")), (200, desk.clone()));
    assert_eq!(call(&store, Request::new("GET", "/items")), (200, json!([desk])));
    assert_eq!(call(&store, Request::new("GET", "/items?name=es")), (200, json!([desk])));
    assert_eq!(call(&store, Request::new("GET", "/items?name=lamp")), (200, json!([])));
}

#[test]
fn errors_are_json() {
    let store = Store::default();
    let refused = |request| call(&store, request);
    let post = |body: &str| Request::new("POST", "/items").with_body(body);
    let (status, why) = refused(post(r#"{"name":"desk","price":"dear"}"#));
    assert_eq!(status, 400);
    assert!(why["error"].as_str().unwrap().contains("`price`: invalid type"), "{why}");
    assert_eq!(refused(post("")).0, 400);
    assert_eq!(refused(post("{")).0, 400);
    assert_eq!(refused(post(r#"{"name":" ","price":1}"#)).0, 400);
    assert_eq!(
        refused(Request::new("GET", "/items/7")),
        (404, json!({"error": "there is no item 7"}))
    );
    assert_eq!(
        refused(Request::new("GET", "/nowhere")),
        (404, json!({"error": "there is nothing at /nowhere"}))
    );
    assert_eq!(
        refused(Request::new("DELETE", "/items")),
        (405, json!({"error": "allowed here: GET, POST"}))
    );
    assert_eq!(refused(Request::new("POST", "/")).0, 405);
}

#[test]
fn every_event_of_the_payload_library_is_answered() {
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut answered = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).unwrap() {
        let path = entry.unwrap().path();
        let event = Event::new(std::fs::read(&path).unwrap());
        let store = executor.block_on(open()).unwrap();
        let outcomes = testing::run(&store, route, [event]).unwrap();
        let response: Value = outcomes[0].json().unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        answered.push((name, response["statusCode"].as_u64().unwrap()));
    }
    answered.sort();
    let expected = [
        ("about", 200),
        ("add", 201),
        ("add-base64", 201),
        ("find", 200),
        ("list", 200),
        ("not-allowed", 405),
        ("not-found", 404),
    ];
    assert_eq!(answered, expected.map(|(name, status)| (name.to_owned(), status)));
}
