//! Tenant IDs: which requests may have one, and that no sandbox serves two of them. Also
//! `InvokeAsync`.

use serde_json::json;

use crate::tests::{ECHO, Reply, Server, eventually};

async fn invoke_for(server: &Server, name: &str, tenant: &str) -> Reply {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    server.client.send("POST", &path, &[("x-amz-tenant-id", tenant)], b"{}", "lambda").await
}

#[tokio::test]
async fn each_tenant_has_sandboxes_of_its_own() {
    let server = Server::start().await;
    server
        .create_with(
            "multi",
            "tells_its_tenant()",
            json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } }),
        )
        .await;
    let blue = invoke_for(&server, "multi", "blue").await.json();
    let green = invoke_for(&server, "multi", "green").await.json();
    assert_eq!((&blue[0], &green[0]), (&json!("blue"), &json!("green")));
    assert_ne!(blue[1], green[1]);
    assert_eq!(invoke_for(&server, "multi", "blue").await.json(), blue, "a warm one is used again");
    assert_eq!(invoke_for(&server, "multi", "green").await.json(), green);
}

#[tokio::test]
async fn a_tenant_must_be_named_where_there_are_tenants_and_only_there() {
    let server = Server::start().await;
    server
        .create_with(
            "multi",
            ECHO,
            json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } }),
        )
        .await;
    server.create("plain", ECHO).await;
    let missing = server.invoke("multi", "{}").await;
    assert_eq!((missing.status, missing.code()), (400, "InvalidParameterValueException"));
    let words = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID \
        in your request and try again.";
    assert_eq!(missing.json()["message"], words);
    let needless = invoke_for(&server, "plain", "blue").await;
    assert_eq!((needless.status, needless.code()), (400, "InvalidParameterValueException"));
    let words = "The invoked function is not enabled with tenancy configuration. Remove the tenant \
        ID from your request and try again.";
    assert_eq!(needless.json()["message"], words);
    assert_eq!(invoke_for(&server, "multi", "no;semicolon").await.code(), "ValidationException");
}

#[tokio::test]
async fn the_old_asynchronous_call_queues_an_event() {
    let server = Server::start().await;
    let record = server.dir.path().join("record");
    server.create("writes", "writes_its_request()").await;
    let reply = server
        .client
        .lambda("POST", "/2014-11-13/functions/writes/invoke-async/", &json!(record))
        .await;
    assert_eq!((reply.status, reply.json()), (202, json!({ "Status": 202 })));
    eventually("the event arrives", async || {
        std::fs::read_to_string(&record).unwrap_or_default()
            == reply.header("x-amzn-requestid").unwrap()
    })
    .await;
}
