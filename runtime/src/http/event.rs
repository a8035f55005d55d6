//! The events that are HTTP requests.
//!
//! Sources: AWS Lambda developer guide, "Invoking Lambda function URLs" (format 2.0) and "Process Application Load
//! Balancer requests"; API Gateway developer guide, "Lambda proxy integrations" (formats 1.0 and 2.0); VPC Lattice user
//! guide, "Lambda functions as targets".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::address::{complete, encode, route, without_base, without_stage};
use super::values::{Values, text};
use super::{Request, kind};
use crate::base64;
use crate::failure::PayloadError;
use crate::payload;
use crate::reply::Form;

/// What the paths of requests begin with, where API Gateway maps a custom domain by a base path.
const BASE_PATH: &str = "LAMBDA_HTTP_BASE_PATH";

/// Values by name.
type Fields = BTreeMap<String, Values>;

/// An event, as far as a request needs it. What is absent may also be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    request_context: Option<RequestContext>,
    headers: Option<Fields>,
    body: Option<String>,
    #[serde(default, alias = "is_base64_encoded", deserialize_with = "text")]
    is_base64_encoded: Option<String>,
    #[serde(alias = "query_string_parameters")]
    query_string_parameters: Option<Fields>,
    path_parameters: Option<Fields>,
    /// From here on of format 2.0; also the path in VPC Lattice's first version.
    #[serde(alias = "raw_path")]
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Values>,
    #[serde(default, deserialize_with = "text")]
    route_key: Option<String>,
    /// From here on of format 1.0 and of load balancers.
    http_method: Option<String>,
    path: Option<String>,
    #[serde(default, deserialize_with = "text")]
    resource: Option<String>,
    multi_value_query_string_parameters: Option<Fields>,
    multi_value_headers: Option<Fields>,
    /// Of VPC Lattice.
    method: Option<String>,
    /// Of requests to authorizers, which are like the requests that they are about.
    #[serde(alias = "methodArn")]
    route_arn: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RequestContext {
    http: Option<Http>,
    #[serde(deserialize_with = "text")]
    pub(super) stage: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) domain_name: Option<String>,
    #[serde(deserialize_with = "text")]
    path: Option<String>,
    elb: Option<IgnoredAny>,
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Http {
    method: Option<String>,
    path: Option<String>,
    #[serde(deserialize_with = "text")]
    source_ip: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    #[serde(deserialize_with = "text")]
    source_ip: Option<String>,
}

/// Reads an event of any of the forms.
pub(super) fn read(event: &[u8]) -> Result<Request, PayloadError> {
    static BASE: LazyLock<String> = LazyLock::new(|| std::env::var(BASE_PATH).unwrap_or_default());
    read_below(&BASE, event)
}

/// Reads an event whose path may begin with the base path.
pub(super) fn read_below(base: &str, bytes: &[u8]) -> Result<Request, PayloadError> {
    let refuse = |why: &dyn Display| {
        let why = kind::name(bytes).map_or_else(|| why.to_string(), |name| format!("it is {name}"));
        let what = "the event is not a request of a function URL, of API Gateway or of a load balancer";
        PayloadError(format!("{what}: {why}"))
    };
    let mut event: HttpEvent = payload::read(bytes).map_err(|error| refuse(&error))?;
    if event.route_arn.is_some() {
        return Err(refuse(&"it has `routeArn` or `methodArn`"));
    }
    let mut context = event.request_context.take().unwrap_or_default();
    let body = body(&mut event)?;
    let http = context.http.take();
    let (form, method, path) = match (http.as_ref(), event.http_method.take(), event.path.take()) {
        (Some(http), method, path) if event.raw_path.is_some() || method.is_none() => {
            let method = http.method.clone().ok_or_else(|| refuse(&"it has no `requestContext.http.method`"))?;
            let path = event.raw_path.take().or(http.path.clone()).or(path).unwrap_or_default();
            (Form::Gateway2, method, path)
        }
        (_, Some(method), Some(path)) => {
            let form = match (&context.elb, &event.multi_value_headers) {
                (None, _) => Form::Gateway1,
                (Some(_), None) => Form::Balancer,
                (Some(_), Some(_)) => Form::BalancerOfMany,
            };
            (form, method, path)
        }
        (_, None, path) => match (event.method.take(), event.raw_path.take().or(path)) {
            // VPC Lattice reads responses as a load balancer does.
            (Some(method), Some(path)) => (Form::Balancer, method, path),
            (None, Some(_)) => return Err(refuse(&"it has no `requestContext.http`")),
            (_, None) => return Err(refuse(&"it has neither `rawPath`, nor `httpMethod` and `path`")),
        },
        (_, Some(_), None) => return Err(refuse(&"it has `httpMethod` but no `path`")),
    };
    let staged = match form {
        Form::Gateway2 => true,
        // A REST API has the stage in the one path and not in the other.
        Form::Gateway1 => context.path.as_ref() == Some(&path),
        Form::Balancer | Form::BalancerOfMany => false,
    };
    let (mut path, raw_query) = match path.split_once('?') {
        // In VPC Lattice's first version, the path may have the query.
        Some((path, query)) if form == Form::Balancer => (Cow::Borrowed(path), Some(query)),
        _ => (Cow::Borrowed(path.as_str()), event.raw_query_string.as_deref()),
    };
    if staged {
        let template = event.resource.as_deref().or(event.route_key.as_deref()).unwrap_or_default();
        let route = route(template, event.path_parameters.as_ref());
        path = without_stage(&path, &context, route.as_deref()).to_owned().into();
    }
    let path = complete(without_base(&path, base), b"?`{}");
    let path = if path.starts_with('/') { path.into_owned() } else { format!("/{path}") };
    let query = if let Some(query) = raw_query {
        complete(query, b"").into_owned()
    } else {
        let parameters = merge(event.query_string_parameters.take(), event.multi_value_query_string_parameters.take());
        // A load balancer passes the query on as it came, the gateway decodes it.
        let encode = if matches!(form, Form::Balancer | Form::BalancerOfMany) { complete_part } else { encode };
        query(&parameters, encode)
    };
    let headers = headers(event.headers.take(), event.multi_value_headers.take());
    let mut cookies = event.cookies.take().unwrap_or_default().0;
    if cookies.is_empty() {
        let line = headers.get("cookie").map_or("", String::as_str);
        cookies = line.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect();
    }
    // A load balancer adds the address that it saw at the end.
    let forwarded = || headers.get("x-forwarded-for")?.rsplit(',').next().map(|address| address.trim().to_owned());
    let source_ip = http.and_then(|http| http.source_ip).or(context.identity.and_then(|identity| identity.source_ip));
    let source_ip = source_ip.or_else(forwarded).unwrap_or_default();
    Ok(Request { method, path, query, headers, cookies, source_ip, body, form })
}

