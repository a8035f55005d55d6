//! `cargo bench --workspace --bench requests`: the cost of the local Lambda, one figure per line.
//!
//! The server is this program in another process; the callers are plain threads with keep-alive
//! connections that send requests signed in advance. The function is `functions/hello`, a release
//! build. With `CARGO_LAMBDA` set to the path of that program, the same function and the same
//! callers are measured on its emulator in the same run, in alternating turns; and also on a
//! minimal emulator ([`relay`]), which shows how near both are to the lower bound.

mod caller;
mod measured;
mod peer;
mod relay;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use caller::{Answer, Caller, Target};
use lambda_console_local::{Endpoint, Options, open};
use measured::{Measured, latency, processor_time};
use peer::Peer;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const CALLERS: usize = 16;
const TURNS: usize = 5;
/// Duration of one turn of calls.
const TURN: Duration = Duration::from_secs(2);
const PAYLOAD: &str = r#"{"name":"Ada"}"#;
const SERVE: &str = "REQUESTS_SERVE";
const RELAY: &str = "REQUESTS_RELAY";

fn main() -> Result<()> {
    if let Some(dir) = env::var_os(SERVE) {
        return serve(PathBuf::from(dir));
    }
    if let Some(program) = env::var_os(RELAY) {
        return relay::serve(Path::new(&program));
    }
    let bootstrap = build()?;
    let wanted: Vec<String> =
        env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    if is_wanted("requests") {
        requests(&bootstrap)?;
    }
    if is_wanted("cold") {
        cold_start(&bootstrap)?;
    }
    if is_wanted("metadata") {
        metadata()?;
    }
    if is_wanted("churn") {
        churn(&bootstrap)?;
    }
    Ok(())
}

/// Requests per second of 16 callers, and the latency of one.
fn requests(bootstrap: &[u8]) -> Result<()> {
    let server = Server::start()?;
    server.create("hello", bootstrap)?;
    let path = "/2015-03-31/functions/hello/invocations";
    let ours = server.target("POST", path, PAYLOAD)?;
    let unsigned = |address: &str| Target::new(address.to_owned(), "POST", path, PAYLOAD, &[]);
    let relay = Peer::relay(bootstrap)?;
    let theirs = Peer::start(bootstrap)?;
    let mut all = vec![
        Measured::new("local Lambda", ours, server.process.id()),
        Measured::new("relay", unsigned(&relay.address), relay.id()),
    ];
    all.extend(
        theirs.iter().map(|peer| Measured::new("cargo-lambda", unsigned(&peer.address), peer.id())),
    );
    for measured in &all {
        throughput(&measured.target, Duration::from_millis(500))?;
    }
    for _ in 0..TURNS {
        for measured in &mut all {
            let before = processor_time(measured.process)?;
            let rate = throughput(&measured.target, TURN)?;
            let after = processor_time(measured.process)?;
            let count = rate * TURN.as_secs_f64();
            measured.rates.push(rate);
            measured.user.push((after.0 - before.0) / count);
            measured.system.push((after.1 - before.1) / count);
            measured.times.extend(latency(&measured.target, 1000)?);
        }
    }
    let mut middles = Vec::new();
    for Measured { name, rates, user, system, times, .. } in &mut all {
        let (rate, p50, p99) =
            (percentile(rates, 50), percentile(times, 50), percentile(times, 99));
        let (user, system) = (percentile(user, 50), percentile(system, 50));
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        print(&format!(
            "{name}: {rate:.0} requests a second with {CALLERS} callers, {user:.0} µs of processor \
            time each and {system:.0} µs in the kernel; one caller: mean {mean:.3} ms, p50 \
            {p50:.3} ms, p99 {p99:.3} ms"
        ));
        middles.push((*name, rate, p50));
    }
    let [(_, rate, time), others @ ..] = middles.as_slice() else { return Ok(()) };
    for (name, their_rate, their_time) in others {
        let (rate, time) = (rate / their_rate, time / their_time);
        print(&format!("ratio to {name}: {rate:.2} times the requests, {time:.2} times the time"));
    }
    Ok(())
}

/// From the start of the process to its first `next`: as the local Lambda reports it, and by a
/// plain harness.
fn cold_start(bootstrap: &[u8]) -> Result<()> {
    let server = Server::start()?;
    server.create("hello", bootstrap)?;
    let dir = tempfile::tempdir()?;
    let program = dir.path().join("bootstrap");
    write_program(&program, bootstrap)?;
    let (mut bare, mut reported) = (Vec::new(), Vec::new());
    for turn in 0..40 {
        bare.push(spawn_to_next(&program)?);
        let change = json!({ "Description": turn.to_string() }).to_string();
        server.call("PUT", "/2015-03-31/functions/hello/configuration", &change)?;
        server.settled("hello")?;
        let mut target =
            server.target("POST", "/2015-03-31/functions/hello/invocations", PAYLOAD)?;
        target.sign_with(&server.endpoint, &[("x-amz-log-type", "Tail")])?;
        let answer = Caller::new(&target)?.call()?;
        let tail = answer.header("x-amz-log-result").ok_or("there is no log")?;
        let tail = String::from_utf8(base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            tail,
        )?)?;
        let init = tail.split("Init Duration: ").nth(1).and_then(|rest| rest.split(' ').next());
        reported.push(init.ok_or("there is no init")?.parse::<f64>()?);
    }
    let (bare, reported) = (percentile(&mut bare, 50), percentile(&mut reported, 50));
    let more = reported - bare;
    print(&format!(
        "cold start to the first next: {reported:.2} ms; bare: {bare:.2} ms; {more:.2} ms more"
    ));
    Ok(())
}

