//! A client that signs like the SDKs and parses HTTP itself, so that tests see exactly what is
//! sent.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Endpoint;
use crate::tests::eventually;

/// A caller with an endpoint's key.
pub(crate) struct Client {
    pub(crate) endpoint: Endpoint,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The error code.
    pub(crate) fn code(&self) -> &str {
        self.header("x-amzn-errortype").unwrap_or_default()
    }

    /// The decoded header `X-Amz-Log-Result`.
    pub(crate) fn tail(&self) -> String {
        let encoded = self.header("x-amz-log-result").expect("there is a log result");
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    /// A value of the REPORT line in the tail.
    pub(crate) fn report(&self, field: &str) -> Option<f64> {
        let tail = self.tail();
        let line =
            tail.lines().find(|line| line.starts_with("REPORT ")).expect("there is a report");
        let (_, value) = line
            .split('\t')
            .find_map(|part| part.split_once(": ").filter(|(name, _)| *name == field))?;
        value.split(' ').next().unwrap().parse().ok()
    }
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    pub(crate) fn host(&self) -> String {
        self.endpoint.url.strip_prefix("http://").unwrap().to_owned()
    }

    /// Sends a Lambda call with a JSON body.
    pub(crate) async fn lambda(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[], body.as_bytes(), "lambda").await
    }

    /// Returns the configuration of a function (or of `NAME?Qualifier=…`) once no change is in
    /// progress.
    pub(crate) async fn settled(&self, name: &str) -> Value {
        let (name, query) = name.split_once('?').unwrap_or((name, ""));
        let path = format!("/2015-03-31/functions/{name}/configuration?{query}");
        let mut described = Value::Null;
        let is_settled = async || {
            let reply = self.lambda("GET", &path, &Value::Null).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            described = reply.json();
            described["State"] != "Pending" && described["LastUpdateStatus"] != "InProgress"
        };
        eventually("nothing is in progress any more", is_settled).await;
        described
    }

    /// Like [`lambda`](Self::lambda), for a server that may be gone: `None` if there is no complete
    /// response.
    pub(crate) async fn try_lambda(&self, method: &str, path: &str, body: &Value) -> Option<Reply> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (host, body) = (self.host(), body.as_bytes());
        // Invoke responds once its log is complete; the other calls ignore the header.
        let headers = [("host", host.as_str()), ("x-amz-log-type", "Tail")];
        let signed = self.sign(method, path, &headers, body, "lambda", SystemTime::now());
        let bytes = self.exchange(method, path, &signed, body).await.ok()?;
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(bytes.get(..end)?).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        length.is_none_or(|length| bytes.len() == end + 4 + length).then(|| parse(&bytes))
    }

    /// Sends a Logs operation.
    pub(crate) async fn logs(&self, operation: &str, body: &Value) -> Reply {
        let target = format!("Logs_20140328.{operation}");
        let headers =
            [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
        self.send("POST", "/", &headers, body.to_string().as_bytes(), "logs").await
    }

    /// Sends an IAM or STS action.
    pub(crate) async fn query(&self, form: &str, service: &str) -> Reply {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/", &headers, form.as_bytes(), service).await
    }

    /// Sends a signed request.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        service: &str,
    ) -> Reply {
        let host = self.host();
        let all: Vec<(&str, &str)> =
            [("host", host.as_str())].iter().chain(headers).copied().collect();
        let signed = self.sign(method, path, &all, body, service, SystemTime::now());
        self.raw(method, path, &signed, body).await
    }

    /// The headers, with those that sign them.
    pub(crate) fn sign(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        service: &str,
        time: SystemTime,
    ) -> Vec<(String, String)> {
        let Endpoint { access_key, secret_key, region, .. } = &self.endpoint;
        let identity = Credentials::new(access_key, secret_key, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{}{path}", self.host());
        let body = SignableBody::Bytes(body);
        let request = SignableRequest::new(method, uri, headers.iter().copied(), body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let signature =
            instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .chain(signature)
            .collect()
    }

    /// The path of a request with its signature in the query, valid for `seconds` from then on.
    pub(crate) fn presign(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: SignableBody<'_>,
        (time, seconds): (SystemTime, u64),
    ) -> String {
        let Endpoint { access_key, secret_key, region, .. } = &self.endpoint;
        let identity = Credentials::new(access_key, secret_key, None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("lambda")
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let uri = format!("http://{}{path}", self.host());
        let request = SignableRequest::new(method, uri, headers.iter().copied(), body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let fields = instructions
            .params()
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::http::query::encode(value)));
        let query: Vec<String> = path
            .split_once('?')
            .map(|(_, query)| query.to_owned())
            .into_iter()
            .chain(fields)
            .collect();
        format!("{}?{}", path.split('?').next().unwrap(), query.join("&"))
    }

    /// Sends exactly these headers, and the body's length.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Reply {
        parse(&self.exchange(method, path, headers, body).await.unwrap())
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> std::io::Result<Vec<u8>> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\ncontent-length: {}\r\nconnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.host()).await?;
        stream.write_all(&[head.as_bytes(), body].concat()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

/// Parses a response with a `Content-Length`.
fn parse(bytes: &[u8]) -> Reply {
    let end =
        bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("there is a whole head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
        .collect();
    let reply = Reply { status, headers, body: bytes[end + 4..].to_vec() };
    if let Some(length) = reply.header("content-length") {
        assert_eq!(length.parse(), Ok(reply.body.len()), "the body has its length");
    }
    reply
}
