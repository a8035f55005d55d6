//! Log groups and the lists of streams: pages, retention, tags, deletion.

use std::{fs, path::Path};

use super::*;

#[tokio::test]
async fn groups_and_streams_are_described_in_pages_and_duplicates_refused() {
    let server = Server::start().await;
    for name in ["/x/1", "/x/2", "/x/3", "/y/1"] {
        server.client.logs("CreateLogGroup", &json!({ "logGroupName": name })).await;
    }
    let page = server
        .client
        .logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": "/x", "limit": 2 }))
        .await
        .json();
    assert_eq!(page["logGroups"][1]["logGroupName"], "/x/2");
    assert_eq!(
        page["logGroups"][1]["arn"],
        "arn:aws:logs:eu-central-1:000000000000:log-group:/x/2:*"
    );
    let page = server
        .client
        .logs(
            "DescribeLogGroups",
            &json!({ "logGroupNamePrefix": "/x", "limit": 2, "nextToken": page["nextToken"] }),
        )
        .await
        .json();
    assert_eq!((page["logGroups"].as_array().unwrap().len(), page.get("nextToken")), (1, None));
    let again = server.client.logs("CreateLogGroup", &json!({ "logGroupName": "/x/1" })).await;
    assert_eq!(
        (again.status, again.json()["__type"].as_str()),
        (400, Some("ResourceAlreadyExistsException"))
    );
    let policy = server
        .client
        .logs("PutRetentionPolicy", &json!({ "logGroupName": "/x/1", "retentionInDays": 7 }))
        .await;
    assert_eq!(policy.status, 200);
    let bad = server
        .client
        .logs("PutRetentionPolicy", &json!({ "logGroupName": "/x/1", "retentionInDays": 8 }))
        .await;
    assert_eq!(bad.json()["__type"], "InvalidParameterException");
    let described = server
        .client
        .logs("DescribeLogGroups", &json!({ "logGroupNamePrefix": "/x/1" }))
        .await
        .json();
    assert_eq!(described["logGroups"][0]["retentionInDays"], 7);
    group(&server, &["old", "new"]).await;
    put(&server, "old", [(now() - 5000, "1".into())]).await;
    put(&server, "new", [(now(), "2".into())]).await;
    let request = json!({ "logGroupName": "g", "orderBy": "LastEventTime", "descending": true });
    let streams = server.client.logs("DescribeLogStreams", &request).await.json();
    assert_eq!(streams["logStreams"][0]["logStreamName"], "new");
    assert!(streams["logStreams"][1]["lastEventTimestamp"].as_i64().unwrap() < now() - 4000);
}

#[tokio::test]
async fn streams_are_paged_by_name_and_by_their_last_event() {
    let server = Server::start().await;
    group(&server, &["a", "b", "c", "d", "e"]).await;
    let start = now() - 5000;
    for (stream, time) in [("a", 40), ("b", 10), ("c", 30), ("d", 10), ("e", 20)] {
        put(&server, stream, [(start + time, "event".to_owned())]).await;
    }
    let pages = async |extra: Value| {
        let mut request = json!({ "logGroupName": "g", "limit": 2 });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let mut names = String::new();
        loop {
            let page = ask(&server, "DescribeLogStreams", &request).await;
            let streams = page["logStreams"].as_array().unwrap();
            names.extend(streams.iter().map(|stream| stream["logStreamName"].as_str().unwrap()));
            match page.get("nextToken") {
                Some(token) => request["nextToken"] = token.clone(),
                None => return names,
            }
        }
    };
    assert_eq!(pages(json!({})).await, "abcde");
    assert_eq!(pages(json!({ "descending": true })).await, "edcba");
    assert_eq!(pages(json!({ "orderBy": "LastEventTime" })).await, "bdeca");
    assert_eq!(pages(json!({ "orderBy": "LastEventTime", "descending": true })).await, "acedb");
    assert_eq!(pages(json!({ "logStreamNamePrefix": "c" })).await, "c");
    for wrong in [
        json!({ "logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "a" }),
        json!({ "logGroupName": "g", "orderBy": "Size" }),
        json!({ "logGroupName": "g", "nextToken": "nonsense" }),
        json!({ "logGroupName": "g", "limit": 51 }),
    ] {
        assert_eq!(
            refused(&server, "DescribeLogStreams", &wrong).await.0,
            "InvalidParameterException",
            "{wrong}"
        );
    }
    let both = json!({ "logGroupNamePrefix": "g", "logGroupNamePattern": "g" });
    assert_eq!(refused(&server, "DescribeLogGroups", &both).await.0, "InvalidParameterException");
    let found = ask(&server, "DescribeLogGroups", &json!({ "logGroupNamePattern": "G" })).await;
    assert_eq!(found["logGroups"], json!([]), "the case counts");
}

#[tokio::test]
async fn events_past_the_retention_are_gone() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let day = 24 * 60 * 60 * 1000;
    put(&server, "a", [(now() - 3 * day, "old".into())]).await;
    put(&server, "a", [(now(), "new".into())]).await;
    server
        .client
        .logs("PutRetentionPolicy", &json!({ "logGroupName": "g", "retentionInDays": 1 }))
        .await;
    let (events, _) = filter(&server, json!({ "logGroupName": "g" })).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["message"], "new");
}

