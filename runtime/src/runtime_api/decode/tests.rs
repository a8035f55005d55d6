//! Decodes every response whole, in two parts split at every byte, and byte by byte: the result is
//! always the same.

use bytes::BytesMut;

use super::{BODY_LIMIT, Decoder, Framing, Head, Malformed, Progress};

/// Decodes pieces that arrive one after the other, optionally followed by the end of the
/// connection.
pub(super) fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<(Head, Vec<u8>)>, Malformed> {
    let mut buffer = BytesMut::new();
    let mut decoder = Decoder::default();
    let mut whole = false;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        whole = decoder.advance(&mut buffer)? == Progress::Whole;
    }
    let whole = whole || decoder.ends_with_connection();
    let (head, _) = decoder.into_parts();
    Ok(whole.then(|| (head.clone(), buffer[head.length..].to_vec())))
}

/// Decodes in every way of arrival, checks that all results agree, and returns the result.
fn decode_every_way(response: &[u8]) -> Result<Option<(Head, Vec<u8>)>, Malformed> {
    let whole = decode([response]);
    for cut in 0..=response.len() {
        let (one, other) = response.split_at(cut);
        assert_eq!(decode([one, other]), whole, "cut at {cut}");
    }
    assert_eq!(decode(response.chunks(1)), whole, "byte by byte");
    whole
}

fn body(response: &str) -> String {
    let (_, body) = decode_every_way(response.as_bytes()).unwrap().unwrap();
    String::from_utf8(body).unwrap()
}

fn why(response: &str) -> &'static str {
    decode_every_way(response.as_bytes()).unwrap_err().0
}

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n\r\n";

#[test]
fn a_body_of_known_length_is_read() {
    assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "hello");
    assert_eq!(body("HTTP/1.1 202 Accepted\r\ncontent-length:0\r\n\r\n"), "");
    assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n"), "");
    assert_eq!(
        body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
        "{}"
    );
}

