//! Function URLs: the events made from requests, and the responses made from results.

use serde_json::{Value, json};

use crate::tests::{ECHO, Reply, Server, invoke::streaming::Open};

/// Answers as the request's body specifies.
const OBEYS: &str = "obeys()";

impl Server {
    pub(crate) async fn url(&self, method: &str, name: &str, body: Value) -> Reply {
        self.client.lambda(method, &format!("/2021-10-31/functions/{name}/url"), &body).await
    }

    /// Creates a URL without auth. Returns its host.
    pub(crate) async fn open_url(&self, name: &str, settings: Value) -> String {
        let mut body = json!({ "AuthType": "NONE" });
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let reply = self.url("POST", name, body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.permit(
            name,
            "url",
            "lambda:InvokeFunctionUrl",
            json!({ "FunctionUrlAuthType": "NONE" }),
        )
        .await;
        self.permit(
            name,
            "function",
            "lambda:InvokeFunction",
            json!({ "InvokedViaFunctionUrl": true }),
        )
        .await;
        host(reply.json()["FunctionUrl"].as_str().unwrap())
    }

    /// Allows everyone to call that action.
    pub(super) async fn permit(&self, name: &str, sid: &str, action: &str, condition: Value) {
        let mut body = json!({ "StatementId": sid, "Action": action, "Principal": "*" });
        body.as_object_mut().unwrap().extend(condition.as_object().unwrap().clone());
        let path = format!("/2015-03-31/functions/{name}/policy");
        let reply = self.client.lambda("POST", &path, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    }

    /// Sends a request with exactly these headers besides the host.
    pub(super) async fn fetch(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let all: Vec<(String, String)> =
            [("host", host)].iter().chain(headers).map(owned).collect();
        self.client.raw(method, path, &all, body).await
    }
}

/// The host name of a URL whose address has none.
pub(super) fn host(url: &str) -> String {
    let named = crate::url_with_name(url).unwrap();
    named.strip_prefix("http://").unwrap().strip_suffix('/').unwrap().to_owned()
}

fn all<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    reply.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn a_request_is_an_event_of_format_2() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let host = server.open_url("echo", json!({})).await;
    let headers = [
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("Cookie", "c1=1; c2=2"),
        ("User-Agent", "test/1"),
        ("Content-Type", "text/plain; charset=utf-8"),
    ];
    let path = "/my%20path/x?one=1&two=a%20b&one=2+3&flag&p=100%+5off";
    let reply = server.fetch(&host, "POST", path, &headers, "grüße".as_bytes()).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let mut event = reply.json();
    let (name, port) = host.split_once(':').unwrap();
    let id = name.split('.').next().unwrap();
    let context = event["requestContext"].as_object_mut().unwrap();
    let time = context.remove("time").unwrap();
    let parsed = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", time.as_str().unwrap()).unwrap();
    let epoch = context.remove("timeEpoch").unwrap().as_i64().unwrap();
    assert_eq!(parsed.to_timestamp().unwrap().as_second(), epoch / 1000);
    let trace = event["headers"]["x-amzn-trace-id"].take();
    assert_eq!(trace, reply.header("x-amzn-trace-id").unwrap());
    assert_eq!(
        event,
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/my%20path/x",
            "rawQueryString": "one=1&two=a%20b&one=2+3&flag&p=100%+5off",
            "cookies": ["c1=1", "c2=2"],
            "headers": {
                "content-length": "7",
                "content-type": "text/plain; charset=utf-8",
                "host": host,
                "user-agent": "test/1",
                "x-twice": "a,b",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-proto": "http",
                "x-forwarded-port": port,
                "x-amzn-trace-id": null,
            },
            "queryStringParameters": { "one": "1,2 3", "two": "a b", "flag": "", "p": "100% 5off" },
            "requestContext": {
                "accountId": "anonymous",
                "apiId": id,
                "domainName": name,
                "domainPrefix": id,
                "http": {
                    "method": "POST",
                    "path": "/my path/x",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test/1",
                },
                "requestId": reply.header("x-amzn-requestid").unwrap(),
                "routeKey": "$default",
                "stage": "$default",
            },
            "body": "grüße",
            "isBase64Encoded": false,
        })
    );
    let bare = server.fetch(&host, "GET", "/", &[], b"").await.json();
    for absent in ["cookies", "queryStringParameters", "body"] {
        assert_eq!(bare.get(absent), None);
    }
    assert_eq!(bare["isBase64Encoded"], false);
    for content in ["application/octet-stream", "application/x-www-form-urlencoded", "text/plain"] {
        let event =
            server.fetch(&host, "PUT", "/", &[("content-type", content)], b"\0\xff").await.json();
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!("AP8="), &json!(true)),
            "{content}"
        );
    }
    let json_type = [("content-type", "application/json")];
    let event = server.fetch(&host, "PUT", "/", &json_type, b"{}").await.json();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
}

