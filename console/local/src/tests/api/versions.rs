//! Published versions: each with its own immutable code and settings.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::tests::{ECHO, Server, eventually, python, quick, request};

/// A bootstrap that answers with its version, its variable `WHO` and its log stream.
const WHO: &str = "tells_its_version()";

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:f";

#[tokio::test]
async fn a_version_stays_as_it_was_published() {
    let server = Server::start().await;
    server.create_with("f", WHO, json!({ "Environment": { "Variables": { "WHO": "one" } } })).await;
    let described = server.call("POST", "/f/versions", json!({ "Description": "the first" })).await;
    assert_eq!(described.status, 201, "{}", described.text());
    let described = described.json();
    assert_eq!(
        (&described["Version"], &described["Description"]),
        (&json!("1"), &json!("the first"))
    );
    assert_eq!(described["FunctionArn"], format!("{ARN}:1"));
    server
        .configure(
            "f",
            json!({ "Environment": { "Variables": { "WHO": "two" } }, "MemorySize": 256 }),
        )
        .await;
    let code = json!({ "ZipFile": STANDARD.encode(python(ECHO)) });
    assert_eq!(server.call("PUT", "/f/code", code).await.status, 200);
    server.settled("f").await;
    assert_eq!(server.invoke("f", "7").await.text(), "7");
    let reply = server.invoke("f:1", "{}").await;
    assert_eq!(reply.header("x-amz-executed-version"), Some("1"));
    let answer = reply.json();
    assert_eq!((&answer["version"], &answer["who"]), (&json!("1"), &json!("one")));
    assert_eq!(answer["arn"], format!("{ARN}:1"));
    assert!(answer["stream"].as_str().unwrap().contains("/[1]"), "{answer}");
    assert!(reply.tail().contains(" Version: 1\n"), "{}", reply.tail());
    let got = server.call("GET", "/f/configuration?Qualifier=1", Value::Null).await.json();
    assert_eq!(got, described);
    let latest = server.call("GET", "/f?Qualifier=$LATEST", Value::Null).await.json();
    assert_eq!(latest["Configuration"]["FunctionArn"], format!("{ARN}:$LATEST"));
    assert_eq!(latest["Configuration"]["MemorySize"], 256);
}

#[tokio::test]
async fn a_change_of_latest_leaves_the_warm_sandboxes_of_versions_alone() {
    let server = Server::start().await;
    server.create("f", WHO).await;
    server.publish("f").await;
    let version = server.invoke("f:1", "{}").await.json();
    let latest = server.invoke("f", "{}").await.json();
    assert_ne!(version["pid"], latest["pid"], "versions do not share sandboxes");
    server.configure("f", json!({ "MemorySize": 256 })).await;
    assert_eq!(server.invoke("f:1", "{}").await.json()["pid"], version["pid"]);
    assert_ne!(server.invoke("f", "{}").await.json()["pid"], latest["pid"]);
}

#[tokio::test]
async fn publishing_what_is_published_gives_the_last_version_again() {
    let server = Server::start().await;
    let created = server.create("f", ECHO).await;
    assert_eq!(server.publish("f").await, "1");
    let again = server.call("POST", "/f/versions", json!({ "Description": "other" })).await.json();
    assert_eq!((&again["Version"], &again["Description"]), (&json!("1"), &json!("")));
    server.configure("f", json!({ "Description": "new" })).await;
    assert_eq!(server.publish("f").await, "2");
    let stale =
        server.call("POST", "/f/versions", json!({ "RevisionId": created["RevisionId"] })).await;
    assert_eq!((stale.status, stale.code()), (412, "PreconditionFailedException"));
    let wrong = server.call("POST", "/f/versions", json!({ "CodeSha256": "nonsense" })).await;
    assert_eq!((wrong.status, wrong.code()), (400, "InvalidParameterValueException"));
    assert!(
        wrong
            .text()
            .contains("CodeSHA256 (nonsense) is different from current CodeSHA256 in $LATEST (")
    );
    let right =
        server.call("POST", "/f/versions", json!({ "CodeSha256": created["CodeSha256"] })).await;
    assert_eq!(right.json()["Version"], "2");
}

#[tokio::test]
async fn a_creation_and_an_update_publish_on_request() {
    let server = Server::start().await;
    let create = request("f", &python(WHO), json!({ "Publish": true }));
    let created = server.call("POST", "", create).await;
    assert_eq!(created.json()["Version"], "1", "{}", created.text());
    assert_eq!(created.json()["FunctionArn"], ARN);
    let settled = server.settled("f?Qualifier=1").await;
    assert_eq!((&settled["State"], &settled["Version"]), (&json!("Active"), &json!("1")));
    let code = json!({ "ZipFile": STANDARD.encode(python(ECHO)), "Publish": true });
    let updated = server.call("PUT", "/f/code", code.clone()).await.json();
    assert_eq!(
        (&updated["Version"], &updated["FunctionArn"]),
        (&json!("2"), &json!(format!("{ARN}:2")))
    );
    server.settled("f?Qualifier=2").await;
    server.settled("f").await;
    assert_eq!(server.invoke("f:1", "{}").await.json()["version"], "1");
    assert_eq!(server.invoke("f:2", "5").await.text(), "5");
    let same = server.call("PUT", "/f/code", code).await.json();
    assert_eq!(same["Version"], "2", "nothing changed since");
}

