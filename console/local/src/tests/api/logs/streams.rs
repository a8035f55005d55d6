//! `GetLogEvents` and `PutLogEvents`.

use super::*;

#[tokio::test]
async fn one_stream_is_read_forwards_and_backwards() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let start = now() - 1000;
    put(&server, "a", (0..10).map(|n| (start + n, n.to_string()))).await;
    let get = async |extra: Value| {
        let mut request = json!({ "logGroupName": "g", "logStreamName": "a", "limit": 4 });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.client.logs("GetLogEvents", &request).await.json()
    };
    let last = get(json!({})).await;
    assert_eq!(messages(&last).concat(), "6789", "the newest first");
    let before = get(json!({ "nextToken": last["nextBackwardToken"] })).await;
    assert_eq!(messages(&before).concat(), "2345");
    let end = get(json!({ "nextToken": last["nextForwardToken"] })).await;
    assert_eq!(
        (messages(&end).len(), &end["nextForwardToken"]),
        (0, &last["nextForwardToken"]),
        "the same token at the end"
    );
    put(&server, "a", [(now(), "new".into())]).await;
    assert_eq!(messages(&get(json!({ "nextToken": end["nextForwardToken"] })).await), ["new"]);
    assert_eq!(
        messages(
            &get(json!({ "startFromHead": true, "startTime": start + 3, "endTime": start + 5 }))
                .await
        )
        .concat(),
        "34"
    );
}

#[tokio::test]
async fn at_either_end_the_same_token_comes_back_and_both_go_on_from_there() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let get = async |extra: Value| {
        let mut request = json!({ "logGroupName": "g", "logStreamName": "a", "limit": 3 });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ask(&server, "GetLogEvents", &request).await
    };
    let token = async |page: &Value, name: &str| get(json!({ "nextToken": page[name] })).await;
    let empty = get(json!({})).await;
    assert_eq!(empty["events"], json!([]));
    let still = token(&empty, "nextForwardToken").await;
    assert_eq!(still["nextForwardToken"], empty["nextForwardToken"]);
    let start = now() - 1000;
    put(&server, "a", (0..7).map(|n| (start, n.to_string()))).await;
    // Forwards from the token of the empty stream to the end, and backwards from there.
    let mut page = token(&still, "nextForwardToken").await;
    let mut described = messages(&page).concat();
    while page["events"] != json!([]) {
        page = token(&page, "nextForwardToken").await;
        described += &messages(&page).concat();
    }
    assert_eq!(described, "0123456");
    // An older event is inserted, and the file is replaced.
    put(&server, "a", [(start - 1, "p".to_owned())]).await;
    let mut pages = Vec::new();
    loop {
        let before = token(&page, "nextBackwardToken").await;
        if before["events"] == json!([]) {
            assert_eq!(before["nextBackwardToken"], page["nextBackwardToken"]);
            assert_eq!(messages(&token(&before, "nextForwardToken").await).concat(), "p01");
            break;
        }
        pages.push(messages(&before).concat());
        page = before;
    }
    assert_eq!(pages, ["456", "123", "p0"]);
    for wrong in
        ["x", "f/", "f/12", "x/00000000000000000000000000000000000000000000000000000000", "b/ä"]
    {
        let request = json!({ "logGroupName": "g", "logStreamName": "a", "nextToken": wrong });
        assert_eq!(
            refused(&server, "GetLogEvents", &request).await.0,
            "InvalidParameterException",
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn put_refuses_unordered_events_and_reports_those_too_old_or_new() {
    let server = Server::start().await;
    group(&server, &["a"]).await;
    let put = async |events: &[i64]| {
        let events: Vec<Value> =
            events.iter().map(|t| json!({ "timestamp": t, "message": "m" })).collect();
        server
            .client
            .logs(
                "PutLogEvents",
                &json!({ "logGroupName": "g", "logStreamName": "a", "logEvents": events }),
            )
            .await
    };
    assert_eq!(put(&[now(), now() - 10]).await.json()["__type"], "InvalidParameterException");
    assert_eq!(put(&[]).await.json()["__type"], "InvalidParameterException");
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(
        put(&[now() - day - 1000, now()]).await.json()["__type"],
        "InvalidParameterException"
    );
    let described = put(&[now() - 14 * day - 5000, now() - 14 * day + 60_000]).await.json();
    assert_eq!(described["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1 }));
    let described = put(&[now(), now() + day / 6]).await.json();
    assert_eq!(described["rejectedLogEventsInfo"], json!({ "tooNewLogEventStartIndex": 1 }));
    assert_eq!(filter(&server, json!({ "logGroupName": "g" })).await.0.len(), 2);
    ask(&server, "PutRetentionPolicy", &json!({ "logGroupName": "g", "retentionInDays": 3 })).await;
    let described = put(&[now() - 3 * day - 5000, now() - 3 * day + 60_000]).await.json();
    assert_eq!(described["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 1 }));
}
