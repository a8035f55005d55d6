//! Costs of a function, in figures that do not depend on the load of the machine: instructions
//! (valgrind's callgrind), system calls (strace), crates. The function is `functions/hello`, built
//! as for Lambda in a target directory of its own: static, optimised for speed, with link-time
//! optimisation, panics abort.
//!
//! If the musl target is installed it is built for that, as for Lambda. Otherwise it is linked with
//! glibc, whose own start, that of an empty program, is subtracted.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "the functions around the tests are tests too"
)]

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

#[path = "support/request.rs"]
mod request;

/// Limit of user instructions per invocation: a bare blocking socket takes 8,700, the official
/// crate 75,000.
const INSTRUCTIONS: usize = 13_000;
/// System calls per invocation: each of its two exchanges writes, waits and reads.
const SYSTEM_CALLS: usize = 6;
/// Invocations between two measurements.
const INVOCATIONS: usize = 100;

const MUSL: &str = "x86_64-unknown-linux-musl";
const GLIBC: &str = "x86_64-unknown-linux-gnu";

/// The function and the empty program, and their target.
struct Built {
    target: &'static str,
    hello: PathBuf,
    empty: PathBuf,
}

static BUILT: LazyLock<Built> = LazyLock::new(build);

fn build() -> Built {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("budget");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries =
        Command::new(&rustc).args(["--print", "target-libdir", "--target", MUSL]).output().unwrap();
    let libraries = String::from_utf8(libraries.stdout).unwrap();
    let has_musl =
        std::fs::read_dir(libraries.trim()).is_ok_and(|mut files| files.next().is_some());
    let target = if has_musl { MUSL } else { GLIBC };
    let flags = ["-Ctarget-feature=+crt-static", "-Crelocation-model=static"];
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "hello",
            "--target",
            target,
            "--target-dir",
        ])
        .arg(&directory)
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
            ("CARGO_PROFILE_RELEASE_LTO", "fat"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
            ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
            ("CARGO_PROFILE_RELEASE_STRIP", "true"),
        ])
        .status()
        .unwrap();
    assert!(status.success(), "the function does not build");
    let (source, empty) = (directory.join("empty.rs"), directory.join("empty"));
    std::fs::write(&source, "fn main() {}\n").unwrap();
    let mut command = Command::new(&rustc);
    command
        .args([
            "--target",
            target,
            "-Copt-level=3",
            "-Cpanic=abort",
            "-Clto=fat",
            "-Cstrip=symbols",
        ])
        .args(flags);
    let status = command.arg("-o").arg(&empty).arg(&source).status().unwrap();
    assert!(status.success(), "the empty program does not build");
    Built { target, hello: directory.join(target).join("release/hello"), empty }
}

/// Returns `true` if a tool is installed; prints a message if it is not.
fn installed(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: `{tool}` is not installed, so nothing was measured");
    }
    found
}

/// Kind of end of a run, once its last response was received.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// SIGTERM at once.
    Terminated,
    /// The Runtime API disappears.
    Gone,
}

/// Number of writes for an answer and the next poll: one or two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breath {
    Two,
    One,
}

