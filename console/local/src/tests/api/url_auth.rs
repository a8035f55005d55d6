//! Function URLs: signatures, and the policy of those that are open.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::SignableBody;
use serde_json::{Value, json};

use super::urls::host;
use crate::tests::{ECHO, Server};

#[tokio::test]
async fn a_signed_url_takes_the_servers_key_and_nothing_else() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let host = server.open_url("echo", json!({ "AuthType": "AWS_IAM" })).await;
    let unsigned = server.fetch(&host, "GET", "/", &[], b"").await;
    let words = "Forbidden. For troubleshooting Function URL authorization issues, see: \
        https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    assert_eq!(
        (unsigned.status, unsigned.code(), unsigned.json()),
        (403, "AccessDeniedException", json!({ "Message": words }))
    );
    let sign = |service, body: &[u8]| {
        server.client.sign("POST", "/a?b=c", &[("host", &host)], body, service, SystemTime::now())
    };
    let signed = server.client.raw("POST", "/a?b=c", &sign("lambda", b"x"), b"x").await;
    assert_eq!(signed.status, 200, "{}", signed.text());
    let context = &signed.json()["requestContext"];
    assert_eq!(context["accountId"], "000000000000");
    assert_eq!(
        context["authorizer"]["iam"]["accessKey"],
        server.client.endpoint.access_key.as_str()
    );
    assert_eq!(context["authorizer"]["iam"]["userArn"], "arn:aws:iam::000000000000:user/local");
    let other_body = server.client.raw("POST", "/a?b=c", &sign("lambda", b"x"), b"y").await;
    assert_eq!((other_body.status, other_body.code()), (403, "InvalidSignatureException"));
    let other_service = server.client.raw("POST", "/a?b=c", &sign("execute-api", b"x"), b"x").await;
    assert_eq!((other_service.status, other_service.code()), (403, "InvalidSignatureException"));
}

#[tokio::test]
async fn a_presigned_url_is_as_good_as_a_signed_one_for_its_time() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let host = server.open_url("echo", json!({ "AuthType": "AWS_IAM" })).await;
    let name = [("host", host.as_str())];
    let bytes = SignableBody::Bytes;
    let sign = |path: &str, body: SignableBody<'_>, ago: u64, seconds: u64| {
        let time = SystemTime::now() - Duration::from_secs(ago);
        server.client.presign(("POST", path), &name, body, (time, seconds))
    };
    let good = sign("/a%20b/c?q=1&%C3%BC=%20x", bytes(b"body"), 0, 60);
    let reply = server.fetch(&host, "POST", &good, &[], b"body").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let event = reply.json();
    assert_eq!(event["rawPath"], "/a%20b/c");
    assert!(
        event["rawQueryString"].as_str().unwrap().starts_with("q=1&%C3%BC=%20x&X-Amz-"),
        "{event}"
    );
    let key = server.client.endpoint.access_key.as_str();
    assert_eq!(event["requestContext"]["authorizer"]["iam"]["accessKey"], key);
    // Long after it was signed, but before it expires.
    let week = sign("/", bytes(b""), 604_000, 604_800);
    assert_eq!(server.fetch(&host, "POST", &week, &[], b"").await.status, 200);
    let refused = async |path: &str, body: &[u8], words: &str| {
        let reply = server.fetch(&host, "POST", path, &[], body).await;
        assert_eq!(reply.status, 403, "{path}");
        assert!(reply.text().contains(words), "{words} in {}", reply.text());
    };
    refused(&sign("/", bytes(b""), 61, 60), b"", "Signature expired: ").await;
    refused(&good, b"another", "does not match the signature you provided").await;
    refused(&good.replace("/c?", "/d?"), b"body", "does not match").await;
    refused(&good.replace("X-Amz-Expires=60", "X-Amz-Expires=0"), b"body", "X-Amz-Expires is not")
        .await;
    refused("/?X-Amz-Signature=0", b"", "its query has no").await;
    // Lambda accepts no unsigned payloads, and none that are signed in chunks.
    refused(&sign("/", SignableBody::UnsignedPayload, 0, 60), b"body", "does not match").await;
    refused(
        &sign("/?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", bytes(b"x"), 0, 60),
        b"x",
        "unsigned, or signed in chunks",
    )
    .await;
    for kind in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
        let headers = [("host", host.as_str()), ("x-amz-content-sha256", kind)];
        let signed =
            server.client.sign("POST", "/", &headers, b"body", "lambda", SystemTime::now());
        let reply = server.client.raw("POST", "/", &signed, b"body").await;
        assert_eq!((reply.status, reply.code()), (403, "InvalidSignatureException"), "{kind}");
    }
}

#[tokio::test]
async fn an_open_url_is_closed_until_the_policy_allows_it_twice() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let url = server.url("POST", "echo", json!({ "AuthType": "NONE" })).await.json();
    let host = host(url["FunctionUrl"].as_str().unwrap());
    let closed = async || {
        let reply = server.fetch(&host, "GET", "/", &[], b"").await;
        assert_eq!((reply.status, reply.code()), (403, "AccessDeniedException"));
        assert!(
            reply.text().starts_with(r#"{"Message":"Forbidden. For troubleshooting"#),
            "{}",
            reply.text()
        );
    };
    closed().await;
    server
        .permit("echo", "url", "lambda:InvokeFunctionUrl", json!({ "FunctionUrlAuthType": "NONE" }))
        .await;
    closed().await;
    server
        .permit(
            "echo",
            "function",
            "lambda:InvokeFunction",
            json!({ "InvokedViaFunctionUrl": true }),
        )
        .await;
    assert_eq!(server.fetch(&host, "GET", "/", &[], b"").await.status, 200);
    assert_eq!(
        server
            .client
            .lambda("DELETE", "/2015-03-31/functions/echo/policy/url", &Value::Null)
            .await
            .status,
        204
    );
    closed().await;
}

#[tokio::test]
async fn a_url_lets_nothing_else_in() {
    let server = Server::start().await;
    server.create("echo", ECHO).await;
    let host = server.open_url("echo", json!({})).await;
    let (_, port) = host.split_once(':').unwrap();
    let unknown = server
        .fetch(&format!("{}.lambda-url.localhost:{port}", "0".repeat(32)), "GET", "/", &[], b"")
        .await;
    assert_eq!(
        (unknown.status, unknown.code(), unknown.text().as_str()),
        (403, "AccessDeniedException", r#"{"Message":null}"#)
    );
    // A path of the API under a URL's host is a path of the function, and unsigned it is refused.
    let path = "/2015-03-31/functions/echo/invocations";
    assert_eq!(server.fetch(&host, "POST", path, &[], b"").await.json()["rawPath"], path);
    assert_eq!(server.fetch(&server.client.host(), "POST", path, &[], b"").await.status, 403);
    for foreign in
        [format!("{}:{port}", host.replace(".localhost", ".example")), host.replace(port, "1")]
    {
        assert_eq!(server.fetch(&foreign, "GET", "/", &[], b"").await.status, 403, "{foreign}");
    }
    let large = vec![b'x'; 6_291_457];
    let reply = server.fetch(&host, "POST", "/", &[], &large).await;
    assert_eq!((reply.status, reply.code()), (413, "RequestEntityTooLargeException"));
    let nearly = vec![b'x'; 6_000_000];
    assert_eq!(
        server.fetch(&host, "POST", "/", &[], &nearly).await.status,
        413,
        "in base64 it is too large"
    );
}
