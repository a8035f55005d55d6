//! Cargo workspaces made by the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::repository;

/// A Cargo workspace in a temporary directory, outside this repository.
pub struct Fixture {
    directory: tempfile::TempDir,
}

impl Fixture {
    /// A workspace with no members yet; its lock file and target directory are shared with other
    /// fixtures of the same `name`, so that dependencies compile once.
    pub fn new(name: &str) -> Self {
        let fixture = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let target = repository().join("target/fixtures").join(name);
        fixture.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        fixture.write(".cargo/config.toml", &format!("[build]\ntarget-dir = \"{}\"\n", target.display()));
        fs::create_dir_all(fixture.path().join("functions")).expect("the directory is ours");
        fixture
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, making its directories.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("the directory is ours");
        fs::write(&path, text).expect("the file is ours");
        path
    }

    /// Adds the function `name` with `dependencies` (lines of TOML) and `source` as its `main.rs`.
    pub fn function(&self, name: &str, dependencies: &str, source: &str) {
        self.write(
            &format!("functions/{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n"
            ),
        );
        self.write(&format!("functions/{name}/src/main.rs"), source);
    }

    /// The line of TOML that depends on this repository's runtime crate.
    pub fn runtime() -> String {
        format!("lambda-console-runtime = {{ path = \"{}\" }}", repository().join("runtime").display())
    }
}
