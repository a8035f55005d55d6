//! Reports after builds, which record the files that they have read.

use std::os::unix::fs::symlink;

use lambda_console_model::Architecture;

use super::*;
use crate::compile::{self, BuildRequest};

impl Place {
    /// Builds the functions as a watching console does, and returns the names of those that failed.
    async fn build(&self, functions: &[&str]) -> Vec<String> {
        let workspace = workspace::discover(&self.root()).await.unwrap();
        let functions = functions.iter().map(|&name| name.to_owned()).collect();
        let request = BuildRequest {
            functions,
            architecture: Some(Architecture::Native),
            debug: true,
            ..BuildRequest::default()
        };
        let _running = self.builds.begin();
        let outcome = compile::build(&workspace, &request, &Job::silent()).await.unwrap();
        outcome.failed.into_iter().map(|(name, _)| name).collect()
    }

    fn git(&self, directory: &str) {
        let mut git = std::process::Command::new("git");
        assert!(
            git.args(["init", "-q"])
                .current_dir(self.root().join(directory))
                .status()
                .unwrap()
                .success()
        );
    }
}

#[tokio::test]
async fn what_a_build_has_read_is_watched_wherever_it_is_and_even_if_git_ignores_it() {
    let place = Place::prepared();
    place.git("..");
    place.save("../.gitignore", "*\n");
    place.save("texts/a.txt", "a");
    place.save(
        "elsewhere/main.rs",
        "mod made;\nmod linked;\n#[path = \"deep/er.rs\"]\nmod deeper;\n\
        fn main() { println!(include_str!(\"../texts/a.txt\")); }\n",
    );
    place.save("elsewhere/made.rs", "");
    place.save("elsewhere/real.rs", "");
    place.save("far/er.rs", "");
    symlink("real.rs", place.root().join("elsewhere/linked.rs")).unwrap();
    symlink("../far", place.root().join("elsewhere/deep")).unwrap();
    place.save(
        "functions/two/Cargo.toml",
        "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [package.metadata.lambda]\n[[bin]]\nname = \"two\"\npath = \"../../elsewhere/main.rs\"\n",
    );
    let mut place = place.begin(&["two"], &["two"]).await;
    assert_eq!(place.build(&["two"]).await, [""; 0]);
    // No module of it: not read.
    place.save("elsewhere/other.rs", "");
    place.save("functions/two/README.md", "");
    for (saved, text) in [
        ("texts/a.txt", "b"),
        ("elsewhere/main.rs", "fn main() {}"),
        ("elsewhere/made.rs", "// b"),
        ("elsewhere/real.rs", "// b"),
        ("far/er.rs", "// b"),
    ] {
        place.save(saved, text);
        let (files, functions) = place.seen().await;
        assert!(files.contains(&saved.to_owned()), "{saved}: {files:?}");
        assert_eq!(functions, ["two"], "{saved}");
    }
    fs::remove_file(place.root().join("elsewhere/made.rs")).unwrap();
    assert_eq!(place.seen().await, pair("elsewhere/made.rs", &["two"]), "to be gone is a change");
}

#[tokio::test]
async fn what_only_a_build_wrote_starts_no_build_and_a_refusal_of_git_is_reported() {
    let place = Place::prepared();
    place.git(".");
    place.save(".gitignore", "generated\n");
    place.save(".git/config", "[core\n");
    place.save("functions/one/src/main.rs", "include!(\"../generated/code.rs\");\nfn main() {}\n");
    place.save(
        "functions/one/build.rs",
        r#"
fn main() {
    let now = format!("// {:?}", std::time::SystemTime::now());
    std::fs::create_dir_all("generated").unwrap();
    std::fs::write("generated/code.rs", &now).unwrap();
    std::fs::write(format!("generated/{}", std::process::id()), now).unwrap();
}
"#,
    );
    let mut place = place.watch(&["one"]);
    let mut refusals = 0;
    let first = loop {
        match place.report().await {
            Ok(first) => break first,
            Err(failure) => {
                assert!(
                    failure.why.contains("git") && failure.why.contains("bad config"),
                    "{failure}"
                );
                refusals += 1;
            }
        }
    };
    assert_eq!((first.functions.as_slice(), refusals), (&["one".to_owned()][..], 1));
    for turn in 0..2 {
        assert_eq!(place.build(&["one"]).await, [""; 0]);
        place.save(
            "functions/one/src/main.rs",
            &format!("include!(\"../generated/code.rs\");\nfn main() {{}} // {turn}\n"),
        );
        assert_eq!(
            place.seen().await,
            pair("functions/one/src/main.rs", &["one"]),
            "and nothing before"
        );
    }
}

