//! Callers: plain keep-alive connections that send requests signed in advance.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::SystemTime,
};

use lambda_console_local::Endpoint;

use crate::Result;

/// A request that is sent many times. It is signed once: a signature is valid for five minutes.
pub(crate) struct Target {
    address: String,
    method: &'static str,
    path: String,
    body: String,
    bytes: Vec<u8>,
}

impl Target {
    pub(crate) fn new(
        address: String,
        method: &'static str,
        path: &str,
        body: &str,
        headers: &[(String, String)],
    ) -> Self {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.extend(["\r\n", body]);
        Self {
            address,
            method,
            path: path.to_owned(),
            body: body.to_owned(),
            bytes: text.into_bytes(),
        }
    }

    pub(crate) fn sign_with(
        &mut self,
        endpoint: &Endpoint,
        headers: &[(&str, &str)],
    ) -> Result<()> {
        use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
        let Endpoint { access_key, secret_key, region, .. } = endpoint;
        let identity =
            aws_credential_types::Credentials::new(access_key, secret_key, None, None, "bench")
                .into();
        let params = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("lambda")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let url = format!("http://{}{}", self.address, self.path);
        let all = [("host", self.address.as_str())].into_iter().chain(headers.iter().copied());
        let request =
            SignableRequest::new(self.method, url, all, SignableBody::Bytes(self.body.as_bytes()))?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        let signature =
            instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let headers: Vec<(String, String)> = headers.chain(signature).collect();
        *self = Self::new(self.address.clone(), self.method, &self.path, &self.body, &headers);
        Ok(())
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name)))?;
        line.split_once(": ").map(|(_, value)| value)
    }
}

/// A keep-alive connection.
pub(crate) struct Caller<'a> {
    stream: TcpStream,
    request: &'a [u8],
    buffer: Vec<u8>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(target: &'a Target) -> Result<Self> {
        let stream = TcpStream::connect(&target.address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: &target.bytes, buffer: Vec::new() })
    }

    pub(crate) fn call(&mut self) -> Result<Answer> {
        self.stream.write_all(self.request)?;
        self.buffer.clear();
        let mut block = [0; 16 << 10];
        loop {
            let count = self.stream.read(&mut block)?;
            if count == 0 {
                return Err("the connection was closed".into());
            }
            self.buffer.extend_from_slice(block.get(..count).unwrap_or_default());
            let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head =
                String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
            let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
            let mut answer = Answer { status, head, body: Vec::new() };
            let length: usize = answer.header("content-length").map_or(Ok(0), str::parse)?;
            if self.buffer.len() >= end + 4 + length {
                answer.body =
                    self.buffer.get(end + 4..end + 4 + length).unwrap_or_default().to_vec();
                return Ok(answer);
            }
        }
    }

    /// Invokes the function and checks that the response is the function's.
    pub(crate) fn invoke(&mut self) -> Result<()> {
        let answer = self.call()?;
        if answer.status != 200 || !answer.body.windows(3).any(|window| window == b"Ada") {
            return Err(format!("{} {}", answer.head, String::from_utf8_lossy(&answer.body)).into());
        }
        Ok(())
    }
}
