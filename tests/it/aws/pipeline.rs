//! The pipelines that `export ci` writes: their shell steps run from the build to the last stage,
//! with the local Lambda in place of AWS.

#![expect(clippy::print_stdout, reason = "a test that is skipped reports it")]

use std::{fs, path::Path, process::Command};

use tests::{Fixture, Home, LocalLambda, binary};

/// The lines of a block of text in YAML, below the first line that ends with `key: |` after
/// `after`.
fn block(yaml: &str, after: &str, key: &str) -> String {
    let mut lines = yaml.lines().skip_while(|line| !line.contains(after));
    let begin = lines.by_ref().find(|line| line.trim_start().starts_with(key));
    assert!(begin.is_some(), "{after}: {key}: {yaml}");
    let lines: Vec<&str> = lines.collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let width = lines.first().map_or(0, |line| depth(line));
    lines
        .iter()
        .take_while(|line| depth(line) >= width)
        .flat_map(|line| [line.trim_start_matches(' '), "\n"])
        .collect()
}

/// A checkout of the workspace, whose stages are on the local Lambda.
struct Checkout<'a> {
    home: &'a Home,
    directory: &'a Path,
}

impl Checkout<'_> {
    /// Runs a step as a service does. Returns its exit code, and what it printed.
    fn step(&self, script: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let programs = self.home.path().join("bin");
        fs::create_dir_all(&programs).expect("the directory is ours");
        let program = programs.join("lambda-console");
        if !program.exists() {
            std::os::unix::fs::symlink(binary(), program).expect("the directory is ours");
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.home.command_for(
            Path::new("bash"),
            ["--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        );
        let output = command
            .current_dir(self.directory)
            .env("PATH", format!("{}:{path}", programs.display()))
            .envs(variables.iter().copied())
            .output()
            .expect("bash runs");
        let printed = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        (output.status.code(), printed)
    }

    #[track_caller]
    fn works(&self, script: &str, variables: &[(&str, &str)]) {
        let (code, printed) = self.step(script, variables);
        assert_eq!(code, Some(0), "{script}\n{printed}");
    }
}

/// A workspace whose function is built by each pipeline, and a local Lambda in place of AWS.
fn place() -> Option<(Fixture, Home, LocalLambda)> {
    if !Command::new("jq").arg("--version").output().is_ok_and(|jq| jq.status.success()) {
        println!("skipped: jq is not installed");
        return None;
    }
    let fixture = Fixture::kept("pipeline", &["greet"]);
    for stage in ["beta", "gamma", "prod"] {
        let protected = stage == "prod";
        let settings = format!("prefix = \"{stage}-\"\nalias = \"live\"\nprotected = {protected}");
        fixture.stage(stage, &settings);
    }
    let runtime = format!(
        "{}\n[package.metadata.lambda.build]\narm64 = true",
        Fixture::runtime().replacen("lambda-console-runtime", "lambda", 1).replacen(
            "{ ",
            "{ package = \"lambda-console-runtime\", ",
            1
        )
    );
    let source = "async fn handler(name: String) -> Result<String, std::io::Error> {\n    Ok(name)\n}\n\n\
                  fn main() {\n    lambda::run(handler)\n}\n";
    fixture.function("greet", &runtime, source);
    let home = Home::new(fixture.path());
    let local = LocalLambda::start(home.path());
    let home = home.on(local.account());
    Some((fixture, home, local))
}

fn versions(home: &Home, stage: &str) -> usize {
    let listed = home.run(["versions", "greet", "--stage", stage, "--json"]);
    if listed.code != Some(0) {
        return 0;
    }
    let document = listed.json();
    document["functions"][0]["versions"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_build_reaches_the_last_stage_and_nothing_else_does() {
    let Some((fixture, home, _local)) = place() else { return };
    let files = tests::shared_directory();
    let out = files.path().display().to_string();
    home.run(["export", "ci", "github", "--out", &out]).ok();
    home.run(["export", "ci", "codebuild", "--out", &out]).ok();
    let read = |path: &str| fs::read_to_string(files.path().join(path)).expect("it was written");
    let (workflow, buildspec) = (read(".github/workflows/lambda.yml"), read("buildspec.yml"));

    let checkout = Checkout { home: &home, directory: fixture.path() };
    let run = |name: &str| block(&workflow, &format!("- name: {name}"), "run: |");
    checkout.works(&run("Build"), &[]);
    checkout.works(&run("Deploy to beta"), &[]);
    // The digests are those of another build: it is noticed before anything is promoted.
    let digests = fixture.path().join("sha256.txt");
    let built = fs::read_to_string(&digests).expect("the build noted it");
    assert_eq!(built.trim_end().split("  ").last(), Some("greet"), "{built}");
    fs::write(&digests, format!("{}  greet\n", "0".repeat(64))).expect("the file is ours");
    let (code, printed) = checkout.step(&run("Promote to gamma"), &[]);
    assert_eq!((code, versions(&home, "gamma")), (Some(1), 0), "{printed}");
    fs::write(&digests, &built).expect("the file is ours");
    for stage in ["gamma", "prod"] {
        checkout.works(&run(&format!("Promote to {stage}")), &[]);
        assert_ne!(versions(&home, stage), 0, "{stage}");
    }
    assert!(workflow.contains("environment prod"), "a person approves what reaches prod");

    // The same by the buildspec, with `built` as it hands it on. Its tests are cargo's.
    let script = block(&buildspec, "  build:", "- |").replace("cargo test --workspace", ":");
    let script = script.replace("lambda-console setup --json", ":");
    let built = fixture.path().display().to_string();
    for stage in ["beta", "gamma", "prod"] {
        checkout.works(&script, &[("STAGE", stage), ("CODEBUILD_SRC_DIR_built", &built)]);
    }
    assert_eq!(checkout.step(&script, &[("STAGE", "nowhere")]).0, Some(2));
}
