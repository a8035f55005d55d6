//! The address of the Runtime API, and the constant parts of requests. Reads no environment.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;

use crate::lifecycle::blocking;

/// Version of the Runtime API, with which every path begins.
const VERSION: &str = "/2018-06-01/runtime";

/// Version of the Extensions API.
const EXTENSIONS: &str = "/2020-01-01/extension";

/// The Runtime API as specified by `AWS_LAMBDA_RUNTIME_API`. AWS writes `host:port`; other servers
/// write a URL, some with a path (cargo-lambda's emulator does).
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `host:port`, for the `Host` field and for a name that has to be resolved.
    pub(crate) authority: String,
    /// The address, if it was given as one: then nothing has to be resolved.
    address: Option<SocketAddr>,
    /// The whole `GET …/invocation/next` request.
    pub(crate) next: Vec<u8>,
    /// Prefix of every path before the version: empty, or `/…`.
    path: String,
    /// `POST …/runtime/`: the beginning of every answer.
    post: String,
    /// The text after the target in every request: version, host, user agent.
    common: String,
    /// `true` if an answer and the poll after it are sent in one write: see [`crate::run`].
    pub(crate) pipelined: bool,
}

impl Endpoint {
    /// Parses `host`, `host:port`, and a URL of either with or without a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("AWS_LAMBDA_RUNTIME_API is `{}`: {why}", text.escape_debug());
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(wrong("the Runtime API supports only http")),
            None => text,
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty()
            || text.bytes().any(|byte| !byte.is_ascii_graphic())
            || host.contains(['@', '?', '#'])
        {
            return Err(wrong("it should be `host:port`"));
        }
        // An IPv6 address has colons of its own, inside its brackets.
        let authority = match host.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => match port.parse::<u16>() {
                Ok(port) if port > 0 => host.to_owned(),
                _ => return Err(wrong("the port is not a number from 1 to 65535")),
            },
            _ => format!("{host}:80"),
        };
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let agent = concat!(
            "\r\nUser-Agent: ",
            env!("CARGO_PKG_NAME"),
            "/",
            env!("CARGO_PKG_VERSION"),
            "\r\n"
        );
        let common = [" HTTP/1.1\r\nHost: ", &authority, agent].concat();
        Ok(Self {
            address: authority.parse().ok(),
            next: ["GET ", &path, VERSION, "/invocation/next", &common, "\r\n"]
                .concat()
                .into_bytes(),
            post: ["POST ", &path, VERSION, "/"].concat(),
            path,
            common,
            authority,
            pipelined: false,
        })
    }

    /// Connects, with `TCP_NODELAY`, so that small writes are not held back.
    pub(crate) async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = match self.address {
            Some(address) => TcpStream::connect(address).await?,
            None => TcpStream::connect(&self.resolve().await?[..]).await?,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Looks the host's name up.
    async fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        let authority = self.authority.clone();
        let found = Arc::new(Mutex::new(Ok(Vec::new())));
        let find = Arc::clone(&found);
        blocking::run(move || {
            let addresses = authority.to_socket_addrs().map(Iterator::collect);
            *find.lock().unwrap_or_else(PoisonError::into_inner) = addresses;
        })
        .await?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *found, Ok(Vec::new()))
    }

    /// The request whose response arrives once a snapshot was restored.
    pub(crate) fn restore_next(&self) -> Vec<u8> {
        format!("GET {}{VERSION}/restore/next{}\r\n", self.path, self.common).into_bytes()
    }

    /// The request that registers an extension for no events.
    pub(crate) fn register(&self, name: &str) -> Vec<u8> {
        const NO_EVENTS: &str = r#"{"events":[]}"#;
        let length = NO_EVENTS.len();
        format!(
            "POST {}{EXTENSIONS}/register{}Lambda-Extension-Name: {name}\r\nContent-Type: \
            application/json\r\n\
             Content-Length: {length}\r\n\r\n{NO_EVENTS}",
            self.path, self.common
        )
        .into_bytes()
    }

    /// The request that asks for an extension's next event.
    pub(crate) fn extension_next(&self, id: &str) -> Vec<u8> {
        let (path, common) = (&self.path, &self.common);
        format!(
            "GET {path}{EXTENSIONS}/event/next{common}Lambda-Extension-Identifier: {id}\r\n\r\n"
        )
        .into_bytes()
    }

    /// Begins a request in `out`: `POST` to the target (`["init/error"]`, or the parts of it), host
    /// and user agent.
    pub(crate) fn begin_post(&self, target: &[&str], out: &mut Vec<u8>) {
        out.extend_from_slice(self.post.as_bytes());
        for piece in target {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(self.common.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::executor;

    fn request_line(text: &str) -> (String, String) {
        let endpoint = Endpoint::parse(text).unwrap();
        let next = String::from_utf8(endpoint.next).unwrap();
        (endpoint.authority, next.lines().next().unwrap().to_owned())
    }

    #[test]
    fn addresses_names_and_urls_are_understood() {
        let cases = [
            ("127.0.0.1:9001", "127.0.0.1:9001", ""),
            ("localhost:9001", "localhost:9001", ""),
            ("runtime.local", "runtime.local:80", ""),
            ("[::1]:9001", "[::1]:9001", ""),
            ("[::1]", "[::1]:80", ""),
            ("http://127.0.0.1:9001", "127.0.0.1:9001", ""),
            ("HTTP://127.0.0.1:9001/", "127.0.0.1:9001", ""),
            ("http://127.0.0.1:9000/.rt/hello", "127.0.0.1:9000", "/.rt/hello"),
            ("127.0.0.1:9000/.rt/hello/", "127.0.0.1:9000", "/.rt/hello"),
        ];
        for (text, authority, path) in cases {
            let expected = format!("GET {path}/2018-06-01/runtime/invocation/next HTTP/1.1");
            assert_eq!(request_line(text), (authority.to_owned(), expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        for text in [
            "",
            "https://127.0.0.1:9001",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:99999",
            "a b:1",
            "a\r\nb:1",
            "/x",
        ] {
            let why = Endpoint::parse(text).unwrap_err();
            assert!(why.starts_with("AWS_LAMBDA_RUNTIME_API is `"), "{why}");
        }
    }

    #[test]
    fn a_name_is_looked_up() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let endpoint = Endpoint::parse(&format!("localhost:{port}")).unwrap();
        let executor = executor::create().unwrap();
        let stream = executor::run(&executor, endpoint.connect()).unwrap();
        assert_eq!(server.accept().unwrap().1, stream.local_addr().unwrap());
    }

    #[test]
    fn every_request_names_host_and_user_agent() {
        let endpoint = Endpoint::parse("127.0.0.1:9001").unwrap();
        let mut out = Vec::new();
        endpoint.begin_post(&["invocation/", "42", "/response"], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "POST /2018-06-01/runtime/invocation/42/response HTTP/1.1\r\nHost: \
                127.0.0.1:9001\r\nUser-Agent: \
                 lambda-console-runtime/{}\r\n",
                env!("CARGO_PKG_VERSION")
            )
        );
    }
}
