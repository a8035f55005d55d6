//! Asynchronous invocations: retries, maximum age and destinations.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};

use crate::{
    limits::Limits,
    server::local::open_with,
    tests::{ECHO, Server, eventually, options, quick},
};

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function";
const FAILS: &str = "notes_and_fails()";
const NOTES: &str = "notes()";

impl Server {
    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.lines"))
    }

    /// Creates a function that records its events in a file of its own.
    async fn noting(&self, name: &str, script: &str) {
        self.create_with(
            name,
            script,
            json!({ "Environment": { "Variables": { "LOG": self.log(name) } } }),
        )
        .await;
    }

    fn noted(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The only record that a destination received.
    async fn record(&self, name: &str) -> Value {
        eventually("a record comes", async || !self.noted(name).is_empty()).await;
        serde_json::from_str(&self.noted(name)[0]).unwrap()
    }

    async fn event(&self, name: &str, payload: &str) -> String {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let headers = [("x-amz-invocation-type", "Event")];
        let reply = self.client.send("POST", &path, &headers, payload.as_bytes(), "lambda").await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        reply.header("x-amzn-requestid").unwrap().to_owned()
    }

    async fn config(&self, method: &str, name: &str, body: Value) -> crate::tests::Reply {
        let path = format!("/2019-09-25/functions/{name}/event-invoke-config");
        self.client.lambda(method, &path, &body).await
    }

    fn queue(&self) -> PathBuf {
        self.dir.path().join("queue")
    }

    async fn worked_off(&self) {
        eventually("the queue is worked off", async || {
            std::fs::read_dir(self.queue()).unwrap().count() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_failure_is_retried_as_often_as_configured_and_sent_to_its_destination() {
    let server = Server::start().await;
    server.noting("fails", FAILS).await;
    server.noting("hears", NOTES).await;
    for (retries, name) in [(0, "fails"), (1, "fails")] {
        let _ = std::fs::remove_file(server.log("hears"));
        let _ = std::fs::remove_file(server.log("fails"));
        let destination = json!({ "OnFailure": { "Destination": format!("{ARN}:hears") } });
        let body = json!({ "MaximumRetryAttempts": retries, "DestinationConfig": destination });
        assert_eq!(server.config("PUT", name, body).await.status, 200);
        let id = server.event(name, r#"{ "a": 1.10 }"#).await;
        let mut record = server.record("hears").await;
        assert_eq!(server.noted(name).len(), retries + 1);
        let timestamp = record["timestamp"].take();
        assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
        assert_eq!(
            record,
            json!({
                "version": "1.0",
                "timestamp": null,
                "requestContext": {
                    "requestId": id,
                    "functionArn": format!("{ARN}:fails:$LATEST"),
                    "condition": "RetriesExhausted",
                    "approximateInvokeCount": retries + 1,
                },
                "requestPayload": { "a": 1.10 },
                "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
                "responsePayload": { "errorMessage": "no" },
            })
        );
        assert!(
            server.noted("hears")[0].contains(r#""requestPayload":{ "a": 1.10 }"#),
            "byte for byte"
        );
        server.worked_off().await;
    }
}

#[tokio::test]
async fn a_success_is_sent_to_its_own_destination() {
    let server = Server::start().await;
    server.noting("works", NOTES).await;
    server.noting("hears", NOTES).await;
    server.noting("wrong", NOTES).await;
    let destinations = json!({
        "OnSuccess": { "Destination": format!("{ARN}:hears") },
        "OnFailure": { "Destination": format!("{ARN}:wrong:$LATEST") },
    });
    assert_eq!(
        server.config("PUT", "works", json!({ "DestinationConfig": destinations })).await.status,
        200
    );
    server.event("works", "[]").await;
    let record = server.record("hears").await;
    assert_eq!(record["requestContext"]["condition"], "Success");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(
        record["responseContext"],
        json!({ "statusCode": 200, "executedVersion": "$LATEST" })
    );
    assert_eq!(record["responsePayload"], json!({ "n": 1.50 }));
    server.worked_off().await;
    assert!(server.noted("wrong").is_empty());
}

#[tokio::test]
async fn an_event_that_is_too_old_is_given_up_without_a_try() {
    let server = Server::start().await;
    server.noting("late", NOTES).await;
    server.noting("hears", NOTES).await;
    let destination = json!({ "OnFailure": { "Destination": format!("{ARN}:hears") } });
    let body = json!({ "MaximumEventAgeInSeconds": 60, "DestinationConfig": destination });
    assert_eq!(server.config("PUT", "late", body).await.status, 200);
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    let hour_ago = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let entry = json!({ "id": "x", "function": "late", "payload": "{}", "trace": "Root=1", "queued": hour_ago });
    std::fs::write(dir.path().join("queue/x.json"), entry.to_string()).unwrap();
    let server = Server::start_in(dir, quick()).await;
    let record = server.record("hears").await;
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!((record.get("responseContext"), record.get("responsePayload")), (None, None));
    assert!(server.noted("late").is_empty());
}

#[tokio::test]
async fn a_try_that_would_come_too_late_is_not_waited_for() {
    let server =
        Server::start_with(Limits { retries: [Duration::from_mins(2); 2], ..quick() }).await;
    server.noting("fails", FAILS).await;
    server.noting("hears", NOTES).await;
    let destination = json!({ "OnFailure": { "Destination": format!("{ARN}:hears") } });
    let body = json!({ "MaximumEventAgeInSeconds": 60, "DestinationConfig": destination });
    assert_eq!(server.config("PUT", "fails", body).await.status, 200);
    server.event("fails", "{}").await;
    let record = server.record("hears").await;
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    assert_eq!(record["responsePayload"], json!({ "errorMessage": "no" }));
}

#[tokio::test]
async fn a_try_is_not_forgotten_by_a_restart() {
    let server =
        Server::start_with(Limits { retries: [Duration::from_hours(1); 2], ..quick() }).await;
    server.noting("fails", FAILS).await;
    server.event("fails", "{}").await;
    let noted = || {
        let file = std::fs::read_dir(server.queue()).unwrap().next().unwrap().unwrap().path();
        std::fs::read_to_string(file).is_ok_and(|text| text.contains("\"attempts\": 1"))
    };
    eventually("the first try is noted", async || noted()).await;
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    let server = Server::start_in(dir, quick()).await;
    server.worked_off().await;
    assert_eq!(server.noted("fails").len(), 3, "one before and two after");
}

#[tokio::test]
async fn a_function_that_may_not_run_at_all_gives_its_events_up_at_once() {
    let server = Server::start().await;
    server.noting("never", NOTES).await;
    server.noting("hears", NOTES).await;
    let destination = json!({ "OnFailure": { "Destination": format!("{ARN}:hears") } });
    assert_eq!(
        server.config("PUT", "never", json!({ "DestinationConfig": destination })).await.status,
        200
    );
    let path = "/2017-10-31/functions/never/concurrency";
    let reserved =
        server.client.lambda("PUT", path, &json!({ "ReservedConcurrentExecutions": 0 })).await;
    assert_eq!(reserved.status, 200, "{}", reserved.text());
    server.event("never", "{}").await;
    let record = server.record("hears").await;
    assert_eq!(record["requestContext"]["condition"], "ZeroReservedConcurrency");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert!(server.noted("never").is_empty());
}

#[tokio::test]
async fn an_alias_has_a_config_of_its_own_and_is_named_in_the_record() {
    let server = Server::start().await;
    server.noting("f", FAILS).await;
    server.noting("hears", NOTES).await;
    let post =
        async |path: &str, body: Value| server.client.lambda("POST", path, &body).await.status;
    assert_eq!(post("/2015-03-31/functions/f/versions", json!({})).await, 201);
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    assert_eq!(post("/2015-03-31/functions/f/aliases", alias).await, 201);
    let destination = json!({ "OnFailure": { "Destination": format!("{ARN}:hears") } });
    let body = json!({ "MaximumRetryAttempts": 0, "DestinationConfig": destination });
    let put = server
        .client
        .lambda("PUT", "/2019-09-25/functions/f/event-invoke-config?Qualifier=live", &body)
        .await;
    assert_eq!((put.status, &put.json()["FunctionArn"]), (200, &json!(format!("{ARN}:f:live"))));
    assert_eq!(server.config("GET", "f", Value::Null).await.status, 404, "`$LATEST` has none");
    server.event("f:live", "{}").await;
    let record = server.record("hears").await;
    assert_eq!(record["requestContext"]["functionArn"], format!("{ARN}:f:live"));
    assert_eq!(record["responseContext"]["executedVersion"], "1");
}

#[tokio::test]
async fn throttled_events_wait_their_turn() {
    let server = Server::start_with(Limits { concurrency: 1, ..quick() }).await;
    server.noting("one", NOTES).await;
    for n in 0..8 {
        server.event("one", &n.to_string()).await;
    }
    server.worked_off().await;
    let mut noted = server.noted("one");
    noted.sort();
    assert_eq!(noted, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn a_loop_of_destinations_ends_after_16_rounds() {
    let server = Server::start().await;
    // Each returns little, so that the records stay small.
    let script = "notes_little()";
    server.noting("a", script).await;
    server.noting("b", script).await;
    for (from, to) in [("a", "b"), ("b", "a")] {
        let body = json!({ "DestinationConfig": { "OnSuccess": { "Destination": format!("{ARN}:{to}") } } });
        assert_eq!(server.config("PUT", from, body).await.status, 200);
    }
    server.event("a", "{}").await;
    server.worked_off().await;
    assert_eq!((server.noted("a").len(), server.noted("b").len()), (16, 16));
}

#[tokio::test]
async fn an_event_config_is_put_updated_listed_and_goes_with_its_function() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let put = server.config("PUT", "f", json!({ "MaximumEventAgeInSeconds": 60 })).await;
    let mut config = put.json();
    assert!(config["LastModified"].take().as_f64().unwrap() > 1.6e9);
    let expected = |age: Value, retries: Value| {
        let mut config = json!({
            "LastModified": null, "FunctionArn": format!("{ARN}:f:$LATEST"),
            "DestinationConfig": { "OnSuccess": {}, "OnFailure": {} },
        });
        for (name, value) in [("MaximumEventAgeInSeconds", age), ("MaximumRetryAttempts", retries)]
        {
            if !value.is_null() {
                config[name] = value;
            }
        }
        config
    };
    assert_eq!(config, expected(json!(60), Value::Null));
    let mut updated = server.config("POST", "f", json!({ "MaximumRetryAttempts": 1 })).await.json();
    updated["LastModified"].take();
    assert_eq!(updated, expected(json!(60), json!(1)), "what is absent stays");
    let mut replaced = server.config("PUT", "f", json!({ "MaximumRetryAttempts": 0 })).await.json();
    replaced["LastModified"].take();
    assert_eq!(replaced, expected(Value::Null, json!(0)), "what is absent is reset");
    let list = || server.config("GET", "f", Value::Null);
    assert_eq!(list().await.status, 200);
    let path = "/2019-09-25/functions/f/event-invoke-config/list";
    let all = server.client.lambda("GET", path, &Value::Null).await.json();
    assert_eq!(all["FunctionEventInvokeConfigs"].as_array().unwrap().len(), 1);
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    let server = Server::start_in(dir, quick()).await;
    assert_eq!(
        server.config("GET", "f", Value::Null).await.json()["MaximumRetryAttempts"],
        0,
        "it is on disk"
    );
    assert_eq!(
        server.client.lambda("DELETE", "/2015-03-31/functions/f", &Value::Null).await.status,
        204
    );
    server.create("f", ECHO).await;
    let gone = server.config("GET", "f", Value::Null).await;
    assert_eq!(
        (gone.status, gone.json()["Message"].as_str()),
        (
            404,
            Some(
                format!("The function {ARN}:f:$LATEST doesn't have an EventInvokeConfig").as_str()
            )
        )
    );
    assert_eq!(server.config("DELETE", "f", Value::Null).await.status, 404);
    server.config("PUT", "f", json!({ "MaximumRetryAttempts": 0 })).await;
    assert_eq!(server.config("DELETE", "f", Value::Null).await.status, 204);
    assert_eq!(server.config("POST", "f", json!({ "MaximumRetryAttempts": 0 })).await.status, 404);
}

#[tokio::test]
async fn an_invalid_event_config_is_refused_in_awss_words() {
    let server = Server::start().await;
    server.create("f", ECHO).await;
    let to = |arn: &str| json!({ "DestinationConfig": { "OnSuccess": { "Destination": arn } } });
    let sqs = "arn:aws:sqs:eu-central-1:000000000000:queue";
    let iam = "arn:aws:iam:eu-central-1:000000000000:function:f";
    for (body, code, words) in [
        (
            json!({}),
            "InvalidParameterValueException",
            "You must specify at least one of error \
            handling or destination setting."
                .to_owned(),
        ),
        (
            json!({ "MaximumRetryAttempts": 3 }),
            "ValidationException",
            "Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have \
            value less than or equal to 2"
                .to_owned(),
        ),
        (
            json!({ "MaximumEventAgeInSeconds": 59 }),
            "ValidationException",
            "Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must \
            have value greater than or equal to 60"
                .to_owned(),
        ),
        (
            to(&format!("{ARN}:nobody")),
            "InvalidParameterValueException",
            format!(
                "The destination \
            ARN {ARN}:nobody is invalid."
            ),
        ),
        (
            to(&format!("{ARN}:f")),
            "InvalidParameterValueException",
            "You can't specify the \
            function as a destination for itself."
                .to_owned(),
        ),
        (
            to(iam),
            "InvalidParameterValueException",
            format!(
                "The provided destination config \
                DestinationConfig(onSuccess=OnSuccess(destination={iam}), onFailure=null) is \
                invalid."
            ),
        ),
        (
            to(sqs),
            "InvalidParameterValueException",
            format!(
                "The destination ARN {sqs} is not \
            supported by the local Lambda"
            ),
        ),
        (
            to("arn:aws:_-/!lambda:x"),
            "ValidationException",
            "at 'destinationConfig.onSuccess.destination' failed to satisfy constraint".to_owned(),
        ),
    ] {
        let reply = server.config("PUT", "f", body.clone()).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{body}: {}", reply.text());
        assert!(
            reply.json()["message"].as_str().unwrap().contains(&words),
            "{body}: {}",
            reply.text()
        );
    }
    let nobody = server.config("PUT", "nobody", json!({ "MaximumRetryAttempts": 1 })).await;
    assert_eq!(
        (nobody.status, nobody.json()["Message"].as_str()),
        (404, Some("The function doesn't exist."))
    );
    assert_eq!(server.config("GET", "f", Value::Null).await.status, 404, "nothing was kept");
}

#[tokio::test]
async fn an_entry_of_an_earlier_version_is_read_and_settings_without_a_function_go() {
    let server = Server::start().await;
    server.noting("old", NOTES).await;
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    let entry = json!({ "id": "x", "function": "old", "payload": "7", "trace": "Root=1" });
    std::fs::write(dir.path().join("queue/x.json"), entry.to_string()).unwrap();
    let orphan = dir.path().join("event-invoke-configs/ghost-00000000.json");
    std::fs::write(&orphan, json!({ "function": "ghost", "settings": {} }).to_string()).unwrap();
    let local = open_with(options(dir.path()), quick()).await.unwrap();
    assert!(!orphan.exists());
    let noted =
        || std::fs::read_to_string(dir.path().join("old.lines")).unwrap_or_default() == "7\n";
    eventually("the event is run", async || noted()).await;
    local.shutdown().await;
}
