//! The events of every source, as they arrive.

use serde_json::{Value, json};

use super::*;

fn event(stage: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "a=1&b=x+y%21&a=2&flag",
        "headers": {"X-Tag": "one,two"},
        "cookies": ["k=v"],
        "requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.1"}, "stage": stage},
        "body": "eyJhIjoxfQ==",
        "isBase64Encoded": true
    })
}

fn request(event: &Value) -> Result<Request, String> {
    read(event.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn an_event_becomes_a_request() {
    let request = request(&event("$default", "/items/a%20b%2Fc/")).unwrap();
    assert_eq!((request.method(), request.path()), ("POST", "/items/a%20b%2Fc/"));
    assert_eq!(request.segments(), ["items", "a b/c"]);
    assert_eq!(request.query("a").as_deref(), Some("1"));
    assert_eq!(request.query("b").as_deref(), Some("x y!"));
    assert_eq!(request.query("flag").as_deref(), Some(""));
    assert_eq!(request.query("none"), None);
    assert_eq!(request.header("x-tag"), Some("one,two"));
    assert_eq!(request.cookies(), ["k=v"]);
    assert_eq!(request.source_ip(), "192.0.2.1");
    assert_eq!(request.body(), br#"{"a":1}"#);
    assert_eq!(request.json::<BTreeMap<String, u8>>().unwrap()["a"], 1);
}

#[test]
fn a_request_of_format_1_is_read() {
    let request = request(&json!({
        "resource": "/{proxy+}",
        "path": "/items",
        "httpMethod": "GET",
        "headers": {"X-Tag": "two", "cookie": "a=1; b=2"},
        "multiValueHeaders": {"X-Tag": ["one", "two"], "cookie": ["a=1; b=2"]},
        "queryStringParameters": {"a": "2"},
        "multiValueQueryStringParameters": {"a": ["1 &", "2"], "ü": [""]},
        "requestContext": {"stage": "beta", "path": "/beta/items", "identity": {"sourceIp": "192.0.2.1"}},
        "body": null,
        "isBase64Encoded": false
    }))
    .unwrap();
    assert_eq!((request.method(), request.path()), ("GET", "/items"));
    assert_eq!(request.query, "a=1%20%26&a=2&%C3%BC=");
    assert_eq!(request.query("a").as_deref(), Some("1 &"));
    assert_eq!(request.query("ü").as_deref(), Some(""));
    assert_eq!(request.header("x-tag"), Some("one, two"));
    assert_eq!(request.cookies(), ["a=1", "b=2"]);
    assert_eq!((request.source_ip(), request.body()), ("192.0.2.1", &b""[..]));
    assert_eq!(request.form, Form::Gateway1);
}

#[test]
fn a_request_of_a_load_balancer_is_read() {
    let mut event = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "httpMethod": "POST",
        "path": "/items",
        "queryStringParameters": {"a": "1%20"},
        "headers": {"x-forwarded-for": "10.0.0.1, 192.0.2.1"},
        "body": "aGk=",
        "isBase64Encoded": true
    });
    let one = request(&event).unwrap();
    assert_eq!((one.query("a").as_deref(), one.source_ip()), (Some("1 "), "192.0.2.1"));
    assert_eq!((one.body(), one.form), (&b"hi"[..], Form::Balancer));
    event["multiValueHeaders"] = json!({"x-forwarded-for": ["192.0.2.7"]});
    let many = request(&event).unwrap();
    assert_eq!((many.source_ip(), many.form), ("192.0.2.7", Form::BalancerOfMany));
}

#[test]
fn a_path_and_a_query_that_were_decoded_are_encoded_again() {
    let mut event = event("$default", "/hello/Ann Lee/ü?{100%}#%20");
    event["rawQueryString"] = "q=a b&p=100%+5off&ä=<\u{7f}>".into();
    let request = request(&event).unwrap();
    assert_eq!(request.path(), "/hello/Ann%20Lee/%C3%BC%3F%7B100%%7D%23%20");
    assert_eq!(request.segments(), ["hello", "Ann Lee", "ü?{100%}# "]);
    assert_eq!(request.raw_query(), "q=a%20b&p=100%+5off&%C3%A4=%3C%7F%3E");
    assert_eq!(request.query("p").as_deref(), Some("100% 5off"));
    assert_eq!(request.query("ä").as_deref(), Some("<\u{7f}>"));
}

#[test]
fn the_parameters_of_a_load_balancer_stay_as_they_came_but_for_what_would_part_them() {
    let event = json!({
        "requestContext": {"elb": {}},
        "httpMethod": "GET",
        "path": "/a b%20c",
        "queryStringParameters": {"a": "1%20 &2", "b": "x=y"}
    });
    let request = request(&event).unwrap();
    assert_eq!((request.path(), request.raw_query()), ("/a%20b%20c", "a=1%20%20%262&b=x=y"));
}

#[test]
fn values_of_other_types_are_texts_and_what_is_none_is_left_out() {
    let mut event = event("$default", "/");
    event["headers"] =
        json!({"a": null, "b": 1, "c": true, "d": 1.5, "e": ["x", 2], "f": {"g": 1}, "X-B": "2"});
    event["cookies"] = json!(["k=v", null, 7]);
    event["isBase64Encoded"] = "true".into();
    let request = request(&event).unwrap();
    let headers: Vec<(&str, &str)> = request.headers().collect();
    assert_eq!(headers, [("b", "1"), ("c", "true"), ("d", "1.5"), ("e", "x, 2"), ("x-b", "2")]);
    assert_eq!(request.cookies(), ["k=v", "7"]);
    assert_eq!(request.body(), br#"{"a":1}"#);
    let first = self::request(&json!({
        "httpMethod": "GET",
        "path": "/",
        "headers": {"X-A": "1", "x-c": 3},
        "multiValueHeaders": {"x-b": ["2", null], "X-B": "3", "n": null},
        "queryStringParameters": {"a": "1", "b": null},
        "multiValueQueryStringParameters": {"c": [2, "3"]},
        "requestContext": null
    }));
    let first = first.unwrap();
    assert_eq!(
        (first.header("x-a"), first.header("x-b"), first.header("x-c")),
        (Some("1"), Some("3, 2"), Some("3"))
    );
    assert_eq!(first.raw_query(), "a=1&c=2&c=3");
}

#[test]
fn a_base64_body_may_have_line_breaks() {
    for body in ["eyJh\r\nIjox\nfQ==\n", " eyJhIjoxfQ"] {
        let mut event = event("$default", "/");
        event["body"] = body.into();
        assert_eq!(request(&event).unwrap().body(), br#"{"a":1}"#);
    }
}

#[test]
fn what_is_missing_is_empty() {
    let least = json!({"requestContext": {"http": {"method": "GET", "path": "/a"}}, "headers": {"Cookie": "a=1;b=2"}});
    let least = request(&least).unwrap();
    assert_eq!(
        (least.method(), least.path(), least.raw_query(), least.source_ip()),
        ("GET", "/a", "", "")
    );
    assert_eq!(least.cookies(), ["a=1", "b=2"]);
    let mut event = event("$default", "");
    event.as_object_mut().unwrap().remove("rawQueryString");
    event["queryStringParameters"] = json!({"a": "1 2"});
    let request = request(&event).unwrap();
    assert_eq!((request.path(), request.raw_query()), ("/", "a=1%202"));
}

#[test]
fn a_health_check_is_a_request() {
    let check = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123:targetgroup/t/1"}},
        "httpMethod": "GET",
        "path": "/",
        "queryStringParameters": {},
        "headers": {"user-agent": "ELB-HealthChecker/2.0"},
        "body": "",
        "isBase64Encoded": false
    });
    let request = request(&check).unwrap();
    assert_eq!((request.method(), request.path(), request.raw_query()), ("GET", "/", ""));
    assert_eq!(request.form, Form::Balancer);
}

#[test]
fn both_versions_of_vpc_lattice_are_read() {
    let first = request(&json!({
        "raw_path": "/items/a%20b?x=1",
        "method": "POST",
        "headers": {"x-forwarded-for": "10.213.229.10"},
        "query_string_parameters": {"x": "1"},
        "body": "aGk=",
        "is_base64_encoded": true
    }));
    let second = request(&json!({
        "version": "2.0",
        "path": "/items/a%20b",
        "method": "POST",
        "headers": {"x-forwarded-for": ["10.213.229.10"]},
        "queryStringParameters": {"x": ["1"]},
        "body": "aGk=",
        "isBase64Encoded": true,
        "requestContext": {
            "serviceNetworkArn": "arn",
            "identity": {"sourceVpcArn": "arn", "type": "AWS_IAM"},
            "region": "eu-west-1",
            "timeEpoch": "1690497599177430"
        }
    }));
    let request = first.unwrap();
    assert_eq!(
        (request.method(), request.path(), request.raw_query()),
        ("POST", "/items/a%20b", "x=1")
    );
    assert_eq!((request.source_ip(), request.body()), ("10.213.229.10", &b"hi"[..]));
    assert_eq!(request, second.unwrap());
}

#[test]
fn the_stage_is_no_part_of_the_path() {
    let path = |stage, path| request(&event(stage, path)).unwrap().path().to_owned();
    assert_eq!(path("beta", "/beta/items"), "/items");
    assert_eq!(path("beta", "/beta"), "/");
    assert_eq!(path("beta", "/betamax"), "/betamax");
    assert_eq!(path("$default", "/$default"), "/$default");
}

#[test]
fn a_path_that_begins_like_the_stage_stays_where_the_stage_is_not_in_front() {
    let path = |path: &str, domain: &str, route: &str, parameters: Value| {
        let mut event = event("hello", path);
        event["routeKey"] = route.into();
        event["pathParameters"] = parameters;
        event["requestContext"]["domainName"] = domain.into();
        event["requestContext"]["http"]["path"] = path.into();
        request(&event).unwrap().path().to_owned()
    };
    let (own, custom) = ("a1b2.execute-api.eu-west-1.amazonaws.com", "api.example.com");
    assert_eq!(path("/hello/Ann", custom, "$default", Value::Null), "/hello/Ann");
    assert_eq!(path("/hello/Ann", own, "$default", Value::Null), "/Ann");
    assert_eq!(path("/hello/hello/Ann", own, "$default", Value::Null), "/hello/Ann");
    // The route takes precedence over the domain.
    assert_eq!(path("/hello/Ann", custom, "GET /{name}", json!({"name": "Ann"})), "/Ann");
    assert_eq!(path("/hello/a/b/", custom, "ANY /{proxy+}", json!({"proxy": "a/b"})), "/a/b/");
    assert_eq!(path("/hello/Ann", own, "GET /hello/{name}", json!({"name": "Ann"})), "/hello/Ann");
    assert_eq!(path("/hello", custom, "ANY /", Value::Null), "/");
}

#[test]
fn format_1_has_the_stage_in_its_path_from_an_http_api_only() {
    let path = |path: &str, whole: &str, domain: &str, resource: &str| {
        let event = json!({
            "httpMethod": "GET",
            "path": path,
            "resource": resource,
            "requestContext": {"stage": "beta", "path": whole, "domainName": domain}
        });
        request(&event).unwrap().path().to_owned()
    };
    let (own, custom) = ("a1b2.execute-api.eu-west-1.amazonaws.com", "api.example.com");
    assert_eq!(path("/beta/items", "/beta/items", own, "$default"), "/items");
    assert_eq!(path("/beta/items", "/beta/beta/items", own, "/beta/items"), "/beta/items");
    assert_eq!(path("/beta/items", "/beta/items", custom, "/beta/items"), "/beta/items");
    assert_eq!(path("/beta/items", "/beta/items", custom, "/items"), "/items");
}

#[test]
fn a_base_path_is_removed_by_whole_segments() {
    for base in ["/v1/orders", "v1/orders/"] {
        let path =
            |path| read_below(base, event("beta", path).to_string().as_bytes()).unwrap().path;
        assert_eq!(path("/v1/orders/7"), "/7");
        assert_eq!(path("/v1/orders"), "/");
        assert_eq!(path("/beta/v1/orders/7"), "/7");
        assert_eq!(path("/v1/orders7"), "/v1/orders7");
        assert_eq!(path("/v2/orders"), "/v2/orders");
    }
}

#[test]
fn an_event_of_another_kind_is_refused_with_what_is_missing() {
    let why = request(&json!({"records": []})).unwrap_err();
    assert!(why.ends_with("it has neither `rawPath`, nor `httpMethod` and `path`"), "{why}");
    let why = request(&json!({"rawPath": "/"})).unwrap_err();
    assert!(why.ends_with("it has no `requestContext.http`"), "{why}");
    let why = request(&json!({"rawPath": 1})).unwrap_err();
    assert!(
        why.contains("load balancer: the payload does not fit") && why.contains("`rawPath`: "),
        "{why}"
    );
    let mut broken = event("$default", "/");
    broken["body"] = "%".into();
    assert!(request(&broken).unwrap_err().contains("not base64"));
}

#[test]
fn an_event_of_a_known_kind_is_named() {
    let mut authorizer = event("$default", "/");
    authorizer["type"] = "REQUEST".into();
    authorizer["routeArn"] = "arn:aws:execute-api:eu-west-1:123456789012:a1b2/$default/GET/".into();
    for (event, name) in [
        (
            json!({
                "headers": {"Host": "a1b2.execute-api.eu-west-1.amazonaws.com", "Sec-WebSocket-Version": "13"},
                "multiValueHeaders": {"Host": ["a1b2.execute-api.eu-west-1.amazonaws.com"]},
                "requestContext": {
                    "routeKey": "$connect", "eventType": "CONNECT", "connectionId": "abc=", "stage": "beta",
                    "identity": {"sourceIp": "192.0.2.1"}
                },
                "isBase64Encoded": false
            }),
            "`$connect` of an API Gateway WebSocket API",
        ),
        (
            json!({"requestContext": {"routeKey": "chat", "connectionId": "abc="}, "body": "{}"}),
            "`chat` of an API Gateway WebSocket API",
        ),
        (
            json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]}),
            "a batch of records of `aws:sqs`",
        ),
        (json!({"Records": [{"EventSource": "aws:sns"}]}), "a batch of records of `aws:sns`"),
        (json!({"Records": [{"cf": {"request": {}}}]}), "a batch of records of `CloudFront`"),
        (
            json!({"detail-type": "Scheduled Event", "source": "aws.events"}),
            "`Scheduled Event` of EventBridge",
        ),
        (json!({"triggerSource": "PreSignUp_SignUp"}), "the Cognito trigger `PreSignUp_SignUp`"),
        (json!({"type": "TOKEN", "methodArn": "arn"}), "a request to an authorizer of API Gateway"),
        (authorizer, "a request to an authorizer of API Gateway"),
    ] {
        let why = request(&event).unwrap_err();
        assert!(why.ends_with(&format!("of a load balancer: it is {name}")), "{why}");
    }
}
