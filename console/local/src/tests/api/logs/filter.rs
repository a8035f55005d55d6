//! `FilterLogEvents`.

use super::*;

#[tokio::test]
async fn filter_merges_streams_by_time_and_pages_lose_and_repeat_nothing() {
    let server = Server::start().await;
    group(&server, &["a", "b"]).await;
    let start = now() - 60_000;
    let event = |n: i64| (start + n / 3, format!("event {n}"));
    put(&server, "a", (0..1000).filter(|n| n % 2 == 0).map(event)).await;
    put(&server, "b", (0..1000).filter(|n| n % 2 == 1).map(event)).await;
    let (events, pages) = filter(&server, json!({ "logGroupName": "g", "limit": 77 })).await;
    assert_eq!(pages, 13);
    let mut ids: Vec<&str> =
        events.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert!(events.is_sorted_by_key(|event| event["timestamp"].as_i64().unwrap()));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1000, "every event once");
    assert!(ids.iter().all(|id| id.len() == 56));
    let (events, _) = filter(
        &server,
        json!({ "logGroupName": "g", "startTime": start + 100, "endTime": start + 101 }),
    )
    .await;
    assert_eq!(events.len(), 6, "both ends count");
    let (events, _) =
        filter(&server, json!({ "logGroupName": "g", "logStreamNames": ["a"], "filterPattern": "\"event 10\" -100" }))
            .await;
    let found: Vec<_> = events.iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(found, ["event 10", "event 102", "event 104", "event 106", "event 108"]);
    let (events, _) =
        filter(&server, json!({ "logGroupName": "g", "logStreamNamePrefix": "b" })).await;
    assert_eq!(events.len(), 500);
}

#[tokio::test]
async fn a_page_ends_at_1_mb() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    for n in 0..3 {
        put(&server, "a", (0..10).map(|m| (now(), format!("{n}{m}{}", "x".repeat(100_000))))).await;
    }
    let (events, pages) = filter(&server, json!({ "logGroupName": "g" })).await;
    assert_eq!((events.len(), pages), (30, 3));
}

#[tokio::test]
async fn what_filter_does_not_understand_it_refuses() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    for request in [
        json!({ "logGroupName": "g", "filterPattern": "{ $.level = [1] }" }),
        json!({ "logGroupName": "g", "nextToken": "nonsense" }),
        json!({ "logGroupName": "g", "limit": 0 }),
        json!({ "logGroupName": "g", "logStreamNames": ["a"], "logStreamNamePrefix": "a" }),
        json!({ "logGroupName": "g", "logGroupIdentifier": "g" }),
        json!({}),
        json!({ "logGroupName": "g", "startFromHead": false }),
        json!({ "logGroupName": "g", "startFromHead": false, "startTime": 1_704_067_199_999_i64 }),
    ] {
        let reply = server.client.logs("FilterLogEvents", &request).await;
        assert_eq!(
            (reply.status, reply.json()["__type"].as_str()),
            (400, Some("InvalidParameterException")),
            "{request}"
        );
    }
    let reply = server.client.logs("FilterLogEvents", &json!({ "logGroupName": "none" })).await;
    assert_eq!(
        (reply.status, reply.json()["__type"].as_str()),
        (400, Some("ResourceNotFoundException"))
    );
}

#[tokio::test]
async fn every_kind_of_pattern_finds_its_events() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let lines = [
        "plain ERROR here",
        r#"{"level":"error","ms":1200,"user":{"id":7}}"#,
        "127.0.0.1 GET 404",
        "{\"level\":\"info\",\"ms\":3}\n",
    ];
    put(&server, "a", lines.iter().map(|line| (now(), (*line).to_owned()))).await;
    for (pattern, found) in [
        ("ERROR", 0),
        ("{ $.level = \"err*\" && ($.ms > 1e3 || $.user.id IS NULL) }", 1),
        ("[ip = 127.*, ..., status = 4*]", 2),
        ("%^127\\.\\d+%", 2),
        ("{ $.user NOT EXISTS }", 3),
        ("?nothing ?GET", 2),
    ] {
        let (events, _) =
            filter(&server, json!({ "logGroupName": "g", "filterPattern": pattern })).await;
        let described: Vec<&str> =
            events.iter().map(|event| event["message"].as_str().unwrap()).collect();
        assert_eq!(described, [lines[found]], "{pattern}");
    }
    let (code, message) = refused(
        &server,
        "FilterLogEvents",
        &json!({ "logGroupName": "g", "filterPattern": "{ $.a > b }" }),
    )
    .await;
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("at character 9"), "{message}");
}

