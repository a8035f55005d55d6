//! Cargo workspaces made by the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lambda_console_testing::bootstrap;

use crate::{repository, shared_directory, target, workspace::write, zip};

/// A Cargo workspace, outside this repository or in its target directory.
pub struct Fixture {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Fixture {
    /// A workspace without members that shares nothing: its functions are [`Fixture::prebuilt`].
    pub fn apart() -> Self {
        let directory = shared_directory();
        Self::begun(directory.path().to_path_buf(), Some(directory))
    }

    fn begun(path: PathBuf, temporary: Option<tempfile::TempDir>) -> Self {
        let fixture = Self { path, temporary };
        fixture.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        fs::create_dir_all(fixture.path().join("functions")).expect("the directory is ours");
        fixture
    }

    /// A workspace without members; its target directory is shared with other fixtures of the same
    /// `name`, so that dependencies compile once.
    pub fn new(name: &str) -> Self {
        Self::apart().built_in(name)
    }

    /// A workspace with these functions, which the test adds. It is kept between runs, so that
    /// cargo builds only what has changed.
    pub fn kept(name: &str, functions: &[&str]) -> Self {
        let path = target().join("fixtures").join(name).join("workspace");
        for entry in fs::read_dir(path.join("functions")).into_iter().flatten().flatten() {
            if !functions.iter().any(|function| entry.file_name() == *function) {
                fs::remove_dir_all(entry.path()).expect("the target directory is ours");
            }
        }
        Self::begun(path, None).built_in(name)
    }

    fn built_in(self, name: &str) -> Self {
        let directory = target().join("fixtures").join(name);
        self.write(
            ".cargo/config.toml",
            &format!("[build]\ntarget-dir = \"{}\"\n", directory.display()),
        );
        let lock = self.path.join("Cargo.lock");
        if !lock.exists() {
            // Versions that are downloaded already.
            fs::copy(repository().join("Cargo.lock"), lock).expect("the file is ours");
        }
        self
    }

    /// Path of the workspace.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, and creates its directories. In a workspace that is kept, a file that has
    /// this content already is left alone.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        if self.temporary.is_none() {
            write(&path, text.as_bytes()).expect("the file is ours");
        } else {
            fs::create_dir_all(path.parent().expect("a file has a directory"))
                .expect("the directory is ours");
            fs::write(&path, text).expect("the file is ours");
        }
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
        let program = format!("{}\n\ngreets({edition:?})", include_str!("fixture.py"));
        self.scripted(name, &program);
    }

    /// Makes this program in Python the build of the function `name`.
    pub fn scripted(&self, name: &str, program: &str) {
        let bootstrap = bootstrap(program);
        self.write(&format!("target/lambda/{name}/bootstrap"), &bootstrap);
        let packed = zip(&[("bootstrap", bootstrap.as_bytes())]);
        fs::write(self.path().join(format!("target/lambda/{name}/bootstrap.zip")), packed)
            .expect("the file is ours");
    }
}
