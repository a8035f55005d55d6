//! `cargo bench --workspace --bench runtime`: cost of the runtime, compared with the official crate
//! and with the minimum, a blocking socket.
//!
//! The three are built with the same settings (static musl, a standard library built for them,
//! opt-level 3, fat LTO, panics abort, stripped), return the same typed JSON, and run in turn
//! against one scripted Runtime API. Processor time is read from the kernel (`schedstat`).

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use tests::{Fixture, Home};

/// The compared functions, each with whether an answer and the next poll are sent in one write.
const NAMES: [(&str, &str, bool); 4] = [
    ("floor", "floor", false),
    ("ours", "ours", false),
    ("pipelined", "ours", true),
    ("official", "official", false),
];
const ROUNDS: usize = 9;
/// A start is short, so its figure varies: it takes many.
const STARTS: usize = 150;

const PROFILE: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n\n\
                       [workspace.metadata.lambda]\nbuild-std = \
                       true\n\n[profile.release]\nopt-level = 3\nlto = \
                       \"fat\"\ncodegen-units = 1\npanic = \"abort\"\nstrip = true\n";

const TYPES: &str = "use serde::{Deserialize, Serialize};\n\n#[derive(Deserialize)]\nstruct \
    Request {\n    name: \
                     Option<String>,\n}\n\n#[derive(Serialize)]\nstruct Greeting \
                     {\n    message: String,\n}\n\nfn \
                     greet(request: Request) -> Greeting {\n    let name = \
                     request.name.as_deref().unwrap_or(\"world\");\n    Greeting { \
                     message: format!(\"Hello, {name}!\") \
                     }\n}\n";

const OURS: &str = r"
async fn hello(request: Request) -> Result<Greeting, std::convert::Infallible> {
    Ok(greet(request))
}

fn main() {
    lambda::run(hello);
}
";

const OFFICIAL: &str = r#"
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

async fn hello(event: LambdaEvent<Request>) -> Result<Greeting, Error> {
    Ok(greet(event.payload))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}
"#;

/// Validates nothing that the server sends.
const FLOOR: &str = r#"
use std::io::{Read, Write};

fn receive(stream: &mut std::net::TcpStream, buffer: &mut Vec<u8>) -> (String, usize) {
    let mut filled = 0;
    loop {
        if buffer.len() < filled + 8192 {
            buffer.resize((filled + 8192).max(buffer.len() * 2), 0);
        }
        let count = stream.read(&mut buffer[filled..]).unwrap();
        if count == 0 {
            std::process::exit(0);
        }
        filled += count;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = response.parse(&buffer[..filled]) else {
            continue;
        };
        let (mut id, mut length) = (String::new(), 0);
        for header in response.headers.iter() {
            let value = || std::str::from_utf8(header.value).unwrap();
            if header.name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
                id = value().to_owned();
            } else if header.name.eq_ignore_ascii_case("content-length") {
                length = value().parse::<usize>().unwrap();
            }
        }
        while filled < head + length {
            buffer.resize((head + length).max(buffer.len()), 0);
            let count = stream.read(&mut buffer[filled..]).unwrap();
            filled += count;
        }
        buffer.truncate(filled);
        return (id, head);
    }
}

fn main() {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    stream.set_nodelay(true).unwrap();
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut buffer = Vec::with_capacity(8192);
    let mut out = Vec::with_capacity(8192);
    loop {
        stream.write_all(next.as_bytes()).unwrap();
        let (id, head) = receive(&mut stream, &mut buffer);
        let greeting = greet(serde_json::from_slice(&buffer[head..]).unwrap());
        let body = serde_json::to_vec(&greeting).unwrap();
        out.clear();
        let length = body.len();
        write!(out, "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {address}\r\n\
                     Content-Length: {length}\r\n\r\n").unwrap();
        out.extend_from_slice(&body);
        stream.write_all(&out).unwrap();
        receive(&mut stream, &mut buffer);
    }
}
"#;

fn main() {
    let fixture = Fixture::new("runtime-bench");
    fixture.write("Cargo.toml", PROFILE);
    let serde = "serde = { version = \"1\", features = [\"derive\"] }\n";
    let json = "serde_json = { version = \"1\", default-features = false, features = [\"std\"] }\n";
    let official = "lambda_runtime = { version = \"1\", default-features = false }\n\
                    tokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n";
    fixture.function(
        "ours",
        &format!("{}\n{serde}", Fixture::runtime()),
        &format!("{TYPES}{OURS}"),
    );
    fixture.function("official", &format!("{official}{serde}"), &format!("{TYPES}{OFFICIAL}"));
    let floor = format!("httparse = \"1\"\n{serde}{json}\n[package.metadata.lambda]\n");
    fixture.function("floor", &floor, &format!("{TYPES}{FLOOR}"));
    let home = Home::new(fixture.path());
    // One call per package: in one call cargo would unify the features of their dependencies.
    let build = |name: &str, architecture: &str| {
        let built = home.run(["build", name, "--arch", architecture, "--json"]).ok().json();
        built["functions"][0].clone()
    };
    for name in ["floor", "ours", "official"] {
        report(&format!("{name:8} ARM64 zip {} bytes", build(name, "arm64")["zip_bytes"]));
    }
    let bootstraps: Vec<(PathBuf, bool)> = NAMES
        .iter()
        .map(|(_, name, pipelined)| {
            (
                PathBuf::from(build(name, "x86_64")["bootstrap"].as_str().expect("a path")),
                *pipelined,
            )
        })
        .collect();
    compare_starts(&bootstraps);
    for (size, invocations) in [(10, 3_000), (100_000, 500), (5_000_000, 20)] {
        compare(&bootstraps, size, invocations);
    }
}

