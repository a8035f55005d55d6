//! A scripted Runtime API, byte for byte, which records its requests.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A received request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Number of the connection that it arrived on, from 0.
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn is_next(&self) -> bool {
        self.method == "GET" && self.target.ends_with("/runtime/invocation/next")
    }

    /// The value of the first field of this name, given in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Response to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerStep {
    Bytes(Vec<u8>),
    /// Sends bytes, and then closes the connection.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "only the crate's own tests are this unfriendly")
    )]
    Last(Vec<u8>),
    /// Sends nothing more to any client: closes all connections and accepts no new one.
    End,
}

/// Serves until it is dropped or a response is [`ServerStep::End`].
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Determines each response.
type Answers = Box<dyn FnMut(&Request) -> ServerStep + Send>;

struct Shared {
    script: Mutex<Answers>,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
    address: SocketAddr,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    /// Closes every connection, and wakes the thread that waits for new ones.
    fn end(&self) {
        if !self.ended.swap(true, Ordering::SeqCst) {
            // The waiting thread accepts this connection, or has ended already.
            let _ = TcpStream::connect(self.address);
        }
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Server {
    /// Responds to each request with the result of `script`.
    pub(crate) fn start(
        script: impl FnMut(&Request) -> ServerStep + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            ended: AtomicBool::new(false),
            open: Mutex::default(),
            address,
        });
        let state = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &state));
        Ok(Self { address, shared, thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.end();
        if let Some(thread) = self.thread.take() {
            // A connection's thread that panicked has printed it.
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    thread::scope(|scope| {
        for (connection, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { break };
            let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.ended.load(Ordering::SeqCst) {
                break;
            }
            open.extend(stream.try_clone());
            drop(open);
            scope.spawn(move || converse(stream, connection, shared));
        }
    });
}

fn converse(mut stream: TcpStream, connection: usize, shared: &Shared) {
    let mut received = Vec::new();
    while let Ok(Some(mut request)) = read(&mut stream, &mut received) {
        request.connection = connection;
        let script = shared.script.lock().unwrap_or_else(PoisonError::into_inner)(&request);
        let (bytes, last) = match script {
            ServerStep::Bytes(bytes) => (bytes, false),
            ServerStep::Last(bytes) => (bytes, true),
            ServerStep::End => {
                shared.end();
                break;
            }
        };
        if stream.write_all(&bytes).is_err() || last {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads one request. Returns `None` if the connection ends before one.
fn read(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut part = vec![0; 64 * 1024];
    loop {
        if let Some((request, length)) = parse(received) {
            received.drain(..length);
            return Ok(Some(request));
        }
        match stream.read(&mut part)? {
            0 => return Ok(None),
            count => received.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
}

/// The request at the start of the received bytes, and its length; `None` if it is not complete.
fn parse(received: &[u8]) -> Option<(Request, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(received).ok()? else { return None };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut request = Request {
        method: parsed.method?.to_owned(),
        target: parsed.path?.to_owned(),
        fields: parsed
            .headers
            .iter()
            .map(|field| (field.name.to_ascii_lowercase(), text(field.value)))
            .collect(),
        ..Request::default()
    };
    if request.field("transfer-encoding").is_some() {
        let length = chunks(received.get(head..)?, &mut request)?;
        return Some((request, head + length));
    }
    let length =
        request.field("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    request.body = received.get(head..head + length)?.to_vec();
    Some((request, head + length))
}

/// Reads a chunked body, whose trailers become fields. Returns its length on the wire, or `None` if
/// it is not complete.
fn chunks(received: &[u8], request: &mut Request) -> Option<usize> {
    let mut at = 0;
    let line = |at: usize| {
        let rest = received.get(at..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        Some((String::from_utf8_lossy(rest.get(..end)?).into_owned(), at + end + 2))
    };
    loop {
        let (size, data) = line(at)?;
        let size = usize::from_str_radix(&size, 16).ok()?;
        at = data;
        if size == 0 {
            break;
        }
        request.body.extend_from_slice(received.get(at..at + size)?);
        at += size + 2;
    }
    loop {
        let (trailer, next) = line(at)?;
        at = next;
        let Some((name, value)) = trailer.split_once(": ") else { return Some(at) };
        request.fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}
