//! Extra calls and parameters of AWS's clients: settings without an effect here, and operations
//! that are not served.

use serde_json::{Value, json};

use crate::tests::{ECHO, Reply, Server};

async fn ask(server: &Server, method: &str, path: &str, body: Value) -> Reply {
    server.client.lambda(method, path, &body).await
}

#[tokio::test]
async fn what_is_not_served_is_refused_with_what_is() {
    let server = Server::start().await;
    let refused = ask(&server, "POST", "/2015-03-31/event-source-mappings", json!({})).await;
    assert_eq!((refused.status, refused.code()), (404, "UnknownOperationException"));
    let text = refused.text();
    assert!(
        text.contains("does not serve POST /2015-03-31/event-source-mappings. It serves: "),
        "{text}"
    );
    assert!(
        text.contains("CreateFunction, ") && text.contains("UpdateFunctionUrlConfig."),
        "{text}"
    );
    let refused = server.client.logs("StartQuery", &json!({})).await;
    assert_eq!(
        (refused.status, refused.json()["__type"].as_str()),
        (400, Some("UnknownOperationException"))
    );
    for operation in
        refused.text().split("It serves: ").nth(1).unwrap().split('.').next().unwrap().split(", ")
    {
        let reply = server.client.logs(operation, &json!({})).await;
        assert_ne!(reply.code(), "UnknownOperationException", "{operation}");
    }
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let refused = server.client.send("POST", "/", &target, b"{}", "dynamodb").await;
    assert!(refused.text().contains("does not serve dynamodb"), "{}", refused.text());
}

#[tokio::test]
async fn runtime_management_is_kept_for_each_version() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let path = "/2021-07-20/functions/f/runtime-management-config";
    let first = ask(&server, "GET", path, Value::Null).await.json();
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:f";
    assert_eq!(first, json!({ "UpdateRuntimeOn": "Auto", "FunctionArn": arn }));
    let version = "arn:aws:lambda:eu-central-1::runtime:0000";
    let manual = json!({ "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": version });
    assert_eq!(ask(&server, "PUT", path, manual.clone()).await.status, 200);
    assert_eq!(ask(&server, "GET", path, Value::Null).await.json()["RuntimeVersionArn"], version);
    for bad in
        [json!({}), json!({ "UpdateRuntimeOn": "Never" }), json!({ "UpdateRuntimeOn": "Manual" })]
    {
        assert_eq!(ask(&server, "PUT", path, bad).await.status, 400);
    }
    assert_eq!(ask(&server, "GET", &format!("{path}?Qualifier=7"), Value::Null).await.status, 404);
    assert_eq!(ask(&server, "DELETE", "/2015-03-31/functions/f", Value::Null).await.status, 204);
    server.create("f", ECHO).await;
    assert_eq!(
        ask(&server, "GET", path, Value::Null).await.json(),
        first,
        "it went with the function"
    );
}

#[tokio::test]
async fn recursion_and_code_signing_are_returned() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let recursion = "/2024-08-31/functions/f/recursion-config";
    assert_eq!(
        ask(&server, "GET", recursion, Value::Null).await.json(),
        json!({ "RecursiveLoop": "Terminate" })
    );
    let allow = json!({ "RecursiveLoop": "Allow" });
    assert_eq!(ask(&server, "PUT", recursion, allow.clone()).await.json(), allow);
    assert_eq!(ask(&server, "GET", recursion, Value::Null).await.json(), allow);
    assert_eq!(
        ask(&server, "PUT", recursion, json!({ "RecursiveLoop": "Perhaps" })).await.status,
        400
    );
    let signing = "/2020-06-30/functions/f/code-signing-config";
    assert_eq!(ask(&server, "GET", signing, Value::Null).await.json(), json!({}));
    let put = ask(&server, "PUT", signing, json!({ "CodeSigningConfigArn": "arn" })).await;
    assert_eq!((put.status, put.code()), (404, "CodeSigningConfigNotFoundException"));
    assert_eq!(ask(&server, "DELETE", signing, Value::Null).await.status, 204);
    for path in [recursion, signing] {
        assert_eq!(
            ask(&server, "GET", &path.replace("/f/", "/none/"), Value::Null).await.status,
            404,
            "{path}"
        );
    }
    let all = ask(&server, "GET", "/2020-04-22/code-signing-configs", Value::Null).await;
    assert_eq!(all.json(), json!({ "CodeSigningConfigs": [] }));
}

#[tokio::test]
async fn a_layers_policy_is_kept_with_its_version() {
    let server = Server::start().await;
    super::layers::publish(&server, "data", &crate::tests::zip(&[("x", b"y")])).await;
    let path = "/2018-10-31/layers/data/versions/1/policy";
    assert_eq!(ask(&server, "GET", path, Value::Null).await.status, 404);
    let grant = json!({ "StatementId": "dev", "Action": "lambda:GetLayerVersion", "Principal": "111111111111" });
    let added = ask(&server, "POST", path, grant.clone()).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let statement: Value =
        serde_json::from_str(added.json()["Statement"].as_str().unwrap()).unwrap();
    let layer = "arn:aws:lambda:eu-central-1:000000000000:layer:data:1";
    assert_eq!(
        (&statement["Resource"], &statement["Principal"]["AWS"]),
        (&json!(layer), &json!("arn:aws:iam::111111111111:root"))
    );
    assert_eq!(ask(&server, "POST", path, grant).await.code(), "ResourceConflictException");
    let described = ask(&server, "GET", path, Value::Null).await.json();
    assert!(
        described["Policy"].as_str().unwrap().contains("\"Sid\":\"dev\"")
            && described["RevisionId"].is_string(),
        "{described}"
    );
    assert_eq!(ask(&server, "DELETE", &format!("{path}/dev"), Value::Null).await.status, 204);
    assert_eq!(ask(&server, "GET", path, Value::Null).await.status, 404);
    let other = json!({ "StatementId": "a", "Action": "lambda:*", "Principal": "*" });
    assert_eq!(ask(&server, "POST", path, other).await.status, 400);
    assert_eq!(ask(&server, "GET", &path.replace("/1/", "/9/"), Value::Null).await.status, 404);
}
