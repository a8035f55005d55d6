//! AWS's Python SDK drives the local Lambda.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tests::{Home, bootstrap, hello, workspace};

/// A local Lambda served by another process.
pub(super) struct Served {
    process: Child,
    endpoint: Value,
}

impl Served {
    pub(super) fn start(home: &Home) -> Self {
        let mut process = home
            .command(["local", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the console starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it prints a line");
        let endpoint =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { process, endpoint }
    }

    /// A field of the output of `lambda-console local --json`.
    pub(super) fn text(&self, name: &str) -> &str {
        self.endpoint[name].as_str().unwrap_or_else(|| panic!("no {name}"))
    }

    /// Sets the variables with which a client of AWS uses this server.
    pub(super) fn point<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("AWS_ENDPOINT_URL", self.text("endpoint"))
            .env("AWS_ACCESS_KEY_ID", self.text("access_key_id"))
            .env("AWS_SECRET_ACCESS_KEY", self.text("secret_access_key"))
            .env("AWS_DEFAULT_REGION", self.text("region"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// Runs `script` with the environment that `lambda-console local --json` prints, then stops the
/// server.
fn drive(home: &Home, script: &str, arguments: &[&str]) -> String {
    let served = Served::start(home);
    let mut command = Command::new("python3");
    served
        .point(&mut command)
        .env("PYTHONPATH", super::python_path())
        .args(["-c", script])
        .args(arguments);
    let output = command.output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The zip, in a directory, of a function that needs no build: it returns its event.
pub(super) fn echo(directory: &Path) -> PathBuf {
    let zip = directory.join("echo.zip");
    let packed = tests::zip(&[("bootstrap", bootstrap("echo()").as_bytes())]);
    std::fs::write(&zip, packed).expect("the directory is ours");
    zip
}

#[test]
fn it_creates_waits_invokes_reads_logs_pages_and_deletes() {
    let home = hello();
    let zip = workspace().join("target/lambda/hello/bootstrap.zip");
    let output = drive(&home, include_str!("boto3/hello.py"), &[&zip.to_string_lossy()]);
    assert_eq!(output.trim(), "done");
}

#[test]
fn it_follows_versions_aliases_and_a_url_through_a_function_s_life() {
    let home = hello();
    let zip = workspace().join("target/lambda/hello/bootstrap.zip");
    assert_eq!(
        drive(&home, include_str!("boto3/life.py"), &[&zip.to_string_lossy()]).trim(),
        "done"
    );
}

#[test]
fn it_asks_what_terraform_asks() {
    let home = Home::new(workspace());
    let zip = echo(home.path());
    assert_eq!(
        drive(&home, include_str!("boto3/terraform.py"), &[&zip.to_string_lossy()]).trim(),
        "done"
    );
}

#[test]
fn it_signs_requests_to_a_url_for_other_clients() {
    let home = Home::new(workspace());
    let zip = echo(home.path());
    assert_eq!(
        drive(&home, include_str!("boto3/urls.py"), &[&zip.to_string_lossy()]).trim(),
        "done"
    );
}

#[test]
fn it_filters_pages_and_tails_logs() {
    for script in [
        include_str!("boto3/filter.py"),
        include_str!("boto3/paging.py"),
        include_str!("boto3/tail.py"),
    ] {
        assert_eq!(drive(&Home::new(workspace()), script, &[]).trim(), "done");
    }
}

#[test]
fn a_wrong_secret_is_refused() {
    let home = Home::new(workspace());
    assert_eq!(drive(&home, include_str!("boto3/refused.py"), &[]).trim(), "403");
}
