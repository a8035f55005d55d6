//! Terraform drives the local Lambda through AWS's provider, if both are installed, also with what
//! `export terraform` writes. `boto3` makes the same calls on every machine.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tests::{Fixture, Home, workspace};

use super::boto3::{Served, echo};

/// Variable with another directory of the provider.
const PLUGINS: &str = "TERRAFORM_PLUGINS";
/// If set, a change is made between the plan and the end, which takes twice as long.
const CHANGE: &str = "TERRAFORM_CHANGE";

/// The directory of providers; `None`, with a message, if Terraform or the provider is missing.
fn plugins() -> Option<PathBuf> {
    let plugins =
        PathBuf::from(std::env::var_os(PLUGINS).unwrap_or_else(|| "/opt/tf-plugins".into()));
    // There is a subdirectory for each registry.
    let registries = std::fs::read_dir(&plugins).into_iter().flatten().flatten();
    let has_provider =
        registries.into_iter().any(|registry| registry.path().join("hashicorp/aws").is_dir());
    let runs = || {
        Command::new("terraform")
            .arg("version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    if has_provider && runs() {
        return Some(plugins);
    }
    println!("skipped: terraform, or its AWS provider below {PLUGINS}, is not installed");
    None
}

/// Terraform in a directory of its own.
struct Terraform<'a> {
    directory: &'a Path,
    served: &'a Served,
    zip: &'a Path,
}

impl Terraform<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        command.current_dir(self.directory).args(arguments).args(["-input=false", "-no-color"]);
        self.served.point(&mut command);
        command
            .env("TF_CLI_CONFIG_FILE", self.directory.join("terraform.rc"))
            .env("TF_VAR_endpoint", self.served.text("endpoint"))
            .env("TF_VAR_region", self.served.text("region"))
            .env("TF_VAR_zip", self.zip)
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .expect("terraform runs")
    }

    fn expect(&self, code: i32, arguments: &[&str]) {
        let Output { status, stdout, stderr } = self.run(arguments);
        let (printed, complained) =
            (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(code), "{arguments:?}: {printed}\n{complained}");
    }
}

#[test]
fn it_applies_plans_nothing_more_changes_and_destroys() {
    let Some(plugins) = plugins() else { return };
    let home = Home::new(workspace());
    let directory = home.path().join("terraform");
    std::fs::create_dir_all(&directory).expect("the directory is made");
    std::fs::write(directory.join("main.tf"), include_str!("terraform/main.tf"))
        .expect("the file is written");
    std::fs::write(directory.join("terraform.rc"), "").expect("the file is written");
    let zip = echo(&directory);
    let served = Served::start(&home);
    let terraform = Terraform { directory: &directory, served: &served, zip: &zip };
    terraform.expect(0, &["init", &format!("-plugin-dir={}", plugins.display())]);
    // 0: nothing to do; 2: something.
    let plan = |code, text: &str| {
        terraform.expect(code, &["plan", "-detailed-exitcode", &format!("-var=text={text}")]);
    };
    let make = |verb: &str, text: &str| {
        terraform.expect(0, &[verb, "-auto-approve", &format!("-var=text={text}")]);
    };
    make("apply", "first");
    plan(0, "first");
    if std::env::var_os(CHANGE).is_some() {
        plan(2, "second");
        make("apply", "second");
        plan(0, "second");
    }
    make("destroy", "first");
}

/// Settings of the provider for an endpoint on this machine.
const ELSEWHERE: &str = r#"provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_region_validation      = true
}
"#;

#[test]
fn an_exported_workspace_is_applied_as_it_is_deployed_and_destroyed() {
    let Some(plugins) = plugins() else { return };
    let fixture = Fixture::apart();
    fixture.stage("beta", "prefix = \"acme-\"\nalias = \"live\"");
    fixture.prebuilt("odd", "1", crate::cli::export::ODD);
    fixture.write("functions/odd/secret.env", "FROM_FILE=a secret\n");
    let home = Home::new(fixture.path());
    home.run(["export", "terraform", "--stage", "beta"]).ok();
    let directory = fixture.path().join("terraform/beta");
    std::fs::write(directory.join("test_override.tf"), ELSEWHERE).expect("the file is written");
    std::fs::write(directory.join("terraform.rc"), "").expect("the file is written");
    std::fs::write(
        directory.join("test.auto.tfvars"),
        "_1st_odd_Name_secrets = { API_KEY = \"a\", DB = \"b\", FROM_FILE = \"c\" }\n",
    )
    .expect("the file is written");
    let served = Served::start(&home);
    let terraform = Terraform { directory: &directory, served: &served, zip: &directory };
    terraform.expect(0, &["init", &format!("-plugin-dir={}", plugins.display())]);
    let format = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "main.tf"])
        .env("TF_CLI_CONFIG_FILE", directory.join("terraform.rc"))
        .current_dir(&directory)
        .output()
        .expect("terraform runs");
    assert!(format.status.success(), "{}", String::from_utf8_lossy(&format.stdout));
    terraform.expect(0, &["apply", "-auto-approve"]);
    terraform.expect(0, &["plan", "-detailed-exitcode"]);
    let state = std::fs::read(directory.join("terraform.tfstate")).expect("it was applied");
    let state: serde_json::Value = serde_json::from_slice(&state).expect("JSON");
    let function = state["resources"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["type"] == "aws_lambda_function"))
        .map(|one| &one["instances"][0]["attributes"])
        .expect("the function is in the state");
    let variables = &function["environment"][0]["variables"];
    assert_eq!(variables["TEMPLATE"], "$${HOME} %{ for } ${a} \"q\" \n next");
    assert_eq!(function["description"], "it's a \"test\" of ${x} and %{if} \\ `y`");
    terraform.expect(0, &["destroy", "-auto-approve"]);
}
