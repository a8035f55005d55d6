//! Lifecycle of functions: create, read, list, update, tag, delete, and the requests that are
//! refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::tests::{ECHO, Server, eventually, python, request, zip};

const FUNCTIONS: &str = "/2015-03-31/functions";

#[tokio::test]
async fn a_function_is_created_read_and_deleted() {
    let server = Server::start().await;
    let zip = python(ECHO);
    let settings = json!({
        "Description": "echoes", "Timeout": 7, "MemorySize": 256, "Architectures": ["arm64"],
        "Environment": { "Variables": { "COLOUR": "blue" } }, "Tags": { "team": "a" },
    });
    let created = server.client.lambda("POST", FUNCTIONS, &request("echo", &zip, settings)).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.json()["State"], "Pending");
    let created = server.settled("echo").await;
    let sha256 = STANDARD.encode(Sha256::digest(&zip));
    assert_eq!(created["CodeSha256"], sha256);
    assert_eq!(created["CodeSize"], zip.len());
    assert_eq!(created["FunctionArn"], "arn:aws:lambda:eu-central-1:000000000000:function:echo");
    assert_eq!(
        (&created["State"], &created["LastUpdateStatus"]),
        (&json!("Active"), &json!("Successful"))
    );
    assert_eq!((&created["Timeout"], &created["MemorySize"]), (&json!(7), &json!(256)));
    assert_eq!(
        created["LoggingConfig"],
        json!({ "LogFormat": "Text", "LogGroup": "/aws/lambda/echo" })
    );
    for name in [
        "echo",
        "arn%3Aaws%3Alambda%3Aeu-central-1%3A000000000000%3Afunction%3Aecho",
        "000000000000:function:echo",
        "000000000000:echo",
    ] {
        let got = server.client.lambda("GET", &format!("{FUNCTIONS}/{name}"), &Value::Null).await;
        assert_eq!(got.status, 200, "{name}: {}", got.text());
        assert_eq!(got.json()["Configuration"], created);
        assert_eq!(got.json()["Tags"], json!({ "team": "a" }));
    }
    let configuration =
        server.client.lambda("GET", &format!("{FUNCTIONS}/echo/configuration"), &Value::Null).await;
    assert_eq!(configuration.json(), created);
    assert_eq!(
        server.client.lambda("DELETE", &format!("{FUNCTIONS}/echo"), &Value::Null).await.status,
        204
    );
    let gone = server.client.lambda("GET", &format!("{FUNCTIONS}/echo"), &Value::Null).await;
    assert_eq!((gone.status, gone.code()), (404, "ResourceNotFoundException"));
    assert_eq!(
        gone.json()["Message"],
        "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:echo"
    );
    let left = || std::fs::read_dir(server.dir.path().join("code")).unwrap().collect::<Vec<_>>();
    eventually("the code of a deleted function goes", async || left().is_empty()).await;
}

#[tokio::test]
async fn functions_are_listed_in_pages() {
    let server = Server::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        server.create(name, ECHO).await;
    }
    let (mut names, mut marker, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("{FUNCTIONS}/?MaxItems=2{marker}");
        let page = server.client.lambda("GET", &path, &Value::Null).await.json();
        names.extend(
            page["Functions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["FunctionName"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["NextMarker"].as_str() {
            Some(next) => marker = format!("&Marker={next}"),
            None => break,
        }
    }
    assert_eq!((names.join(""), pages), ("abcde".to_owned(), 3));
}

#[tokio::test]
async fn a_second_function_of_a_name_is_a_conflict() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let again =
        server.client.lambda("POST", FUNCTIONS, &request("echo", &python(ECHO), json!({}))).await;
    assert_eq!((again.status, again.code()), (409, "ResourceConflictException"));
    assert_eq!(again.json()["Message"], "Function already exist: echo");
}

#[tokio::test]
async fn settings_out_of_bounds_are_refused_and_nothing_is_made() {
    let server = Server::start().await;
    let long = "x".repeat(5000);
    let cases = [
        (json!({ "FunctionName": "no spaces" }), "ValidationException"),
        (json!({ "FunctionName": "x".repeat(65) }), "ValidationException"),
        (json!({ "FunctionName": "../up" }), "ValidationException"),
        (json!({ "MemorySize": 127 }), "ValidationException"),
        (json!({ "MemorySize": 10241 }), "ValidationException"),
        (json!({ "Timeout": 0 }), "ValidationException"),
        (json!({ "Timeout": 901 }), "ValidationException"),
        (json!({ "Role": "me" }), "ValidationException"),
        (json!({ "Role": null }), "ValidationException"),
        (json!({ "Handler": null }), "ValidationException"),
        (json!({ "Architectures": ["arm64", "x86_64"] }), "ValidationException"),
        (json!({ "Architectures": ["mips"] }), "ValidationException"),
        (json!({ "Runtime": "python3.13" }), "InvalidParameterValueException"),
        (json!({ "PackageType": "Image" }), "InvalidParameterValueException"),
        (
            json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } }),
            "InvalidParameterValueException",
        ),
        (
            json!({ "Environment": { "Variables": { "BIG": long } } }),
            "InvalidParameterValueException",
        ),
        (json!({ "Environment": { "Variables": { "1BAD": "x" } } }), "ValidationException"),
        (json!({ "Code": {} }), "InvalidParameterValueException"),
        (json!({ "Code": { "S3Bucket": "b", "S3Key": "k" } }), "InvalidParameterValueException"),
        (json!({ "Code": { "ZipFile": "%%%" } }), "SerializationException"),
        (json!({ "Timeout": "soon" }), "SerializationException"),
    ];
    for (settings, code) in cases {
        let reply = server
            .client
            .lambda("POST", FUNCTIONS, &request("f", &python(ECHO), settings.clone()))
            .await;
        assert_eq!((reply.status, reply.code()), (400, code), "{settings}: {}", reply.text());
        assert!(!reply.text().contains(&long), "an environment value is in an error");
    }
    let listed = server.client.lambda("GET", FUNCTIONS, &Value::Null).await.json();
    assert_eq!(listed["Functions"], json!([]));
}

