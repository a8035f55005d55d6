//! AWS's Python SDK drives the local Lambda.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tests::{Home, repository};

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
    let script = r##"
import sys, zipfile
bootstrap = """#!/usr/bin/env python3
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
path = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", path + "next")
    event = api.getresponse()
    body = event.read()
    api.request("POST", path + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", body)
    api.getresponse().read()
"""
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    entry = zipfile.ZipInfo("bootstrap", (2026, 1, 1, 0, 0, 0))
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, bootstrap)
"##;
    super::run(Command::new("python3").args(["-c", script]).arg(&zip));
    zip
}

#[test]
fn it_creates_waits_invokes_reads_logs_pages_and_deletes() {
    let home = Home::new(repository());
    home.run(["build", "hello", "--json"]).ok();
    let zip = repository().join("target/lambda/hello/bootstrap.zip");
    let script = r#"
import base64, boto3, json, sys
client, logs = boto3.client("lambda"), boto3.client("logs")
assert boto3.client("sts").get_caller_identity()["Account"].isdigit()
trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}
role = boto3.client("iam").create_role(RoleName="peer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
zip = open(sys.argv[1], "rb").read()
client.create_function(FunctionName="peer", Runtime="provided.al2023", Role=role, Handler="bootstrap",
                       Code={"ZipFile": zip}, Architectures=["arm64"], Timeout=10)
client.get_waiter("function_active_v2").wait(FunctionName="peer")
for n in range(3):
    answer = client.invoke(FunctionName="peer", Payload=json.dumps({"name": f"boto{n}"}), LogType="Tail")
    assert json.load(answer["Payload"]) == {"message": f"Hello, boto{n}!"}
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "REPORT RequestId: " + answer["ResponseMetadata"]["RequestId"] in tail, tail
    assert ("Init Duration" in tail) == (n == 0), tail
assert client.invoke(FunctionName="peer", InvocationType="DryRun")["StatusCode"] == 204
assert client.invoke(FunctionName="peer", InvocationType="Event", Payload="{}")["StatusCode"] == 202
group = "/aws/lambda/peer"
pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 2}))
lines = [event["message"] for page in pages for event in page["events"]]
assert len(pages) > 2 and sum(line.startswith("REPORT") for line in lines) >= 3, (len(pages), lines)
assert len({event["eventId"] for page in pages for event in page["events"]}) == len(lines)
reports = logs.filter_log_events(logGroupName=group, filterPattern='"Init Duration"')["events"]
assert len(reports) >= 1, reports
assert logs.describe_log_streams(logGroupName=group)["logStreams"]
assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["peer"]
client.update_function_configuration(FunctionName="peer", MemorySize=256)
client.get_waiter("function_updated_v2").wait(FunctionName="peer")
assert client.get_function_configuration(FunctionName="peer")["MemorySize"] == 256
try:
    client.create_function(FunctionName="peer", Runtime="provided.al2023", Role=role, Handler="b", Code={"ZipFile": zip})
    raise SystemExit("a second create was taken")
except client.exceptions.ResourceConflictException:
    pass
client.delete_function(FunctionName="peer")
try:
    client.invoke(FunctionName="peer")
    raise SystemExit("a deleted function answered")
except client.exceptions.ResourceNotFoundException:
    print("done")
"#;
    let output = drive(&home, script, &[&zip.to_string_lossy()]);
    assert_eq!(output.trim(), "done");
}

#[test]
fn it_follows_versions_aliases_and_a_url_through_a_function_s_life() {
    let home = Home::new(repository());
    home.run(["build", "hello", "--json"]).ok();
    let zip = repository().join("target/lambda/hello/bootstrap.zip");
    assert_eq!(
        drive(&home, include_str!("boto3/life.py"), &[&zip.to_string_lossy()]).trim(),
        "done"
    );
}

#[test]
fn it_asks_what_terraform_asks() {
    let home = Home::new(repository());
    let zip = echo(home.path());
    assert_eq!(
        drive(&home, include_str!("boto3/terraform.py"), &[&zip.to_string_lossy()]).trim(),
        "done"
    );
}

#[test]
fn it_signs_requests_to_a_url_for_other_clients() {
    let home = Home::new(repository());
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
        assert_eq!(drive(&Home::new(repository()), script, &[]).trim(), "done");
    }
}

#[test]
fn a_wrong_secret_is_refused() {
    let home = Home::new(repository());
    let script = r#"
import boto3, botocore, os
try:
    boto3.client("lambda", aws_secret_access_key="wrong", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"]).list_functions()
    raise SystemExit("an unsigned caller got in")
except botocore.exceptions.ClientError as error:
    print(error.response["ResponseMetadata"]["HTTPStatusCode"])
"#;
    assert_eq!(drive(&home, script, &[]).trim(), "403");
}