#[tokio::test]
async fn newest_first_is_the_same_sequence_the_other_way_round() {
    let server = Server::start().await;
    group(&server, &["a", "b", "c"]).await;
    let start = now() - 60_000;
    for stream in ["a", "b", "c"] {
        put(&server, stream, (0..200).map(|n| (start + n / 7, format!("{stream} {n}")))).await;
    }
    let (forward, _) = filter(&server, json!({ "logGroupName": "g", "startTime": start })).await;
    let request =
        json!({ "logGroupName": "g", "startTime": start, "startFromHead": false, "limit": 37 });
    let (backward, pages) = filter(&server, request).await;
    assert_eq!((backward.len(), pages), (600, 17));
    assert_eq!(backward.into_iter().rev().collect::<Vec<_>>(), forward);
    // The token determines the direction, not the parameters sent with it.
    let mut request = json!({ "logGroupName": "g", "startTime": start + 5, "endTime": start + 20,
        "startFromHead": false, "limit": 10, "filterPattern": "?\"b 1\" ?\"c 1\"" });
    let first = ask(&server, "FilterLogEvents", &request).await;
    request["nextToken"] = first["nextToken"].clone();
    request["startFromHead"] = json!(true);
    let second = ask(&server, "FilterLogEvents", &request).await;
    let described: Vec<Value> = [first, second]
        .iter()
        .flat_map(|page| page["events"].as_array().unwrap().clone())
        .collect();
    assert_eq!(described.len(), 20);
    assert!(
        described.is_sorted_by_key(|event| std::cmp::Reverse(event["timestamp"].as_i64().unwrap()))
    );
    assert!(
        described
            .iter()
            .all(|event| (start + 5..=start + 20).contains(&event["timestamp"].as_i64().unwrap()))
    );
}

#[tokio::test]
async fn a_page_may_be_empty_and_go_on_with_a_token() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    for n in 0..5 {
        put(&server, "a", (0..10).map(|_| (now(), format!("{n} {}", "x".repeat(100_000))))).await;
    }
    put(&server, "a", [(now(), "the needle".to_owned())]).await;
    // Regular expressions are expensive: a page searches 2 MB of 5.
    let mut request = json!({ "logGroupName": "g", "filterPattern": "%needle%" });
    let first = ask(&server, "FilterLogEvents", &request).await;
    assert_eq!((&first["events"], &first["searchedLogStreams"]), (&json!([]), &json!([])));
    request["nextToken"] = first["nextToken"].clone();
    let (rest, pages) = filter(&server, request).await;
    assert_eq!((rest.len(), rest[0]["message"].as_str()), (1, Some("the needle")));
    assert_eq!(pages, 2);
}

#[tokio::test]
async fn tokens_stay_true_while_events_come_and_streams_go() {
    let server = Server::start().await;
    group(&server, &["a", "b", "c"]).await;
    let start = now() - 60_000;
    // All in one millisecond, so that only the rest of the sort key distinguishes them.
    for stream in ["a", "b", "c"] {
        put(&server, stream, (0..300).map(|n| (start, format!("{stream} {n}")))).await;
    }
    let mut request = json!({ "logGroupName": "g", "limit": 100 });
    let mut described: Vec<Value> = Vec::new();
    for page in 0.. {
        let answer = ask(&server, "FilterLogEvents", &request).await;
        described.extend(answer["events"].as_array().unwrap().iter().cloned());
        match answer.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => break,
        }
        match page {
            // One of the past, which replaces the file that is being read; and one of the future.
            1 => {
                put(
                    &server,
                    "b",
                    [(start - 10, "past".to_owned()), (start + 10, "future".to_owned())],
                )
                .await;
            }
            2 => put(&server, "a", [(start + 20, "later".to_owned())]).await,
            // The first page of c was returned already; the rest is deleted.
            6 => drop(
                ask(
                    &server,
                    "DeleteLogStream",
                    &json!({ "logGroupName": "g", "logStreamName": "c" }),
                )
                .await,
            ),
            _ => {}
        }
    }
    let of = |stream: &str| -> Vec<&str> {
        let mine = described.iter().filter(|event| event["logStreamName"] == stream);
        mine.map(|event| event["message"].as_str().unwrap()).collect()
    };
    let numbered = |stream: &str, count: usize| {
        (0..count).map(|n| format!("{stream} {n}")).collect::<Vec<_>>()
    };
    assert_eq!(of("a")[..300], numbered("a", 300));
    assert_eq!(of("a")[300..], ["later"]);
    assert_eq!(of("b")[..300], numbered("b", 300));
    assert_eq!(of("b")[300..], ["future"]);
    assert_eq!(of("c"), numbered("c", 100));
}

#[tokio::test]
async fn ids_are_unique_in_order_and_the_same_after_a_restart() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    for n in 0..3 {
        server.invoke("echo", &n.to_string()).await;
    }
    let arn = "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/echo";
    let (before, _) = filter(&server, json!({ "logGroupIdentifier": arn })).await;
    let foreign = arn.replace("eu-central-1", "us-east-1");
    let (code, _) =
        refused(&server, "FilterLogEvents", &json!({ "logGroupIdentifier": foreign })).await;
    assert_eq!(code, "ResourceNotFoundException");
    let ids: Vec<&str> = before.iter().map(|event| event["eventId"].as_str().unwrap()).collect();
    assert!(ids.len() >= 9 && ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    assert!(
        before.iter().all(|event| event["ingestionTime"].as_i64() >= event["timestamp"].as_i64())
    );
    let stream = before[0]["logStreamName"].as_str().unwrap();
    let (date, sandbox) = stream.split_once("/[$LATEST]").unwrap_or_else(|| panic!("{stream}"));
    assert!(sandbox.len() == 32 && sandbox.chars().all(|c| c.is_ascii_hexdigit()), "{stream}");
    assert_eq!(date.split('/').map(str::len).collect::<Vec<_>>(), [4, 2, 2], "{stream}");
    server.local.shutdown().await;
    let server = Server::start_in(server.dir, quick()).await;
    let (after, _) = filter(&server, json!({ "logGroupIdentifier": arn })).await;
    assert_eq!(after, before);
}
