//! Requests: head and body, and the AWS operation that they call.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use super::Fault;

/// A call that the proxy received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name in AWS's API: `GetFunction`, `PutRetentionPolicy`, …
    pub operation: String,
    /// The request's target: for Lambda it names the function.
    pub target: String,
    /// The injected fault.
    pub fault: Option<Fault>,
}

impl Call {
    /// Returns `true` if it cannot change anything.
    pub fn reads(&self) -> bool {
        ["Get", "List", "Describe", "Filter", "Simulate"]
            .iter()
            .any(|verb| self.operation.starts_with(verb))
            || ["StartLiveTail", "HeadBucket", "HeadObject"].contains(&self.operation.as_str())
    }
}

/// A received request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads one. Returns `None` if the caller only connected to check that the port listens.
    pub(super) fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut received = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        let (mut request, begin) = loop {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(None);
            }
            received.extend_from_slice(&buffer[..count]);
            if let Some(parsed) = Self::parse(&received)? {
                break parsed;
            }
        };
        request.body = received.split_off(begin);
        let length =
            request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if request.header("expect").is_some() && request.body.is_empty() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while request.body.len() < length {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            request.body.extend_from_slice(&buffer[..count]);
        }
        Ok(Some(request))
    }

    /// The request without its body, and the position of the body; `None` if the head is not
    /// complete yet.
    fn parse(received: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(begin) = head.parse(received).map_err(io::Error::other)?
        else {
            return Ok(None);
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let request = Self {
            method: head.method.unwrap_or_default().to_owned(),
            target: head.path.unwrap_or_default().to_owned(),
            headers: head
                .headers
                .iter()
                .map(|header| (header.name.to_lowercase(), text(header.value)))
                .collect(),
            body: Vec::new(),
        };
        Ok(Some((request, begin)))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn call(&self) -> Call {
        let operation = if let Some(target) = self.header("x-amz-target") {
            target.rsplit('.').next().unwrap_or_default().to_owned()
        } else if let Some(action) = self.form("Action") {
            action
        } else if self.header("authorization").is_some_and(|claim| claim.contains("/s3/")) {
            self.storage().to_owned()
        } else {
            self.lambda()
        };
        let named = self.form("RoleName").or_else(|| self.group()).unwrap_or_default();
        Call { operation, target: format!("{}{named}", self.target), fault: None }
    }

    /// The log group that a call of the logs is about.
    fn group(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        self.header("x-amz-target").and(body["logGroupName"].as_str()).map(str::to_owned)
    }

    /// A field of a form, as in IAM and STS.
    fn form(&self, field: &str) -> Option<String> {
        if !self.header("content-type")?.starts_with("application/x-www-form-urlencoded") {
            return None;
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        body.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == field)
            .map(|(_, v)| v.to_owned())
    }

    fn storage(&self) -> &'static str {
        let (path, _) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let is_bucket = path.trim_matches('/').split('/').count() < 2;
        match (self.method.as_str(), is_bucket) {
            ("GET", true) => "ListObjects",
            ("GET", false) => "GetObject",
            ("HEAD", true) => "HeadBucket",
            ("HEAD", false) => "HeadObject",
            ("PUT", true) => "CreateBucket",
            ("PUT", false) => "PutObject",
            ("DELETE", false) => "DeleteObject",
            _ => "ChangeObject",
        }
    }

    /// For `GET /2015-03-31/functions/NAME/versions`: the rest of the path after date and name, and
    /// the method.
    fn lambda(&self) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut parts = path.trim_matches('/').split('/');
        let (_date, root, name) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
        let rest: Vec<&str> = parts.collect();
        let method = self.method.as_str();
        let operation = match (root, name, rest.as_slice(), method) {
            ("functions", None, _, "POST") => "CreateFunction",
            ("functions", None, _, _) => "ListFunctions",
            ("functions", Some(_), [], "GET") => "GetFunction",
            ("functions", Some(_), [], "DELETE") => "DeleteFunction",
            ("functions", _, ["configuration"], "GET") => "GetFunctionConfiguration",
            ("functions", _, ["configuration"], _) => "UpdateFunctionConfiguration",
            ("functions", _, ["code"], _) => "UpdateFunctionCode",
            ("functions", _, ["versions"], "GET") => "ListVersionsByFunction",
            ("functions", _, ["versions"], _) => "PublishVersion",
            ("functions", _, ["aliases"], "GET") => "ListAliases",
            ("functions", _, ["aliases"], _) => "CreateAlias",
            ("functions", _, ["aliases", _], "GET") => "GetAlias",
            ("functions", _, ["aliases", _], "DELETE") => "DeleteAlias",
            ("functions", _, ["aliases", _], _) => "UpdateAlias",
            ("functions", _, ["invocations"], _) => "Invoke",
            ("functions", _, ["response-streaming-invocations"], _) => "InvokeWithResponseStream",
            ("functions", _, ["policy"], "GET") => "GetPolicy",
            ("functions", _, ["policy"], _) => "AddPermission",
            ("functions", _, ["policy", _], _) => "RemovePermission",
            ("functions", _, ["concurrency"], "GET") => "GetFunctionConcurrency",
            ("functions", _, ["concurrency"], "DELETE") => "DeleteFunctionConcurrency",
            ("functions", _, ["concurrency"], _) => "PutFunctionConcurrency",
            ("functions", _, ["url"], "GET") => "GetFunctionUrlConfig",
            ("functions", _, ["url"], "POST") => "CreateFunctionUrlConfig",
            ("functions", _, ["url"], "DELETE") => "DeleteFunctionUrlConfig",
            ("functions", _, ["url"], _) => "UpdateFunctionUrlConfig",
            ("functions", _, ["urls"], _) => "ListFunctionUrlConfigs",
            ("functions", _, ["event-invoke-config"], "GET") => "GetFunctionEventInvokeConfig",
            ("functions", _, ["event-invoke-config", "list"], _) => {
                "ListFunctionEventInvokeConfigs"
            }
            ("functions", _, ["event-invoke-config"], "DELETE") => {
                "DeleteFunctionEventInvokeConfig"
            }
            ("functions", _, ["event-invoke-config"], _) => "PutFunctionEventInvokeConfig",
            ("tags", _, _, "GET") => "ListTags",
            ("tags", _, _, "DELETE") => "UntagResource",
            ("tags", _, _, _) => "TagResource",
            ("account-settings", ..) => "GetAccountSettings",
            ("event-source-mappings", _, _, "GET") => "ListEventSourceMappings",
            ("code", ..) if query.contains("X-Amz-") => "GetCode",
            _ => return format!("{method} {path}"),
        };
        operation.to_owned()
    }
}
