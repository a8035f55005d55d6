//! A bootstrap as a process, under a Runtime API that a test or a benchmark answers by hand: no
//! local Lambda is between the two.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Environment of a function on Lambda, apart from `AWS_LAMBDA_RUNTIME_API`.
const ENVIRONMENT: [(&str, &str); 23] = [
    ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
    ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("AWS_LAMBDA_FUNCTION_NAME", "hello"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/hello"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[$LATEST]b2e5bc4c1a5e4ff3a8a5d5ea9b4a4d0c"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE"),
    ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
    ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("LANG", "en_US.UTF-8"),
    ("LD_LIBRARY_PATH", "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/opt/lib"),
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
    ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129"),
    ("_AWS_XRAY_DAEMON_PORT", "2000"),
    ("_HANDLER", "bootstrap"),
];

/// The platform's answer to a response.
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\
                        Content-Length: 16\r\nDate: Sat, 21 Nov 2026 04:13:21 GMT\r\n\r\n\
                        {\"status\":\"OK\"}\n";

/// Invocations between two measurements.
pub const INVOCATIONS: usize = 100;

/// User instructions of a bootstrap, as valgrind counts them.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    /// From the start of the process to the first response.
    pub start: usize,
    /// Of each further invocation.
    pub invocation: usize,
}

/// A bootstrap to run.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Path of the bootstrap.
    pub path: PathBuf,
    /// Sets `LAMBDA_PIPELINE`: an answer and the next poll are sent in one write.
    pub pipelined: bool,
}

/// A running bootstrap, which has sent a request.
pub struct BootstrapProcess {
    child: Child,
    stream: TcpStream,
    /// The last request.
    request: Vec<u8>,
    /// The bytes after it.
    rest: Vec<u8>,
    /// The bytes of one read.
    part: Vec<u8>,
}

impl Bootstrap {
    /// Starts the bootstrap, under `tool` (a program and its arguments) unless it is empty, and
    /// waits for its first poll.
    pub fn start(&self, tool: &[&str]) -> BootstrapProcess {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let mut command = match tool {
            [] => Command::new(&self.path),
            [tool, arguments @ ..] => {
                let mut command = Command::new(tool);
                command.args(arguments).arg(&self.path);
                command
            }
        };
        let child = command
            .env_clear()
            .envs(ENVIRONMENT)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("LAMBDA_PIPELINE", if self.pipelined { "1" } else { "0" })
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (stream, _) = listener.accept().expect("it connects");
        stream.set_nodelay(true).expect("a socket");
        let mut process = BootstrapProcess {
            child,
            stream,
            request: Vec::new(),
            rest: Vec::new(),
            part: vec![0; 64 * 1024],
        };
        process.polled();
        process
    }

    /// Counts the user instructions of the bootstrap.
    pub fn instructions(&self) -> Instructions {
        let start = self.counted(1);
        let invocation = (self.counted(1 + INVOCATIONS) - start) / INVOCATIONS;
        Instructions { start, invocation }
    }

    /// User instructions of a run of `invocations` invocations, from the start of the process to
    /// the last response.
    fn counted(&self, invocations: usize) -> usize {
        const TOOL: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let mut process = self.start(&TOOL);
        process.serve(invocations);
        count(&process.terminate())
    }
}

/// Returns `true` if the tool is installed.
pub fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// The number in callgrind's report.
fn count(report: &str) -> usize {
    let count = report.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.unwrap_or_else(|| panic!("callgrind counted nothing: {report}"));
    count.trim().parse().expect("a number")
}

/// The bytes of an invocation with this event.
pub fn invocation(event: &str) -> Vec<u8> {
    let length = event.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: \
         arn:aws:lambda:eu-west-1:123456789012:function:hello\r\n\
         Lambda-Runtime-Trace-Id: \
         Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n\
         Date: Sat, 21 Nov 2026 04:13:21 GMT\r\nContent-Length: {length}\r\n\r\n"
    );
    (head + event).into_bytes()
}

impl BootstrapProcess {
    /// The process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends an [`invocation`], and waits for its response.
    pub fn invoke(&mut self, invocation: &[u8]) {
        self.stream.write_all(invocation).expect("it reads");
        self.receive();
        let line = &self.request[..self.request.len().min(128)];
        let is_response = line.windows(9).any(|part| part == b"/response");
        assert!(is_response, "an error: {}", self.request.escape_ascii());
    }

    /// Accepts the response, and waits for the next poll.
    pub fn accept(&mut self) {
        self.stream.write_all(ACCEPTED.as_bytes()).expect("it reads");
        self.polled();
    }

    /// Sends so many invocations, whose events have one length. The last response is not accepted.
    pub fn serve(&mut self, invocations: usize) {
        for number in 1..=invocations {
            self.invoke(&invocation(&format!(r#"{{"name":"Lambda {:03}"}}"#, number % 1000)));
            if number < invocations {
                self.accept();
            }
        }
    }

    /// Ends the process with SIGTERM. Returns what it printed on standard error.
    pub fn terminate(self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        ended(self.child)
    }

    /// Closes the connection, with which the process ends.
    pub fn disconnect(self) {
        drop(self.stream);
        ended(self.child);
    }

    /// Waits for a poll.
    fn polled(&mut self) {
        self.receive();
        let is_poll = self.request.starts_with(b"GET ");
        assert!(is_poll, "no poll: {}", self.request.escape_ascii());
    }

    /// Reads one complete request; the bytes after it are kept for the next one.
    fn receive(&mut self) {
        self.request.clear();
        self.request.append(&mut self.rest);
        let mut end = None;
        loop {
            end = end.or_else(|| end_of(&self.request));
            if let Some(end) = end.filter(|end| self.request.len() >= *end) {
                self.rest.extend(self.request.drain(end..));
                return;
            }
            let count = self.stream.read(&mut self.part).expect("it writes");
            assert!(count > 0, "it left: {}", self.request.escape_ascii());
            self.request.extend_from_slice(&self.part[..count]);
        }
    }
}

/// The end of the request in `bytes`, by its `Content-Length`; `None` if its head is not complete.
fn end_of(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
    Some(end + 4 + length)
}

/// Waits for the end of the process. Returns what it printed on standard error.
fn ended(child: Child) -> String {
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stderr).into_owned()
}
