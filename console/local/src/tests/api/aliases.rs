//! Aliases: names for versions, and routing by weight.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::tests::{ECHO, Server, eventually};

const WHICH: &str = "tells_its_version_and_arn()";
const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:f";

/// A function with two versions.
async fn two_versions() -> Server {
    let server = Server::start().await;
    server.create("f", WHICH).await;
    server.publish("f").await;
    server.configure("f", json!({ "Description": "second" })).await;
    assert_eq!(server.publish("f").await, "2");
    server
}

#[tokio::test]
async fn an_alias_is_created_read_updated_and_deleted() {
    let server = two_versions().await;
    let made = server
        .call(
            "POST",
            "/f/aliases",
            json!({ "Name": "live", "FunctionVersion": "1", "Description": "d" }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["AliasArn"], format!("{ARN}:live"));
    assert_eq!((&made["FunctionVersion"], &made["Description"]), (&json!("1"), &json!("d")));
    assert!(made.get("RoutingConfig").is_none());
    assert_eq!(server.call("GET", "/f/aliases/live", Value::Null).await.json(), made);
    let described =
        server.call("GET", "/f?Qualifier=live", Value::Null).await.json()["Configuration"].clone();
    assert_eq!(
        (&described["Version"], &described["FunctionArn"]),
        (&json!("1"), &json!(format!("{ARN}:live")))
    );
    let moved =
        server.call("PUT", "/f/aliases/live", json!({ "FunctionVersion": "2" })).await.json();
    assert_eq!((&moved["FunctionVersion"], &moved["Description"]), (&json!("2"), &json!("d")));
    assert_ne!(moved["RevisionId"], made["RevisionId"]);
    let stale = json!({ "FunctionVersion": "1", "RevisionId": made["RevisionId"] });
    let stale = server.call("PUT", "/f/aliases/live", stale).await;
    assert_eq!((stale.status, stale.code()), (412, "PreconditionFailedException"));
    let again =
        server.call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    assert_eq!((again.status, again.code()), (409, "ResourceConflictException"));
    assert_eq!(again.json()["Message"], format!("Alias already exists: {ARN}:live"));
    for _ in 0..2 {
        assert_eq!(server.call("DELETE", "/f/aliases/live", Value::Null).await.status, 204);
    }
    let gone = server.call("GET", "/f/aliases/live", Value::Null).await;
    assert_eq!(
        (gone.status, gone.json()["Message"].as_str().unwrap().to_owned()),
        (404, format!("Cannot find alias arn: {ARN}:live"))
    );
}

#[tokio::test]
async fn an_invocation_by_alias_runs_its_version_however_it_is_named() {
    let server = two_versions().await;
    server.call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    let arn = format!("{ARN}:live").replace(':', "%3A");
    for path in ["f:live", "000000000000:function:f:live", &arn, "f%3Alive"] {
        let reply = server.invoke(path, "{}").await;
        assert_eq!(reply.json(), json!(["1", format!("{ARN}:live")]), "{path}");
        assert_eq!(reply.header("x-amz-executed-version"), Some("1"));
    }
    let reply = server.call("POST", "/f/invocations?Qualifier=live", json!({})).await;
    assert_eq!(reply.json(), json!(["1", format!("{ARN}:live")]));
    let both = server.call("POST", "/f:live/invocations?Qualifier=2", json!({})).await;
    assert_eq!((both.status, both.code()), (400, "InvalidParameterValueException"));
    assert_eq!(
        both.json()["Message"],
        "The derived qualifier from the function name does not match the specified qualifier."
    );
    let none = server.invoke("f:nobody", "{}").await;
    assert_eq!((none.status, none.code()), (404, "ResourceNotFoundException"));
    assert_eq!(none.json()["Message"], format!("Function not found: {ARN}:nobody"));
}

#[tokio::test]
async fn the_weights_of_an_alias_are_followed() {
    let server = two_versions().await;
    let routed =
        |weight: f64| json!({ "RoutingConfig": { "AdditionalVersionWeights": { "2": weight } } });
    server.call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    for (weight, expected) in [(0.0, "1"), (1.0, "2")] {
        let described = server.call("PUT", "/f/aliases/live", routed(weight)).await.json();
        assert_eq!(described["RoutingConfig"]["AdditionalVersionWeights"]["2"], weight);
        for _ in 0..20 {
            assert_eq!(
                server.invoke("f:live", "{}").await.header("x-amz-executed-version"),
                Some(expected)
            );
        }
    }
    server.call("PUT", "/f/aliases/live", routed(0.5)).await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let found =
            crate::api::lambda::identifier::resolve(server.service(), "f:live", None).unwrap();
        *counts.entry(found.function.version.clone()).or_default() += 1;
    }
    // Fewer than a quarter of 200 fair draws: probability 10^-13.
    assert!(counts["1"] > 50 && counts["2"] > 50, "{counts:?}");
    let described = server.call("GET", "/f?Qualifier=live", Value::Null).await.json();
    assert_eq!(described["Configuration"]["Version"], "1", "a description draws no version");
    let cleared =
        server.call("PUT", "/f/aliases/live", json!({ "RoutingConfig": {} })).await.json();
    assert!(cleared.get("RoutingConfig").is_none(), "{cleared}");
}

