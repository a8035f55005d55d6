//! AWS's own Runtime API server, the Runtime Interface Emulator, runs a function on our runtime.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::{Fixture, Home, repository};

/// The emulator's binary, out of the `PyPI` package that ships it.
fn emulator() -> PathBuf {
    static EMULATOR: OnceLock<PathBuf> = OnceLock::new();
    EMULATOR
        .get_or_init(|| {
            let directory = repository().join("target/peers/rie");
            let binary = directory.join("samcli/local/rapid/aws-lambda-rie-x86_64");
            if !binary.exists() {
                let mut download = Command::new(super::python());
                download.args(["-m", "pip", "download", "--quiet", "--no-deps", "aws-sam-cli==1.170.0", "--dest"]);
                super::run(download.arg(&directory));
                let unpack = "import glob, sys, zipfile\n\
                              wheel = glob.glob(sys.argv[1] + '/aws_sam_cli-*.whl')[0]\n\
                              zipfile.ZipFile(wheel).extract('samcli/local/rapid/aws-lambda-rie-x86_64', sys.argv[1])\n";
                super::run(Command::new("python3").args(["-c", unpack]).arg(&directory));
                super::run(Command::new("chmod").arg("+x").arg(&binary));
            }
            binary
        })
        .clone()
}

struct Emulator {
    child: Child,
    port: u16,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Already gone is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

impl Emulator {
    fn start(bootstrap: &std::path::Path) -> Self {
        let (port, runtime_port) = (free_port(), free_port());
        let child = Command::new(emulator())
            .args(["--runtime-interface-emulator-address", &format!("127.0.0.1:{port}")])
            .args(["--runtime-api-address", &format!("127.0.0.1:{runtime_port}"), "--log-level", "error"])
            .arg(bootstrap)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("AWS_LAMBDA_FUNCTION_NAME", "peer"),
                ("AWS_LAMBDA_FUNCTION_TIMEOUT", "5"),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the emulator starts");
        let emulator = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the emulator does not listen");
            std::thread::yield_now();
        }
        emulator
    }

    fn invoke(&self, payload: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the emulator listens");
        let path = "/2015-03-31/functions/function/invocations";
        let length = payload.len();
        write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{payload}").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let body = answer.split_once("\r\n\r\n").expect("a head and a body").1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the emulator of this test is the x86_64 one")]
fn the_official_emulator_gets_responses_errors_and_panics_from_our_runtime() {
    let fixture = Fixture::new("rie");
    let source = r#"
async fn handler(name: String) -> Result<String, std::io::Error> {
    match name.as_str() {
        "fail" => Err(std::io::Error::other("as asked")),
        "panic" => panic!("oh no"),
        name => Ok(name.repeat(400)),
    }
}

fn main() {
    lambda::run(handler)
}
"#;
    fixture.function("ours", &Fixture::runtime(), source);
    Home::new(fixture.path()).run(["build", "--arch", "x86_64", "--json"]).ok();
    let bootstrap = repository().join("target/fixtures/rie/lambda/ours/bootstrap");

    let emulator = Emulator::start(&bootstrap);
    assert_eq!(emulator.invoke("\"abc\""), Value::from("abc".repeat(400)));
    let failed = emulator.invoke("\"fail\"");
    assert_eq!(failed["errorMessage"], "as asked", "{failed}");
    assert!(failed["errorType"].as_str().is_some_and(|name| name.starts_with("Function.")), "{failed}");
    let misfit = emulator.invoke("{\"name\":1}");
    assert!(misfit["errorMessage"].as_str().is_some_and(|text| text.contains("line 1")), "{misfit}");
    assert_eq!(emulator.invoke("\"warm\""), Value::from("warm".repeat(400)), "it goes on after errors");
    let panicked = emulator.invoke("\"panic\"");
    assert!(panicked["errorMessage"].as_str().is_some_and(|text| text.contains("oh no")), "{panicked}");
}
