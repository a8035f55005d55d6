//! A minimal emulator of Lambda: it passes each request to a function over the Runtime API and
//! returns the function's response. It checks, writes and limits nothing; each caller has a thread
//! and a function process of its own, so that a call waits for the kernel and the function only.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use crate::Result;

/// Serves on a port of its own, which it prints, until its standard input ends.
pub(crate) fn serve(program: &Path) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    let program = program.to_owned();
    thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let program = program.clone();
            // Ends with the caller's connection.
            thread::spawn(move || relay(caller, &program).is_ok());
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn relay(caller: TcpStream, program: &Path) -> Result<()> {
    let api = TcpListener::bind(("127.0.0.1", 0))?;
    let _function = Function::start(program, &api)?;
    let (mut function, mut caller) = (Connection::new(api.accept()?.0)?, Connection::new(caller)?);
    loop {
        // `next`
        function.read()?;
        let event = caller.read()?;
        function.write(
            "200 OK",
            "lambda-runtime-aws-request-id: \
            8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nlambda-runtime-deadline-ms: 4102444800000\r\n\
             lambda-runtime-invoked-function-arn: \
             arn:aws:lambda:us-east-1:000000000000:function:hello\r\n",
            &event,
        )?;
        let response = function.read()?;
        caller.write("200 OK", "", &response)?;
        function.write("202 Accepted", "", b"")?;
    }
}

/// A process of the function. It is killed when this is dropped.
struct Function(Child);

impl Function {
    fn start(program: &Path, api: &TcpListener) -> Result<Self> {
        let mut command = Command::new(program);
        command.env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string());
        command
            .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// HTTP/1.1, limited to what the callers and the runtime here use: bodies with a `Content-Length`.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// The body of the next message.
    fn read(&mut self) -> Result<Vec<u8>> {
        let mut block = [0; 16 << 10];
        loop {
            if let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default())
                    .to_ascii_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
                let end =
                    head + 4 + length.map_or(Ok(0), |length| length.trim().parse::<usize>())?;
                if self.buffer.len() >= end {
                    let message: Vec<u8> = self.buffer.drain(..end).collect();
                    return Ok(message.get(head + 4..).unwrap_or_default().to_vec());
                }
            }
            let count = self.stream.read(&mut block)?;
            if count == 0 {
                return Err("the connection was closed".into());
            }
            self.buffer.extend_from_slice(block.get(..count).unwrap_or_default());
        }
    }

    fn write(&mut self, status: &str, headers: &str, body: &[u8]) -> Result<()> {
        let mut message =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len())
                .into_bytes();
        message.extend_from_slice(body);
        Ok(self.stream.write_all(&message)?)
    }
}
