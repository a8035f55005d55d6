//! Resource policies: statements as AWS writes them, one policy for each qualifier.

use serde_json::{Value, json};

use crate::tests::{ECHO, Server};

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:f";

/// The document and the revision of a policy.
async fn policy(server: &Server, query: &str) -> (Value, String) {
    let reply = server.call("GET", &format!("/f/policy{query}"), Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let described = reply.json();
    let document = serde_json::from_str(described["Policy"].as_str().unwrap()).unwrap();
    (document, described["RevisionId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn statements_are_written_as_aws_writes_them() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let invoke = "lambda:InvokeFunction";
    let cases = [
        (
            json!({ "StatementId": "s3", "Action": invoke, "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b", "SourceAccount": "111111111111" }),
            json!({ "Sid": "s3", "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": invoke, "Resource": ARN,
                "Condition": { "StringEquals": { "AWS:SourceAccount": "111111111111" }, "ArnLike": { "AWS:SourceArn": "arn:aws:s3:::b" } } }),
        ),
        (
            json!({ "StatementId": "account", "Action": invoke, "Principal": "111111111111" }),
            json!({ "Sid": "account", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:root" }, "Action": invoke, "Resource": ARN }),
        ),
        (
            json!({ "StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE", "PrincipalOrgID": "o-1234567890" }),
            json!({ "Sid": "url", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl", "Resource": ARN,
                "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE", "aws:PrincipalOrgID": "o-1234567890" } } }),
        ),
        (
            json!({ "StatementId": "through-url", "Action": invoke, "Principal": "*", "InvokedViaFunctionUrl": true }),
            json!({ "Sid": "through-url", "Effect": "Allow", "Principal": "*", "Action": invoke, "Resource": ARN,
                "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } } }),
        ),
        (
            json!({ "StatementId": "alexa", "Action": invoke, "Principal": "*", "EventSourceToken": "amzn1.ask" }),
            json!({ "Sid": "alexa", "Effect": "Allow", "Principal": "*", "Action": invoke, "Resource": ARN,
                "Condition": { "StringEquals": { "lambda:EventSourceToken": "amzn1.ask" } } }),
        ),
    ];
    let mut statements = Vec::new();
    for (body, expected) in cases {
        let reply = server.call("POST", "/f/policy", body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let described: Value =
            serde_json::from_str(reply.json()["Statement"].as_str().unwrap()).unwrap();
        assert_eq!(described, expected);
        statements.push(expected);
    }
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, crate::tests::quick()).await;
    let (document, _) = policy(&server, "").await;
    assert_eq!(
        document,
        json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements })
    );
}

#[tokio::test]
async fn statements_are_removed_by_their_ids_and_revisions() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let body = |sid: &str| json!({ "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com" });
    server.call("POST", "/f/policy", body("a")).await;
    let (_, first) = policy(&server, "").await;
    let mut second = body("b");
    second["RevisionId"] = first.as_str().into();
    assert_eq!(server.call("POST", "/f/policy", second.clone()).await.status, 201);
    second["StatementId"] = "c".into();
    let stale = server.call("POST", "/f/policy", second).await;
    assert_eq!((stale.status, stale.code()), (412, "PreconditionFailedException"));
    let again = server.call("POST", "/f/policy", body("a")).await;
    assert_eq!((again.status, again.code()), (409, "ResourceConflictException"));
    assert!(again.text().contains("The statement id (a) provided already exists."));
    let unknown = server.call("DELETE", "/f/policy/z", Value::Null).await;
    assert_eq!(unknown.json()["Message"], "Statement z is not found in resource policy.");
    let stale =
        server.call("DELETE", &format!("/f/policy/a?RevisionId={first}"), Value::Null).await;
    assert_eq!(stale.status, 412);
    for sid in ["a", "b"] {
        assert_eq!(
            server.call("DELETE", &format!("/f/policy/{sid}"), Value::Null).await.status,
            204
        );
    }
    let gone = server.call("GET", "/f/policy", Value::Null).await;
    assert_eq!(
        (gone.status, &gone.json()["Message"]),
        (404, &json!("The resource you requested does not exist."))
    );
    let none = server.call("DELETE", "/f/policy/a", Value::Null).await;
    assert_eq!(none.json()["Message"], "No policy is associated with the given resource.");
}

#[tokio::test]
async fn versions_and_aliases_have_policies_of_their_own() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    server.publish("f").await;
    let alias = server
        .call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" }))
        .await
        .json();
    let body = json!({ "StatementId": "s", "Action": "lambda:*", "Principal": "*" });
    for qualifier in ["1", "live"] {
        let mut body = body.clone();
        if qualifier == "live" {
            body["RevisionId"] = alias["RevisionId"].clone();
        }
        let reply = server.call("POST", &format!("/f/policy?Qualifier={qualifier}"), body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let (document, _) = policy(&server, &format!("?Qualifier={qualifier}")).await;
        assert_eq!(document["Statement"][0]["Resource"], format!("{ARN}:{qualifier}"));
    }
    assert_eq!(server.call("GET", "/f/policy", Value::Null).await.status, 404);
    let refused = [
        (
            "?Qualifier=$LATEST",
            400,
            "We currently do not support adding policies for $LATEST.".to_owned(),
        ),
        ("?Qualifier=none", 404, format!("Cannot find alias arn: {ARN}:none")),
        ("?Qualifier=42", 404, format!("Function not found: {ARN}:42")),
    ];
    for (query, status, words) in refused {
        let reply = server.call("POST", &format!("/f/policy{query}"), body.clone()).await;
        assert_eq!(
            (reply.status, reply.json()["Message"].as_str()),
            (status, Some(words.as_str()))
        );
    }
    server.call("DELETE", "/f/aliases/live", Value::Null).await;
    server.call("POST", "/f/aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    assert_eq!(
        server.call("GET", "/f/policy?Qualifier=live", Value::Null).await.status,
        404,
        "it went with the alias"
    );
}

#[tokio::test]
async fn what_is_no_permission_is_refused() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let good = json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*" });
    let cases = [
        (
            "StatementId",
            json!("example.com"),
            "at 'statementId' failed to satisfy constraint: Member must satisfy regular expression \
            pattern: ([a-zA-Z0-9-_]+)",
        ),
        ("Action", json!("s3:Get"), "at 'action'"),
        (
            "Principal",
            json!("nobody"),
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        ("SourceAccount", json!("12"), "at 'sourceAccount'"),
        ("SourceArn", json!("bucket"), "at 'sourceArn'"),
        (
            "FunctionUrlAuthType",
            json!("SOME"),
            "Member must satisfy enum value set: [NONE, AWS_IAM]",
        ),
        (
            "FunctionUrlAuthType",
            json!("NONE"),
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
        ),
        (
            "Principal",
            Value::Null,
            "at 'principal' failed to satisfy constraint: Member must not be null",
        ),
    ];
    for (field, value, words) in cases {
        let mut body = good.clone();
        body[field] = value;
        let reply = server.call("POST", "/f/policy", body).await;
        assert_eq!(reply.status, 400, "{field}");
        assert!(reply.json()["Message"].as_str().unwrap().contains(words), "{}", reply.text());
    }
    for (action, field, value) in [
        ("lambda:*", "FunctionUrlAuthType", json!("AWS_IAM")),
        ("*", "FunctionUrlAuthType", json!("NONE")),
        ("lambda:InvokeFunctionUrl", "InvokedViaFunctionUrl", json!(true)),
        ("lambda:*", "InvokedViaFunctionUrl", json!(false)),
    ] {
        let body = json!({ "StatementId": "s", "Action": action, "Principal": "*", field: value });
        let reply = server.call("POST", "/f/policy", body).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, "InvalidParameterValueException"),
            "{action} {field}"
        );
        assert!(
            reply.text().contains(&format!("{field} is only supported for lambda:Invoke")),
            "{}",
            reply.text()
        );
    }
    for n in 0.. {
        let mut body = good.clone();
        body["StatementId"] = format!("{}{n}", "x".repeat(90)).into();
        let reply = server.call("POST", "/f/policy", body).await;
        if reply.status != 201 {
            assert_eq!(
                (reply.status, reply.code()),
                (400, "PolicyLengthExceededException"),
                "{}",
                reply.text()
            );
            assert!(n > 50, "{n}");
            break;
        }
    }
}
