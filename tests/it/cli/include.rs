//! Files that a manifest includes, from the file to the function that reads it.

use std::fs;

use serde_json::{Value, json};
use tests::{Fixture, Home};

/// Returns a text of its working directory, one of `LAMBDA_TASK_ROOT`, and whether `run.sh` is
/// executable.
const SOURCE: &str = r#"
use std::os::unix::fs::PermissionsExt as _;

fn main() {
    lambda::run(async |_: serde::de::IgnoredAny| {
        let task = std::path::PathBuf::from(std::env::var("LAMBDA_TASK_ROOT").unwrap_or_default());
        let mode = std::fs::metadata(task.join("run.sh"))?.permissions().mode() & 0o111;
        let text = std::fs::read_to_string("texts/de/hello.txt")?;
        Ok::<_, std::io::Error>((text, std::fs::read_to_string(task.join("notes"))?, mode != 0))
    })
}
"#;

/// Writes the function `reader` with these lines in its `deploy`.
fn write(fixture: &Fixture, deploy: &str) {
    let dependencies = format!(
        "{}\nserde = \"1\"\n[package.metadata.lambda.build]\ninclude = [\"run.sh\"]\n\
         [package.metadata.lambda.deploy]\n{deploy}\n",
        Fixture::runtime()
    );
    fixture.function("reader", &dependencies, SOURCE);
}

fn build(home: &Home) -> Value {
    home.run(["build", "reader", "--arch", "native", "--debug", "--json"]).ok().json()["functions"]
        [0]
    .clone()
}

/// Deploys the build. Returns the result, and the function's response afterwards.
fn deploy(home: &Home) -> (Value, Value) {
    let deployed = home.run(["deploy", "reader", "--json"]).ok().json();
    let invoked = home.run(["invoke", "reader", "--payload", "{}", "--json"]).ok().json();
    (deployed["functions"][0]["action"].clone(), invoked["payload"].clone())
}

fn is_stale(home: &Home) -> bool {
    let listed = home.run(["list"]).ok().stdout;
    let row = listed.lines().find(|line| line.starts_with("reader ")).expect("it is listed");
    row.contains("stale, ")
}

#[test]
fn a_deployed_function_reads_the_files_that_its_manifest_includes() {
    let fixture = Fixture::new("included");
    // Without symbols: the build is also zipped, by a console that is not optimised.
    let workspace =
        "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n[profile.dev]\nstrip = true\n";
    fixture.write("Cargo.toml", workspace);
    write(&fixture, "include = [\"texts\", \"notes:../../shared/notes.txt\"]");
    let text = fixture.write("functions/reader/texts/de/hello.txt", "hallo");
    fixture.write("shared/notes.txt", "shared");
    let script = fixture.write("functions/reader/run.sh", "#!/bin/sh\n");
    fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("the file is ours");
    let home = Home::new(fixture.path());

    let first = build(&home);
    assert_eq!(deploy(&home), (json!("created"), json!(["hallo", "shared", true])));
    assert!(!is_stale(&home));
    assert_eq!(build(&home)["sha256"], first["sha256"]);
    assert_eq!(deploy(&home).0, "unchanged");

    fs::write(&text, "guten Tag").expect("the file is ours");
    assert!(is_stale(&home));
    assert_ne!(build(&home)["sha256"], first["sha256"]);
    assert!(!is_stale(&home));
    assert_eq!(deploy(&home), (json!("updated"), json!(["guten Tag", "shared", true])));

    // A missing file fails the build with an error that names the setting; the previous zip is
    // kept.
    write(&fixture, "include = [\"texts\", \"notes\"]");
    let refused = home.run(["build", "reader", "--arch", "native", "--debug", "--json"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let failed = refused.stdout + &refused.stderr;
    assert!(
        failed.contains("reader/Cargo.toml:12: `include`: ")
            && failed.contains("/notes is not there"),
        "{failed}"
    );
    assert_eq!(deploy(&home).0, "unchanged");
}
