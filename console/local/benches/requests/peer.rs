//! Other emulators that the same callers are measured on.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{CALLERS, RELAY, Result, print, write_program};

/// Another emulator with its function.
pub(crate) struct Peer {
    pub address: String,
    processes: Vec<Child>,
    dir: tempfile::TempDir,
}

impl Peer {
    /// Starts the minimal emulator: this program as a child process.
    pub(crate) fn relay(bootstrap: &[u8]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let program = dir.path().join("bootstrap");
        write_program(&program, bootstrap)?;
        let mut command = Command::new(env::current_exe()?);
        command.env(RELAY, program).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { address: line.trim().to_owned(), processes: vec![process], dir })
    }

    /// Starts cargo-lambda's emulator, with one process of the function per caller.
    pub(crate) fn start(bootstrap: &[u8]) -> Result<Option<Self>> {
        let Some(program) = env::var_os("CARGO_LAMBDA") else {
            print("cargo-lambda is not measured: CARGO_LAMBDA is not set");
            return Ok(None);
        };
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let dir = tempfile::tempdir()?;
        fs::create_dir(dir.path().join("src"))?;
        fs::write(
            dir.path().join("Cargo.toml"),
            "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        )?;
        fs::write(dir.path().join("src/main.rs"), "fn main() {}\n")?;
        let mut command = Command::new(program);
        command.args([
            "lambda",
            "watch",
            "--only-lambda-apis",
            "--concurrency",
            "16",
            "--invoke-address",
            "127.0.0.1",
        ]);
        command.args(["--invoke-port", &port.to_string()]).current_dir(dir.path());
        let emulator =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut peer =
            Self { address: format!("127.0.0.1:{port}"), processes: vec![emulator], dir };
        let began = Instant::now();
        while TcpStream::connect(&peer.address).is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("cargo-lambda does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let program = peer.dir.path().join("bootstrap");
        write_program(&program, bootstrap)?;
        for _ in 0..CALLERS {
            let mut function = Command::new(&program);
            function.env("AWS_LAMBDA_RUNTIME_API", format!("http://{}/.rt/hello", peer.address));
            function
                .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
            function.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
            peer.processes.push(
                function
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()?,
            );
        }
        Ok(Some(peer))
    }
}

impl Peer {
    /// Process id of the emulator.
    pub(crate) fn id(&self) -> u32 {
        self.processes.first().map_or(0, Child::id)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // The relay and its functions end at the end of its input.
            drop(process.stdin.take());
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
