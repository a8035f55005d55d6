//! `Pending`, `Active`, `InProgress`, `Failed`: the calls that each allows, and that each ends. The
//! tests hold a function in a state by taking all permits to unpack code.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::tests::{ECHO, Server, eventually, python, quick, request, zip};

const IN_PROGRESS: &str = "The operation cannot be performed at this time. An update is in \
    progress for resource: arn:aws:lambda:eu-central-1:000000000000:function:f";
const PENDING: &str = "The operation cannot be performed at this time. The function is currently \
    in the following state: Pending";

/// A zip with a valid central directory and a damaged file.
fn damaged() -> Vec<u8> {
    let mut bytes = zip(&[("bootstrap", &[b'x'; 300])]);
    // In the middle of the only file's data.
    bytes[45] ^= 0xff;
    bytes
}

#[tokio::test]
async fn a_function_is_pending_until_its_code_is_there() {
    let server = Server::start().await;
    let turns = server.service().codes.turns.acquire_many(2).await.unwrap();
    let created = server.call("POST", "", request("f", &python(ECHO), json!({}))).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    assert_eq!(
        (&created["State"], &created["StateReason"], &created["StateReasonCode"]),
        (&json!("Pending"), &json!("The function is being created."), &json!("Creating"))
    );
    assert!(created.get("LastUpdateStatus").is_none(), "{created}");
    for (method, path) in [
        ("POST", "/f/invocations"),
        ("PUT", "/f/configuration"),
        ("PUT", "/f/code"),
        ("POST", "/f/versions"),
    ] {
        let refused =
            server.call(method, path, json!({ "ZipFile": STANDARD.encode(python(ECHO)) })).await;
        assert_eq!((refused.status, refused.code()), (409, "ResourceConflictException"), "{path}");
        assert_eq!(refused.json()["Message"], PENDING, "{path}");
    }
    drop(turns);
    let described = server.settled("f").await;
    assert_eq!(
        (&described["State"], &described["LastUpdateStatus"]),
        (&json!("Active"), &json!("Successful"))
    );
    assert!(described.get("StateReason").is_none());
    assert_ne!(described["RevisionId"], created["RevisionId"], "as on AWS");
    assert_eq!(server.invoke("f", "1").await.text(), "1");
}

#[tokio::test]
async fn what_was_there_before_runs_until_an_update_is_done_and_another_is_a_conflict() {
    let server = Server::start().await;
    server
        .create_with(
            "f",
            "tells_who_it_is()",
            json!({ "Environment": { "Variables": { "WHO": "one" } } }),
        )
        .await;
    assert_eq!(server.invoke("f", "{}").await.text(), "one");
    let turns = server.service().codes.turns.acquire_many(2).await.unwrap();
    let change = json!({ "Environment": { "Variables": { "WHO": "two" } } });
    let changed = server.call("PUT", "/f/configuration", change.clone()).await.json();
    assert_eq!(
        (&changed["State"], &changed["LastUpdateStatus"]),
        (&json!("Active"), &json!("InProgress"))
    );
    assert_eq!(changed["Environment"]["Variables"]["WHO"], "two");
    let code = json!({ "ZipFile": STANDARD.encode(python(ECHO)) });
    for (method, path, body) in [
        ("PUT", "/f/configuration", change),
        ("PUT", "/f/code", code),
        ("POST", "/f/versions", json!({})),
    ] {
        let refused = server.call(method, path, body).await;
        assert_eq!((refused.status, refused.code()), (409, "ResourceConflictException"), "{path}");
        assert_eq!(refused.json()["Message"], IN_PROGRESS, "{path}");
    }
    assert_eq!(server.invoke("f", "{}").await.text(), "one", "as on AWS");
    let tag = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-central-1%3A000000000000%3Afunction%3Af";
    assert_eq!(
        server.client.lambda("POST", tag, &json!({ "Tags": { "a": "1" } })).await.status,
        204
    );
    drop(turns);
    let described = server.settled("f").await;
    assert_eq!(described["LastUpdateStatus"], "Successful");
    assert_eq!(server.invoke("f", "{}").await.text(), "two");
    let tags = server.client.lambda("GET", tag, &Value::Null).await.json();
    assert_eq!(tags["Tags"], json!({ "a": "1" }), "what changed meanwhile stays");
}

