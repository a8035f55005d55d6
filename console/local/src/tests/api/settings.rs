//! Settings, names, tags and pages: accepted values, responses, and the error messages of refusals.

use serde_json::{Value, json};

use crate::tests::{ECHO, Server, python, request};

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:f";

#[tokio::test]
async fn settings_are_returned_as_they_were_given() {
    let server = Server::start().await;
    let settings = json!({
        "EphemeralStorage": { "Size": 1024 },
        "TracingConfig": { "Mode": "Active" },
        "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:eu-central-1:000000000000:dead" },
        "KMSKeyArn": "arn:aws:kms:eu-central-1:000000000000:key/k",
        "VpcConfig": { "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"] },
        "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
        "SnapStart": { "ApplyOn": "None" },
        "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "mine" },
    });
    let described = server.create_with("f", ECHO, settings.clone()).await;
    for field in [
        "EphemeralStorage",
        "TracingConfig",
        "DeadLetterConfig",
        "KMSKeyArn",
        "VpcConfig",
        "TenancyConfig",
    ] {
        assert_eq!(described[field], settings[field], "{field}");
    }
    assert_eq!(described["SnapStart"], json!({ "ApplyOn": "None", "OptimizationStatus": "Off" }));
    let logging = json!({ "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO", "LogGroup": "mine" });
    assert_eq!(described["LoggingConfig"], logging);
    let changes = json!({
        "DeadLetterConfig": { "TargetArn": "" },
        "VpcConfig": { "SubnetIds": [], "SecurityGroupIds": [] },
        "KMSKeyArn": "",
        "LoggingConfig": { "SystemLogLevel": "WARN" },
        "EphemeralStorage": { "Size": 10_240 },
    });
    let described = server.configure("f", changes).await;
    for field in ["DeadLetterConfig", "VpcConfig", "KMSKeyArn"] {
        assert!(described.get(field).is_none(), "{field}: {described}");
    }
    assert_eq!(described["TenancyConfig"], settings["TenancyConfig"]);
    assert_eq!(described["EphemeralStorage"]["Size"], 10_240);
    let mut logging = logging;
    logging["SystemLogLevel"] = "WARN".into();
    assert_eq!(described["LoggingConfig"], logging, "what is absent stays");
    let text = server.configure("f", json!({ "LoggingConfig": { "LogFormat": "Text" } })).await;
    assert_eq!(text["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "mine" }));
}

#[tokio::test]
async fn settings_that_aws_refuses_are_refused_with_its_words() {
    let server = Server::start().await;
    let cases = [
        (
            json!({ "EphemeralStorage": { "Size": 511 } }),
            "Value '511' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have \
            value greater than or equal to 512",
        ),
        (
            json!({ "EphemeralStorage": { "Size": 10_241 } }),
            "Member must have value less than or equal to 10240",
        ),
        (
            json!({ "TracingConfig": { "Mode": "Off" } }),
            "Value 'Off' at 'tracingConfig.mode' failed to satisfy constraint: Member must satisfy \
            enum value set: [Active, PassThrough]",
        ),
        (
            json!({ "DeadLetterConfig": { "TargetArn": "queue" } }),
            "at 'deadLetterConfig.targetArn'",
        ),
        (
            json!({ "DeadLetterConfig": { "TargetArn": "arn:aws:s3:::bucket" } }),
            "neither an SQS queue nor an SNS topic",
        ),
        (json!({ "KMSKeyArn": "key" }), "at 'kMSKeyArn'"),
        (
            json!({ "VpcConfig": { "SubnetIds": ["net-1"] } }),
            "at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy \
            constraint: [",
        ),
        (json!({ "TenancyConfig": { "TenantIsolationMode": "ALL" } }), "[PER_TENANT]"),
        (
            json!({ "SnapStart": { "ApplyOn": "PublishedVersions" } }),
            "provided.al2023 is not supported for SnapStart enabled functions.",
        ),
        (json!({ "LoggingConfig": { "LogFormat": "XML" } }), "[JSON, Text]"),
        (
            json!({ "LoggingConfig": { "LogFormat": "Text", "SystemLogLevel": "INFO" } }),
            "LogLevel is not supported when LogFormat is set to \"Text\".",
        ),
        (
            json!({ "LoggingConfig": { "LogFormat": "JSON", "SystemLogLevel": "TRACE" } }),
            "[DEBUG, INFO, WARN]",
        ),
        (json!({ "LoggingConfig": { "LogGroup": "a b" } }), "at 'loggingConfig.logGroup'"),
        (
            json!({ "Architectures": ["x86_64", "arm64"] }),
            "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must \
            have length less than or equal to 1",
        ),
        (
            json!({ "Architectures": ["X86_64"] }),
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], \
            Member must not be null]",
        ),
        (json!({ "Handler": "two words" }), "[^\\s]+"),
        (json!({ "Description": "x".repeat(257) }), "at 'description'"),
        (json!({ "ImageConfig": { "Command": ["x"] } }), "packageType Zip"),
        (json!({ "DurableConfig": { "ExecutionTimeout": 9 } }), "no durable functions"),
    ];
    for (settings, words) in cases {
        let reply = server.call("POST", "", request("f", &python(ECHO), settings.clone())).await;
        assert_eq!(reply.status, 400, "{settings}: {}", reply.text());
        assert!(
            reply.json()["Message"].as_str().unwrap().contains(words),
            "{settings}: {}",
            reply.text()
        );
    }
    assert_eq!(server.call("GET", "/f", Value::Null).await.status, 404);
}

