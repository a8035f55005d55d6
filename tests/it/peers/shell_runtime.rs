//! The shell bootstrap of AWS's tutorial for custom runtimes, with curl, runs on the local Lambda's
//! Runtime API.

use tests::{Home, LocalLambda, repository};

/// From the AWS Lambda developer guide ("Tutorial: Building a custom runtime"): the handler's file
/// and function come from `_HANDLER`, the request id from a header, the response is sent with curl.
const BOOTSTRAP: &str = r#"#!/bin/sh
set -eu
. "$LAMBDA_TASK_ROOT/$(echo "$_HANDLER" | cut -d. -f1).sh"
while true; do
  headers="$(mktemp)"
  event=$(curl -sS -LD "$headers" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  response=$($(echo "$_HANDLER" | cut -d. -f2) "$event")
  curl -sS -o /dev/null "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$id/response" -d "$response"
  rm "$headers"
done
"#;

#[test]
fn the_tutorial_s_shell_bootstrap_answers() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        eprintln!("not tried: this machine has no curl");
        return;
    }
    let home = Home::new(repository());
    let local = LocalLambda::start(home.path());
    // `_HANDLER` is `bootstrap`: the name of the file and of the function.
    let function =
        "bootstrap() {\n  echo \"Echoing request: '$1'\" >&2\n  echo \"{\\\"got\\\":$1}\"\n}\n";
    local.create(
        "shell",
        &[("bootstrap", BOOTSTRAP.as_bytes()), ("bootstrap.sh", function.as_bytes())],
    );
    for n in 0..3 {
        let answer = local.invoke("shell", &format!("{{\"n\":{n}}}"));
        assert_eq!(answer.json()["got"]["n"], n, "{answer:?}");
        assert!(answer.log.contains(&format!("Echoing request: '{{\"n\":{n}}}'")), "{answer:?}");
    }
}
