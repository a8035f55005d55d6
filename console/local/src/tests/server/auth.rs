//! Signatures, hosts and origins that are accepted.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, SystemTime},
};

use serde_json::json;

use crate::{
    Endpoint,
    limits::Limits,
    tests::{Server, quick},
};

const PATH: &str = "/2015-03-31/functions";

/// Sends a signed GET after changing the signed parts.
async fn tampered(
    server: &Server,
    change: impl FnOnce(&mut Vec<(String, String)>),
) -> (u16, String) {
    let host = server.client.host();
    let mut headers =
        server.client.sign("GET", PATH, &[("host", &host)], b"", "lambda", SystemTime::now());
    change(&mut headers);
    let reply = server.client.raw("GET", PATH, &headers, b"").await;
    (reply.status, reply.code().to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (403, code.to_owned())
}

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.retain(|(key, _)| key != name);
    headers.push((name.to_owned(), value.to_owned()));
}

#[tokio::test]
async fn a_signed_request_enters_and_an_unsigned_one_does_not() {
    let server = Server::start().await;
    assert_eq!(tampered(&server, |_| {}).await.0, 200);
    let unsigned =
        |headers: &mut Vec<(String, String)>| headers.retain(|(key, _)| key != "authorization");
    assert_eq!(tampered(&server, unsigned).await, refused("MissingAuthenticationTokenException"));
    assert_eq!(
        tampered(&server, |h| set(h, "authorization", "Basic eDp5")).await,
        refused("IncompleteSignatureException")
    );
    assert_eq!(
        tampered(&server, |h| set(h, "authorization", "AWS4-HMAC-SHA256 x")).await,
        refused("IncompleteSignatureException")
    );
}

