//! Thousands of broken responses, mutated from a small corpus by a deterministic generator: none
//! may panic, each must decode to the same however it is split, and hyper must read the accepted
//! ones as the same.
//!
//! `FUZZ=10000000 cargo test --release -p lambda-console-runtime fuzz` sets the number of
//! executions.

use hyper::client::conn::http1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::Malformed;
use super::tests::decode;

/// Each is one kind of response that a Runtime API, or a server in between, sends.
const CORPUS: [&str; 14] = [
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: \
    8476a536\r\n\
     Lambda-Runtime-Deadline-Ms: 1798761599000\r\nContent-Length: 17\r\n\r\n{\"name\":\"Lambda\"}",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\nDate: Sat, 21 Nov 2026 04:13:21 \
    GMT\r\n\r\n{\"status\":\"OK\"}\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Trace-Id: \
    Root=1-5bef4de7\r\n\r\n\
     5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: \
    chunked\r\n\r\nA;name=\"v\"\r\n0123456789\r\n0\r\nExpires: never\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: \
    0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc",
    "HTTP/1.1 410 Gone\r\nConnection: Foo, Close\r\nContent-Length: 36\r\n\r\n\
     {\"errorType\":\"InvokeTimeout\",\"x\":123}",
    "HTTP/1.1 413 Request Entity Too Large\r\nTransfer-Encoding: chunked\r\nConnection: \
    close\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n7",
    "HTTP/1.1 500 \r\nX-Empty:\r\n\tX: y\r\nContent-Length: 0\r\n\r\n",
];

/// Tokens that a mutation inserts: those with a meaning in the grammar.
const WORDS: [&str; 26] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "0",
    "00",
    "1",
    "5",
    "f",
    "G",
    "-1",
    "ffffffffffffffff",
    "18446744073709551616",
    ";",
    " ",
    "\t",
    ":",
    ",",
    "chunked",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "HTTP/1.1 ",
    "0\r\n\r\n",
    "\0",
    "\u{fc}",
];

/// Default number of executions, which takes a moment.
const FEW: u64 = 20_000;

fn executions() -> u64 {
    std::env::var("FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(FEW)
}

/// Pseudo-random numbers that are the same in every run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// A response of the corpus after zero, one or a few mutations.
    fn response(&mut self) -> Vec<u8> {
        let mut bytes = CORPUS[self.below(CORPUS.len())].as_bytes().to_vec();
        for _ in 0..self.below(5) {
            self.mutate(&mut bytes);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(8)).min(bytes.len());
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            3 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            4 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(at..end.min(at + self.below(4)).max(at), word.bytes());
            }
            5 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = CORPUS[self.below(CORPUS.len())].as_bytes();
                bytes.truncate(at);
                bytes.extend_from_slice(&other[self.below(other.len())..]);
            }
        }
    }
}

#[test]
fn fuzz_every_response_decodes_the_same_however_it_is_cut() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..executions() {
        let response = numbers.response();
        let whole = decode([&response[..]]);
        // Every split for a few responses, a random one for many.
        let cuts = if numbers.below(64) == 0 {
            0..response.len() + 1
        } else {
            numbers.below(response.len() + 1)..0
        };
        let cuts: Vec<usize> = if cuts.is_empty() { vec![cuts.start] } else { cuts.collect() };
        for cut in cuts {
            let (one, other) = response.split_at(cut);
            assert_eq!(decode([one, other]), whole, "cut at {cut}: {}", response.escape_ascii());
        }
        assert_eq!(
            decode(response.chunks(1 + numbers.below(7))),
            whole,
            "{}",
            response.escape_ascii()
        );
    }
}

/// Reads a response with hyper; the connection is closed after its last byte.
async fn by_hyper(response: &[u8]) -> Result<(u16, Vec<u8>), hyper::Error> {
    let (near, mut far) = duplex(response.len() + 4096);
    let server = async move {
        // A response before its request would be rejected.
        let mut request = [0; 256];
        let _ = far.read(&mut request).await;
        let _ = far.write_all(response).await;
        // `far` is dropped here: the end of the connection.
    };
    let client = async {
        let (mut sender, connection) =
            http1::handshake::<_, String>(hyper_util::rt::TokioIo::new(near)).await?;
        let exchange = async {
            let request = hyper::Request::get("/")
                .header("host", "x")
                .body(String::new())
                .expect("a request");
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body =
                http_body_util::BodyExt::collect(answer.into_body()).await?.to_bytes().to_vec();
            Ok((status, body))
        };
        let mut exchange = std::pin::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        let mut open = true;
        std::future::poll_fn(move |context| {
            if open && connection.as_mut().poll(context).is_ready() {
                open = false;
            }
            exchange.as_mut().poll(context)
        })
        .await
    };
    tokio::join!(server, client).1
}

#[test]
fn fuzz_hyper_reads_what_is_accepted_as_the_same() {
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut numbers = Numbers(0xd1b5_4a32_d192_ed03);
    let (mut both, mut stricter) = (0_u64, 0_u64);
    for _ in 0..executions() {
        let response = numbers.response();
        let ours = decode([&response[..]]);
        let theirs = executor.block_on(by_hyper(&response));
        let shown = || format!("{} → ours {ours:?}, hyper {theirs:?}", response.escape_ascii());
        match (&ours, &theirs) {
            (Ok(Some((head, body))), Ok((status, hypers))) => {
                assert!(head.status == *status && body == hypers, "{}", shown());
                both += 1;
            }
            (Ok(None) | Err(_), Err(_)) => {}
            (Err(Malformed(why)), Ok(_)) => {
                assert!(STRICTER.contains(why), "{}", shown());
                stricter += 1;
            }
            (Ok(None), Ok(_)) | (Ok(Some(_)), Err(_)) => panic!("{}", shown()),
        }
    }
    assert!(
        both > executions() / 10 && stricter > 0,
        "{both} accepted by both, {stricter} by hyper alone"
    );
}

/// Errors of this decoder for input that hyper accepts: no Runtime API sends it, and its meaning
/// would be a guess.
const STRICTER: [&str; 9] = [
    "a line of the chunked body does not end with CR LF",
    "HTTP/1.0 has no chunked bodies",
    "the server switches protocols",
    // For a response that has no body in any case.
    "Content-Length is not a length",
    "there are bytes after the end of the response",
    "the body has neither a Content-Length nor chunks",
    "the transfer encoding is not `chunked`",
    "there are both a Content-Length and a transfer encoding",
    "there are two different Content-Lengths",
];