/// Runs the function under a tool for `invocations` invocations, all on one connection. Returns the
/// output of the tool.
fn run(tool: &[&str], invocations: usize, breath: Breath, ending: Ending) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = Command::new(tool[0])
        .args(&tool[1..])
        .arg(&BUILT.hello)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("LAMBDA_PIPELINE", if breath == Breath::One { "1" } else { "0" })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let (mut number, mut came) = (0, String::new());
    loop {
        assert!(
            request::read(&mut stream, &mut came).expect("the function asks").starts_with("GET ")
        );
        number += 1;
        let body = format!(r#"{{"name":"Lambda {:03}"}}"#, number % 1000);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
             Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
             Lambda-Runtime-Deadline-Ms: 1798761599000\r\n\
             Lambda-Runtime-Invoked-Function-Arn: \
             arn:aws:lambda:eu-west-1:123456789012:function:hello\r\n\
             Lambda-Runtime-Trace-Id: \
             Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1\r\n\
             Date: Sat, 21 Nov 2026 04:13:21 GMT\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        assert!(
            request::read(&mut stream, &mut came)
                .expect("the function asks")
                .contains("Hello, Lambda ")
        );
        if number == invocations {
            break;
        }
        stream
            .write_all(
                b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\
                  Date: Sat, 21 Nov 2026 04:13:21 GMT\r\n\r\n{\"status\":\"OK\"}\n",
            )
            .unwrap();
    }
    if ending == Ending::Terminated {
        assert!(
            Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    } else {
        drop((listener, stream));
    }
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned()
}

const CALLGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// The instructions that callgrind counted.
fn instructions(report: &str) -> usize {
    let count = report.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.unwrap_or_else(|| panic!("callgrind counted nothing: {report}"));
    count.trim().parse().unwrap()
}

#[test]
fn instructions_are_within_the_budget() {
    if !installed("valgrind") {
        return;
    }
    let first = instructions(&run(&CALLGRIND, 1, Breath::Two, Ending::Terminated));
    let all = instructions(&run(&CALLGRIND, 1 + INVOCATIONS, Breath::Two, Ending::Terminated));
    let base = Command::new(CALLGRIND[0]).args(&CALLGRIND[1..]).arg(&BUILT.empty).output().unwrap();
    let base = instructions(&String::from_utf8_lossy(&base.stderr));
    let of_libc = if BUILT.target == MUSL { 0 } else { base };
    let (start, invocation) = (first.saturating_sub(of_libc), (all - first) / INVOCATIONS);
    eprintln!(
        "{}: {start} instructions to the first response (without {of_libc} of libc's own start; \
        the empty program has {base}), {invocation} an invocation",
        BUILT.target
    );
    assert!(start <= 60_000, "{start} instructions to the first response");
    assert!(invocation <= INSTRUCTIONS, "{invocation} instructions an invocation");
}

#[test]
fn system_calls_are_within_the_budget() {
    if !installed("strace") {
        return;
    }
    for (breath, most) in [(Breath::Two, SYSTEM_CALLS), (Breath::One, SYSTEM_CALLS - 1)] {
        let count = |invocations| {
            let trace =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{invocations}-{most}"));
            run(
                &["strace", "-f", "-o", trace.to_str().unwrap()],
                invocations,
                breath,
                Ending::Gone,
            );
            std::fs::read_to_string(trace).unwrap().lines().count()
        };
        let (first, all) = (count(1), count(1 + INVOCATIONS));
        eprintln!(
            "{} system calls in {INVOCATIONS} invocations, {first} in all for the first",
            all - first
        );
        assert!(
            all - first <= most * INVOCATIONS,
            "{} system calls in {INVOCATIONS} invocations",
            all - first
        );
    }
}

#[test]
fn few_crates_are_linked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tree = Command::new(env!("CARGO"))
        .current_dir(root)
        .args([
            "tree",
            "--package",
            "hello",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(["--target", GLIBC])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: std::collections::BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "hello")
        .collect();
    eprintln!("{} crates: {crates:?}", crates.len());
    assert!(crates.contains("tokio") && crates.len() <= 14, "{crates:?}");
}

#[test]
fn the_program_is_small() {
    let size = std::fs::metadata(&BUILT.hello).unwrap().len();
    let empty = std::fs::metadata(&BUILT.empty).unwrap().len();
    eprintln!("{}: {size} bytes, of which an empty program has {empty}", BUILT.target);
    // For name resolution, glibc links more than twice as much as musl.
    let most = if BUILT.target == MUSL { 360_000 } else { 520_000 };
    assert!(size - empty <= most, "{size} bytes, {} more than an empty program", size - empty);
}
