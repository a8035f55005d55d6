//! Several workspaces that build into one target directory, as git worktrees do.

use std::{fs, path::Path};

use lambda_console_model::Workspace;

use super::*;
use crate::{
    compile::{self, BuildRequest},
    workspace::discover_with,
};

/// A place for workspaces, and the target directory of all.
struct Shared(tempfile::TempDir);

impl Shared {
    fn write(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn package(&self, directory: &str, name: &str, binary: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition \
            = \"2021\"\n[package.metadata.lambda]\n\
             [[bin]]\nname = \"{binary}\"\npath = \"src/main.rs\"\n"
        );
        self.write(&format!("{directory}/Cargo.toml"), &manifest);
        self.write(
            &format!("{directory}/src/main.rs"),
            &format!("fn main() {{ println!(\"{directory}\"); }}"),
        );
    }

    async fn read(&self, workspace: &str) -> Workspace {
        let place = self.0.path().canonicalize().unwrap();
        discover_with(&place.join(workspace), &place.join("target")).await
    }

    /// Builds the workspace, and returns its function after that.
    async fn build(&self, workspace: &str) -> Function {
        let request = BuildRequest {
            functions: Vec::new(),
            architecture: Some(Architecture::Native),
            debug: true,
            ..BuildRequest::default()
        };
        let outcome =
            compile::build(&self.read(workspace).await, &request, &Job::silent()).await.unwrap();
        assert_eq!(outcome.failed, []);
        let function = self.function(workspace).await;
        assert_eq!(function.zip.as_ref(), Some(&outcome.built[0].zip), "it is there");
        assert!(!function.stale, "and new");
        function
    }

    async fn function(&self, workspace: &str) -> Function {
        self.read(workspace).await.functions.remove(0)
    }

    #[track_caller]
    fn is_not_built(function: &Function) {
        let Function { bootstrap, zip, stale, .. } = function;
        assert_eq!(
            (bootstrap.is_some(), zip.is_some(), *stale),
            (false, false, false),
            "{}",
            function.manifest.display()
        );
    }

    fn target(&self, file: &str) -> impl AsRef<Path> {
        self.0.path().join("target").join(file)
    }
}

#[tokio::test]
async fn what_another_workspace_has_built_is_not_built_and_is_never_deployed() {
    let shared = Shared(tempfile::tempdir().unwrap());
    // Both older than any build: then cargo uses what was compiled for one for the other.
    shared.package("one", "hello", "hello");
    shared.package("two", "hello", "hello");
    let first = shared.build("one").await;
    Shared::is_not_built(&shared.function("two").await);
    let second = shared.build("two").await;
    Shared::is_not_built(&shared.function("one").await);
    assert_ne!(
        first.zip.as_ref().map(|zip| &zip.sha256),
        second.zip.as_ref().map(|zip| &zip.sha256)
    );

    // A console that looked before the other one built.
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let planned = deploy::plan(&stage, std::slice::from_ref(&first), &Job::silent()).await;
    let failure = planned.map(|plan| plan.failed.into_iter().next().map(|(_, failure)| failure));
    let failure = failure.unwrap_or_else(Some).expect("it is refused");
    assert!(failure.why.ends_with("has since been built for another package"), "{failure}");
    assert!(failure.hint.contains("lambda-console build hello"), "{failure}");
    assert_eq!(deploy_one(&stage, &second).await, DeployAction::Created);

    // The state that cargo-lambda leaves.
    fs::remove_file(shared.target("lambda/hello/fingerprint.json")).unwrap();
    Shared::is_not_built(&shared.function("one").await);
    assert!(shared.function("two").await.bootstrap.is_some());
}

#[tokio::test]
async fn a_binary_of_one_name_in_two_packages_is_of_the_package_that_it_was_built_for() {
    let shared = Shared(tempfile::tempdir().unwrap());
    shared.package("all/orders", "orders", "bootstrap");
    shared.package("all/refunds", "refunds", "bootstrap");
    shared.write(
        "all/Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"orders\"]\nexclude = [\"refunds\"]\n",
    );
    shared.build("all").await;
    shared.write(
        "all/Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"refunds\"]\nexclude = [\"orders\"]\n",
    );
    Shared::is_not_built(&shared.function("all").await);
    assert_eq!(shared.build("all").await.package, "refunds");
}
