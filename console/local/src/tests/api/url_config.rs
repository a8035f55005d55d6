//! The settings of function URLs.

use serde_json::{Value, json};

use crate::tests::{ECHO, Server, quick};

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function";

#[tokio::test]
async fn a_url_is_created_read_updated_listed_and_goes_with_its_function() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let created = server.url("POST", "f", json!({ "AuthType": "NONE" })).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    let port = server.client.host().split_once(':').unwrap().1.to_owned();
    let url = created["FunctionUrl"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("http://127.0.0.1:{port}/lambda-url/")) && url.ends_with('/'),
        "{url}"
    );
    assert!((40..=100).contains(&url.len()), "as long as AWS's may be");
    assert_eq!(
        (&created["FunctionArn"], &created["AuthType"]),
        (&json!(format!("{ARN}:f")), &json!("NONE"))
    );
    assert_eq!((created.get("InvokeMode"), created.get("LastModifiedTime")), (None, None));
    let again = server.url("POST", "f", json!({ "AuthType": "NONE" })).await;
    assert_eq!((again.status, again.code()), (409, "ResourceConflictException"));
    assert_eq!(
        again.json()["message"],
        format!(
            "Failed to create function url config for [functionArn = {ARN}:f]. Error message:  \
            FunctionUrlConfig exists for this Lambda function"
        )
    );
    let read = server.url("GET", "f", Value::Null).await.json();
    assert_eq!((&read["InvokeMode"], &read["FunctionUrl"]), (&json!("BUFFERED"), &json!(url)));
    let cors = json!({ "AllowOrigins": ["https://a.example"], "MaxAge": 5 });
    let updated =
        server.url("PUT", "f", json!({ "AuthType": "AWS_IAM", "Cors": cors })).await.json();
    assert_eq!(
        (&updated["AuthType"], &updated["Cors"], &updated["FunctionUrl"]),
        (&json!("AWS_IAM"), &cors, &json!(url))
    );
    let cleared =
        server.url("PUT", "f", json!({ "InvokeMode": "RESPONSE_STREAM", "Cors": {} })).await.json();
    assert_eq!(
        (cleared.get("Cors"), &cleared["AuthType"], &cleared["InvokeMode"]),
        (None, &json!("AWS_IAM"), &json!("RESPONSE_STREAM"))
    );
    let list =
        server.client.lambda("GET", "/2021-10-31/functions/f/urls", &Value::Null).await.json();
    assert_eq!(list["FunctionUrlConfigs"][0]["FunctionUrl"], url);
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    let server = Server::start_in(dir, quick()).await;
    let id = url.split('.').next().unwrap();
    assert!(
        server.url("GET", "f", Value::Null).await.text().contains(id),
        "it is on disk, with the same id"
    );
    assert_eq!(server.url("DELETE", "f", Value::Null).await.status, 204);
    let gone = server.url("GET", "f", Value::Null).await;
    assert_eq!(
        (gone.status, &gone.json()["Message"]),
        (404, &json!("The resource you requested does not exist."))
    );
    server.open_url("f", json!({})).await;
    assert_eq!(
        server.client.lambda("DELETE", "/2015-03-31/functions/f", &Value::Null).await.status,
        204
    );
    server.create("f", ECHO).await;
    assert_eq!(server.url("GET", "f", Value::Null).await.status, 404, "it went with its function");
}

#[tokio::test]
async fn what_no_url_can_be_is_refused_in_awss_words() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let path = |qualifier: &str| format!("/2021-10-31/functions/f/url?Qualifier={qualifier}");
    for (qualifier, status, words) in [
        (
            "1",
            400,
            "Value '1' at 'qualifier' failed to satisfy constraint: Member must satisfy regular \
            expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)",
        ),
        ("$LATEST", 400, "Value '$LATEST' at 'qualifier' failed to satisfy constraint"),
        ("nobody", 404, "Function does not exist"),
    ] {
        let reply =
            server.client.lambda("POST", &path(qualifier), &json!({ "AuthType": "NONE" })).await;
        assert_eq!(reply.status, status, "{qualifier}: {}", reply.text());
        assert!(
            reply.text().contains(&json!(words).to_string().trim_matches('"').to_owned()),
            "{}",
            reply.text()
        );
    }
    for (body, words) in [
        (json!({}), "at 'authType' failed to satisfy constraint: Member must not be null"),
        (
            json!({ "AuthType": "SOME" }),
            "Value 'SOME' at 'authType' failed to satisfy constraint: Member must satisfy enum \
            value set: [NONE, AWS_IAM]",
        ),
        (
            json!({ "AuthType": "NONE", "InvokeMode": "UNKNOWN" }),
            "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy \
            enum value set: [RESPONSE_STREAM, BUFFERED]",
        ),
        (
            json!({ "AuthType": "NONE", "Cors": { "MaxAge": 86401 } }),
            "Value '86401' at 'cors.maxAge'",
        ),
        (
            json!({ "AuthType": "NONE", "Cors": { "AllowMethods": ["OPTIONS"] } }),
            "Value 'OPTIONS' at 'cors.allowMethods'",
        ),
    ] {
        let reply = server.url("POST", "f", body).await;
        assert_eq!((reply.status, reply.code()), (400, "ValidationException"), "{}", reply.text());
        assert!(reply.json()["message"].as_str().unwrap().contains(words), "{}", reply.text());
    }
    let nobody = server.url("POST", "nobody", json!({ "AuthType": "NONE" })).await;
    assert_eq!(
        (nobody.status, &nobody.json()["Message"]),
        (404, &json!("Function does not exist"))
    );
}
