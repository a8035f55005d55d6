//! The policies of a function's role follow the workspace's settings, and a function's name may
//! differ from its binary's.

use serde_json::Value;
use tests::{Account, Fixture, Home, LocalLambda, Ministack};

/// Deploys the function whose binary is `greet` with its current settings. Returns the result and
/// the changes.
fn deploy(home: &Home, more: &[&str]) -> (Value, Vec<String>) {
    let deployed =
        home.run([&["--stage", "beta", "deploy", "greeter", "--json"], more].concat()).ok().json();
    let changes = deployed["functions"][0]["changes"].as_array().expect("a list");
    let fields =
        changes.iter().map(|change| change["field"].as_str().expect("a name").to_owned()).collect();
    (deployed["functions"][0]["action"].clone(), fields)
}

/// The names of the managed policies of the only role, and whether it has an inline policy.
fn allowed(home: &Home) -> (Vec<String>, bool) {
    let listed = home.run(["--stage", "beta", "iam", "--json"]).ok().json();
    let role = &listed["roles"][0];
    assert_eq!(role["functions"], serde_json::json!(["greeter"]), "{listed}");
    let names = role["policies"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let mut names: Vec<String> =
        names.filter_map(|arn| Some(arn.rsplit_once('/')?.1.to_owned())).collect();
    names.sort();
    (names, role["inline_policies"].as_array().is_some_and(|own| !own.is_empty()))
}

fn walk(account: &Account) {
    const BASIC: &str = "AWSLambdaBasicExecutionRole";
    let fixture = Fixture::apart();
    fixture.stage("beta", "");
    let home = Home::new(fixture.path()).on(account);
    let edit =
        |settings: &str| fixture.prebuilt("greet", "1", &format!("name = \"greeter\"\n{settings}"));

    edit("policies = [\"AmazonS3ReadOnlyAccess\"]");
    assert_eq!(deploy(&home, &[]).0, "created");
    assert_eq!(
        allowed(&home),
        (vec![BASIC.to_owned(), "AmazonS3ReadOnlyAccess".to_owned()], false)
    );
    assert_eq!(deploy(&home, &[]), ("unchanged".into(), Vec::new()));

    edit("policies = []\nstatements = [{ Action = \"s3:GetObject\", Resource = \"*\" }]");
    let expected =
        vec!["role.policy.AmazonS3ReadOnlyAccess".to_owned(), "role.statements".to_owned()];
    assert_eq!(deploy(&home, &["--dry-run"]).1, expected);
    assert_eq!(allowed(&home).0.len(), 2, "a dry run changes nothing");
    assert_eq!(deploy(&home, &[]), ("updated".into(), expected));
    assert_eq!(allowed(&home), (vec![BASIC.to_owned()], true));

    edit("statements = []\ntracing = \"active\"");
    let expected = ["tracing", "role.policy.AWSXRayDaemonWriteAccess", "role.statements"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(deploy(&home, &[]), ("updated".into(), expected));
    assert_eq!(
        allowed(&home),
        (vec![BASIC.to_owned(), "AWSXRayDaemonWriteAccess".to_owned()], false)
    );

    edit("memory = 256");
    assert_eq!(deploy(&home, &[]).1, ["memory"], "what is not said stays");
}

#[test]
fn the_role_of_a_function_follows_its_settings_on_ministack() {
    walk(&Ministack::start().account());
}

#[test]
fn the_role_of_a_function_follows_its_settings_on_the_local_lambda() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    walk(LocalLambda::start(directory.path()).account());
}
