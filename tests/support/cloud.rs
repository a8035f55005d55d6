//! AWS as seen on the network: servers with certificates for its names, and a proxy that connects
//! to them. No names are resolved: the proxy gets names, and connects to one address.
//!
//! The certificates beside this file are for tests only; `authority.pem` signed `server.pem`, and
//! `another.pem` is an authority that signed nothing.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// The code of the MFA device.
pub const CODE: &str = "123456";

/// A server with AWS's names, and a proxy that connects to it.
pub struct Cloud {
    proxy: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The requests to the proxy, with the user that was sent: `sts.eu-west-1.amazonaws.com:443
    /// Basic bWU6…`.
    tunnels: Vec<String>,
    /// The bodies of the calls.
    calls: Vec<String>,
}

impl Cloud {
    /// Starts both; a proxy with a `user` accepts no other.
    pub fn start(user: Option<&str>) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let config = Arc::new(config());
        let (noted, calls) = (Arc::clone(&seen), Arc::clone(&seen));
        let server = serve(move |stream| {
            let connection =
                ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            answer(StreamOwned::new(connection, stream), &calls)
        });
        let user = user.map(|user| {
            format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, user))
        });
        let proxy = serve(move |stream| tunnel(stream, server, user.as_deref(), &noted));
        Self { proxy, seen }
    }

    /// The proxy's host and port.
    pub fn proxy(&self) -> String {
        self.proxy.to_string()
    }

    /// Takes the requests to the proxy since the last call.
    pub fn tunnels(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.seen).tunnels)
    }

    /// Takes the bodies of the calls since the last call.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.seen).calls)
    }

    /// Path of the certificate `name`: `authority` or `another`.
    pub fn certificate(name: &str) -> PathBuf {
        crate::repository().join("tests/support/cloud").join(format!("{name}.pem"))
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config() -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("cloud/server.pem"))
        .collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("cloud/server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions of TLS").with_no_client_auth();
    config.with_single_cert(chain.expect("certificates"), key).expect("a certificate with its key")
}

/// Serves each connection on a thread of its own.
fn serve(work: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    let work = Arc::new(work);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let work = Arc::clone(&work);
            // The caller reports a broken connection.
            thread::spawn(move || drop(work(stream)));
        }
    });
    address
}

/// Reads lines up to the empty one.
fn head(reader: &mut impl std::io::BufRead) -> std::io::Result<Vec<String>> {
    reader.lines().take_while(|line| line.as_ref().map_or(true, |line| !line.is_empty())).collect()
}

fn field(head: &[String], name: &str) -> Option<String> {
    head.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn tunnel(
    mut client: TcpStream,
    server: SocketAddr,
    user: Option<&str>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let head = head(&mut BufReader::new(client.try_clone()?))?;
    let given = field(&head, "proxy-authorization");
    let place = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    lock(seen)
        .tunnels
        .push(given.as_ref().map_or_else(|| place.clone(), |given| format!("{place} {given}")));
    if given.as_deref() != user {
        return client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    }
    let mut upstream = TcpStream::connect(server)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    std::io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Write)
}

fn answer(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let body = {
        let mut reader = BufReader::new(&mut stream);
        let head = head(&mut reader)?;
        let length =
            field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        format!("{} {}", head.first().cloned().unwrap_or_default(), String::from_utf8_lossy(&body))
    };
    lock(seen).calls.push(body.clone());
    let result = |action: &str, inside: &str| {
        format!("<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>")
    };
    let (status, text) = if body.contains("Action=GetCallerIdentity") {
        let arn = "arn:aws:sts::111111111111:assumed-role/deployer/me";
        let inside = format!("<Arn>{arn}</Arn><UserId>me</UserId><Account>111111111111</Account>");
        ("200 OK", result("GetCallerIdentity", &inside))
    } else if body.contains("SerialNumber=") && !body.contains(&format!("TokenCode={CODE}")) {
        let why = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
        let error = format!(
            "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{why}</Message></Error>"
        );
        ("403 Forbidden", format!("<ErrorResponse>{error}</ErrorResponse>"))
    } else if body.contains("Action=AssumeRole") {
        let keys = "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>";
        let credentials = format!(
            "<Credentials>{keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        );
        ("200 OK", result("AssumeRole", &credentials))
    } else {
        let error =
            r#"{"__type":"ResourceNotFoundException","Message":"there is no such function"}"#;
        ("404 Not Found", error.to_owned())
    };
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    stream.write_all((head + &text).as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