/// Total size of all files below a directory.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { size(&path) } else { fs::metadata(&path).unwrap().len() })
        .sum()
}

#[tokio::test]
async fn what_is_past_the_retention_leaves_the_disk_at_once_and_at_the_next_start() {
    let server = Server::start().await;
    group(&server, &["mixed", "old"]).await;
    let day = 24 * 60 * 60 * 1000;
    let bulk = |time: i64| (0..500).map(move |n| (time + n, "x".repeat(1000)));
    put(&server, "mixed", bulk(now() - 6 * day)).await;
    put(&server, "old", bulk(now() - 6 * day)).await;
    put(&server, "mixed", [(now(), "new".to_owned())]).await;
    let logs = server.dir.path().join("logs");
    let stored = async |server: &Server| {
        let group = ask(server, "DescribeLogGroups", &json!({})).await;
        group["logGroups"][0]["storedBytes"].as_u64().unwrap()
    };
    assert!(size(&logs) > 1_000_000 && stored(&server).await > 1_000_000);
    // The events are within this retention.
    ask(&server, "PutRetentionPolicy", &json!({ "logGroupName": "g", "retentionInDays": 7 })).await;
    assert!(size(&logs) > 1_000_000);
    ask(&server, "PutRetentionPolicy", &json!({ "logGroupName": "g", "retentionInDays": 5 })).await;
    assert!(size(&logs) < 2000 && stored(&server).await < 200, "{}", size(&logs));
    let streams = ask(&server, "DescribeLogStreams", &json!({ "logGroupName": "g" })).await;
    assert_eq!(
        streams["logStreams"].as_array().unwrap().len(),
        1,
        "a stream of old events only is gone"
    );
    ask(&server, "DeleteRetentionPolicy", &json!({ "logGroupName": "g" })).await;
    put(&server, "mixed", bulk(now() - 6 * day)).await;
    assert!(size(&logs) > 500_000);
    // As if the retention had expired while the server was down.
    server.local.shutdown().await;
    for entry in fs::read_dir(&logs).unwrap() {
        let settings = entry.unwrap().path().join("group.json");
        let text = fs::read_to_string(&settings).unwrap().replace("null", "5");
        fs::write(&settings, text).unwrap();
    }
    let server = Server::start_in(server.dir, quick()).await;
    assert!(size(&logs) < 2000, "{}", size(&logs));
    assert_eq!(filter(&server, json!({ "logGroupName": "g" })).await.0.len(), 1);
}

#[tokio::test]
async fn a_group_that_is_deleted_under_a_warm_sandbox_comes_back_with_its_next_line() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    server.invoke("echo", "1").await;
    let request = json!({ "logGroupName": "/aws/lambda/echo" });
    let reports = async || {
        let (events, _) = filter(
            &server,
            json!({ "logGroupName": "/aws/lambda/echo", "filterPattern": "REPORT" }),
        )
        .await;
        events
    };
    let first = reports().await;
    let stream =
        json!({ "logGroupName": "/aws/lambda/echo", "logStreamName": first[0]["logStreamName"] });
    ask(&server, "DeleteLogStream", &stream).await;
    assert_eq!(refused(&server, "DeleteLogStream", &stream).await.0, "ResourceNotFoundException");
    assert_eq!(reports().await, Vec::<Value>::new());
    server.invoke("echo", "2").await;
    assert_eq!(reports().await.len(), 1);
    ask(&server, "DeleteLogGroup", &request).await;
    assert_eq!(refused(&server, "FilterLogEvents", &request).await.0, "ResourceNotFoundException");
    server.invoke("echo", "3").await;
    let last = reports().await;
    assert_eq!(
        (last.len(), &last[0]["logStreamName"]),
        (1, &first[0]["logStreamName"]),
        "the same sandbox"
    );
}