#[tokio::test]
async fn an_event_for_an_alias_runs_its_version() {
    let server = two_versions().await;
    server.call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    let path = "/2015-03-31/functions/f:live/invocations";
    let reply = server
        .client
        .send("POST", path, &[("x-amz-invocation-type", "Event")], b"{}", "lambda")
        .await;
    assert_eq!(reply.status, 202);
    let filter = json!({ "logGroupName": "/aws/lambda/f", "filterPattern": "REPORT" });
    let mut stream = None;
    let has_run = async || {
        let found = server.client.logs("FilterLogEvents", &filter).await.json();
        stream = found["events"][0]["logStreamName"].as_str().map(str::to_owned);
        stream.is_some()
    };
    eventually("the event is run", has_run).await;
    let stream = stream.unwrap();
    assert!(stream.contains("/[1]"), "{stream}");
}

#[tokio::test]
async fn routes_that_lead_nowhere_are_refused() {
    let server = two_versions().await;
    let weights = |version: &str, weights: Value| json!({ "Name": "a", "FunctionVersion": version, "RoutingConfig": { "AdditionalVersionWeights": weights } });
    let cases = [
        (
            weights("1", json!({ "1": 0.1, "2": 0.1 })),
            400,
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            weights("1", json!({ "2": 2.0 })),
            400,
            "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy \
            constraint: Map value must",
        ),
        (weights("1", json!({ "2": -1.0 })), 400, "Value '{2=-1.0}' at"),
        (weights("1", json!({ "$LATEST": 0.5 })), 400, "Map keys must satisfy constraint"),
        (
            weights("1", json!({ "1": 0.5 })),
            400,
            "Function version 1 is already included in routing configuration.",
        ),
        (
            weights("$LATEST", json!({ "1": 0.5 })),
            400,
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (
            weights("1", json!({ "10": 0.5 })),
            404,
            "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:f:10",
        ),
        (weights("10", json!({})), 404, "function:f:10"),
        (
            json!({ "Name": "2024", "FunctionVersion": "1" }),
            400,
            "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        ),
        (json!({ "Name": "a" }), 400, "Value 'null' at 'functionVersion'"),
    ];
    for (body, status, words) in cases {
        let reply = server.call("POST", "/f/aliases", body.clone()).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        assert!(
            reply.json()["Message"].as_str().unwrap().contains(words),
            "{body}: {}",
            reply.text()
        );
    }
    let missing = server.call("PUT", "/f/aliases/none", json!({ "FunctionVersion": "1" })).await;
    assert_eq!(missing.json()["Message"], format!("Alias not found: {ARN}:none"));
    let latest = server
        .call("POST", "/f/aliases", json!({ "Name": "newest", "FunctionVersion": "$LATEST" }))
        .await;
    assert_eq!(latest.status, 201);
    assert_eq!(server.invoke("f:newest", "{}").await.json()[0], "$LATEST");
}

#[tokio::test]
async fn a_version_that_an_alias_leads_to_is_not_deleted() {
    let server = two_versions().await;
    let weights = json!({ "AdditionalVersionWeights": { "2": 0.1 } });
    server
        .call(
            "POST",
            "/f/aliases",
            json!({ "Name": "live", "FunctionVersion": "1", "RoutingConfig": weights }),
        )
        .await;
    for version in ["1", "2"] {
        let reply = server.call("DELETE", &format!("/f?Qualifier={version}"), Value::Null).await;
        assert_eq!(
            (reply.status, reply.code()),
            (409, "ResourceConflictException"),
            "{}",
            reply.text()
        );
        assert_eq!(
            reply.json()["Message"],
            "Unable to delete version because the following aliases reference it: [live]"
        );
    }
    let alias = server.call("DELETE", "/f?Qualifier=live", Value::Null).await;
    assert_eq!((alias.status, alias.code()), (400, "InvalidParameterValueException"));
    server.call("DELETE", "/f/aliases/live", Value::Null).await;
    assert_eq!(server.call("DELETE", "/f?Qualifier=1", Value::Null).await.status, 204);
}

#[tokio::test]
async fn aliases_are_listed_in_pages_and_by_version_and_outlive_the_server() {
    let server = two_versions().await;
    for (name, version) in [("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")] {
        server
            .call("POST", "/f/aliases", json!({ "Name": name, "FunctionVersion": version }))
            .await;
    }
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, crate::tests::quick()).await;
    let names = |page: &Value| -> String {
        page["Aliases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alias| alias["Name"].as_str().unwrap())
            .collect()
    };
    let first =
        server.call("GET", "/f/aliases?FunctionVersion=1&MaxItems=2", Value::Null).await.json();
    assert_eq!(names(&first), "ac");
    let marker = first["NextMarker"].as_str().unwrap();
    let path = format!("/f/aliases?FunctionVersion=1&MaxItems=2&Marker={marker}");
    let second = server.call("GET", &path, Value::Null).await.json();
    assert_eq!((names(&second), second["NextMarker"].as_str()), ("d".to_owned(), None));
    assert_eq!(names(&server.call("GET", "/f/aliases", Value::Null).await.json()), "abcd");
    server.create("g", ECHO).await;
    assert_eq!(names(&server.call("GET", "/g/aliases", Value::Null).await.json()), "");
}
