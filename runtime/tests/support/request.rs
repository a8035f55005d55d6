//! Requests of a function that runs as a process, for the tests' Runtime APIs.

use std::io::Read as _;
use std::net::TcpStream;

/// Reads the next request (of a stream, its head); the bytes after it stay in `came`. Returns
/// `None` at the end of the connection.
pub(crate) fn read(stream: &mut TcpStream, came: &mut String) -> Option<String> {
    let mut part = [0; 4096];
    loop {
        if let Some((head, body)) = came.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("Content-Length:")).unwrap_or("0");
            let length = length.trim().parse::<usize>().unwrap();
            if body.len() >= length {
                let rest = came.split_off(head.len() + 4 + length);
                return Some(std::mem::replace(came, rest));
            }
        }
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        came.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
}