#[test]
fn chunks_are_squeezed_together() {
    assert_eq!(body(&format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n")), "hello");
    assert_eq!(
        body(&format!("{CHUNKED}1\r\nh\r\nA;name=\"v\"\r\nello world\r\n000\r\n\r\n")),
        "hello world"
    );
    assert_eq!(body(&format!("{CHUNKED}2\r\n{{}}\r\n0\r\nExpires: never\r\nX: y\r\n\r\n")), "{}");
    assert_eq!(body(&format!("{CHUNKED}0\r\n\r\n")), "");
}

#[test]
fn a_response_may_end_with_its_connection_if_it_announces_it() {
    assert_eq!(body("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), "hello");
    assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nhello"), "hello");
    assert_eq!(
        why("HTTP/1.1 200 OK\r\n\r\nhello"),
        "the body has neither a Content-Length nor chunks"
    );
}

#[test]
fn the_connection_is_kept_unless_the_server_closes_it() {
    let kept = |head: &str| decode([head.as_bytes()]).unwrap().unwrap().0.keep_alive;
    assert!(kept("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"));
    assert!(kept("HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    assert!(!kept("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: Foo, Close\r\n\r\n"));
    assert!(!kept("HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n"));
}

#[test]
fn every_field_of_an_invocation_is_found_whatever_its_case() {
    let response = b"HTTP/1.1 200 OK\r\nLAMBDA-RUNTIME-AWS-REQUEST-ID: \
        id\r\nlambda-runtime-deadline-ms: 1\r\n\
        Lambda-Runtime-Invoked-Function-Arn: arn\r\nLambda-Runtime-Trace-Id: trace\r\n\
        Lambda-Runtime-Client-Context: {}\r\nLambda-Runtime-Cognito-Identity: {\"a\":1}\r\n\
        Lambda-Runtime-Aws-Tenant-Id: \
        tenant\r\nLambda-Runtime-Invocation-Id: \xff\r\nContent-Type: text/plain\r\n\
        X-Unknown: 1\r\nContent-Length: 0\r\n\r\n";
    let (head, _) = decode_every_way(response).unwrap().unwrap();
    let fields = head.fields;
    let text = |span: super::Span| response[span.range().unwrap()].to_vec();
    assert_eq!(text(fields.request_id), b"id");
    assert_eq!(text(fields.deadline), b"1");
    assert_eq!(text(fields.function_arn), b"arn");
    assert_eq!(text(fields.trace_id), b"trace");
    assert_eq!(text(fields.client_context), b"{}");
    assert_eq!(text(fields.identity), b"{\"a\":1}");
    assert_eq!(text(fields.tenant_id), b"tenant");
    assert_eq!(text(fields.invocation_id), b"\xff");
    assert_eq!(text(fields.content_type), b"text/plain");
}

#[test]
fn what_is_no_response_is_refused_with_its_reason() {
    let fixed = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
    let cases = [
        (fixed("Content-Length: -1"), "Content-Length is not a length"),
        (fixed("Content-Length: 1x"), "Content-Length is not a length"),
        (fixed("Content-Length:"), "Content-Length is not a length"),
        (fixed("Content-Length: 99999999999999999999999"), "Content-Length is not a length"),
        (fixed("Content-Length: 99999999999"), "the body is larger than 64 MiB"),
        (
            fixed("Content-Length: 1\r\nContent-Length: 2"),
            "there are two different Content-Lengths",
        ),
        (fixed("Transfer-Encoding: gzip, chunked"), "the transfer encoding is not `chunked`"),
        (
            fixed("Content-Length: 1\r\nTransfer-Encoding: chunked"),
            "there are both a Content-Length and a transfer encoding",
        ),
        (fixed("Content-Length: 0") + "x", "there are bytes after the end of the response"),
        (format!("{CHUNKED}\r\n"), "a chunk has no size"),
        (format!("{CHUNKED}g\r\n"), "a chunk has no size"),
        (format!("{CHUNKED}1g\r\n"), "a chunk's size is not a hexadecimal number"),
        (format!("{CHUNKED}ffffffffffffffffff\r\n"), "a chunk is larger than 64 MiB"),
        (format!("{CHUNKED}1\n"), "a chunk's size is not a hexadecimal number"),
        (format!("{CHUNKED}1;a\n"), "a line of the chunked body does not end with CR LF"),
        (format!("{CHUNKED}1\r\nab"), "the chunked body is broken"),
        (format!("{CHUNKED}0\r\n\r\nx"), "there are bytes after the end of the response"),
        (format!("{CHUNKED}0\r\n{}", "x".repeat(20_000)), "there are more than 16 KiB of trailers"),
        (format!("{CHUNKED}0\r\nname\r\n\r\n"), "the chunked body is broken"),
        (format!("{CHUNKED}0\r\n:value\r\n\r\n"), "the chunked body is broken"),
        (format!("{CHUNKED}0\r\na b: c\r\n\r\n"), "the chunked body is broken"),
        (format!("{CHUNKED}0\r\na: \0\r\n\r\n"), "the chunked body is broken"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(), "the server switches protocols"),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "HTTP/1.0 has no chunked bodies",
        ),
        (
            "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "the response is not HTTP/1.1",
        ),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "the response is not HTTP/1.1"),
        ("HTTP/1.1 abc\r\n".to_owned(), "the response is not HTTP/1.1"),
        (fixed(&"A: b\r\n".repeat(100)), "the response has more than 96 header fields"),
    ];
    for (response, reason) in cases {
        if response.len() < 2000 {
            assert_eq!(why(&response), reason, "{response}");
        } else {
            assert_eq!(decode([response.as_bytes()]).unwrap_err().0, reason);
        }
    }
}

#[test]
fn an_endless_head_is_given_up() {
    let response = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(70 * 1024));
    assert_eq!(
        decode([response.as_bytes()]).unwrap_err().0,
        "the response's head is longer than 64 KiB"
    );
}

#[test]
fn a_chunk_at_the_limit_is_the_largest() {
    let mut buffer = BytesMut::from(format!("{CHUNKED}{:x}\r\n", BODY_LIMIT + 1).as_bytes());
    let mut decoder = Decoder::default();
    // The size alone is accepted: the limit applies to received bytes.
    assert_eq!(decoder.advance(&mut buffer), Ok(Progress::Wants(0)));
    buffer.resize(buffer.len() + BODY_LIMIT + 1, b'x');
    assert_eq!(decoder.advance(&mut buffer), Err(Malformed("the body is larger than 64 MiB")));
}

#[test]
fn every_prefix_of_a_response_waits_for_more() {
    let response = format!("{CHUNKED}5\r\nhello\r\n0\r\nA: b\r\n\r\n");
    for end in 0..response.len() {
        assert_eq!(decode([&response.as_bytes()[..end]]), Ok(None), "{end}");
    }
    let head = decode([response.as_bytes()]).unwrap().unwrap().0;
    assert_eq!((head.status, head.framing), (200, Framing::Chunked));
}

#[test]
fn what_comes_behind_a_response_is_kept_for_the_next_one_where_one_is_expected() {
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let firsts = [
        "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n".to_owned(),
        format!("{CHUNKED}5\r\nhello\r\n0\r\nA: b\r\n\r\n"),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    ];
    for first in firsts {
        let alone = decode([first.as_bytes()]).unwrap().unwrap();
        let both = first.clone() + second;
        // The first part ends anywhere in the second response, or before its end.
        for cut in first.len()..=both.len() {
            let mut buffer = BytesMut::from(&both.as_bytes()[..cut]);
            let mut decoder = Decoder::ahead();
            assert_eq!(decoder.advance(&mut buffer), Ok(Progress::Whole), "{cut}");
            let (head, rest) = decoder.into_parts();
            assert_eq!((&head, &buffer[head.length..]), (&alone.0, &alone.1[..]), "{cut}");
            assert_eq!(rest, &both.as_bytes()[first.len()..cut], "{cut}");
        }
    }
}