#[tokio::test]
async fn code_that_cannot_be_unpacked_fails_the_creation_and_an_update_fixes_it() {
    let server = Server::start().await;
    let created =
        server.call("POST", "", request("f", &damaged(), json!({ "Publish": true }))).await;
    assert_eq!((created.status, &created.json()["State"]), (201, &json!("Pending")));
    let described = server.settled("f").await;
    assert_eq!(
        (&described["State"], &described["StateReasonCode"]),
        (&json!("Failed"), &json!("InvalidZipFileException"))
    );
    assert!(
        described["StateReason"].as_str().unwrap().contains("Could not unzip uploaded file"),
        "{described}"
    );
    assert_eq!(server.settled("f?Qualifier=1").await["State"], "Failed");
    let refused = server.invoke("f", "1").await;
    assert_eq!((refused.status, refused.code()), (409, "ResourceConflictException"));
    assert!(refused.text().contains("following state: Failed"), "{}", refused.text());
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert_eq!(server.settled("f").await["State"], "Failed", "it is remembered");
    let code = json!({ "ZipFile": STANDARD.encode(python(ECHO)) });
    assert_eq!(server.call("PUT", "/f/code", code).await.status, 200);
    assert_eq!(server.settled("f").await["State"], "Active");
    assert_eq!(server.invoke("f", "2").await.text(), "2");
}

#[tokio::test]
async fn an_update_that_fails_leaves_what_was_there() {
    let server = Server::start().await;
    let created = server.create("f", ECHO).await;
    let code = json!({ "ZipFile": STANDARD.encode(damaged()) });
    assert_eq!(server.call("PUT", "/f/code", code).await.json()["LastUpdateStatus"], "InProgress");
    let described = server.settled("f").await;
    assert_eq!(
        (&described["State"], &described["LastUpdateStatus"]),
        (&json!("Active"), &json!("Failed"))
    );
    assert_eq!(described["LastUpdateStatusReasonCode"], "InvalidZipFileException");
    assert_eq!(described["CodeSha256"], created["CodeSha256"]);
    assert_eq!(server.invoke("f", "3").await.text(), "3");
    let kept = std::fs::read_dir(server.dir.path().join("code")).unwrap().count();
    assert_eq!(kept, 2, "the damaged zip is gone");
    assert_eq!(
        server.configure("f", json!({ "Timeout": 9 })).await["LastUpdateStatus"],
        "Successful"
    );
}

#[tokio::test]
async fn what_a_server_left_in_progress_is_done_by_the_next_one() {
    let server = Server::start().await;
    let layer = super::layers::publish(&server, "data", &zip(&[("data", b"x")])).await;
    let layers = json!({ "Layers": [layer["LayerVersionArn"]] });
    server.create_with("f", ECHO, layers.clone()).await;
    server.create_with("h", ECHO, layers.clone()).await;
    server.service().codes.turns.acquire_many(2).await.unwrap().forget();
    assert_eq!(server.call("PUT", "/h/configuration", json!({ "Layers": [] })).await.status, 200);
    let other = python("answers_other()");
    let code = json!({ "ZipFile": STANDARD.encode(&other) });
    assert_eq!(server.call("PUT", "/f/code", code).await.status, 200);
    assert_eq!(server.call("POST", "", request("g", &python(ECHO), json!({}))).await.status, 201);
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    for name in ["f", "g", "h"] {
        let described =
            server.call("GET", &format!("/{name}/configuration"), Value::Null).await.json();
        assert_eq!(
            (&described["State"], &described["LastUpdateStatus"]),
            (&json!("Active"), &json!("Successful")),
            "{name}"
        );
    }
    assert_eq!(server.invoke("f", "1").await.text(), "\"other\"");
    assert_eq!(server.invoke("g", "1").await.text(), "1");
    let kept = std::fs::read_dir(server.dir.path().join("code")).unwrap().count();
    assert_eq!(kept, 6, "two zips of functions and one of a layer, unpacked");
    assert!(server.configure("f", json!({ "Layers": [] })).await.get("Layers").is_none());
    assert_eq!(
        server.configure("h", layers).await["LastUpdateStatus"],
        "Successful",
        "the layer is still there"
    );
}

#[tokio::test]
async fn a_function_deleted_while_it_is_pending_leaves_nothing() {
    let server = Server::start().await;
    let turns = server.service().codes.turns.acquire_many(2).await.unwrap();
    assert_eq!(server.call("POST", "", request("f", &python(ECHO), json!({}))).await.status, 201);
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    drop(turns);
    let code = server.dir.path().join("code");
    eventually("its code goes", async || std::fs::read_dir(&code).unwrap().count() == 0).await;
    assert_eq!(server.call("GET", "/f", Value::Null).await.status, 404);
}
