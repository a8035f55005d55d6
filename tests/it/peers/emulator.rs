//! AWS's own Runtime API server, the Runtime Interface Emulator, as a process: classic, and as a
//! managed instance.
//!
//! Classic, it runs a given command. As a managed instance it runs `/var/task/bootstrap` only, and
//! not as root; so there it gets a mount namespace in which `/var` is a directory of the test:
//! nothing of it is visible outside, several run next to each other, and the kernel cleans up. It
//! also gets a process namespace, so that its child processes end with it.

use std::{
    fs::{self, Permissions},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use serde_json::Value;
use tests::eventually;

/// The emulator's binary, from the `PyPI` package that contains it.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let packages = super::packages("rie", &["aws-sam-cli==1.170.0"], &["--no-deps"]);
        let binary = packages.join("samcli/local/rapid/aws-lambda-rie-x86_64");
        fs::set_permissions(&binary, Permissions::from_mode(0o755))
            .expect("the target directory is ours");
        binary
    })
}

/// A running emulator.
pub(super) struct Emulator {
    child: Child,
    address: SocketAddrV4,
    /// The directory mounted as `/var` in a managed instance, and its log.
    directory: tempfile::TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A loopback address that nothing else uses: no other emulator, and no connection, since those
/// come from 127.0.0.1.
fn free_address() -> Ipv4Addr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high | 1, low, COUNT.fetch_add(1, Ordering::Relaxed))
}

fn free_port(address: Ipv4Addr) -> SocketAddrV4 {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    SocketAddrV4::new(address, listener.local_addr().expect("a port").port())
}

/// The flags of `unshare` for a managed instance, or the reason for which it cannot run here. The
/// emulator starts the bootstrap as another user without supplementary groups, which requires root,
/// or a namespace with more than one user.
fn namespace() -> Result<&'static [&'static str], String> {
    const MOUNTS: &[&str] = &["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const MAPPED: &[&str] = &[
        "--user",
        "--map-root-user",
        "--map-auto",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    let mut why = String::new();
    for flags in [MOUNTS, MAPPED] {
        match Command::new("unshare")
            .args(flags)
            .args(["setpriv", "--clear-groups", "true"])
            .output()
        {
            Ok(output) if output.status.success() => return Ok(flags),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => why = error.to_string(),
        }
    }
    Err(format!("no namespace with another /var: unshare: {}", why.trim()))
}

impl Emulator {
    /// Starts an emulator that runs `bootstrap`, one invocation at a time (a second one crashes
    /// it), each for at most `seconds`.
    pub(super) fn classic(bootstrap: &Path, seconds: u32) -> Self {
        let mut command = Command::new(binary());
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self::start(command.env_clear(), bootstrap, seconds, directory)
    }

    /// Starts an emulator that sends ten invocations at once to the one process of `bootstrap`.
    /// Returns an error with the reason if that is not possible on this machine.
    pub(super) fn managed(bootstrap: &Path, seconds: u32) -> Result<Self, String> {
        let flags = namespace()?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let var = directory.path().join("var");
        fs::create_dir_all(var.join("task")).expect("the directory is ours");
        for file in ["task/bootstrap", "emulator"] {
            fs::write(var.join(file), "").expect("the directory is ours");
        }
        // The bootstrap runs as another user.
        for path in [&var, &var.join("task")] {
            fs::set_permissions(path, Permissions::from_mode(0o755))
                .expect("the directory is ours");
        }
        // Mounted rather than copied: a file that was just written may still be open in a child
        // process of another test, and then it cannot be run. The emulator is mounted too, in case
        // it is somewhere in /var.
        let mut command = Command::new("unshare");
        command
            .args(flags)
            .args(["sh", "-c", include_str!("emulator.sh")])
            .arg(var)
            .arg(bootstrap)
            .arg(binary())
            .current_dir("/");
        command.env_clear().env("AWS_LAMBDA_MAX_CONCURRENCY", "10");
        Ok(Self::start(&mut command, Path::new("/var/task/bootstrap"), seconds, directory))
    }

    fn start(
        command: &mut Command,
        bootstrap: &Path,
        seconds: u32,
        directory: tempfile::TempDir,
    ) -> Self {
        let host = free_address();
        let (address, runtime_api) = (free_port(host), free_port(host));
        let log = fs::File::create(directory.path().join("log")).expect("the directory is ours");
        let child = command
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &runtime_api.to_string(), "--log-level", "error"])
            .arg(bootstrap)
            .envs([
                ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
                ("AWS_LAMBDA_FUNCTION_NAME", "peer"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_FUNCTION_TIMEOUT", &seconds.to_string()),
            ])
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the emulator starts");
        let emulator = Self { child, address, directory };
        // Waits for both: it accepts invocations before its Runtime API listens, so that a fast
        // bootstrap cannot connect.
        for address in [address, runtime_api] {
            eventually("the emulator listens", || TcpStream::connect(address).is_ok());
        }
        emulator
    }

    /// All that it and its function have printed so far.
    pub(super) fn log(&self) -> String {
        let log = fs::read(self.directory.path().join("log")).expect("the directory is ours");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Invokes the function once there is a worker for it. As a managed instance the emulator has
    /// no queue: an answer reaches its caller before the worker that sent it polls again, and when
    /// the emulator starts to listen maybe only the first worker has polled. The status adds
    /// nothing to the body.
    pub(super) fn send(&self, payload: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        eventually("a worker asks for an event", || {
            body = self.exchange(payload);
            let value: Value = serde_json::from_slice(&body).unwrap_or_default();
            value["errorType"] != "Runtime.Unavailable"
        });
        body
    }

    fn exchange(&self, payload: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("the emulator listens");
        let path = "/2015-03-31/functions/function/invocations";
        let head = format!("POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n", payload.len());
        stream.write_all(&[head.as_bytes(), payload].concat()).expect("it reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let head =
            answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head and a body");
        answer.split_off(head + 4)
    }

    /// Invokes the function with JSON. Returns JSON.
    pub(super) fn invoke(&self, payload: &str) -> Value {
        let answer = self.send(payload.as_bytes());
        serde_json::from_slice(&answer).unwrap_or_else(|error| {
            panic!("{error}: {}\n{}", String::from_utf8_lossy(&answer), self.log())
        })
    }
}
