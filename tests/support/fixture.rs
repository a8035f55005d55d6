//! Cargo workspaces made by the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{python, repository, shared_directory, zip};

/// A Cargo workspace in a temporary directory, outside this repository.
pub struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    /// A workspace without members that shares nothing: its functions are [`Fixture::prebuilt`].
    pub fn apart() -> Self {
        let fixture = Self { directory: shared_directory() };
        fixture.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        fs::create_dir_all(fixture.path().join("functions")).expect("the directory is ours");
        fixture
    }

    /// A workspace without members; its lock file and target directory are shared with other
    /// fixtures of the same `name`, so that dependencies compile once.
    pub fn new(name: &str) -> Self {
        let fixture = Self::apart();
        let target = repository().join("target/fixtures").join(name);
        fixture.write(
            ".cargo/config.toml",
            &format!("[build]\ntarget-dir = \"{}\"\n", target.display()),
        );
        fixture
    }

    /// Path of the workspace.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, and creates its directories.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a directory"))
            .expect("the directory is ours");
        fs::write(&path, text).expect("the file is ours");
        path
    }

    /// Adds the function `name` with `dependencies` (lines of TOML) and `source` as its `main.rs`.
    pub fn function(&self, name: &str, dependencies: &str, source: &str) {
        self.write(
            &format!("functions/{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition \
                = \"2024\"\n\n[dependencies]\n{dependencies}\n"
            ),
        );
        self.write(&format!("functions/{name}/src/main.rs"), source);
    }

    /// The line of TOML for a dependency on this repository's runtime crate.
    pub fn runtime() -> String {
        format!(
            "lambda-console-runtime = {{ path = \"{}\" }}",
            repository().join("runtime").display()
        )
    }

    /// Adds the stage `name` with these settings (lines of TOML).
    pub fn stage(&self, name: &str, settings: &str) {
        let manifest = self.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).expect("it was written");
        self.write(
            "Cargo.toml",
            &format!("{text}\n[workspace.metadata.lambda.stages.{name}]\n{settings}\n"),
        );
    }

    /// Adds the function `name`, which needs no compiler, as if it was built just now; or replaces
    /// its build. It prints its event, and returns `{"edition": …, "got": …, "greeting":
    /// $GREETING}`. `deploy` are lines of TOML for its `[package.metadata.lambda.deploy]`.
    pub fn prebuilt(&self, name: &str, edition: &str, deploy: &str) {
        self.write(
            &format!("functions/{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [package.metadata.lambda.deploy]\n{deploy}\n"
            ),
        );
        self.write(&format!("functions/{name}/src/main.rs"), "fn main() {}\n");
        let bootstrap = bootstrap(edition);
        self.write(&format!("target/lambda/{name}/bootstrap"), &bootstrap);
        let packed = zip(&[("bootstrap", bootstrap.as_bytes())]);
        fs::write(self.path().join(format!("target/lambda/{name}/bootstrap.zip")), packed)
            .expect("the file is ours");
    }
}

/// A bootstrap in Python.
fn bootstrap(edition: &str) -> String {
    format!(
        r#"#!{}
import json, os, urllib.request as http
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with http.urlopen(api + "next") as event:
        request, body = event.headers["Lambda-Runtime-Aws-Request-Id"], event.read()
    print("got", body.decode(), flush=True)
    answer = {{"edition": "{edition}", "got": json.loads(body), "greeting": os.environ.get("GREETING")}}
    http.urlopen(http.Request(api + request + "/response", json.dumps(answer).encode())).close()
"#,
        python::python().display()
    )
}