/// The body's bytes.
fn body(event: &mut HttpEvent) -> Result<Vec<u8>, PayloadError> {
    let Some(mut text) = event.body.take() else { return Ok(Vec::new()) };
    if event.is_base64_encoded.as_deref() != Some("true") {
        return Ok(text.into_bytes());
    }
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        // Lines, as MIME and `base64` write them.
        text.retain(|character| !character.is_ascii_whitespace());
    }
    let refuse = || PayloadError("`body` is not base64, though `isBase64Encoded` says so".to_owned());
    base64::decode(&text).ok_or_else(refuse)
}

/// The values of each name: those of the multi-value fields, and of the others where they have more names.
fn merge(one: Option<Fields>, many: Option<Fields>) -> Fields {
    let mut fields = many.unwrap_or_default();
    for (name, values) in one.unwrap_or_default() {
        fields.entry(name).or_insert(values);
    }
    fields
}

/// The query of parameters, whose names and values are encoded.
fn query(parameters: &Fields, encode: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut query = String::new();
    for (name, values) in parameters {
        for value in &values.0 {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&encode(name));
            query.push('=');
            query.push_str(&encode(value));
        }
    }
    query
}

/// A name or a value of a parameter as it came in the query, but for what would make it two.
fn complete_part(text: &str) -> Cow<'_, str> {
    complete(text, b"&")
}

/// The header fields by their names in lower case, several of one name in one.
fn headers(one: Option<Fields>, many: Option<Fields>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, values) in merge(one, many) {
        let name = name.to_ascii_lowercase();
        let between = if name == "cookie" { "; " } else { ", " };
        for value in values.0 {
            match headers.get_mut(&name) {
                Some(before) => {
                    before.push_str(between);
                    before.push_str(&value);
                }
                None => drop(headers.insert(name.clone(), value)),
            }
        }
    }
    headers
}

#[cfg(test)]
mod tests {
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
        event["headers"] = json!({"a": null, "b": 1, "c": true, "d": 1.5, "e": ["x", 2], "f": {"g": 1}, "X-B": "2"});
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
        let least =
            json!({"requestContext": {"http": {"method": "GET", "path": "/a"}}, "headers": {"Cookie": "a=1;b=2"}});
        let least = request(&least).unwrap();
        assert_eq!((least.method(), least.path(), least.raw_query(), least.source_ip()), ("GET", "/a", "", ""));
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
        assert_eq!((request.method(), request.path(), request.raw_query()), ("POST", "/items/a%20b", "x=1"));
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
        // The route knows better than the domain.
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
            let path = |path| read_below(base, event("beta", path).to_string().as_bytes()).unwrap().path;
            assert_eq!(path("/v1/orders/7"), "/7");
            assert_eq!(path("/v1/orders"), "/");
            assert_eq!(path("/beta/v1/orders/7"), "/7");
            assert_eq!(path("/v1/orders7"), "/v1/orders7");
            assert_eq!(path("/v2/orders"), "/v2/orders");
        }
    }

    #[test]
    fn an_event_of_another_kind_says_what_is_missing() {
        let why = request(&json!({"records": []})).unwrap_err();
        assert!(why.ends_with("it has neither `rawPath`, nor `httpMethod` and `path`"), "{why}");
        let why = request(&json!({"rawPath": "/"})).unwrap_err();
        assert!(why.ends_with("it has no `requestContext.http`"), "{why}");
        let why = request(&json!({"rawPath": 1})).unwrap_err();
        assert!(why.contains("load balancer: the payload does not fit") && why.contains("`rawPath`: "), "{why}");
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
            (json!({"Records": [{"eventSource": "aws:sqs", "body": "x"}]}), "a batch of records of `aws:sqs`"),
            (json!({"Records": [{"EventSource": "aws:sns"}]}), "a batch of records of `aws:sns`"),
            (json!({"Records": [{"cf": {"request": {}}}]}), "a batch of records of `CloudFront`"),
            (json!({"detail-type": "Scheduled Event", "source": "aws.events"}), "`Scheduled Event` of EventBridge"),
            (json!({"triggerSource": "PreSignUp_SignUp"}), "the Cognito trigger `PreSignUp_SignUp`"),
            (json!({"type": "TOKEN", "methodArn": "arn"}), "a request to an authorizer of API Gateway"),
            (authorizer, "a request to an authorizer of API Gateway"),
        ] {
            let why = request(&event).unwrap_err();
            assert!(why.ends_with(&format!("of a load balancer: it is {name}")), "{why}");
        }
    }
}
