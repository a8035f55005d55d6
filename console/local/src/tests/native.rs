//! A bootstrap that starts instantly and costs little, for tests with hundreds of sandboxes: this
//! test program itself.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use serde_json::Value;

use super::{Server, request, zip};

/// A zip with that bootstrap.
pub(crate) fn bootstrap() -> Vec<u8> {
    let program = env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nNATIVE=1 exec '{}' --exact tests::native::helper_that_is_a_bootstrap -q \
        --nocapture --test-threads=1 >/dev/null\n",
        program.display()
    );
    zip(&[("bootstrap", script.as_bytes())])
}

impl Server {
    /// Creates a function that answers with its process id. Its event is a number of milliseconds
    /// to wait, or a directory: then it creates a file there that is named after its process id,
    /// and waits for a file `go`.
    pub(crate) async fn create_native(&self, name: &str, settings: Value) {
        let request = request(name, &bootstrap(), settings);
        let reply = self.client.lambda("POST", "/2015-03-31/functions", &request).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.settled(name).await;
    }
}

#[test]
fn helper_that_is_a_bootstrap() {
    if env::var_os("NATIVE").is_none() {
        return;
    }
    let api = env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let stream = TcpStream::connect(&api).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut exchange = |request: String| {
        (&stream).write_all(request.as_bytes()).unwrap();
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                if line == "\r\n" {
                    break;
                }
                continue;
            };
            match name.to_lowercase().as_str() {
                "lambda-runtime-aws-request-id" => value.clone_into(&mut id),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        Some((id, String::from_utf8(body).unwrap()))
    };
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n");
    while let Some((id, body)) = exchange(next.clone()) {
        let answer = std::process::id().to_string();
        match serde_json::from_str(&body) {
            Ok(Value::Number(time)) => {
                std::thread::sleep(Duration::from_millis(time.as_u64().unwrap()));
            }
            Ok(Value::String(dir)) => {
                std::fs::write(Path::new(&dir).join(&answer), "").unwrap();
                while !Path::new(&dir).join("go").exists() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            _ => {}
        }
        exchange(format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: \
            {api}\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        ));
    }
}
