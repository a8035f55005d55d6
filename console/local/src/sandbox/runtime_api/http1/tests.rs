use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;

use super::{
    head::{Framing, Head, Malformed, length},
    *,
};

/// Answers every request with its content, as a sandbox's APIs do; never answers those to `/wait`.
async fn echo(stream: TcpStream) -> io::Result<usize> {
    let (mut connection, mut count) = (Connection::new(stream), 0);
    while let Some(request) = connection.receive().await? {
        count += 1;
        let answered = request.answer(async |head, body| {
            let (mut data, mut trailer) = (Vec::new(), String::new());
            let status = loop {
                match body.piece().await {
                    // As ASCII, so that any bytes can be compared.
                    Ok(Some(Piece::Data(piece))) => {
                        data.extend(piece.iter().map(|byte| byte & 0x7F));
                    }
                    Ok(Some(Piece::Trailers(trailers))) => {
                        trailer = trailers
                            .get("x-end")
                            .map_or("", |end| end.to_str().unwrap_or_default())
                            .to_owned();
                    }
                    Ok(None) => break StatusCode::OK,
                    Err(_) => break StatusCode::BAD_REQUEST,
                }
            };
            if head.uri.path() == "/wait" {
                std::future::pending::<()>().await;
            }
            Response::new(status, data).with("x-path", head.uri.path()).with("x-trailer", &trailer)
        });
        answered.await?;
    }
    Ok(count)
}

/// Sends these parts one by one, then closes the sending half. Returns all that comes back, and the
/// number of requests.
async fn talk(parts: &[&[u8]]) -> (String, io::Result<usize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let server = tokio::spawn(echo(listener.accept().await.unwrap().0));
    for part in parts {
        if client.write_all(part).await.is_err() {
            break;
        }
        // Lets the server run, so that it reads the parts separately.
        tokio::task::yield_now().await;
    }
    let _ = client.shutdown().await;
    let mut response = Vec::new();
    let read =
        tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut response)).await;
    // Bytes after the last request that was read may reset the connection.
    let _ = read.expect("it does not hang");
    let count = tokio::time::timeout(Duration::from_secs(20), server)
        .await
        .expect("it ends")
        .expect("it does not panic");
    (String::from_utf8(response).unwrap(), count)
}

/// Statuses and bodies of the responses.
fn answers(response: &str) -> Vec<(u16, String)> {
    let (mut rest, mut answers) = (response, Vec::new());
    while let Some((head, after)) = rest.split_once("\r\n\r\n") {
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        answers.push((status, after.chars().take(length).collect()));
        rest = after.get(length..).unwrap_or_default();
    }
    answers
}

const PLAIN: &str = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST /b HTTP/1.1\r\nTransfer-Encoding: \
    chunked\r\n\r\n3;why=not\r\nhel\r\n02\r\nlo\r\n0\r\nX-End: yes\r\n\r\n";