#[tokio::test]
async fn a_url_is_a_path_that_every_program_finds_and_a_name_too() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let host = server.open_url("echo", json!({})).await;
    let id = host.split('.').next().unwrap();
    let url = server.url("GET", "echo", Value::Null).await.json()["FunctionUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(url, format!("{}/lambda-url/{id}/", server.local.endpoint().url));
    for (path, raw) in
        [(format!("/lambda-url/{id}"), "/"), (format!("/lambda-url/{id}/a/b?q=1"), "/a/b")]
    {
        let event = server.fetch(&server.client.host(), "GET", &path, &[], b"").await.json();
        assert_eq!(
            (&event["rawPath"], &event["requestContext"]["apiId"]),
            (&json!(raw), &json!(id))
        );
    }
    assert_eq!(server.fetch(&host, "GET", "/c", &[], b"").await.json()["rawPath"], "/c");
    assert_eq!(crate::url_with_name("https://abc.lambda-url.eu-west-1.on.aws/"), None);
}

/// Clients in other languages, which resolve names by themselves.
#[tokio::test]
async fn python_curl_and_node_open_the_address_as_it_is() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    server.open_url("echo", json!({})).await;
    let url = server.url("GET", "echo", Value::Null).await.json()["FunctionUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    let (python, node) = (include_str!("fetch.py"), include_str!("fetch.js"));
    // This workspace requires Python; the other clients are tested if they are installed.
    for (program, arguments) in [
        ("python3", vec!["-c", python]),
        ("node", vec!["-e", node]),
        ("curl", vec!["-sS", "--path-as-is"]),
    ] {
        let address = if program == "curl" { format!("{url}x") } else { url.clone() };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).arg(address).env("NO_PROXY", "127.0.0.1").env_remove("http_proxy");
        let output = match command.output().await {
            Err(error) if program != "python3" && error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("{program} is not here: not tried");
                continue;
            }
            output => output.unwrap(),
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let event: Value = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("{program}: {error}: {output:?}"));
        assert_eq!(event["rawPath"], "/x", "{program}");
    }
}

