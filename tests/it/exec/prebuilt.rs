//! Finished bootstraps of other languages.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tests::{Fixture, Home};

use super::{ARCHITECTURE, executable};

/// The console's zig, which setting up has provided.
fn zig() -> PathBuf {
    let home = super::home();
    home.run(["setup", "--arch", ARCHITECTURE, "--json"]).ok();
    let parts = home.run(["setup", "--check", "--arch", ARCHITECTURE, "--json"]).ok().json();
    let parts = parts["parts"].as_array().unwrap().clone();
    let zig = parts.iter().find(|part| part["name"] == "zig").unwrap();
    zig["found"].as_str().unwrap().split_once(" in ").unwrap().1.into()
}

/// Compiles with zig.
pub(super) fn compile(arguments: &[&str], directory: &Path) {
    let output = Command::new(zig()).args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A workspace with the function `f`, which is this finished bootstrap.
pub(super) fn workspace(more: &str) -> Fixture {
    let fixture = Fixture::apart();
    fixture.write(
        "Cargo.toml",
        &format!(
            "[workspace]\nresolver = \"3\"\nmembers = []\n\n\
             [workspace.metadata.lambda.bin.f]\nprebuilt = \"dist/bootstrap\"\n{more}\n"
        ),
    );
    fixture
}

/// Builds, deploys and invokes it.
fn answer(fixture: &Fixture, payload: &str) -> Value {
    let home = Home::new(fixture.path());
    home.run(["build", "--arch", ARCHITECTURE, "--json"]).ok();
    assert!(!home.run(["list"]).ok().stdout.contains("stale"));
    home.run(["deploy", "--json"]).ok();
    home.run(["invoke", "f", "--payload", payload, "--json"]).ok().json()["payload"].clone()
}

fn musl() -> String {
    format!("{}-linux-musl", if ARCHITECTURE == "arm64" { "aarch64" } else { "x86_64" })
}

#[test]
fn a_c_program_with_a_loop_over_a_socket_answers() {
    let fixture = workspace("");
    fixture.write("bootstrap.c", include_str!("bootstrap.c"));
    std::fs::create_dir_all(fixture.path().join("dist")).unwrap();
    let target = musl();
    compile(
        &["cc", "-target", &target, "-O2", "-s", "-o", "dist/bootstrap", "bootstrap.c"],
        fixture.path(),
    );
    assert_eq!(answer(&fixture, "{\"n\":1}")["got"]["n"], 1);
    // For glibc, as Lambda has it.
    let target = target.replace("musl", "gnu.2.34");
    compile(
        &["cc", "-target", &target, "-O2", "-s", "-o", "dist/bootstrap", "bootstrap.c"],
        fixture.path(),
    );
    assert_eq!(answer(&fixture, "{\"n\":2}")["got"]["n"], 2);
}

#[test]
fn a_zig_program_answers() {
    let fixture = workspace("");
    fixture.write("bootstrap.zig", include_str!("bootstrap.zig"));
    std::fs::create_dir_all(fixture.path().join("dist")).unwrap();
    compile(
        &[
            "build-exe",
            "bootstrap.zig",
            "-target",
            &musl(),
            "-O",
            "ReleaseSmall",
            "-femit-bin=dist/bootstrap",
        ],
        fixture.path(),
    );
    assert_eq!(answer(&fixture, "{\"n\":1}")["got"]["n"], 1);
}

#[test]
fn a_shell_script_with_curl_answers() {
    if !tests::is_installed("curl") {
        eprintln!("not tried: this machine has no curl");
        return;
    }
    let fixture = workspace("include = [\"bootstrap.sh:dist/function.sh\"]");
    executable(&fixture.write("dist/bootstrap", include_str!("../peers/shell_runtime.sh")));
    fixture.write("dist/function.sh", include_str!("../peers/shell_runtime_function.sh"));
    assert_eq!(answer(&fixture, "{\"n\":1}")["got"]["n"], 1);
}
