//! End-to-end tests of a panic in a program that is built with `panic = "abort"`: nothing runs
//! after the hook there, and yet the invocation (or the init) is reported. The program is built
//! here, in a target directory of its own.

#![expect(clippy::unwrap_used, reason = "the functions around the tests are tests too")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[path = "support/request.rs"]
mod request;

const PROGRAM: &str = r#"
fn main() {
    let init = async || {
        assert!(std::env::var_os("INIT_PANICS").is_none(), "no table");
        Ok::<_, lambda::Error>(())
    };
    lambda::init(init).run(async |(): &(), number: u32| -> Result<u32, lambda::Error> {
        panic!("the shelf is empty: {number}")
    });
}
"#;

fn build() -> PathBuf {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abort");
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"aborts\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         lambda-console-runtime = {{ path = '{}' }}\n\n[profile.dev]\npanic \
         = \"abort\"\n\n[workspace]\n",
        runtime.display()
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/main.rs"), PROGRAM).unwrap();
    // The same versions as in the workspace, which are downloaded already.
    fs::copy(runtime.parent().unwrap().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = package.join("target");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success(), "the program does not build");
    target.join("debug/aborts")
}

/// Responds to requests, on any connection, until the function has ended. Returns its exit code and
/// the requests.
fn serve(
    program: &Path,
    environment: &[(&str, &str)],
    answers: &[&str],
) -> (Option<i32>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(program)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .envs(environment.iter().copied())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut requests, mut came) = (Vec::new(), String::new());
    let mut answers = answers.iter();
    // The loop's connection, and then the one of the process that aborts.
    let (mut first, _) = listener.accept().unwrap();
    if let [next, _] = answers.as_slice() {
        requests.push(request::read(&mut first, &mut came).expect("it asks"));
        first.write_all(next.as_bytes()).unwrap();
        answers.next();
    }
    let (mut last, _) = listener.accept().unwrap();
    requests.push(request::read(&mut last, &mut came).expect("it reports"));
    assert_eq!(came, "", "one request on each connection");
    last.write_all(answers.next().unwrap().as_bytes()).unwrap();
    (child.wait().unwrap().signal(), requests)
}

#[test]
fn a_panic_that_aborts_is_reported_before_the_process_is_gone() {
    const ABORTED: Option<i32> = Some(6);
    const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    const NEXT: &str = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n\
                        Lambda-Runtime-Invocation-Id: i-1\r\nContent-Length: 1\r\n\r\n7";
    let program = build();
    let (signal, requests) = serve(&program, &[], &[NEXT, ACCEPTED]);
    assert_eq!(signal, ABORTED);
    let report = &requests[1];
    assert!(
        report.starts_with("POST /2018-06-01/runtime/invocation/r-1/error HTTP/1.1\r\n"),
        "{report}"
    );
    assert!(report.contains("\r\nLambda-Runtime-Invocation-Id: i-1\r\n"), "{report}");
    assert!(
        report.contains(r#""errorMessage":"the shelf is empty: 7 (panicked at src/main.rs:8:9)""#),
        "{report}"
    );
    assert!(report.contains(r#""errorType":"Runtime.Panic""#), "{report}");

    let (signal, requests) = serve(&program, &[("INIT_PANICS", "1")], &[ACCEPTED]);
    assert_eq!(signal, ABORTED);
    let report = &requests[0];
    assert!(report.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"), "{report}");
    assert!(report.contains("no table (panicked at src/main.rs:4:9)"), "{report}");
}