#[tokio::test]
async fn a_response_means_what_it_means_on_aws() {
    let server = Server::start().await;
    server.create("obeys", OBEYS).await;
    let host = server.open_url("obeys", json!({})).await;
    let json_type = "application/json";
    for (payload, status, content, body) in [
        (r#"{"hello": "w"}"#, 200, json_type, br#"{"hello": "w"}"#.as_ref()),
        (r#""text ü""#, 200, json_type, "text ü".as_bytes()),
        ("null", 200, json_type, b"null"),
        ("[1, 2]", 200, json_type, b"[1, 2]"),
        (r#"{"statusCode":"418","body":"tea"}"#, 418, json_type, b"tea"),
        (r#"{"statusCode":204}"#, 204, json_type, b""),
        (r#"{"statusCode":200,"body":{"not":"string"}}"#, 200, json_type, br#"{"not":"string"}"#),
        (
            r#"{"statusCode":201,"headers":{"Content-Type":"image/x"},"body":"QQD/Cg==","isBase64Encoded":true}"#,
            201,
            "image/x",
            b"A\0\xff\n",
        ),
        (r#"{"statusCode":700,"body":"x"}"#, 502, json_type, b"Internal Server Error"),
        (r#"{"statusCode":{},"body":"x"}"#, 502, json_type, b"Internal Server Error"),
        ("fail", 502, json_type, b"Internal Server Error"),
        ("no json at all", 200, "application/octet-stream", b"no json at all"),
    ] {
        let reply = server.fetch(&host, "POST", "/", &[], payload.as_bytes()).await;
        let content = Some(content);
        assert_eq!(
            (reply.status, reply.header("content-type"), &*reply.body),
            (status, content, body),
            "{payload}"
        );
    }
    let cookies = r#"{"statusCode":200,"headers":{"Set-Cookie":"h=1","X-A":"b","n":5,"Date":"then","Connection":"close","Bad Name":"x"},"cookies":["a=1; Path=/","b=2"],"body":"c"}"#;
    let reply = server.fetch(&host, "POST", "/", &[], cookies.as_bytes()).await;
    assert_eq!(all(&reply, "set-cookie"), ["h=1", "a=1; Path=/", "b=2"]);
    assert_eq!((reply.header("x-a"), reply.header("n")), (Some("b"), Some("5")));
    assert_eq!(reply.header("x-amzn-remapped-date"), Some("then"));
    assert_eq!((reply.text().as_str(), reply.status), ("c", 200));
}

#[tokio::test]
async fn a_stream_that_breaks_off_has_no_end() {
    let server = Server::start().await;
    server.create_with("stream", "breaks_off()", json!({ "Timeout": 1 })).await;
    let host = server.open_url("stream", json!({ "InvokeMode": "RESPONSE_STREAM" })).await;
    for (path, whole) in [("/", true), ("/exit", false), ("/late", false)] {
        let reply = server.fetch(&host, "GET", path, &[], b"").await;
        assert_eq!(
            (reply.status, reply.header("transfer-encoding")),
            (200, Some("chunked")),
            "{path}"
        );
        let text = reply.text();
        assert!(text.contains("one") && text.contains("two"), "what was made is sent: {text:?}");
        assert_eq!(text.ends_with("0\r\n\r\n"), whole, "{path}: {text:?}");
    }
}

#[tokio::test]
async fn an_aliass_url_runs_its_version_and_outlives_it_for_nobody() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let post = async |path: &str, body: Value| {
        let reply = server
            .client
            .lambda("POST", &format!("/2015-03-31/functions/echo/{path}"), &body)
            .await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    };
    post("versions", json!({})).await;
    post("aliases", json!({ "Name": "live", "FunctionVersion": "1" })).await;
    let path = "/2021-10-31/functions/echo/url?Qualifier=live";
    let url = server.client.lambda("POST", path, &json!({ "AuthType": "NONE" })).await.json();
    assert!(url["FunctionArn"].as_str().unwrap().ends_with(":function:echo:live"));
    let host = host(url["FunctionUrl"].as_str().unwrap());
    let policy = "policy?Qualifier=live";
    post(policy, json!({ "StatementId": "a", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE" })).await;
    assert_eq!(server.fetch(&host, "GET", "/", &[], b"").await.status, 403);
    post(policy, json!({ "StatementId": "b", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true })).await;
    assert_eq!(server.fetch(&host, "GET", "/x", &[], b"").await.json()["rawPath"], "/x");
    let gone = server
        .client
        .lambda("DELETE", "/2015-03-31/functions/echo/aliases/live", &Value::Null)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(server.fetch(&host, "GET", "/", &[], b"").await.status, 403);
    assert_eq!(
        server.client.lambda("GET", path, &Value::Null).await.status,
        200,
        "as on AWS, the URL is still returned"
    );
}

#[tokio::test]
async fn pages_of_other_sites_invoke_and_get_the_headers_that_the_url_allows() {
    let server = Server::start().await;
    server.create("obeys", OBEYS).await;
    let host = server.open_url("obeys", json!({})).await;
    let origin = |origin: &'static str| ("origin", origin);
    // A function may answer browsers itself, preflights included.
    let itself = r#"{"statusCode":204,"headers":{"Access-Control-Allow-Origin":"*"}}"#;
    for method in ["POST", "OPTIONS"] {
        let headers = [origin("https://a.example"), ("access-control-request-method", "PUT")];
        let reply = server.fetch(&host, method, "/", &headers, itself.as_bytes()).await;
        assert_eq!(
            (reply.status, all(&reply, "access-control-allow-origin")),
            (204, vec!["*"]),
            "{method}"
        );
        assert_eq!(reply.header("vary"), None);
    }
    // Names that do not lead here are no URL's, and the APIs take no page's requests.
    for (host, path) in [("page.example", "/"), (&*server.client.host(), "/")] {
        let refused = server.fetch(host, "POST", path, &[origin("https://a.example")], b"1").await;
        assert_eq!((refused.status, refused.code()), (403, "AccessDeniedException"), "{host}");
    }
    let cors = json!({
        "AllowCredentials": true, "AllowHeaders": ["x-allowed", "content-type"], "AllowMethods": ["GET", "POST"],
        "AllowOrigins": ["https://a.example"], "ExposeHeaders": ["x-own"], "MaxAge": 321,
    });
    server.url("PUT", "obeys", json!({ "Cors": cors })).await;
    let own = r#"{"statusCode":203,"headers":{"Access-Control-Allow-Origin":"https://h.example","Access-Control-Expose-Headers":"x-h"},"body":"b"}"#;
    let reply =
        server.fetch(&host, "POST", "/", &[origin("https://a.example")], own.as_bytes()).await;
    assert_eq!(reply.status, 203);
    assert_eq!(
        all(&reply, "access-control-allow-origin"),
        ["https://h.example", "https://a.example"]
    );
    assert_eq!(all(&reply, "access-control-expose-headers"), ["x-h,x-own"]);
    assert_eq!(
        (reply.header("vary"), reply.header("access-control-allow-credentials")),
        (Some("Origin"), Some("true"))
    );
    let stranger = server.fetch(&host, "POST", "/", &[origin("https://b.example")], b"1").await;
    assert_eq!(
        (stranger.status, stranger.header("access-control-allow-origin")),
        (200, None),
        "{}",
        stranger.text()
    );
    let ask = async |origin: &str, method: &str, headers: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", headers),
        ];
        server.fetch(&host, "OPTIONS", "/", &headers, b"").await
    };
    let preflight = ask("https://a.example", "POST", "X-Allowed,content-type").await;
    assert_eq!((preflight.status, preflight.body.len()), (200, 0));
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-headers", "x-allowed,content-type"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-max-age", "321"),
        ("access-control-allow-credentials", "true"),
        ("vary", "Origin"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(all(&preflight, name), [value], "{name}");
    }
    for (origin, method, headers) in [
        ("https://b.example", "POST", "x-allowed"),
        ("https://a.example", "DELETE", "x-allowed"),
        ("https://a.example", "POST", "x-other"),
    ] {
        let refused = ask(origin, method, headers).await;
        assert_eq!(
            (refused.status, refused.header("access-control-allow-origin")),
            (200, None),
            "{origin} {method}"
        );
    }
    // Not a preflight: the function is invoked.
    let asked = server.fetch(&host, "OPTIONS", "/", &[], br#"{"statusCode":299}"#).await;
    assert_eq!(asked.status, 299);
}

#[tokio::test]
async fn a_stream_is_http_as_it_comes() {
    let server = Server::start().await;
    let gate = server.dir.path().join("gate");
    let script = format!("streams_by_path({gate:?})");
    server.create_with("stream", &script, json!({ "Timeout": 20 })).await;
    let host = server.open_url("stream", json!({ "InvokeMode": "RESPONSE_STREAM" })).await;
    let headers = [("host".to_owned(), host.clone())];
    let mut open = Open::send(&server.client.host(), "GET", "/", &headers, "").await;
    for line in [
        "http/1.1 206",
        "content-type: application/x-own",
        "set-cookie: a=1; path=/",
        "set-cookie: b=2",
    ] {
        assert!(open.head.contains(line), "no {line} in {}", open.head);
    }
    assert_eq!(open.chunk().await.unwrap(), b"one\xff\0");
    std::fs::write(&gate, "").unwrap();
    assert_eq!(open.chunk().await.unwrap(), b"two");
    assert_eq!(open.chunk().await, None);
    let mut raw = Open::send(&server.client.host(), "GET", "/raw", &headers, "").await;
    assert!(raw.head.contains("content-type: text/x-raw"), "{}", raw.head);
    assert_eq!(raw.chunk().await.unwrap(), b"raw");
    let plain = server.fetch(&host, "GET", "/plain", &[], b"").await;
    assert_eq!((plain.status, plain.header("x-a")), (202, Some("b")));
    assert!(
        plain.text().contains("unread") && plain.text().contains("statusCode"),
        "as on AWS, the body is as it was"
    );
    let failed = server.fetch(&host, "GET", "/fail", &[], b"").await;
    assert_eq!((failed.status, failed.text().as_str()), (200, r#"{"errorMessage":"no"}"#));
    assert_eq!(server.fetch(&host, "GET", "/bad", &[], b"").await.status, 502);
}

#[tokio::test]
async fn a_buffered_url_collects_a_stream() {
    let server = Server::start().await;
    server.create("stream", "streams_with_a_prelude()").await;
    let host = server.open_url("stream", json!({})).await;
    let reply = server.fetch(&host, "GET", "/", &[], b"").await;
    assert_eq!(
        (reply.status, reply.text().as_str(), reply.header("content-length")),
        (201, "onetwo", Some("6"))
    );
}