#[tokio::test]
async fn versions_are_listed_in_pages_and_deleted_one_by_one() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    for n in 1..=12 {
        server.configure("f", json!({ "Description": format!("{n}") })).await;
        assert_eq!(server.publish("f").await, n.to_string());
    }
    assert_eq!(server.call("DELETE", "/f?Qualifier=3", Value::Null).await.status, 204);
    assert_eq!(server.call("DELETE", "/f?Qualifier=99", Value::Null).await.status, 204);
    assert_eq!(server.call("GET", "/f?Qualifier=3", Value::Null).await.status, 404);
    let mut described = Vec::new();
    let mut marker = String::new();
    loop {
        let page = server
            .call("GET", &format!("/f/versions?MaxItems=5{marker}"), Value::Null)
            .await
            .json();
        for version in page["Versions"].as_array().unwrap() {
            assert!(
                version["FunctionArn"]
                    .as_str()
                    .unwrap()
                    .ends_with(version["Version"].as_str().unwrap())
            );
            assert!(version.get("State").is_none(), "lists tell no state");
            described.push(version["Version"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["NextMarker"].as_str() else { break };
        marker = format!("&Marker={next}");
    }
    assert_eq!(described.join(" "), "$LATEST 1 2 4 5 6 7 8 9 10 11 12");
    server.configure("f", json!({ "Description": "last" })).await;
    assert_eq!(server.call("DELETE", "/f?Qualifier=12", Value::Null).await.status, 204);
    assert_eq!(server.publish("f").await, "13", "a number is given once");
    let all = server.call("GET", "?FunctionVersion=ALL", Value::Null).await.json();
    assert_eq!(all["Functions"].as_array().unwrap().len(), 12);
    let unknown = server.call("GET", "?FunctionVersion=SOME", Value::Null).await;
    assert_eq!((unknown.status, unknown.code()), (400, "ValidationException"));
    let latest = server.call("DELETE", "/f?Qualifier=$LATEST", Value::Null).await;
    assert_eq!(
        latest.json()["Message"],
        "$LATEST version cannot be deleted without deleting the function."
    );
}

#[tokio::test]
async fn versions_outlive_the_server_and_their_code_goes_with_the_last_of_them() {
    let server = Server::start().await;
    server.create("f", WHO).await;
    server.publish("f").await;
    let code = json!({ "ZipFile": STANDARD.encode(python(ECHO)) });
    assert_eq!(server.call("PUT", "/f/code", code).await.status, 200);
    let described = server.settled("f").await;
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert_eq!(server.settled("f").await, described, "with its revision");
    assert_eq!(server.invoke("f:1", "{}").await.json()["version"], "1");
    assert_eq!(server.invoke("f", "8").await.text(), "8");
    let kept = || std::fs::read_dir(server.dir.path().join("code")).unwrap().count();
    assert_eq!(kept(), 4, "two zips, unpacked");
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    // The killed sandboxes keep their code until they have ended.
    eventually("their code goes", async || kept() == 0).await;
}

#[tokio::test]
async fn a_state_file_of_before_there_were_versions_is_still_read() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    server.local.shutdown().await;
    let functions = server.dir.path().join("functions");
    let file = std::fs::read_dir(&functions).unwrap().next().unwrap().unwrap().path();
    let mut state: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let known = [
        "name",
        "role",
        "handler",
        "runtime",
        "description",
        "timeout",
        "memory",
        "environment",
        "architecture",
        "logging",
        "tags",
        "other",
        "code",
        "code_size",
        "revision",
        "modified",
    ];
    state.as_object_mut().unwrap().retain(|field, _| known.contains(&field.as_str()));
    std::fs::write(&file, state.to_string()).unwrap();
    let code =
        server.dir.path().join("code").join(format!("{}.zip", state["code"].as_str().unwrap()));
    std::fs::remove_file(code).unwrap();
    let server = Server::start_in(server.dir, quick()).await;
    let described = server.settled("f").await;
    assert_eq!((&described["State"], &described["Version"]), (&json!("Active"), &json!("$LATEST")));
    assert_eq!(described["RevisionId"], state["revision"]);
    assert_eq!(server.invoke("f", "4").await.text(), "4");
    assert_eq!(server.publish("f").await, "1");
}