#[tokio::test]
async fn a_groups_class_and_key_are_returned_as_they_were_set() {
    let server = Server::start().await;
    let request = json!({ "logGroupName": "g", "logGroupClass": "INFREQUENT_ACCESS", "kmsKeyId": "arn:aws:kms:a" });
    ask(&server, "CreateLogGroup", &request).await;
    let answer =
        async || ask(&server, "DescribeLogGroups", &json!({})).await["logGroups"][0].clone();
    let first = answer().await;
    assert_eq!(
        (&first["logGroupClass"], &first["kmsKeyId"]),
        (&json!("INFREQUENT_ACCESS"), &json!("arn:aws:kms:a"))
    );
    ask(&server, "AssociateKmsKey", &json!({ "logGroupName": "g", "kmsKeyId": "arn:aws:kms:b" }))
        .await;
    assert_eq!(answer().await["kmsKeyId"], "arn:aws:kms:b");
    let arn = first["logGroupArn"].clone();
    ask(&server, "DisassociateKmsKey", &json!({ "resourceIdentifier": arn })).await;
    assert_eq!(answer().await.get("kmsKeyId"), None);
    let listed = ask(&server, "ListLogGroups", &json!({ "logGroupNamePattern": "^g" })).await;
    assert_eq!(listed["logGroups"][0]["logGroupArn"], arn);
    let (code, _) = refused(
        &server,
        "CreateLogGroup",
        &json!({ "logGroupName": "h", "logGroupClass": "FAST" }),
    )
    .await;
    assert_eq!(code, "InvalidParameterException");
    // The tags of a group by its name, with the API that older clients use.
    ask(&server, "TagLogGroup", &json!({ "logGroupName": "g", "tags": { "a": "b", "c": "d" } }))
        .await;
    ask(&server, "UntagLogGroup", &json!({ "logGroupName": "g", "tags": ["c"] })).await;
    let tags = ask(&server, "ListTagsLogGroup", &json!({ "logGroupName": "g" })).await;
    assert_eq!(tags, json!({ "tags": { "a": "b" } }));
}

#[tokio::test]
async fn tags_are_set_listed_removed_and_kept() {
    let server = Server::start().await;
    ask(
        &server,
        "CreateLogGroup",
        &json!({ "logGroupName": "g", "tags": { "team": "a", "stage": "dev" } }),
    )
    .await;
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:g";
    ask(
        &server,
        "TagResource",
        &json!({ "resourceArn": arn, "tags": { "team": "b", "cost": "" } }),
    )
    .await;
    ask(&server, "UntagResource", &json!({ "resourceArn": arn, "tagKeys": ["stage", "none"] }))
        .await;
    let many: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    let (code, _) =
        refused(&server, "TagResource", &json!({ "resourceArn": arn, "tags": many })).await;
    assert_eq!(code, "TooManyTagsException");
    let (code, _) =
        refused(&server, "TagResource", &json!({ "resourceArn": arn, "tags": { "aws:x": "y" } }))
            .await;
    assert_eq!(code, "InvalidParameterException");
    let (code, _) =
        refused(&server, "ListTagsForResource", &json!({ "resourceArn": format!("{arn}x") })).await;
    assert_eq!(code, "ResourceNotFoundException");
    let (code, _) =
        refused(&server, "ListTagsForResource", &json!({ "resourceArn": format!("{arn}:*") }))
            .await;
    assert_eq!(code, "InvalidParameterException");
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    let tags = ask(&server, "ListTagsForResource", &json!({ "resourceArn": arn })).await;
    assert_eq!(tags, json!({ "tags": { "cost": "", "team": "b" } }));
}