#[tokio::test]
async fn what_is_saved_during_a_build_is_reported_once_when_it_has_ended() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    assert_eq!(place.build(&[]).await, [""; 0]);
    let running = place.builds.begin();
    place.save("functions/one/src/main.rs", "fn main() { }\n");
    place.save("functions/two/src/main.rs", "fn main() { }\n");
    place.save("functions/one/src/main.rs", "fn main() {  }\n");
    drop(running);
    let files =
        ["functions/one/src/main.rs", "functions/two/src/main.rs"].map(str::to_owned).to_vec();
    assert_eq!(place.seen().await, (files, vec!["one".to_owned(), "two".to_owned()]));
}

#[tokio::test]
async fn of_a_function_that_does_not_compile_a_new_module_is_seen() {
    let place = Place::prepared();
    place.save("functions/two/src/main.rs", "mod missing;\nfn main() {}\n");
    let mut place = place.begin(&["two"], &["two"]).await;
    assert_eq!(place.build(&["two"]).await, ["two"]);
    place.save("functions/two/src/missing.rs", "");
    assert_eq!(place.seen().await, pair("functions/two/src/missing.rs", &["two"]));
    assert_eq!(place.build(&["two"]).await, [""; 0]);
    place.save("functions/two/src/unused.rs", "");
    place.save("functions/two/src/missing.rs", "// read\n");
    assert_eq!(
        place.seen().await,
        pair("functions/two/src/missing.rs", &["two"]),
        "and the other is read by nobody"
    );
}

#[tokio::test]
async fn of_a_manifest_what_reaches_compiler_or_stage_counts() {
    let mut place = Place::started(&["two"], &["two"]).await;
    assert_eq!(place.build(&["two"]).await, [""; 0]);
    let manifest = fs::read_to_string(place.root().join("functions/two/Cargo.toml")).unwrap();
    for (line, functions) in [
        ("# a comment", &[][..]),
        ("[package.metadata.lambda.deploy]\nmemory = 256", &["two"]),
        ("[features]\nextra = []", &["two"]),
        ("", &[]),
    ] {
        place.save("functions/two/Cargo.toml", &format!("{manifest}\n{line}\n"));
        let changed = place.report().await.unwrap();
        assert_eq!(changed.functions, functions, "{line}");
        assert!(changed.workspace.is_some(), "{line}");
    }
}

#[tokio::test]
async fn a_new_binary_is_a_new_function() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    assert_eq!(place.build(&[]).await, [""; 0]);
    place.save("functions/two/src/bin/three.rs", "fn main() {}\n");
    let changed = place.report().await.unwrap();
    assert_eq!(changed.functions, ["three"]);
    assert_eq!(changed.workspace.unwrap().functions.len(), 3);
    fs::remove_file(place.root().join("functions/two/src/bin/three.rs")).unwrap();
    let changed = place.report().await.unwrap();
    assert_eq!((changed.functions.len(), changed.workspace.unwrap().functions.len()), (0, 2));
}

#[tokio::test]
async fn a_dependency_that_was_never_fetched_is_no_hindrance() {
    let place = Place::prepared();
    place.save(".cargo/config.toml", "[net]\noffline = true\n");
    let manifest = fs::read_to_string(place.root().join("functions/two/Cargo.toml")).unwrap();
    let never = "[target.'cfg(windows)'.dependencies]\nnever-was-fetched = \"1\"\n";
    place.save("functions/two/Cargo.toml", &format!("{manifest}\n{never}"));
    let mut place = place.begin(&[], &["one", "two"]).await;
    place.save("crates/shared/src/lib.rs", "// new\n");
    assert_eq!(place.seen().await, pair("crates/shared/src/lib.rs", &["one"]));
}

#[tokio::test]
async fn places_that_cannot_be_read_loops_pipes_and_links_to_nowhere_are_passed_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::prepared();
    let package = place.root().join("functions/two");
    fs::create_dir(package.join("closed")).unwrap();
    fs::set_permissions(package.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    symlink("..", package.join("src/up")).unwrap();
    symlink("nowhere", package.join("src/dangling.rs")).unwrap();
    symlink("loop", package.join("src/loop")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(package.join("src/pipe"))
            .status()
            .unwrap()
            .success()
    );
    let mut place = place.watch(&["two"]);
    loop {
        match place.report().await {
            Ok(first) => break assert_eq!(first.functions, ["two"]),
            // If the tests do not run as root.
            Err(failure) => assert!(failure.why.contains("functions/two/closed: "), "{failure}"),
        }
    }
    fs::create_dir(package.join("vanishing")).unwrap();
    fs::remove_dir(package.join("vanishing")).unwrap();
    symlink("elsewhere", package.join("src/dangling.new")).unwrap();
    fs::rename(package.join("src/dangling.new"), package.join("src/dangling.rs")).unwrap();
    place.save("functions/two/src/main.rs", "fn main() { }\n");
    let functions = place.until("functions/two/src/main.rs").await;
    assert_eq!(functions, ["two"]);
    fs::set_permissions(package.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}
