//! Reserved concurrency and the account's limits.

use serde_json::{Value, json};

use crate::tests::{ECHO, Server};

/// A call of the concurrency API, whose operations have different dates in their paths.
async fn concurrency(
    server: &Server,
    method: &str,
    name: &str,
    body: Value,
) -> crate::tests::Reply {
    let date = if method == "GET" { "2019-09-30" } else { "2017-10-31" };
    server.client.lambda(method, &format!("/{date}/functions/{name}/concurrency"), &body).await
}

fn reserving(number: i64) -> Value {
    json!({ "ReservedConcurrentExecutions": number })
}

#[tokio::test]
async fn concurrency_is_reserved_read_and_released() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    server.publish("f").await;
    for number in [0, 7] {
        let put = concurrency(&server, "PUT", "f", reserving(number)).await;
        assert_eq!((put.status, put.json()), (200, reserving(number)));
    }
    assert_eq!(concurrency(&server, "GET", "f", Value::Null).await.json(), reserving(7));
    assert_eq!(server.call("GET", "/f", Value::Null).await.json()["Concurrency"], reserving(7));
    let found = crate::api::lambda::identifier::resolve(server.service(), "f:1", None).unwrap();
    assert_eq!(found.function.reserved, Some(7), "a version knows it, too");
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, crate::tests::quick()).await;
    server.configure("f", json!({ "Timeout": 9 })).await;
    assert_eq!(concurrency(&server, "GET", "f", Value::Null).await.json(), reserving(7));
    assert_eq!(concurrency(&server, "DELETE", "f", Value::Null).await.status, 204);
    assert_eq!(concurrency(&server, "GET", "f", Value::Null).await.json(), json!({}));
    assert!(server.call("GET", "/f", Value::Null).await.json().get("Concurrency").is_none());
}

#[tokio::test]
async fn a_hundred_of_the_accounts_thousand_stay_unreserved() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    server.create("g", ECHO).await;
    assert_eq!(concurrency(&server, "PUT", "f", reserving(900)).await.status, 200);
    assert_eq!(concurrency(&server, "PUT", "f", reserving(850)).await.status, 200);
    let refused = concurrency(&server, "PUT", "g", reserving(51)).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidParameterValueException"));
    assert_eq!(
        refused.json()["Message"],
        "Specified ReservedConcurrentExecutions for function decreases account's \
        UnreservedConcurrentExecution below its minimum value of [100]."
    );
    assert_eq!(concurrency(&server, "PUT", "g", reserving(50)).await.status, 200);
    let settings =
        server.client.lambda("GET", "/2016-08-19/account-settings", &Value::Null).await.json();
    assert_eq!(settings["AccountLimit"]["ConcurrentExecutions"], 1000);
    assert_eq!(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 100);
}

#[tokio::test]
async fn only_whole_functions_reserve() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let missing = concurrency(&server, "PUT", "none", reserving(1)).await;
    assert_eq!(missing.status, 404);
    assert!(
        missing.json()["Message"].as_str().unwrap().ends_with("function:none:$LATEST"),
        "{}",
        missing.text()
    );
    let qualified = concurrency(&server, "PUT", "f:1", reserving(1)).await;
    assert_eq!(qualified.status, 400);
    assert!(qualified.text().contains("This operation is permitted on Lambda functions only."));
    let negative = concurrency(&server, "PUT", "f", reserving(-1)).await;
    assert_eq!((negative.status, negative.code()), (400, "ValidationException"));
    assert_eq!(concurrency(&server, "PUT", "f", json!({})).await.code(), "ValidationException");
}

#[tokio::test]
async fn provisioned_concurrency_is_refused_in_plain_words() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    server.publish("f").await;
    let path = "/2019-09-30/functions/f/provisioned-concurrency";
    let list = server.client.lambda("GET", &format!("{path}?List=ALL"), &Value::Null).await;
    assert_eq!(list.json(), json!({ "ProvisionedConcurrencyConfigs": [] }));
    let got = server.client.lambda("GET", &format!("{path}?Qualifier=1"), &Value::Null).await;
    assert_eq!((got.status, got.code()), (404, "ProvisionedConcurrencyConfigNotFoundException"));
    let body = json!({ "ProvisionedConcurrentExecutions": 1 });
    let put = server.client.lambda("PUT", &format!("{path}?Qualifier=1"), &body).await;
    assert_eq!((put.status, put.code()), (400, "InvalidParameterValueException"));
    assert!(put.text().contains("no provisioned concurrency"));
}

#[tokio::test]
async fn the_account_counts_functions_and_the_code_of_all_versions_and_layers() {
    let server = Server::start().await;
    let size = server.create("f", ECHO).await["CodeSize"].as_u64().unwrap();
    server.publish("f").await;
    let layer = crate::tests::zip(&[("lib/data", b"x")]);
    crate::tests::api::layers::publish(&server, "data", &layer).await;
    let settings =
        server.client.lambda("GET", "/2016-08-19/account-settings", &Value::Null).await.json();
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    assert_eq!(settings["AccountUsage"]["TotalCodeSize"], 2 * size + layer.len() as u64);
}
