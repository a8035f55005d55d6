//! A stage with restricted permissions: denied operations are named, and everything else is shown.

use serde_json::Value;
use tests::{Fault, Fixture, Home, LocalLambda, Proxy, Rule};

const DENIED: Fault = Fault::refused(
    403,
    "AccessDeniedException",
    "User: arn:me is not authorized to perform: some:Action on resource: \
    arn:aws:lambda:us-east-1:000000000000:secret",
);

/// Two functions on the stage `beta`, `open` and `secret`.
struct Place {
    proxy: Proxy,
    home: Home,
    _lambda: LocalLambda,
    _fixture: Fixture,
    _directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lambda = LocalLambda::start(directory.path());
        let proxy = Proxy::start(lambda.account());
        let fixture = Fixture::apart();
        fixture.stage("beta", "");
        fixture.prebuilt("open", "1", "");
        fixture.prebuilt("secret", "1", "");
        let home = Home::new(fixture.path()).on(proxy.account());
        home.run(["--stage", "beta", "deploy", "--json"]).ok();
        Self { proxy, home, _lambda: lambda, _fixture: fixture, _directory: directory }
    }

    /// Denies `operation` for the resource `of` only.
    fn refuse(&self, operation: &str, of: &str) {
        self.proxy.clear_faults();
        self.proxy.fault(Rule::on(operation, DENIED).of(of).always());
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let outcome = self.home.run([&["--stage", "beta"], arguments].concat());
        (outcome.code, outcome.stdout, outcome.stderr)
    }

    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let outcome = self.home.run([&["--stage", "beta", "--json"], arguments].concat());
        (outcome.code, outcome.json())
    }
}

#[test]
fn a_function_that_may_not_be_looked_at_takes_no_other_away() {
    let place = Place::new();
    place.refuse("GetFunctionConfiguration", "secret");
    let (code, stdout, stderr) = place.run(&["list"]);
    let line = |name: &str| stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    assert!(code == Some(0) && line("open").ends_with("$LATEST, in sync"), "{stdout}{stderr}");
    assert!(line("secret").ends_with("denied: lambda:GetFunctionConfiguration"), "{stdout}");
    assert!(
        stderr.contains("arn:me may not some:Action")
            && stderr.contains("hint: add to the caller's policy"),
        "{stderr}"
    );
    let (_, listed) = place.json(&["list"]);
    assert_eq!(listed["functions"][0]["deployed"]["in_sync"], true);
    assert!(
        listed["functions"][1]["error"]["why"].as_str().unwrap().contains("may not some:Action"),
        "{listed}"
    );

    let (code, stdout, stderr) = place.run(&["delete", "open", "secret", "--dry-run"]);
    assert!(
        code == Some(3) && stdout.contains("open: delete") && stderr.contains("secret"),
        "{stdout}{stderr}"
    );
    let (code, stdout, stderr) = place.run(&["delete", "open", "secret", "--yes"]);
    assert!(code == Some(3) && stdout.contains("open: function open: deleted"), "{stdout}{stderr}");
    assert!(stderr.contains("the resources of secret: arn:me may not some:Action"), "{stderr}");
    let (_, listed) = place.json(&["list"]);
    assert_eq!(listed["functions"][0]["deployed"], Value::Null);
}

#[test]
fn a_plan_versions_and_logs_come_without_what_is_refused() {
    let place = Place::new();
    place.refuse("GetFunction", "secret");
    let (code, stdout, stderr) = place.run(&["deploy", "--dry-run"]);
    assert!(code == Some(3) && stdout.contains("open: unchanged"), "{stdout}{stderr}");
    assert!(stderr.contains("could not read secret: arn:me may not some:Action"), "{stderr}");

    place.refuse("ListVersionsByFunction", "secret");
    let (code, stdout, stderr) = place.run(&["versions"]);
    assert!(
        code == Some(3) && stdout.contains("open on beta") && !stdout.contains("secret on"),
        "{stdout}{stderr}"
    );
    assert!(stderr.contains("could not list the versions of secret"), "{stderr}");
    place.refuse("ListAliases", "secret");
    let (code, stdout, stderr) = place.run(&["versions"]);
    assert!(
        code == Some(0) && stdout.contains("open on beta") && stdout.contains("secret on beta"),
        "{stdout}{stderr}"
    );
    assert!(stderr.contains("could not list the aliases of secret: arn:me may not"), "{stderr}");
    let (code, _, stderr) = place.run(&["versions", "secret", "--prune", "1", "--yes"]);
    assert!(
        code == Some(3) && stderr.contains("aliases"),
        "nothing is deleted that an alias may lead to: {stderr}"
    );

    place.refuse("FilterLogEvents", "secret");
    let (code, _, stderr) = place.run(&["logs", "open", "secret"]);
    assert!(code == Some(3) && stderr.contains("could not read the logs of secret"), "{stderr}");
    assert_eq!(place.run(&["logs", "open"]).0, Some(0));
    place.refuse("GetFunctionConfiguration", "secret");
    assert_eq!(
        place.run(&["logs", "open", "secret"]).0,
        Some(0),
        "where Lambda writes them is known"
    );
}

#[test]
fn a_role_is_unused_only_where_that_is_known() {
    let place = Place::new();
    place.refuse("ListFunctions", "");
    let (code, stdout, stderr) = place.run(&["iam"]);
    assert!(
        code == Some(0) && stdout.lines().filter(|line| line.contains("denied")).count() == 2,
        "{stdout}{stderr}"
    );
    assert!(stderr.contains("the caller has no permission for lambda:ListFunctions"), "{stderr}");
    let (_, removed) = place.json(&["iam", "--remove-unused", "--yes"]);
    assert_eq!(removed["removed"], Value::Array(Vec::new()));
    place.refuse("ListRolePolicies", "secret");
    let (code, listed) = place.json(&["iam"]);
    assert_eq!((code, listed["roles"].as_array().unwrap().len()), (Some(0), 2));
    assert_eq!(listed["roles"][1]["refused"][0], "iam:ListRolePolicies");
}