#[tokio::test]
async fn a_zip_that_climbs_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let cases: [(&[u8], &str); 5] = [
        (b"no zip", "Could not unzip uploaded file"),
        (b"", "Uploaded file must be a non-empty zip"),
        (&zip(&[]), "Uploaded file must be a non-empty zip"),
        (&zip(&[("bootstrap", b"#!/bin/sh"), ("../../evil", b"x")]), "is outside of the zip"),
        (&zip(&[("bootstrap", b"#!/bin/sh"), ("/tmp/evil", b"x")]), "is outside of the zip"),
    ];
    for (bytes, words) in cases {
        let reply = server.client.lambda("POST", FUNCTIONS, &request("f", bytes, json!({}))).await;
        assert_eq!((reply.status, reply.code()), (400, "InvalidParameterValueException"));
        assert!(reply.json()["Message"].as_str().unwrap().contains(words), "{}", reply.text());
    }
    let left: Vec<_> = std::fs::read_dir(server.dir.path().join("code")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!server.dir.path().join("evil").exists());
}

#[tokio::test]
async fn a_change_counts_for_the_next_invocation_and_a_stale_revision_is_refused() {
    let server = Server::start().await;
    let created = server.create("f", "tells_who_it_is()").await;
    assert_eq!(server.invoke("f", "{}").await.text(), "one");
    let change = json!({ "Environment": { "Variables": { "WHO": "two" } }, "RevisionId": created["RevisionId"] });
    let path = format!("{FUNCTIONS}/f/configuration");
    let changed = server.client.lambda("PUT", &path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    server.settled("f").await;
    assert_ne!(changed.json()["RevisionId"], created["RevisionId"]);
    assert_eq!(server.invoke("f", "{}").await.text(), "two");
    let stale = server.client.lambda("PUT", &path, &change).await;
    assert_eq!((stale.status, stale.code()), (412, "PreconditionFailedException"));
    let zip = STANDARD.encode(python(ECHO));
    let code = format!("{FUNCTIONS}/f/code");
    let dry = server.client.lambda("PUT", &code, &json!({ "ZipFile": zip, "DryRun": true })).await;
    assert_eq!(dry.status, 200);
    assert_eq!(server.invoke("f", "3").await.text(), "two");
    let updated = server
        .client
        .lambda("PUT", &code, &json!({ "ZipFile": zip, "Architectures": ["arm64"] }))
        .await;
    assert_eq!(updated.json()["Architectures"], json!(["arm64"]));
    server.settled("f").await;
    assert_eq!(server.invoke("f", "3").await.text(), "3");
    let bad = server.client.lambda("PUT", &code, &json!({ "ZipFile": "bm8gemlw" })).await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidParameterValueException"));
    assert_eq!(server.invoke("f", "4").await.text(), "4", "the old code is still there");
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let path = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A000000000000%3Afunction%3Af";
    assert_eq!(
        server.client.lambda("POST", path, &json!({ "Tags": { "a": "1", "b": "2" } })).await.status,
        204
    );
    let remove = format!("{path}?tagKeys=a");
    assert_eq!(server.client.lambda("DELETE", &remove, &Value::Null).await.status, 204);
    assert_eq!(
        server.client.lambda("GET", path, &Value::Null).await.json(),
        json!({ "Tags": { "b": "2" } })
    );
}

#[tokio::test]
async fn an_operation_that_is_not_served_is_refused_by_name() {
    let server = Server::start().await;
    let reply =
        server.client.lambda("POST", "/2015-03-31/event-source-mappings", &Value::Null).await;
    assert_eq!((reply.status, reply.code()), (404, "UnknownOperationException"));
    server.create("f", ECHO).await;
    let version =
        server.client.lambda("GET", &format!("{FUNCTIONS}/f?Qualifier=7"), &Value::Null).await;
    assert_eq!((version.status, version.code()), (404, "ResourceNotFoundException"));
}