#[tokio::test]
async fn a_foreign_host_and_any_origin_are_refused() {
    let server = Server::start().await;
    let host = server.client.host();
    let port = host.split(':').next_back().unwrap();
    for foreign in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1",
        "127.0.0.1:1",
        &format!("0.0.0.0:{port}"),
        "",
    ] {
        let (status, code) = tampered(&server, |h| set(h, "host", foreign)).await;
        assert_eq!((status, code.as_str()), (403, "AccessDeniedException"), "{foreign}");
    }
    assert_eq!(
        tampered(&server, |h| h.push(("host".into(), "evil.example".into()))).await,
        refused("AccessDeniedException")
    );
    for origin in ["https://evil.example", "null", &format!("http://{host}")] {
        assert_eq!(
            tampered(&server, |h| set(h, "origin", origin)).await,
            refused("AccessDeniedException")
        );
    }
    for name in [format!("localhost:{port}"), format!("stream-127.0.0.1:{port}")] {
        let headers =
            server.client.sign("GET", PATH, &[("host", &name)], b"", "lambda", SystemTime::now());
        assert_eq!(server.client.raw("GET", PATH, &headers, b"").await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_key_secret_or_signature_is_refused() {
    let server = Server::start().await;
    let host = server.client.host();
    let with = |endpoint: Endpoint| {
        crate::tests::Client::new(endpoint).sign(
            "GET",
            PATH,
            &[("host", &host)],
            b"",
            "lambda",
            SystemTime::now(),
        )
    };
    let ours = server.client.endpoint.clone();
    let headers = with(Endpoint { access_key: "LOCALXXXXXXXXXXXXXXX".into(), ..ours.clone() });
    assert_eq!(
        server.client.raw("GET", PATH, &headers, b"").await.code(),
        "UnrecognizedClientException"
    );
    let headers = with(Endpoint { secret_key: "guess".into(), ..ours });
    assert_eq!(
        server.client.raw("GET", PATH, &headers, b"").await.code(),
        "InvalidSignatureException"
    );
    let added = |h: &mut Vec<(String, String)>| {
        let header = h.iter_mut().find(|(key, _)| key == "authorization").unwrap();
        header.1.pop();
        header.1.push('z');
    };
    assert_eq!(tampered(&server, added).await, refused("InvalidSignatureException"));
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed_or_sent_later() {
    let server = Server::start().await;
    let host = server.client.host();
    let signed = |body: &[u8], time| {
        server.client.sign("POST", PATH, &[("host", &host), ("x-amz-a", "1")], body, "lambda", time)
    };
    let now = signed(b"{}", SystemTime::now());
    assert_eq!(
        server.client.raw("POST", PATH, &now, b"{ }").await.code(),
        "InvalidSignatureException",
        "the body"
    );
    assert_eq!(
        server.client.raw("PUT", PATH, &now, b"{}").await.code(),
        "InvalidSignatureException",
        "the method"
    );
    assert_eq!(
        server.client.raw("POST", "/2015-03-31/functions?x=1", &now, b"{}").await.code(),
        "InvalidSignatureException",
        "the query"
    );
    let mut changed = now.clone();
    set(&mut changed, "x-amz-a", "2");
    assert_eq!(
        server.client.raw("POST", PATH, &changed, b"{}").await.code(),
        "InvalidSignatureException",
        "a header"
    );
    for seconds in [310, 86_400] {
        let old = signed(b"{}", SystemTime::now() - Duration::from_secs(seconds));
        assert_eq!(
            server.client.raw("POST", PATH, &old, b"{}").await.code(),
            "InvalidSignatureException",
            "{seconds} s old"
        );
    }
    let mut unsigned = now;
    set(&mut unsigned, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert_eq!(
        server.client.raw("POST", PATH, &unsigned, b"{}").await.code(),
        "InvalidSignatureException",
        "no hash"
    );
}

#[tokio::test]
async fn a_signature_is_for_one_region_and_one_service() {
    let server = Server::start().await;
    let host = server.client.host();
    let ours = server.client.endpoint.clone();
    let elsewhere = crate::tests::Client::new(Endpoint { region: "us-east-1".into(), ..ours });
    // A plain path takes the fast path, a query the general one.
    for path in [PATH, "/2015-03-31/functions?MaxItems=1"] {
        let headers =
            elsewhere.sign("GET", path, &[("host", &host)], b"", "lambda", SystemTime::now());
        let reply = server.client.raw("GET", path, &headers, b"").await;
        assert_eq!((reply.status, reply.code()), (403, "InvalidSignatureException"), "{path}");
        let words = "Credential should be scoped to a valid region, not 'us-east-1'.";
        assert!(reply.text().contains(words), "{}", reply.text());
        for service in ["logs", "s3", ""] {
            let reply = server.client.send("GET", path, &[], b"", service).await;
            assert_eq!(
                (reply.status, reply.code()),
                (403, "InvalidSignatureException"),
                "{path} {service}"
            );
            assert!(reply.text().contains("correct service: 'lambda'"), "{}", reply.text());
        }
    }
    let stranger = server.client.send("GET", "/bucket", &[], b"", "s3").await.text();
    assert!(
        stranger.contains("serves lambda, logs, iam, sts, and does not serve s3"),
        "{stranger}"
    );
    // AWS's global services also accept signatures for its first region; their error code differs.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (body, service, other) in [
        ("Action=GetCallerIdentity&Version=2011-06-15", "sts", "iam"),
        ("Action=ListRoles&Version=2010-05-08", "iam", "sts"),
    ] {
        for client in [&server.client, &elsewhere] {
            assert_eq!(
                client.send("POST", "/", &form, body.as_bytes(), service).await.status,
                200,
                "{service}"
            );
            let refused = client.send("POST", "/", &form, body.as_bytes(), other).await;
            assert_eq!(
                (refused.status, refused.code()),
                (403, "SignatureDoesNotMatch"),
                "{service}"
            );
            assert!(
                refused.text().contains("<Code>SignatureDoesNotMatch</Code>"),
                "{}",
                refused.text()
            );
        }
    }
    let logs = [
        ("x-amz-target", "Logs_20140328.DescribeLogGroups"),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    for (client, service, status) in
        [(&server.client, "logs", 200), (&elsewhere, "logs", 403), (&server.client, "iam", 403)]
    {
        assert_eq!(
            client.send("POST", "/", &logs, b"{}", service).await.status,
            status,
            "{service}"
        );
    }
}

#[tokio::test]
async fn what_gives_a_request_its_meaning_is_signed() {
    let server = Server::start().await;
    let host = server.client.host();
    let sign = |headers: &[(&str, &str)]| {
        server.client.sign("POST", "/", headers, b"{}", "logs", SystemTime::now())
    };
    let operation = ("x-amz-target".to_owned(), "Logs_20140328.DeleteLogGroup".to_owned());
    let mut late = sign(&[("host", &host), ("content-type", "application/x-amz-json-1.1")]);
    late.push(operation);
    let reply = server.client.raw("POST", "/", &late, b"{}").await;
    assert_eq!(
        (reply.status, reply.json()["__type"].as_str()),
        (403, Some("InvalidSignatureException"))
    );
    assert!(reply.text().contains("which were not signed: x-amz-target"), "{}", reply.text());
    for name in ["x-amz-invocation-type", "x-amz-anything"] {
        let added = |headers: &mut Vec<(String, String)>| {
            headers.push((name.to_owned(), "Event".to_owned()));
        };
        assert_eq!(tampered(&server, added).await, refused("InvalidSignatureException"), "{name}");
    }
    // Headers that proxies and SDKs add on the way are ignored.
    let added = |headers: &mut Vec<(String, String)>| {
        headers.push(("x-amzn-trace-id".into(), "Root=1-2-3".into()));
    };
    assert_eq!(tampered(&server, added).await.0, 200);
    let without = |part: &'static str| {
        move |headers: &mut Vec<(String, String)>| {
            let header = headers.iter_mut().find(|(key, _)| key == "authorization").unwrap();
            header.1 = header.1.replace(part, "");
        }
    };
    for part in ["host;", ";x-amz-date"] {
        assert_eq!(
            tampered(&server, without(part)).await,
            refused("InvalidSignatureException"),
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_call_may_carry_its_signature_in_its_query() {
    let server = Server::start().await;
    let host = [("host".to_owned(), server.client.host())];
    let name = [("host", host[0].1.as_str())];
    let sign = |path: &str, ago: u64, seconds: u64| {
        let time = SystemTime::now() - Duration::from_secs(ago);
        server.client.presign(
            ("GET", path),
            &name,
            aws_sigv4::http_request::SignableBody::Bytes(b""),
            (time, seconds),
        )
    };
    let path = "/2015-03-31/functions?MaxItems=1&x=a%20b";
    for (ago, seconds, status) in [(0, 60, 200), (400, 600, 200), (120, 60, 403)] {
        let reply = server.client.raw("GET", &sign(path, ago, seconds), &host, b"").await;
        assert_eq!(reply.status, status, "{ago}, {seconds}: {}", reply.text());
    }
    let good = sign(path, 0, 60);
    for bad in [
        good.replace("MaxItems=1", "MaxItems=2"),
        good.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        good.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        format!("{good}&X-Amz-Expires=60"),
        format!("{good}&x=1"),
        good.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
        good.replace("X-Amz-Signature=", "X-Amz-Other="),
    ] {
        assert_eq!(server.client.raw("GET", &bad, &host, b"").await.status, 403, "{bad}");
    }
}

#[tokio::test]
async fn downloads_are_of_hexadecimal_names_and_got() {
    let server = Server::start().await;
    std::fs::write(server.dir.path().join("beside.zip"), "secret").unwrap();
    for path in
        ["/code/../beside.zip", "/code/..%2Fbeside.zip", "/code/beside.zip", "/code//etc/passwd"]
    {
        for method in ["POST", "PUT", "DELETE"] {
            let reply = server.client.send(method, path, &[], b"", "lambda").await;
            assert!([403, 404].contains(&reply.status), "{method} {path}: {}", reply.status);
        }
        let auth = server.service().auth.get().unwrap();
        let url =
            auth.download(path.strip_prefix("/code/").unwrap(), jiff::Timestamp::now()).unwrap();
        let path = url.strip_prefix(&server.local.endpoint().url).unwrap();
        assert_eq!(plain(&server, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn errors_have_the_shape_of_their_service() {
    let server = Server::start().await;
    let host = ("host".to_owned(), server.client.host());
    let logs = [host.clone(), ("x-amz-target".into(), "Logs_20140328.DescribeLogGroups".into())];
    let reply = server.client.raw("POST", "/", &logs, b"{}").await;
    assert_eq!(reply.json()["__type"], "MissingAuthenticationTokenException");
    let form = [host, ("content-type".into(), "application/x-www-form-urlencoded".into())];
    let reply = server.client.raw("POST", "/", &form, b"Action=GetCallerIdentity").await;
    assert!(reply.text().contains("<Code>MissingAuthenticationToken</Code>"), "{}", reply.text());
}

#[tokio::test]
async fn a_sandboxs_runtime_api_refuses_pages_and_asks_its_processes_for_no_host() {
    let server = Server::start().await;
    server.create("api", "asks_as_a_page()").await;
    // Elsewhere the process is not known, and `Host` is what tells a page.
    let other_host = if cfg!(target_os = "linux") { 404 } else { 403 };
    assert_eq!(server.invoke("api", "{}").await.json(), json!([403, other_host, 404]));
}

#[tokio::test]
async fn a_sandboxs_runtime_api_is_for_no_other_sandbox_and_no_other_process() {
    let server = Server::start().await;
    server.create("victim", "tells_its_api()").await;
    let api = server.invoke("victim", "{}").await.json().as_str().unwrap().to_owned();
    assert!(api.starts_with("127.0.0.1:"));
    // If the request were read, it would be answered: with an event or an error.
    server.create_with("thief", "asks_anothers_api()", json!({ "Timeout": 30 })).await;
    let reply = server.invoke("thief", &json!(api).to_string()).await;
    assert_eq!(reply.json(), json!([null, 400]), "it reaches its own only");
    let mut ours = std::net::TcpStream::connect(&api).unwrap();
    write!(ours, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n")
        .unwrap();
    // Closed without an answer, whether or not the request was read.
    let read = tokio::task::spawn_blocking(move || {
        let mut answer = Vec::new();
        let _ = ours.read_to_end(&mut answer);
        answer
    });
    assert!(read.await.unwrap().is_empty());
    assert_eq!(server.invoke("victim", "{}").await.json(), json!(api), "it is none the worse");
}

#[tokio::test]
async fn a_bootstrap_whose_every_call_is_another_process_reaches_its_api() {
    let server = Server::start().await;
    let call = include_str!("call.py");
    let script = include_str!("calls_by_process.sh");
    let request = crate::tests::request(
        "sh",
        &crate::tests::zip(&[("bootstrap", script.as_bytes()), ("call.py", call.as_bytes())]),
        json!({}),
    );
    assert_eq!(server.client.lambda("POST", "/2015-03-31/functions", &request).await.status, 201);
    server.settled("sh").await;
    assert_eq!(server.invoke("sh", "[1]").await.text(), "[1]");
}

/// Sends a GET with a host header only.
async fn plain(server: &Server, path: &str) -> crate::tests::Reply {
    server.client.raw("GET", path, &[("host".to_owned(), server.client.host())], b"").await
}

#[tokio::test]
async fn code_is_downloaded_by_the_url_that_getfunction_gives_and_by_no_other() {
    let server = Server::start().await;
    server.create("f", crate::tests::ECHO).await;
    let got = server.call("GET", "/f", serde_json::Value::Null).await.json();
    let location = got["Code"]["Location"].as_str().unwrap();
    let path = location.strip_prefix(&server.local.endpoint().url).unwrap();
    let zip = plain(&server, path).await;
    assert_eq!((zip.status, zip.body), (200, crate::tests::python(crate::tests::ECHO)));
    assert!(!location.contains(&server.local.endpoint().secret_key));
    let layer =
        crate::tests::api::layers::publish(&server, "data", &crate::tests::zip(&[("x", b"y")]))
            .await;
    let location = layer["Content"]["Location"].as_str().unwrap();
    let layers = location.strip_prefix(&server.local.endpoint().url).unwrap();
    assert_eq!(plain(&server, layers).await.body, crate::tests::zip(&[("x", b"y")]));
    let (bare, query) = path.split_once('?').unwrap();
    let other = layers.split_once('?').unwrap().0;
    let longer = query.replace("X-Amz-Expires=600", "X-Amz-Expires=6000");
    for path in [
        bare.to_owned(),
        format!("{other}?{query}"),
        format!("{bare}?{longer}"),
        format!("{path}0"),
    ] {
        let refused = plain(&server, &path).await;
        assert_eq!((refused.status, refused.code()), (403, "AccessDeniedException"), "{path}");
    }
    let strange = [("host".to_owned(), "example.org".to_owned())];
    assert_eq!(
        server.client.raw("GET", path, &strange, b"").await.status,
        403,
        "from another host"
    );
    assert_eq!(server.call("DELETE", "/f", serde_json::Value::Null).await.status, 204);
    assert_eq!(plain(&server, path).await.status, 404);
}

#[tokio::test]
async fn half_requests_hold_no_place_that_somebody_else_needs() {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };
    let server = Server::start_with(Limits { connections: 20, ..quick() }).await;
    let mut halves = Vec::new();
    for number in 0..60 {
        let mut stream = TcpStream::connect(server.client.host()).await.unwrap();
        let head = match number % 3 {
            0 => "",
            1 => "GET /2015-03-31/functions/ HTTP/1.1\r\nhost: x",
            _ => "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf of a body",
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        halves.push(stream);
        if number % 5 == 0 {
            let list = server
                .client
                .lambda("GET", "/2015-03-31/functions/", &serde_json::Value::Null)
                .await;
            assert_eq!(list.status, 200, "after {number}");
        }
    }
    let mut ended = 0;
    for half in &mut halves[..30] {
        // The end of the stream, or a reset.
        ended += usize::from(half.read(&mut [0; 8]).await.unwrap_or(0) == 0);
    }
    assert_eq!(ended, 30, "the oldest ones had to go");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_user_is_refused_at_the_connection() {
    use std::os::unix::process::CommandExt as _;
    if !rustix::process::geteuid().is_root() {
        eprintln!(
            "only root can be another user: not tried; the rule by itself is tested in `peer`"
        );
        return;
    }
    let server = Server::start().await;
    let port = server.client.host().split_once(':').unwrap().1.to_owned();
    let script = include_str!("other_user.py");
    let read = |user: u32| {
        let mut command = std::process::Command::new("python3");
        command.args(["-c", script, &port]).uid(user);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let (own, other) = (read(0).await.unwrap(), read(65_534).await.unwrap());
    assert_eq!(
        (own.stdout.as_slice(), other.stdout.as_slice()),
        (&b"1\n"[..], &b"0\n"[..]),
        "{other:?}"
    );
}