fn parse(text: &str) -> Result<Head, Malformed> {
    Head::parse(&Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
async fn a_request_cut_in_two_at_any_byte_is_answered_like_a_whole_one() {
    for request in [PLAIN, CHUNKED] {
        for at in 0..=request.len() {
            let (first, second) = request.as_bytes().split_at(at);
            let (response, count) = talk(&[first, second]).await;
            assert_eq!(
                (answers(&response), count.unwrap()),
                (vec![(200, "hello".to_owned())], 1),
                "{request} at {at}"
            );
            assert_eq!(response.contains("x-trailer: yes\r\n"), request == CHUNKED, "{response}");
        }
    }
}

#[tokio::test]
async fn a_request_that_ends_at_any_byte_is_answered_400_or_not_at_all() {
    for request in [PLAIN, CHUNKED] {
        let head = request.find("\r\n\r\n").unwrap() + 4;
        for end in 0..request.len() {
            let (response, count) = talk(&[&request.as_bytes()[..end]]).await;
            if end < head {
                assert_eq!((response.as_str(), count.unwrap()), ("", 0), "{request} until {end}");
            } else {
                assert_eq!(
                    answers(&response).first().map(|(status, _)| *status),
                    Some(400),
                    "{request} until {end}: {response}"
                );
                assert!(response.contains("connection: close\r\n"), "{response}");
            }
        }
    }
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order() {
    let together = [PLAIN, CHUNKED, "\r\nGET /c HTTP/1.1\r\n\r\n", PLAIN].concat();
    let (response, count) = talk(&[together.as_bytes()]).await;
    assert_eq!(count.unwrap(), 4);
    let bodies: Vec<String> = answers(&response).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, ["hello", "hello", "", "hello"]);
    let paths: Vec<&str> =
        response.lines().filter_map(|line| line.strip_prefix("x-path: ")).collect();
    assert_eq!(paths, ["/a", "/b", "/c", "/a"]);
}

#[tokio::test]
async fn a_connection_ends_when_the_request_asks_for_it_or_is_of_http_1_0() {
    for (version, header, stays) in [
        ("1.1", "", true),
        ("1.1", "Connection: x, Close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
    ] {
        let request = format!("GET / HTTP/{version}\r\n{header}\r\n").repeat(2);
        let (response, count) = talk(&[request.as_bytes()]).await;
        assert_eq!(count.unwrap(), if stays { 2 } else { 1 }, "{request}");
        assert_eq!(response.contains("connection: close"), !stays, "{response}");
        assert_eq!(
            response.contains("connection: keep-alive"),
            stays && version == "1.0",
            "{response}"
        );
    }
}

#[tokio::test]
async fn an_answer_has_a_date_and_for_head_a_length_alone() {
    let (response, _) = talk(&[b"HEAD /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"]).await;
    let (head, rest) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-length: 2\r\n") && rest.is_empty(), "{response}");
    let date = head.lines().find_map(|line| line.strip_prefix("date: ")).unwrap();
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
}

#[tokio::test]
async fn a_long_body_comes_back_whole() {
    let body = "0123456789abcdef".repeat(100_000);
    let plain = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunked = format!(
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{:X}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    for request in [plain, chunked] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let server = tokio::spawn(echo(listener.accept().await.unwrap().0));
        let mut response = Vec::new();
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        client.read_to_end(&mut response).await.unwrap();
        assert_eq!(answers(std::str::from_utf8(&response).unwrap()), [(200, body.clone())]);
        server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_client_that_waits_for_continue_gets_it_once() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let server = tokio::spawn(echo(listener.accept().await.unwrap().0));
    client
        .write_all(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n")
        .await
        .unwrap();
    let mut interim = [0; 25];
    client.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"bo").await.unwrap();
    tokio::task::yield_now().await;
    client.write_all(b"dy").await.unwrap();
    client.shutdown().await.unwrap();
    let mut response = String::new();
    client.read_to_string(&mut response).await.unwrap();
    assert_eq!(answers(&response), [(200, "body".to_owned())]);
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_goes_while_its_answer_is_being_made_gets_none() {
    let (response, count) = talk(&[b"GET /wait HTTP/1.1\r\n\r\n"]).await;
    assert_eq!(response, "");
    assert_eq!(count.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_head_or_a_line_without_an_end_is_refused() {
    let endless = "A".repeat(HEAD_LIMIT + 2 * BLOCK);
    let (response, _) = talk(&[format!("GET / HTTP/1.1\r\nX: {endless}").as_bytes()]).await;
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 431 "), "{response}");
    let (response, _) =
        talk(&[b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", endless.as_bytes()])
            .await;
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 400 "), "{response}");
}

#[test]
fn what_is_no_request_is_refused() {
    for text in [
        "GET / HTTP/2.0\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nno header\r\n\r\n",
        "GET / HTTP/1.1\r\na\0b: c\r\n\r\n",
        "GET http:// HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(parse(text).err(), Some(Malformed::Nonsense), "{text}");
    }
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert_eq!(parse(&many).err(), Some(Malformed::TooLarge));
}

#[test]
fn a_body_is_framed_by_its_encoding_before_its_length() {
    let framing =
        |headers: &str| parse(&format!("POST / HTTP/1.1\r\n{headers}\r\n")).unwrap().framing;
    assert_eq!(framing(""), Framing::Length(0));
    assert_eq!(framing("Content-Length: 7\r\ncontent-length: 7\r\n"), Framing::Length(7));
    assert_eq!(framing("Transfer-Encoding: gzip, Chunked\r\nContent-Length: 7\r\n"), Framing::Size);
}

#[test]
fn the_end_of_a_head_is_found_wherever_reading_went_on() {
    let text = b"GET / HTTP/1.1\r\na: b\r\n\r\nrest\r\n\r\n";
    for read in 0..=text.len() {
        for from in 0..=read.saturating_sub(3).min(21) {
            assert_eq!(length(&text[..read], from), (read >= 24).then_some(24), "{from}..{read}");
        }
    }
    assert_eq!(length(b"GET / HTTP/1.1\n\nrest", 0), Some(16));
}

#[tokio::test]
async fn four_thousand_spoiled_conversations_end() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut dice = move |sides: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % sides.max(1) as u64) as usize
    };
    for _ in 0..4000 {
        let mut data = [PLAIN, CHUNKED].concat().into_bytes();
        for _ in 0..=dice(3) {
            let at = dice(data.len());
            match dice(5) {
                0 if at < data.len() => data[at] = dice(256) as u8,
                1 => data.truncate(at),
                2 => drop(data.splice(at..at, [b'\r', b'\n'])),
                3 => drop(data.drain(at..(at + dice(40)).min(data.len()))),
                _ => drop(data.splice(at..at, vec![b'0' + dice(10) as u8; dice(300)])),
            }
        }
        let (first, second) = data.split_at(dice(data.len()));
        let (response, count) = talk(&[first, second]).await;
        let known = |status: &u16| [200, 400, 431].contains(status);
        assert!(answers(&response).iter().all(|(status, _)| known(status)), "{response}");
        assert!(count.is_err() || count.is_ok_and(|count| count <= 4));
    }
}
