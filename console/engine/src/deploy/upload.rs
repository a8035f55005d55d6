//! Uploads a zip to S3, from which Lambda reads it, and downloads one from Lambda's storage: the
//! calls to S3, signed here rather than through S3's SDK, which would be as large as all the others
//! together.

use std::fmt::Write as _;

use aws_config::SdkConfig;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SigningSettings, UriPathNormalizationMode,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::Intercept,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
    },
};
use aws_smithy_types::body::SdkBody;

use super::{Stage, code::Place};
use crate::{
    Job,
    aws::{
        clients::UPLOAD_READ_TIMEOUT,
        error::CallError,
        naming::partition,
        request::{self, Call, Refused},
        waiting::retry_change,
    },
};

/// Puts `bytes` at `place`. Idempotent.
pub(super) async fn put(
    stage: &Stage,
    name: &str,
    place: &Place,
    bytes: Vec<u8>,
    job: &Job,
) -> Result<(), CallError> {
    let body = SdkBody::from(bytes);
    let body = &body;
    retry_change(stage, name, &job.cancel, || {
        stage.call(|clients| async move {
            // A body in memory can be sent any number of times.
            let body = body.try_clone().unwrap_or_else(SdkBody::taken);
            put_once(clients.sdk(), clients.guard(), place, body).await
        })
    })
    .await
}

async fn put_once(
    config: &SdkConfig,
    guard: impl Intercept + 'static,
    place: &Place,
    body: SdkBody,
) -> Result<(), SdkError<Refused, HttpResponse>> {
    let (endpoint, path) = address(config, place);
    let request =
        signed(config, &endpoint, &path, body).await.map_err(SdkError::construction_failure)?;
    request::send(config, guard, call("PutObject", &endpoint), request, answer).await.map(drop)
}

/// Downloads from a URL that contains its own signature, which is a secret until it expires: errors
/// do not contain it.
pub(crate) async fn fetch(stage: &Stage, url: &str) -> Result<Vec<u8>, CallError> {
    stage
        .call(|clients| async move {
            let (endpoint, request) = get(url).map_err(SdkError::construction_failure)?;
            request::send(
                clients.sdk(),
                clients.guard(),
                call("GetObject", &endpoint),
                request,
                answer,
            )
            .await
        })
        .await
}

fn get(url: &str) -> Result<(String, HttpRequest), BoxError> {
    let uri: http::Uri = url.parse()?;
    let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or("the stage names no URL")?;
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(uri.path_and_query().map_or("/", |path| path.as_str()))?;
    Ok((format!("{scheme}://{authority}"), request))
}

fn call<'a>(operation: &'static str, endpoint: &'a str) -> Call<'a> {
    Call { service: "S3", operation, endpoint, patience: UPLOAD_READ_TIMEOUT }
}

/// The origin and the path: with the bucket in the host, if that is AWS's own and the bucket's name
/// is valid in it.
fn address(config: &SdkConfig, place: &Place) -> (String, String) {
    let Place { bucket, key } = place;
    let key = encoded(key);
    if let Some(given) = request::endpoint(config, "S3") {
        return (given, format!("/{bucket}/{key}"));
    }
    let region = request::region(config);
    let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
    let dual_stack = if config.use_dual_stack() == Some(true) { ".dualstack" } else { "" };
    let host = format!("s3{fips}{dual_stack}.{region}.{}", partition(region).1);
    if bucket.contains('.') {
        return (format!("https://{host}"), format!("/{bucket}/{key}"));
    }
    (format!("https://{bucket}.{host}"), format!("/{key}"))
}

/// Encodes a key for a path in S3: everything but letters, digits, `-._~` and `/` as `%XX`.
fn encoded(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            other => {
                // Writing to a string cannot fail.
                let _ = write!(text, "%{other:02X}");
            }
        }
        text
    })
}

async fn signed(
    config: &SdkConfig,
    endpoint: &str,
    path: &str,
    body: SdkBody,
) -> Result<HttpRequest, BoxError> {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let mut request = HttpRequest::new(body);
    request.set_method("PUT")?;
    request.set_uri(path)?;
    request.headers_mut().insert("content-type", "application/zip");
    request::signed(config, ("s3", settings), endpoint, request).await
}

fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refused>> {
    if response.status().is_success() {
        return Ok(response.body().bytes().unwrap_or_default().to_vec());
    }
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    let between = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside.to_owned())
    };
    Err(Refused::answer(between("Code"), &between("Message").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_http_client::Builder;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Allows everything.
    #[derive(Debug)]
    struct Open;

    impl Intercept for Open {
        fn name(&self) -> &'static str {
            "Open"
        }
    }

    fn place(bucket: &str) -> Place {
        Place { bucket: bucket.into(), key: "lambda-console/my function/1.zip".into() }
    }

    #[test]
    fn the_bucket_stands_in_the_host_where_it_can() {
        let config = || {
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
        };
        let (endpoint, path) = address(&config().build(), &place("artifacts"));
        assert_eq!(endpoint, "https://artifacts.s3.eu-west-1.amazonaws.com");
        assert_eq!(path, "/lambda-console/my%20function/1.zip");
        let (endpoint, path) = address(&config().build(), &place("with.dots"));
        assert_eq!(endpoint, "https://s3.eu-west-1.amazonaws.com");
        assert!(path.starts_with("/with.dots/lambda-console/"), "{path}");
        let (endpoint, _) =
            address(&config().use_fips(true).use_dual_stack(true).build(), &place("artifacts"));
        assert_eq!(endpoint, "https://artifacts.s3-fips.dualstack.eu-west-1.amazonaws.com");
        let china =
            SdkConfig::builder().region(Region::new("cn-north-1")).use_dual_stack(true).build();
        assert_eq!(
            address(&china, &place("a")).0,
            "https://a.s3.dualstack.cn-north-1.amazonaws.com.cn"
        );
        let (endpoint, path) =
            address(&config().endpoint_url("http://127.0.0.1:4566/").build(), &place("artifacts"));
        assert_eq!(
            (endpoint.as_str(), path.split('/').nth(1)),
            ("http://127.0.0.1:4566", Some("artifacts"))
        );
    }

    /// Serves one request and returns it.
    async fn serve(listener: TcpListener, answer: &str) -> String {
        let (mut connection, _) = listener.accept().await.unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"the zip") {
            let count = connection.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&buffer[..count]);
        }
        connection.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }

    fn config(port: u16) -> SdkConfig {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "secret", Some("session".into()), None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Builder::new().build_http())
            .build()
    }

    #[tokio::test]
    async fn a_zip_is_put_whole_and_signed_for_s3() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(listener.local_addr().unwrap().port());
        let (place, body) = (place("artifacts"), SdkBody::from("the zip"));
        let (request, put) = tokio::join!(
            serve(listener, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            put_once(&config, Open, &place, body)
        );
        put.unwrap();
        assert!(
            request.starts_with("PUT /artifacts/lambda-console/my%20function/1.zip HTTP/1.1\r\n"),
            "{request}"
        );
        let header = |name: &str| {
            let line =
                request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
            line.and_then(|line| line.split_once(": "))
                .map(|(_, value)| value.to_owned())
                .unwrap_or_default()
        };
        let authorization = header("authorization");
        assert!(
            authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
            "{authorization}"
        );
        assert!(authorization.contains("/eu-west-1/s3/aws4_request"), "{authorization}");
        let digest =
            crate::workspace::paths::hex(&<sha2::Sha256 as sha2::Digest>::digest("the zip"));
        assert_eq!(header("x-amz-content-sha256"), digest);
        assert_eq!(
            (header("x-amz-security-token").as_str(), header("content-length").as_str()),
            ("session", "7")
        );
        assert!(request.ends_with("\r\n\r\nthe zip"));
    }

    #[tokio::test]
    async fn an_answer_without_a_code_counts_by_its_status() {
        for (status, is_passing) in [(503, true), (403, false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let config = config(listener.local_addr().unwrap().port());
            let answer =
                format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let (place, zip) = (place("artifacts"), SdkBody::from("the zip"));
            let (_, put) =
                tokio::join!(serve(listener, &answer), put_once(&config, Open, &place, zip));
            let error = CallError::from(put.unwrap_err());
            assert_eq!((error.code(), error.is_passing()), ("", is_passing), "{error:?}");
            assert!(!error.is_unanswered(), "{error:?}");
            assert_eq!(error.into_failure("could not upload").why, format!("HTTP status {status}"));
        }
    }

    #[tokio::test]
    async fn the_message_of_s3_is_reported() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(listener.local_addr().unwrap().port());
        let body = "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not \
            exist</Message></Error>";
        let answer = format!(
            "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let (place, zip) = (place("artifacts"), SdkBody::from("the zip"));
        let (_, put) = tokio::join!(serve(listener, &answer), put_once(&config, Open, &place, zip));
        let error = CallError::from(put.unwrap_err());
        assert_eq!(
            (error.code(), error.message()),
            ("NoSuchBucket", "The specified bucket does not exist")
        );
    }
}