/// Figures of one process.
struct Figures {
    p50_us: f64,
    cpu_us: f64,
    resident_kib: f64,
}

/// Prints the medians of each over all rounds, and their ratios to those of the minimum.
fn compare(bootstraps: &[(PathBuf, bool)], size: usize, invocations: usize) {
    let mut all: Vec<Vec<Figures>> = NAMES.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((bootstrap, pipelined), figures) in bootstraps.iter().zip(&mut all) {
            figures.push(run(bootstrap, *pipelined, size, invocations));
        }
    }
    let medians = |of: fn(&Figures) -> f64| -> Vec<f64> {
        all.iter().map(|figures| median(figures.iter().map(of).collect())).collect()
    };
    for (what, values) in [
        ("invoke p50, µs", medians(|figures| figures.p50_us)),
        ("CPU an invocation, µs", medians(|figures| figures.cpu_us)),
        ("resident, KiB", medians(|figures| figures.resident_kib)),
    ] {
        report(&format!("{size} byte payload, {what}: {}", ratios(&values)));
    }
}

/// Compares the processor time from the start of a process to its first request.
fn compare_starts(bootstraps: &[(PathBuf, bool)]) {
    let mut all: Vec<Vec<f64>> = NAMES.iter().map(|_| Vec::with_capacity(STARTS)).collect();
    for _ in 0..STARTS {
        for ((bootstrap, pipelined), figures) in bootstraps.iter().zip(&mut all) {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address").to_string();
            let mut child = start(bootstrap, *pipelined, &address);
            let (mut stream, _) = listener.accept().expect("it connects");
            request(&mut stream, &mut Vec::new(), &mut Vec::new());
            figures.push(processor_ns(child.id()) as f64 / 1e3);
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }
    let medians: Vec<f64> = all.into_iter().map(median).collect();
    report(&format!("init CPU, µs: {}", ratios(&medians)));
}

/// Formats each value with its ratio to that of the minimum.
fn ratios(values: &[f64]) -> String {
    let cells = NAMES
        .iter()
        .zip(values)
        .map(|((name, ..), value)| format!("{name} {value:.0} ({:.2})", value / values[0]));
    cells.collect::<Vec<_>>().join(", ")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs a function for `invocations` invocations.
fn run(bootstrap: &Path, pipelined: bool, size: usize, invocations: usize) -> Figures {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut child = start(bootstrap, pipelined, &address);
    let (mut stream, _) = listener.accept().expect("it connects");
    stream.set_nodelay(true).expect("a socket");
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(size));
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: \
         8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: \
         arn:aws:lambda:eu-west-1:123456789012:function:hello\r\n\
         Lambda-Runtime-Trace-Id: \
         Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n\
         Date: Sat, 21 Nov 2026 04:13:21 GMT\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let invocation = [head.as_bytes(), body.as_bytes()].concat();
    let (mut buffer, mut came) = (Vec::new(), Vec::new());
    let mut trips = Vec::with_capacity(invocations);
    request(&mut stream, &mut came, &mut buffer);
    let init = processor_ns(child.id());
    for number in 0..invocations {
        let began = Instant::now();
        stream.write_all(&invocation).expect("it reads");
        request(&mut stream, &mut came, &mut buffer);
        trips.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(
            buffer[..buffer.len().min(128)].windows(9).any(|part| part == b"/response"),
            "an error: {}",
            buffer.escape_ascii()
        );
        let accepted = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: \
            16\r\n\r\n{\"status\":\"OK\"}\n";
        stream.write_all(accepted.as_bytes()).expect("it reads");
        request(&mut stream, &mut came, &mut buffer);
        assert!(buffer.starts_with(b"GET "), "{number}");
    }
    let busy = processor_ns(child.id()) - init;
    let resident_kib = resident(child.id());
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    Figures { p50_us: median(trips), cpu_us: busy as f64 / 1e3 / invocations as f64, resident_kib }
}

fn start(bootstrap: &Path, pipelined: bool, address: &str) -> Child {
    Command::new(bootstrap)
        .env_clear()
        .env("LAMBDA_PIPELINE", if pipelined { "1" } else { "0" })
        .envs([("AWS_LAMBDA_RUNTIME_API", address), ("AWS_LAMBDA_FUNCTION_NAME", "hello")])
        .envs([
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ])
        .envs([("AWS_LAMBDA_LOG_GROUP_NAME", "group"), ("AWS_LAMBDA_LOG_STREAM_NAME", "stream")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Reads one complete request into the buffer; the bytes after it stay in `came`.
fn request(stream: &mut TcpStream, came: &mut Vec<u8>, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.append(came);
    let mut part = vec![0; 64 * 1024];
    let mut wanted = usize::MAX;
    loop {
        if wanted == usize::MAX
            && let Some(end) = buffer.windows(4).position(|part| part == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            wanted = end + 4 + length.map_or(0, |length| length.trim().parse().expect("a length"));
        }
        if buffer.len() >= wanted {
            came.extend(buffer.drain(wanted..));
            return;
        }
        let count = stream.read(&mut part).expect("it writes");
        assert!(count > 0, "it left: {}", buffer.escape_ascii());
        buffer.extend_from_slice(&part[..count]);
    }
}

/// Processor time of a process so far, in nanoseconds.
fn processor_ns(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("it runs");
    text.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn resident(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