/// Lists 10,000 functions, page by page.
fn metadata() -> Result<()> {
    const FUNCTIONS: usize = 10_000;
    // They are never run.
    let bootstrap = b"#!/bin/sh\n";
    let mut server = Server::start()?;
    let began = Instant::now();
    thread::scope(|scope| {
        let work: Vec<_> = (0..8)
            .map(|part| {
                let server = &server;
                scope.spawn(move || -> std::result::Result<(), String> {
                    for n in (part..FUNCTIONS).step_by(8) {
                        server
                            .create_only(&format!("f{n:05}"), bootstrap)
                            .map_err(|error| error.to_string())?;
                    }
                    Ok(())
                })
            })
            .collect();
        work.into_iter()
            .try_for_each(|part| part.join().map_err(|_panic| "a caller panicked".to_owned())?)
    })?;
    let created = began.elapsed().as_secs_f64();
    server.settled(&format!("f{:05}", FUNCTIONS - 1))?;
    let list = |server: &Server| -> Result<(usize, Vec<f64>)> {
        let (mut marker, mut count, mut times) = (String::new(), 0, Vec::new());
        loop {
            let began = Instant::now();
            let path = if marker.is_empty() {
                "/2015-03-31/functions?MaxItems=50".to_owned()
            } else {
                format!("/2015-03-31/functions?Marker={marker}&MaxItems=50")
            };
            let page: Value = serde_json::from_slice(&server.call("GET", &path, "")?.body)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            count += page["Functions"].as_array().map_or(0, Vec::len);
            match page["NextMarker"].as_str() {
                Some(next) if !next.is_empty() => {
                    next.replace('%', "%25").replace(' ', "%20").clone_into(&mut marker);
                }
                _ => return Ok((count, times)),
            }
        }
    };
    let (count, mut times) = list(&server)?;
    let pages = times.len();
    let whole: f64 = times.iter().sum();
    let resident = server.resident()?;
    let (middle, worst) = (percentile(&mut times, 50), percentile(&mut times, 100));
    print(&format!(
        "{count} functions: created in {created:.1} s, listed in {pages} pages in {whole:.0} ms \
        (p50 {middle:.2} ms, worst {worst:.2} ms), {resident} MB"
    ));
    let began = Instant::now();
    server.restart()?;
    print(&format!(
        "{count} functions: the server starts in {:.0} ms, with {} MB",
        began.elapsed().as_secs_f64() * 1e3,
        server.resident()?
    ));
    Ok(())
}

/// Starts and ends 1,000 sandboxes.
fn churn(bootstrap: &[u8]) -> Result<()> {
    let server = Server::start()?;
    server.create("hello", bootstrap)?;
    let round = |turn: usize| -> Result<()> {
        let target = server.target("POST", "/2015-03-31/functions/hello/invocations", PAYLOAD)?;
        thread::scope(|scope| {
            let callers: Vec<_> = (0..20)
                .map(|_| scope.spawn(|| Caller::new(&target).and_then(|mut c| c.call()).is_ok()))
                .collect();
            callers
                .into_iter()
                .all(|caller| caller.join().unwrap_or(false))
                .then_some(())
                .ok_or("a call failed")
        })?;
        let change = json!({ "Description": turn.to_string() }).to_string();
        server.call("PUT", "/2015-03-31/functions/hello/configuration", &change)?;
        server.settled("hello")
    };
    let began = Instant::now();
    (0..5).try_for_each(round)?;
    let before = (server.descriptors()?, server.resident()?);
    (5..60).try_for_each(round)?;
    thread::sleep(Duration::from_millis(300));
    let after = (server.descriptors()?, server.resident()?);
    print(&format!(
        "1200 callers' sandboxes in {:.1} s: descriptors {} then {}, memory {} then {} MB",
        began.elapsed().as_secs_f64(),
        before.0,
        after.0,
        before.1,
        after.1,
    ));
    Ok(())
}

/// The server: this program, started as a child process.
struct Server {
    dir: tempfile::TempDir,
    process: Child,
    /// The server ends when this is dropped.
    input: Option<ChildStdin>,
    endpoint: Endpoint,
}

