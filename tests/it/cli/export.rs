//! `export`: the texts for other tools, of a workspace with everything that needs care.

use std::{fs, path::Path};

use serde_json::Value;
use tests::{Fixture, Home};

/// A function with every setting, and texts that end strings or begin templates elsewhere.
pub(crate) const ODD: &str = r#"name = "1st-odd_Name"
memory = 512
timeout = 30
ephemeral_storage = 1024
description = "it's a \"test\" of ${x} and %{if} \\ `y`"
tracing = "active"
log_format = "json"
application_log_level = "debug"
system_log_level = "warn"
log_retention = 14
reserved_concurrency = 3
env_file = "secret.env"
policies = ["AmazonS3ReadOnlyAccess"]
[[package.metadata.lambda.deploy.statements]]
Action = ["s3:GetObject"]
Resource = "arn:${AWS::Partition}:s3:::b-${AWS::AccountId}/${aws:username}/*"
Condition = { StringEquals = { "aws:RequestedRegion" = "${AWS::Region}" } }
[package.metadata.lambda.deploy.env]
LEVEL = "info"
BLANK = ""
TEMPLATE = "$${HOME} %{ for } ${a} \"q\" \n next"
DB = "postgres://user:do-not-show@host/db"
API_KEY = "do-not-show"
[package.metadata.lambda.deploy.tags]
team = "orders"
"cost:center" = "a b"
[package.metadata.lambda.deploy.url]
auth = "iam"
streaming = true
[package.metadata.lambda.deploy.url.cors]
allow_origins = ["https://example.com"]
allow_methods = ["GET", "*"]
max_age = 60
allow_credentials = true
"#;
const SHARED: &str = r#"log_group = "/acme/app"
role = "team/existing"
s3_bucket = "artifacts"
layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:extension:1"]
"#;
const IN_VPC: &str = r#"log_group = "/acme/app"
role = "arn:aws:iam::999999999999:role/other"
runtime = "provided.al2"
url = "none"
vpc = { subnet_ids = ["subnet-0a1b2c3d"], security_group_ids = ["sg-0a1b2c3d"], ipv6_allowed_for_dual_stack = true }
"#;

/// The workspace, with the stages `beta`, `gamma` and `prod`, in an order of its own.
pub(crate) fn odd() -> Fixture {
    let fixture = Fixture::apart();
    fixture.stage("beta", "region = \"eu-west-1\"\nprefix = \"acme-\"\nalias = \"live\"");
    fixture.stage("alpha2", "profile = \"acme-gamma\"\nsuffix = \"-gamma\"\nalias = \"live\"");
    fixture.stage("prod", "profile = \"acme-prod\"\nalias = \"live\"\nprotected = true");
    // Not in the order of their names.
    fixture.prebuilt("plain", "1", "");
    fixture.prebuilt("in_vpc", "1", IN_VPC);
    fixture.prebuilt("odd", "1", ODD);
    fixture.prebuilt("shared-one", "1", SHARED);
    fixture.write("functions/odd/secret.env", "FROM_FILE=do-not-show\n");
    fixture
}

/// Exports, and returns the texts of the files with the name of the temporary directory replaced.
fn exported(fixture: &Fixture, home: &Home, words: &[&str]) -> String {
    let words = [&["export"], words, &["--json"]].concat();
    let outcome = home.run(words).ok();
    let files = outcome.json()["files"].as_array().cloned().expect("files");
    let path = |file: &Value| file["path"].as_str().expect("a path").to_owned();
    let root = fixture.path().canonicalize().expect("it exists");
    let name = root.file_name().expect("a name").to_string_lossy().into_owned();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let text = files.iter().map(|file| {
        let path = path(file);
        let text = fs::read_to_string(&path).expect("it was written");
        let below = Path::new(&path).strip_prefix(&root).expect("below the root").to_owned();
        assert!(!text.contains("do-not-show"), "{path}: {text}");
        // The digest of a text with the name of a directory differs as well.
        let lines = text.lines().filter(|line| !line.contains("sha256 "));
        let text = lines.collect::<Vec<_>>().join("\n");
        format!("=== {}\n{}\n", below.display(), text.replace(&name, "WORKSPACE"))
    });
    text.collect::<String>()
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("export_{name}"), text);
    });
}