#[tokio::test]
async fn names_are_read_as_aws_reads_them() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    for name in
        ["f", "f:$LATEST", "function:f", "000000000000:function:f", &format!("{ARN}:$LATEST")]
    {
        let reply =
            server.call("GET", &format!("/{}", name.replace(':', "%3A")), Value::Null).await;
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
    }
    let long = "x".repeat(65);
    let cases = [
        (
            "f!".to_owned(),
            400,
            "Value 'f!' at 'functionName' failed to satisfy constraint: Member must satisfy \
            regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?",
        ),
        (format!("{ARN}:1:2"), 400, "at 'functionName'"),
        ("account:function:f".to_owned(), 400, "at 'functionName'"),
        ("arn:aws:ec2:eu-central-1:000000000000:instance:i-1".to_owned(), 400, "at 'functionName'"),
        ("f:$latest".to_owned(), 400, "at 'functionName'"),
        (
            "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
            404,
            "Functions from 'us-east-1' are not reachable in this region ('eu-central-1')",
        ),
        (
            "arn:aws:lambda:eu-central-1:111111111111:function:f".to_owned(),
            404,
            "the account here is 000000000000",
        ),
        (
            long.clone(),
            404,
            &format!(
                "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:{long}"
            ),
        ),
    ];
    for (name, status, words) in cases {
        let reply =
            server.call("GET", &format!("/{}", name.replace(':', "%3A")), Value::Null).await;
        assert_eq!(reply.status, status, "{name}: {}", reply.text());
        assert!(
            reply.json()["Message"].as_str().unwrap().contains(words),
            "{name}: {}",
            reply.text()
        );
    }
    let qualifier = server.call("GET", "/f?Qualifier=a%3F", Value::Null).await;
    assert!(qualifier.text().contains("at 'qualifier'"), "{}", qualifier.text());
    let none = server.invoke("none", "{}").await;
    assert!(
        none.json()["Message"].as_str().unwrap().ends_with("function:none:$LATEST"),
        "{}",
        none.text()
    );
}

#[tokio::test]
async fn tags_have_limits_and_belong_to_whole_functions() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let path = |arn: &str| format!("/2017-03-31/tags/{}", arn.replace(':', "%3A"));
    let tags = |number: usize| json!({ "Tags": (0..number).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>() });
    assert_eq!(server.client.lambda("POST", &path(ARN), &tags(50)).await.status, 204);
    let cases = [
        (
            ARN.to_owned(),
            json!({ "Tags": { "more": "v" } }),
            400,
            "Number of tags exceeds resource tag limit.",
        ),
        (
            ARN.to_owned(),
            json!({ "Tags": { "aws:x": "v" } }),
            400,
            "Number of tags exceeds resource tag limit.",
        ),
        (
            ARN.to_owned(),
            json!({ "Tags": {} }),
            400,
            "An error occurred and the request cannot be processed.",
        ),
        (
            format!("{ARN}:1"),
            tags(1),
            400,
            "Tags on function aliases and versions are not supported. Please specify a function \
            ARN.",
        ),
        (
            format!("{ARN}:$LATEST"),
            tags(1),
            400,
            "Tags on function aliases and versions are not supported.",
        ),
        (
            "arn:aws:something".to_owned(),
            tags(1),
            400,
            "Value 'arn:aws:something' at 'resource' failed to satisfy constraint",
        ),
        ("f".to_owned(), tags(1), 400, "at 'resource'"),
        (
            format!("{ARN}none"),
            tags(1),
            404,
            "Function not found: arn:aws:lambda:eu-central-1:000000000000:function:fnone",
        ),
    ];
    for (arn, body, status, words) in cases {
        let reply = server.client.lambda("POST", &path(&arn), &body).await;
        assert_eq!(reply.status, status, "{arn}: {}", reply.text());
        assert!(
            reply.json()["Message"].as_str().unwrap().contains(words),
            "{arn}: {}",
            reply.text()
        );
    }
    let keyless = server.client.lambda("DELETE", &path(ARN), &Value::Null).await;
    assert!(keyless.text().contains("Value null at 'tagKeys'"), "{}", keyless.text());
    for (tags, words) in [
        (json!({ "aws:mine": "v" }), "aws: prefixed tag key names are not allowed"),
        (json!({ "x".repeat(129): "v" }), "less than or equal to 128"),
        (json!({ "k": "v".repeat(257) }), "less than or equal to 256"),
        (json!({ "k!": "v" }), "at 'tags'"),
        (tags(51)["Tags"].clone(), "Number of tags exceeds resource tag limit."),
    ] {
        let reply =
            server.call("POST", "", request("g", &python(ECHO), json!({ "Tags": tags }))).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(reply.text().contains(words), "{}", reply.text());
    }
}

#[tokio::test]
async fn pages_have_bounds() {
    let server = Server::start().await;
    for (query, code) in [
        ("MaxItems=0", "ValidationException"),
        ("MaxItems=10001", "ValidationException"),
        ("MaxItems=many", "SerializationException"),
        ("Marker=%25%25", "InvalidParameterValueException"),
    ] {
        let reply = server.call("GET", &format!("?{query}"), Value::Null).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{query}");
    }
}
