//! What `export` writes, read by the tools that it is for.

use std::{fs, path::PathBuf, process::Command};

use tests::{Home, python};

use crate::cli::export::odd;

/// Variable with a `node_modules` that has the packages of the app's `package.json`.
const MODULES: &str = "CDK_MODULES";

#[test]
fn cfn_lint_has_no_remark_on_the_template() {
    let fixture = odd();
    let home = Home::new(fixture.path());
    let packages = super::packages("cfn-lint", &["cfn-lint==1.58.0"], &[]);
    for stage in ["local", "beta", "prod"] {
        let out = home.path().join(stage).display().to_string();
        home.run(["export", "sam", "--stage", stage, "--out", &out]).ok();
        let mut lint = Command::new(tests::interpreter());
        lint.env("PYTHONPATH", &packages)
            .args(["-c", "from cfnlint.runner import main; main()"])
            // The end of a runtime that a function names.
            .args(["--ignore-checks", "W2531", "--regions", "eu-west-1", "--"]);
        let printed = python::run(lint.arg(home.path().join(stage).join("template.yaml")));
        assert_eq!(printed.trim(), "", "{stage}");
    }
}

#[test]
fn the_cdk_synthesizes_the_app() {
    let modules =
        PathBuf::from(std::env::var_os(MODULES).unwrap_or_else(|| "/opt/cdk/node_modules".into()));
    if !modules.join("aws-cdk-lib").is_dir() {
        return println!("skipped: {MODULES} has no aws-cdk-lib");
    }
    let fixture = odd();
    let home = Home::new(fixture.path());
    home.run(["export", "cdk", "--stage", "beta"]).ok();
    let app = fixture.path().join("cdk/beta");
    std::os::unix::fs::symlink(&modules, app.join("node_modules")).expect("the directory is ours");
    let mut types = Command::new(modules.join(".bin/tsc"));
    python::run(types.current_dir(&app).args(["-p", "."]));
    let mut synth = Command::new(modules.join(".bin/cdk"));
    synth
        .current_dir(&app)
        .env("PATH", path(&modules))
        .env("CDK_DISABLE_CLI_TELEMETRY", "1")
        .args(["synth", "--quiet", "--no-notices", "--no-version-reporting", "--no-lookups"]);
    python::run(&mut synth);
    let templates: Vec<PathBuf> = fs::read_dir(app.join("cdk.out"))
        .expect("it was synthesized")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".template.json"))
        .collect();
    let text = fs::read_to_string(templates.first().expect("a stack")).expect("a template");
    let template: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    let of = |kind: &str| resources.values().filter(|one| one["Type"] == kind).count();
    let function = resources
        .values()
        .find(|one| one["Properties"]["FunctionName"] == "acme-1st-odd_Name")
        .expect("the function");
    let variables = &function["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["TEMPLATE"], "$${HOME} %{ for } ${a} \"q\" \n next");
    assert_eq!((of("AWS::Lambda::Function"), of("AWS::Lambda::Alias")), (4, 4));
    assert_eq!((of("AWS::Logs::LogGroup"), of("AWS::Lambda::Url")), (3, 2));
}

/// A search path on which the app's `npx` finds the packages.
fn path(modules: &std::path::Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", modules.join(".bin").display())
}