impl Server {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (process, input, endpoint) = Self::spawn(dir.path())?;
        Ok(Self { dir, process, input, endpoint })
    }

    fn spawn(dir: &Path) -> Result<(Child, Option<ChildStdin>, Endpoint)> {
        let mut command = Command::new(env::current_exe()?);
        command.env(SERVE, dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let input = process.stdin.take();
        Ok((process, input, serde_json::from_str(&line)?))
    }

    fn restart(&mut self) -> Result<()> {
        drop(self.input.take());
        self.process.wait()?;
        (self.process, self.input, self.endpoint) = Self::spawn(self.dir.path())?;
        Ok(())
    }

    fn target(&self, method: &'static str, path: &str, body: &str) -> Result<Target> {
        let address = self.endpoint.url.strip_prefix("http://").ok_or("no address")?.to_owned();
        let mut target = Target::new(address, method, path, body, &[]);
        target.sign_with(&self.endpoint, &[])?;
        Ok(target)
    }

    fn call(&self, method: &'static str, path: &str, body: &str) -> Result<Answer> {
        let answer = Caller::new(&self.target(method, path, body)?)?.call()?;
        if answer.status >= 300 {
            return Err(format!(
                "{method} {path}: {} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            )
            .into());
        }
        Ok(answer)
    }

    fn create_only(&self, name: &str, bootstrap: &[u8]) -> Result<()> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .unix_permissions(0o755)
            .last_modified_time(zip::DateTime::default());
        zip.start_file("bootstrap", options)?;
        zip.write_all(bootstrap)?;
        let zip = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            zip.finish()?.into_inner(),
        );
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let body = json!({
            "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/bench", "Handler": "bootstrap",
            "Runtime": "provided.al2023", "Architectures": [architecture], "Code": { "ZipFile": zip },
        });
        self.call("POST", "/2015-03-31/functions", &body.to_string()).map(drop)
    }

    fn create(&self, name: &str, bootstrap: &[u8]) -> Result<()> {
        self.create_only(name, bootstrap)?;
        self.settled(name)
    }

    fn settled(&self, name: &str) -> Result<()> {
        loop {
            let answer =
                self.call("GET", &format!("/2015-03-31/functions/{name}/configuration"), "")?;
            let configuration: Value = serde_json::from_slice(&answer.body)?;
            if configuration["State"] != "Pending"
                && configuration["LastUpdateStatus"] != "InProgress"
            {
                return Ok(());
            }
        }
    }

    fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.process.id()))?.count())
    }

    /// Resident memory of the server in MB.
    fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory")?;
        Ok(line.split_ascii_whitespace().next().ok_or("no figure")?.parse::<u64>()? / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

fn serve(dir: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let local = open(Options {
            dir,
            port: 0,
            region: "us-east-1".to_owned(),
            emulator: Arc::new(|| None),
        })
        .await?;
        let mut output = std::io::stdout();
        serde_json::to_writer(&mut output, local.endpoint())?;
        writeln!(output)?;
        output.flush()?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        local.shutdown().await;
        Ok(())
    })
}

/// Requests per second.
fn throughput(target: &Target, time: Duration) -> Result<f64> {
    let began = Instant::now();
    let count = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| -> std::result::Result<u32, String> {
                    let mut caller = Caller::new(target).map_err(|error| error.to_string())?;
                    let mut count = 0;
                    while began.elapsed() < time {
                        caller.invoke().map_err(|error| error.to_string())?;
                        count += 1;
                    }
                    Ok(count)
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().map_err(|_panic| "a caller panicked".to_owned())?)
            .sum::<std::result::Result<u32, String>>()
    })?;
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Starts the program with a Runtime API that only listens. Returns the time to its first request
/// in milliseconds.
fn spawn_to_next(program: &Path) -> Result<f64> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let began = Instant::now();
    let mut process = Command::new(program)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let (mut stream, _) = listener.accept()?;
    let mut block = [0; 4096];
    let read = stream.read(&mut block)?;
    let time = began.elapsed().as_secs_f64() * 1e3;
    process.kill()?;
    process.wait()?;
    if block.get(..read).is_some_and(|request| request.starts_with(b"GET ")) {
        Ok(time)
    } else {
        Err("no next".into())
    }
}

/// Builds `functions/hello` in release mode.
fn build() -> Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "hello",
        "--message-format",
        "json",
    ]);
    let output = command.current_dir(root).stderr(Stdio::inherit()).output()?;
    let program = output.stdout.split(|byte| *byte == b'\n').find_map(|line| {
        let message: Value = serde_json::from_slice(line).ok()?;
        (message["target"]["name"] == "hello")
            .then(|| message["executable"].as_str().map(str::to_owned))?
    });
    Ok(fs::read(program.ok_or("hello was not built")?)?)
}

fn write_program(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)?.write_all(bytes)?;
    Ok(())
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn print(line: &str) {
    println!("{line}");
}
