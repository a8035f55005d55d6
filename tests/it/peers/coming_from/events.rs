//! The types of the crate `aws_lambda_events` as inputs and outputs of handlers.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::dynamodb;
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsEventObj};
use lambda::http::{Request, Response};
use lambda::{Error, Event, Handler, testing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The answer of a handler to this event.
fn answer<H, M>(handler: H, event: &Value) -> Value
where
    H: Handler<(), M>,
{
    testing::run(&(), handler, [Event::of(event).unwrap()]).unwrap()[0].json().unwrap()
}

// The events that have a value of their own in them ask for `Serialize`.
#[derive(Deserialize, Serialize)]
struct Order {
    amount: u32,
}

/// A batch of two messages from a queue.
fn batch() -> Value {
    let message = |id: &str, body: &str| {
        json!({
            "messageId": id,
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
            "awsRegion": "us-east-1"
        })
    };
    json!({"Records": [message("one", r#"{"amount":1}"#), message("two", r#"{"amount":0}"#)]})
}

#[test]
fn a_batch_of_a_queue_is_answered_with_the_messages_that_failed() {
    async fn take(event: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            let order: Order = serde_json::from_str(message.body.as_deref().unwrap_or_default())?;
            if order.amount == 0 {
                response.add_failure(message.message_id.unwrap_or_default());
            }
        }
        Ok(response)
    }
    async fn take_typed(event: SqsEventObj<Order>) -> Result<SqsBatchResponse, Error> {
        let failed = event.records.into_iter().filter(|message| message.body.amount == 0);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures.extend(failed.map(|message| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message.message_id.unwrap_or_default();
            failure
        }));
        Ok(response)
    }
    let failures = json!({"batchItemFailures": [{"itemIdentifier": "two"}]});
    assert_eq!(answer(take, &batch()), failures);
    assert_eq!(answer(take_typed, &batch()), failures);
}

#[test]
fn a_notification_of_s3_is_an_input() {
    async fn keys(event: S3Event) -> Result<Vec<String>, Error> {
        Ok(event.records.into_iter().filter_map(|record| record.s3.object.key).collect())
    }
    let event = json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "1970-01-01T00:00:00.123Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "testConfigRule",
            "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
            "object": {"key": "happy face.jpg", "size": 1024, "sequencer": "0055AED6DCD90281E5"}
        }
    }]});
    assert_eq!(answer(keys, &event), json!(["happy face.jpg"]));
}

#[test]
fn an_event_of_event_bridge_has_its_own_detail() {
    async fn amount(event: EventBridgeEvent<Order>) -> Result<String, Error> {
        Ok(format!("{} {}", event.detail_type, event.detail.amount))
    }
    let event = json!({
        "version": "0",
        "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": "Order Placed",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {"amount": 7}
    });
    assert_eq!(answer(amount, &event), "Order Placed 7");
}

#[test]
fn a_stream_of_dynamodb_has_its_items() {
    async fn items(event: dynamodb::Event) -> Result<Vec<Order>, Error> {
        let images = event.records.into_iter().map(|record| record.change.new_image);
        Ok(images.map(serde_dynamo::from_item).collect::<Result<_, _>>()?)
    }
    async fn amounts(event: dynamodb::Event) -> Result<Vec<u32>, Error> {
        Ok(items(event).await?.into_iter().map(|order| order.amount).collect())
    }
    let event = json!({"Records": [{
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_479_499_740,
            "Keys": {"id": {"N": "101"}},
            "NewImage": {"id": {"N": "101"}, "amount": {"N": "7"}},
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES"
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026"
    }]});
    assert_eq!(answer(amounts, &event), json!([7]));
}

/// A request of an HTTP API, with the claims of a JWT authorizer.
fn request() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "GET /orders/{id}",
        "rawPath": "/orders/7",
        "rawQueryString": "full=1",
        "headers": {"accept": "text/plain"},
        "queryStringParameters": {"full": "1"},
        "pathParameters": {"id": "7"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "authorizer": {"jwt": {"claims": {"sub": "ann"}, "scopes": ["read"]}},
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "http": {
                "method": "GET",
                "path": "/orders/7",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "agent"
            },
            "requestId": "id",
            "routeKey": "GET /orders/{id}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_u64
        },
        "isBase64Encoded": false
    })
}

fn claim(event: &ApiGatewayV2httpRequest) -> &str {
    let authorizer = event.request_context.authorizer.as_ref().unwrap();
    &authorizer.jwt.as_ref().unwrap().claims["sub"]
}

#[test]
fn a_request_of_an_http_api_is_an_input_alone_and_beside_a_request() {
    async fn alone(event: ApiGatewayV2httpRequest) -> Result<ApiGatewayV2httpResponse, Error> {
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = 200;
        response.body =
            Some(format!("{} of {}", event.path_parameters["id"], claim(&event)).into());
        Ok(response)
    }
    async fn with_our_response(event: ApiGatewayV2httpRequest) -> Result<Response, Error> {
        Ok(Response::text(200, format!("{} of {}", event.path_parameters["id"], claim(&event))))
    }
    async fn beside(
        (request, event): (Request, ApiGatewayV2httpRequest),
    ) -> Result<Response, Error> {
        let id = request.segments()[1].clone().into_owned();
        Ok(Response::text(200, format!("{id} of {}", claim(&event))))
    }
    for answer in [
        answer(alone, &request()),
        answer(with_our_response, &request()),
        answer(beside, &request()),
    ] {
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("7 of ann")));
    }
}

#[test]
fn the_form_of_a_response_is_its_requests_in_a_pair_too() {
    async fn path((request, event): (Request, Value)) -> Result<Response, Error> {
        let text = format!("{} {}", request.path(), event["requestContext"]["stage"]);
        Ok(Response::text(200, text).with_cookie("a=1"))
    }
    let event = json!({"httpMethod": "GET", "path": "/x", "requestContext": {"stage": "beta"}});
    let answer = answer(path, &event);
    assert_eq!(answer["body"], "/x \"beta\"");
    assert_eq!(answer["multiValueHeaders"], json!({"set-cookie": ["a=1"]}));
}

#[test]
fn an_event_of_another_kind_is_refused_with_the_place() {
    async fn take(_: SqsEvent) -> Result<(), Error> {
        Ok(())
    }
    let event = Event::new(r#"{"Records":[{"messageId":7}]}"#);
    let outcomes = testing::run(&(), take, [event]).unwrap();
    let [testing::Outcome::Error { kind, message, .. }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(kind, "Runtime.UnmarshalError");
    assert!(message.contains("SqsEvent") && message.contains("messageId"), "{message}");
}
