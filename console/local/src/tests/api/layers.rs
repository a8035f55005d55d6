//! Layers: published, described, merged in the sandbox, and kept while a function uses them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::tests::{ECHO, Server, python, quick, request, zip};

const LAYERS: &str = "/2018-10-31/layers";

/// Publishes a version of a layer. Returns Lambda's description of it.
pub(crate) async fn publish(server: &Server, name: &str, zip: &[u8]) -> Value {
    let body = json!({ "Content": { "ZipFile": STANDARD.encode(zip) } });
    let reply = server.client.lambda("POST", &format!("{LAYERS}/{name}/versions"), &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()
}

async fn get(server: &Server, path: &str) -> crate::tests::Reply {
    server.client.lambda("GET", &format!("{LAYERS}{path}"), &Value::Null).await
}

/// A bootstrap that reports the paths of a program and a library of its layers.
const LOOK: &str = "tells_what_is_in_its_layers()";

#[tokio::test]
async fn layers_are_published_read_listed_and_deleted() {
    let server = Server::start().await;
    let bytes = zip(&[("lib/a", b"1")]);
    let body = json!({
        "Content": { "ZipFile": STANDARD.encode(&bytes) }, "Description": "d", "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["provided.al2023"], "CompatibleArchitectures": ["arm64"],
    });
    let first = server.client.lambda("POST", &format!("{LAYERS}/data/versions"), &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let first = first.json();
    let arn = "arn:aws:lambda:eu-central-1:000000000000:layer:data";
    assert_eq!((&first["LayerArn"], &first["Version"]), (&json!(arn), &json!(1)));
    assert_eq!(first["LayerVersionArn"], format!("{arn}:1"));
    assert_eq!(first["Content"]["CodeSha256"], STANDARD.encode(Sha256::digest(&bytes)));
    assert_eq!(first["Content"]["CodeSize"], bytes.len());
    assert_eq!(
        (&first["LicenseInfo"], &first["CompatibleArchitectures"]),
        (&json!("MIT"), &json!(["arm64"]))
    );
    for n in 2..=4 {
        assert_eq!(publish(&server, "data", &zip(&[("lib/a", &[n])])).await["Version"], n);
    }
    publish(&server, "other", &bytes).await;
    let described = |reply: Value| {
        let mut value = reply;
        value["Content"].as_object_mut().unwrap().remove("Location");
        value
    };
    assert_eq!(described(get(&server, "/data/versions/1").await.json()), described(first.clone()));
    let encoded = format!("{arn}:1").replace(':', "%3A");
    assert_eq!(
        described(get(&server, &format!("?find=LayerVersion&Arn={encoded}")).await.json()),
        described(first)
    );
    let page = get(&server, "/data/versions?MaxItems=3").await.json();
    let numbers = |page: &Value| -> Vec<u64> {
        page["LayerVersions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["Version"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&page), [4, 3, 2]);
    let marker = page["NextMarker"].as_str().unwrap();
    let rest = get(&server, &format!("/data/versions?MaxItems=3&Marker={marker}")).await.json();
    assert_eq!((numbers(&rest), rest["NextMarker"].as_str()), (vec![1], None));
    let all = get(&server, "").await.json();
    let names: Vec<_> =
        all["Layers"].as_array().unwrap().iter().map(|layer| layer["LayerName"].clone()).collect();
    assert_eq!(names, ["data", "other"]);
    assert_eq!(all["Layers"][0]["LatestMatchingVersion"]["Version"], 4);
    let arm = get(&server, "?CompatibleArchitecture=arm64").await.json();
    assert_eq!(arm["Layers"][0]["LatestMatchingVersion"]["Version"], 1);
    for _ in 0..2 {
        let path = format!("{LAYERS}/data/versions/4");
        assert_eq!(server.client.lambda("DELETE", &path, &Value::Null).await.status, 204);
    }
    let gone = get(&server, "/data/versions/4").await;
    assert_eq!(
        (gone.status, &gone.json()["Message"]),
        (404, &json!("The resource you requested does not exist."))
    );
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert_eq!(publish(&server, "data", &bytes).await["Version"], 5, "a number is given once");
    assert_eq!(get(&server, "/none/versions").await.json()["LayerVersions"], json!([]));
}

#[tokio::test]
async fn a_function_finds_its_layers_where_it_looks_and_the_later_one_wins() {
    let server = Server::start().await;
    let one = publish(
        &server,
        "one",
        &zip(&[("lib/a", b"a1"), ("shared", b"one"), ("bin/layer-tool", b"#!/bin/sh\n")]),
    )
    .await;
    let two = publish(&server, "two", &zip(&[("lib/b", b"b2"), ("shared", b"two")])).await;
    let layers = |used: &[&Value]| json!({ "Layers": used.iter().map(|l| &l["LayerVersionArn"]).collect::<Vec<_>>() });
    let created = server.create_with("f", LOOK, layers(&[&one, &two])).await;
    let expected = json!([
        { "Arn": one["LayerVersionArn"], "CodeSize": one["Content"]["CodeSize"] },
        { "Arn": two["LayerVersionArn"], "CodeSize": two["Content"]["CodeSize"] },
    ]);
    assert_eq!(created["Layers"], expected);
    let both =
        json!({ "lib/a": "a1", "lib/b": "b2", "shared": "two", "tool": true, "libraries": true });
    assert_eq!(server.invoke("f", "{}").await.json(), both);
    server.publish("f").await;
    for layer in ["one", "two"] {
        server.client.lambda("DELETE", &format!("{LAYERS}/{layer}/versions/1"), &Value::Null).await;
    }
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    assert_eq!(
        server.invoke("f", "{}").await.json(),
        both,
        "a deleted layer stays for those that use it"
    );
    let three = publish(&server, "three", &zip(&[("shared", b"three")])).await;
    server.configure("f", layers(&[&three])).await;
    let only =
        json!({ "lib/a": null, "lib/b": null, "shared": "three", "tool": null, "libraries": true });
    assert_eq!(server.invoke("f", "{}").await.json(), only);
    assert_eq!(server.invoke("f:1", "{}").await.json(), both);
    assert!(server.configure("f", json!({ "Layers": [] })).await.get("Layers").is_none());
    assert_eq!(server.invoke("f", "{}").await.json()["shared"], Value::Null);
}

#[tokio::test]
async fn a_bootstrap_may_come_from_a_layer_and_none_at_all_is_reported_as_on_aws() {
    let server = Server::start().await;
    let runtime = publish(&server, "runtime", &python(ECHO)).await;
    let data = zip(&[("data", b"x")]);
    let create = request("f", &data, json!({ "Layers": [runtime["LayerVersionArn"]] }));
    assert_eq!(server.call("POST", "", create).await.status, 201);
    server.settled("f").await;
    assert_eq!(server.invoke("f", "5").await.text(), "5");
    assert_eq!(server.call("POST", "", request("g", &data, json!({}))).await.status, 201);
    server.settled("g").await;
    let error = server.invoke("g", "5").await.json();
    assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        "{message}"
    );
}

#[tokio::test]
async fn layers_that_do_not_fit_are_refused() {
    let server = Server::start().await;
    for n in 1..=2 {
        publish(&server, "a", &zip(&[("x", &[n])])).await;
    }
    let arn = |name: &str, version: u32| {
        format!("arn:aws:lambda:eu-central-1:000000000000:layer:{name}:{version}")
    };
    let cases = [
        ((1..=6).map(|n| arn("a", n)).collect(), "Cannot reference more than 5 layers.".to_owned()),
        (vec![arn("none", 1)], format!("Layer version {} does not exist.", arn("none", 1))),
        (vec![arn("a", 9)], format!("Layer version {} does not exist.", arn("a", 9))),
        (
            vec![arn("a", 1), arn("a", 2)],
            format!(
                "Two different versions of the same layer are not allowed to be referenced in the \
                same function. {} and {} are versions of the same layer.",
                arn("a", 1),
                arn("a", 2)
            ),
        ),
        (
            vec!["arn:aws:lambda:us-east-1:000000000000:layer:a:1".to_owned()],
            "Layers are not in the same region as the function. Layers are expected to be in \
            region eu-central-1."
                .to_owned(),
        ),
    ];
    for (layers, words) in cases {
        let layers: Vec<String> = layers;
        let reply =
            server.call("POST", "", request("f", &python(ECHO), json!({ "Layers": layers }))).await;
        assert_eq!((reply.status, reply.code()), (400, "InvalidParameterValueException"));
        assert_eq!(reply.json()["Message"], words);
    }
    let unversioned = ["arn:aws:lambda:eu-central-1:000000000000:layer:a"];
    let reply = server
        .call("POST", "", request("f", &python(ECHO), json!({ "Layers": unversioned })))
        .await;
    assert_eq!((reply.status, reply.code()), (400, "ValidationException"));
    for number in ["0", "-1"] {
        let reply = get(&server, &format!("/a/versions/{number}")).await;
        assert_eq!(reply.json()["Message"], "Layer Version Cannot be less than 1");
    }
    let bad = get(&server, "?CompatibleArchitecture=mips").await;
    assert_eq!((bad.status, bad.code()), (400, "ValidationException"));
    let short = get(
        &server,
        "?find=LayerVersion&Arn=arn%3Aaws%3Alambda%3Aeu-central-1%3A000000000000%3Alayer%3Aa",
    )
    .await;
    assert_eq!((short.status, short.code()), (400, "ValidationException"));
    let many = get(&server, "?MaxItems=51").await;
    assert!(
        many.text().contains("Member must have value less than or equal to 50"),
        "{}",
        many.text()
    );
}

/// A zip whose central directory gives its only file this size.
fn claiming(size: u32) -> Vec<u8> {
    let mut bytes = zip(&[("bootstrap", b"#!/bin/sh\n")]);
    let entry = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[tokio::test]
async fn a_function_and_its_layers_have_250_mb_together() {
    let server = Server::start().await;
    let layers = [
        publish(&server, "a", &claiming(130_000_000)).await,
        publish(&server, "b", &claiming(130_000_000)).await,
    ];
    let layers: Vec<_> = layers.iter().map(|layer| &layer["LayerVersionArn"]).collect();
    let create = request("f", &claiming(2_200_000), json!({ "Layers": layers }));
    let reply = server.call("POST", "", create).await;
    assert_eq!(
        (reply.status, reply.code()),
        (400, "InvalidParameterValueException"),
        "{}",
        reply.text()
    );
    assert_eq!(
        reply.json()["Message"],
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. \
        The actual size is 262200000 bytes."
    );
    let fits = server
        .call("POST", "", request("f", &claiming(2_144_000), json!({ "Layers": layers })))
        .await;
    assert_eq!(fits.status, 201, "{}", fits.text());
    assert_eq!(server.settled("f").await["State"], "Active");
    assert_eq!(server.call("POST", "", request("g", &claiming(9), json!({}))).await.status, 201);
    let described = server.settled("g").await;
    assert_eq!(
        described["StateReasonCode"], "InvalidZipFileException",
        "it holds a byte more than its header has: {described}"
    );
}
