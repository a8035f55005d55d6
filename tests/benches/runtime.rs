//! `cargo bench --workspace --bench runtime`: cost of the runtime, compared with the official crate
//! and with the minimum, a blocking socket.
//!
//! The three return the same typed JSON, and run in turn against one scripted Runtime API. They are
//! built by `lambda-console build` with `build-std`: once with its default settings, with which
//! panics unwind, and once with `panic = "abort"` in the manifest. Instructions are counted by
//! valgrind, where it is installed; processor time is read from the kernel (`schedstat`).

use std::{fs, time::Instant};

use tests::{Bootstrap, Fixture, Home, invocation, is_installed};

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

const MANIFEST: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n\n\
                        [workspace.metadata.lambda]\nbuild-std = true\n";

const TYPES: &str = r#"use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    name: Option<String>,
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

fn greet(request: Request) -> Greeting {
    let name = request.name.as_deref().unwrap_or("world");
    Greeting { message: format!("Hello, {name}!") }
}
"#;

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
    for panics in ["unwind", "abort"] {
        report(&format!("panics {panics}"));
        let home = workspace(panics);
        // One call per package: in one call cargo would unify the features of their dependencies.
        let build = |name: &str, architecture: &str| {
            let built = home.run(["build", name, "--arch", architecture, "--json"]).ok().json();
            built["functions"][0].clone()
        };
        for name in ["floor", "ours", "official"] {
            report(&format!("{name:8} ARM64 zip {} bytes", build(name, "arm64")["zip_bytes"]));
        }
        let bootstraps = NAMES.map(|(_, name, pipelined)| Bootstrap {
            path: build(name, "x86_64")["bootstrap"].as_str().expect("a path").into(),
            pipelined,
        });
        compare_instructions(&bootstraps);
        compare_starts(&bootstraps);
        for (size, invocations) in [(10, 3_000), (100_000, 500), (5_000_000, 20)] {
            compare(&bootstraps, size, invocations);
        }
    }
}

/// Makes a workspace of the three functions in which panics do this.
fn workspace(panics: &str) -> Home {
    let fixture = Fixture::kept(&format!("runtime-{panics}"), &["floor", "ours", "official"]);
    let profile = match panics {
        "abort" => "\n[profile.release]\npanic = \"abort\"\n",
        _ => "",
    };
    fixture.write("Cargo.toml", &format!("{MANIFEST}{profile}"));
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
    Home::new(fixture.path())
}

/// Figures of one process.
struct Figures {
    p50_us: f64,
    cpu_us: f64,
    resident_kib: f64,
}

/// Counts user instructions, to the first response and of each further invocation.
fn compare_instructions(bootstraps: &[Bootstrap]) {
    if !is_installed("valgrind") {
        return report("instructions are not counted: `valgrind` is not installed");
    }
    let counts = bootstraps.iter().map(Bootstrap::instructions);
    let (starts, invocations): (Vec<_>, Vec<_>) =
        counts.map(|counted| (counted.start as f64, counted.invocation as f64)).unzip();
    report(&format!("instructions to the first response: {}", ratios(&starts)));
    report(&format!("instructions an invocation: {}", ratios(&invocations)));
}

/// Prints the medians of each over all rounds, and their ratios to those of the minimum.
fn compare(bootstraps: &[Bootstrap], size: usize, invocations: usize) {
    let mut all: Vec<Vec<Figures>> = NAMES.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (bootstrap, figures) in bootstraps.iter().zip(&mut all) {
            figures.push(run(bootstrap, size, invocations));
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
fn compare_starts(bootstraps: &[Bootstrap]) {
    let mut all: Vec<Vec<f64>> = NAMES.iter().map(|_| Vec::with_capacity(STARTS)).collect();
    for _ in 0..STARTS {
        for (bootstrap, figures) in bootstraps.iter().zip(&mut all) {
            let process = bootstrap.start(&[]);
            figures.push(processor_ns(process.id()) as f64 / 1e3);
            process.terminate();
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
fn run(bootstrap: &Bootstrap, size: usize, invocations: usize) -> Figures {
    let mut process = bootstrap.start(&[]);
    let invocation = invocation(&format!("{{\"name\":\"{}\"}}", "x".repeat(size)));
    let mut trips = Vec::with_capacity(invocations);
    let init = processor_ns(process.id());
    for _ in 0..invocations {
        let began = Instant::now();
        process.invoke(&invocation);
        trips.push(began.elapsed().as_secs_f64() * 1e6);
        process.accept();
    }
    let busy = processor_ns(process.id()) - init;
    let resident_kib = resident(process.id());
    process.terminate();
    Figures { p50_us: median(trips), cpu_us: busy as f64 / 1e3 / invocations as f64, resident_kib }
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
