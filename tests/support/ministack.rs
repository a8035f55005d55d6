//! ministack: a stand-in for AWS from another project. It serves Lambda, IAM, STS, S3 and the logs
//! on one port, and runs bootstraps.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{Account, eventually, interpreter, python};

/// A running ministack; it ends, with the bootstraps that it runs, when dropped.
pub struct Ministack {
    child: Child,
    address: SocketAddr,
    directory: tempfile::TempDir,
}

impl Ministack {
    /// Starts an empty one on a loopback port.
    pub fn start() -> Self {
        let packages = python::packages("ministack", &["ministack==1.5.33"], &[]);
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("a port");
            // It only accepts a port number. If another process takes the port first, another one
            // is tried.
            drop(listener);
            let directory = tempfile::tempdir().expect("a temporary directory");
            let log = File::create(directory.path().join("log")).expect("the directory is ours");
            let child = Command::new(interpreter())
                .args(["-m", "ministack"])
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env("PYTHONPATH", &packages)
                .envs([("HOME", directory.path()), ("TMPDIR", directory.path())])
                .envs([("BIND_HOST", "127.0.0.1"), ("LOG_LEVEL", "WARNING")])
                .env("GATEWAY_PORT", address.port().to_string())
                .current_dir(directory.path())
                .stdout(log.try_clone().expect("a file"))
                .stderr(log)
                .process_group(0)
                .spawn()
                .expect("python starts");
            let mut ministack = Self { child, address, directory };
            let mut has_ended = false;
            eventually("ministack listens", || {
                has_ended = ministack.child.try_wait().expect("it is ours").is_some();
                has_ended || TcpStream::connect(address).is_ok()
            });
            if !has_ended {
                return ministack;
            }
            assert!(ministack.log().contains("in use"), "ministack ended: {}", ministack.log());
        }
    }

    /// The account with which the console uses it. An access key of twelve digits is the account
    /// id.
    pub fn account(&self) -> Account {
        Account {
            url: format!("http://{}", self.address),
            access_key: "123456789012".to_owned(),
            secret_key: "any".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    /// All that it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // Its bootstraps are in its process group. They may have ended already.
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            let _: Result<(), _> = kill_process_group(group, Signal::KILL);
        }
        drop(self.child.wait());
    }
}