#[test]
fn each_format_has_all_settings_and_no_secret() {
    let fixture = odd();
    let home = Home::new(fixture.path());
    for (name, words) in [
        ("terraform", &["terraform"] as &[&str]),
        ("sam", &["sam", "--stage", "beta"]),
        ("cdk", &["cdk", "--stage", "beta"]),
        ("cargo_lambda", &["cargo-lambda", "--stage", "prod"]),
        ("github", &["ci", "github"]),
        ("codebuild", &["ci", "codebuild", "plain", "shared-one"]),
    ] {
        let text = exported(&fixture, &home, words);
        snapshot(name, &text);
        let again = home.run([&["export"], words, &["--json"]].concat()).ok().json();
        for file in again["files"].as_array().expect("files") {
            assert_eq!(file["action"], "unchanged", "{again}");
        }
    }
}

#[test]
fn an_edited_file_is_kept_unless_it_is_forced() {
    let fixture = odd();
    let home = Home::new(fixture.path());
    let run = |more: &[&str]| home.run([&["export", "cdk", "--out", "infra"], more].concat());
    run(&[]).ok();
    let app = fixture.path().join("infra/app.ts");
    let stack = fixture.path().join("infra/cdk.json");
    let generated = fs::read_to_string(&app).expect("it was written");
    // Of the files, the second one was edited, and the first one has to be replaced.
    fs::write(&stack, "{}\n").expect("the file is ours");
    fixture.write(
        "functions/plain/Cargo.toml",
        "[package]\nname = \"plain\"\nversion = \"0.1.0\"\n\
        edition = \"2024\"\n[package.metadata.lambda.deploy]\nmemory = 2048\n",
    );
    let refused = run(&["--json"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let error = refused.json()["error"].clone();
    assert!(error["what"].as_str().is_some_and(|what| what.ends_with("infra/cdk.json")), "{error}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.contains("--force")), "{error}");
    assert_eq!(fs::read_to_string(&app).expect("it is there"), generated, "nothing was written");
    run(&["--force"]).ok();
    assert!(fs::read_to_string(&app).expect("it is there").contains("memorySize: 2048"));
    assert!(fs::read_to_string(&stack).expect("it is there").contains("npx ts-node"));
}

#[test]
fn what_cannot_be_exported_is_refused_with_its_reason() {
    let fixture = Fixture::apart();
    fixture.stage("long", &format!("prefix = \"{}-\"", "p".repeat(62)));
    fixture.prebuilt("a-b", "1", "");
    fixture.prebuilt("a_b", "1", "");
    fixture.prebuilt("role", "1", "role = \"arn:aws:iam::123456789012:user/me\"");
    fixture.prebuilt("levels", "1", "system_log_level = \"warn\"");
    let home = Home::new(fixture.path());
    let why = |words: &[&str]| {
        let outcome = home.run([&["export"], words, &["--json"]].concat());
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        outcome.json()["error"]["why"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        why(&["terraform", "a-b", "a_b"]),
        "the function a-b and the function a_b would both be `a_b` in the files"
    );
    assert!(why(&["sam", "a-b", "a_b"]).contains("`AB`"));
    assert!(why(&["cdk", "role"]).contains("neither the ARN nor the name of a role"));
    assert!(why(&["sam", "levels"]).contains("text logs have no levels"));
    assert!(why(&["sam", "a-b", "--stage", "long"]).contains("its name on the stage is"));
    assert_eq!(why(&["sam", "--stage", "nowhere"]), "the stages are local, long");
    assert!(why(&["sam", "nothing"]).contains("a-b"));
    // Each alone is fine.
    home.run(["export", "terraform", "a_b"]).ok();
    let without = Fixture::apart();
    without.prebuilt("a", "1", "");
    let refused = Home::new(without.path()).run(["export", "ci", "github"]);
    assert!(refused.stderr.contains("the manifest has no stage on AWS"), "{refused:?}");
}
