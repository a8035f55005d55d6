//! Saves files in a workspace on disk, and checks the reports.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::*;

mod built;

/// Longer than a report takes on any machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A workspace with the functions `one` and `two`, of which `one` links the member `shared` and the
/// package `outside` beside the workspace; no function links `lonely`, and only the tests of `two`
/// link `checks`.
struct Place {
    directory: tempfile::TempDir,
    job: Job,
    builds: Builds,
    reports: UnboundedReceiver<Result<Changed, Failure>>,
}

impl Place {
    /// Creates the files that exist before watching starts.
    fn prepared() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Events have resolved paths.
        let root = directory.path().canonicalize().unwrap().join("workspace");
        let package = |path: &str, dependencies: &str| {
            let name = path.rsplit('/').next().unwrap();
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition \
                = \"2021\"\n{dependencies}\n"
            );
            write(&root.join(path).join("Cargo.toml"), &manifest);
        };
        write(
            &root.join("Cargo.toml"),
            "[workspace]\nresolver = \"2\"\nmembers = [\"functions/*\", \"crates/*\"]\n",
        );
        let lambda = "[package.metadata.lambda]\n[dependencies]\n";
        let outside = "outside = { path = \"../../../outside\" }";
        package(
            "functions/one",
            &format!("{lambda}shared = {{ path = \"../../crates/shared\" }}\n{outside}"),
        );
        package(
            "functions/two",
            &format!("{lambda}[dev-dependencies]\nchecks = {{ path = \"../../crates/checks\" }}"),
        );
        for library in ["crates/shared", "crates/lonely", "crates/checks", "../outside"] {
            package(library, "");
            write(&root.join(library).join("src/lib.rs"), "");
        }
        for function in ["functions/one", "functions/two"] {
            write(&root.join(function).join("src/main.rs"), "fn main() {}\n");
        }
        let (_, reports) = unbounded_channel();
        let job = Job::new(CancellationToken::new(), |_| {});
        Self { directory, job, builds: Builds::default(), reports }
    }

    /// Watches all functions, or those named.
    fn watch(mut self, names: &[&str]) -> Self {
        let (sender, reports) = unbounded_channel();
        self.reports = reports;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let (root, builds, job) = (self.root(), self.builds.clone(), self.job.clone());
        tokio::spawn(async move {
            watch(&root, &names, &builds, |changed| drop(sender.send(changed)), &job).await
        });
        self
    }

    /// As [`Place::begin`], with the files of every test.
    async fn started(names: &[&str], functions: &[&str]) -> Self {
        Self::prepared().begin(names, functions).await
    }

    /// As [`Place::watch`], after the first report, which names these functions.
    async fn begin(self, names: &[&str], functions: &[&str]) -> Self {
        let mut place = self.watch(names);
        let first = place.report().await.unwrap();
        assert_eq!(
            (first.files.as_slice(), first.functions.as_slice()),
            (&[][..], &functions.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()[..])
        );
        assert!(first.workspace.is_some());
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("workspace")
    }

    fn save(&self, file: &str, text: &str) {
        write(&self.root().join(file), text);
    }

    async fn report(&mut self) -> Result<Changed, Failure> {
        timeout(PATIENCE, self.reports.recv()).await.expect("a report in time").expect("it watches")
    }

    /// The next report: its files and functions.
    async fn seen(&mut self) -> (Vec<String>, Vec<String>) {
        let changed = self.report().await.unwrap();
        (changed.files, changed.functions)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.job.cancel.cancel();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn pair(file: &str, functions: &[&str]) -> (Vec<String>, Vec<String>) {
    (vec![file.to_owned()], functions.iter().map(|&name| name.to_owned()).collect())
}

#[tokio::test]
async fn a_source_belongs_to_the_functions_that_link_its_package() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.save("functions/two/src/main.rs", "fn main() { }\n");
    assert_eq!(place.seen().await, pair("functions/two/src/main.rs", &["two"]));
    place.save("crates/shared/src/lib.rs", "// new\n");
    assert_eq!(place.seen().await, pair("crates/shared/src/lib.rs", &["one"]));
    place.save("../outside/src/lib.rs", "// new\n");
    let (files, functions) = place.seen().await;
    assert!(files.len() == 1 && files[0].ends_with("/outside/src/lib.rs"), "{files:?}");
    assert_eq!(functions, ["one"]);
    place.save("functions/two/build.rs", "fn main() {}\n");
    assert_eq!(place.seen().await, pair("functions/two/build.rs", &["two"]));
}

#[tokio::test]
async fn files_of_no_function_are_not_reported() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    assert!(
        std::process::Command::new("git")
            .args(["init", "-q"])
            .current_dir(place.root())
            .status()
            .unwrap()
            .success()
    );
    place.save(".gitignore", "/functions/*/generated\n*.log\n");
    for file in [
        "functions/two/events/hello.json",
        "functions/two/tests/it.rs",
        "functions/two/target/CACHEDIR.TAG",
        "functions/two/target/debug/deps/x.d",
        "functions/two/src/.main.rs.swp",
        "functions/two/src/main.rs~",
        "functions/two/generated/code.rs",
        "functions/two/out.log",
        "crates/lonely/src/lib.rs",
        "crates/checks/src/lib.rs",
        "target/CACHEDIR.TAG",
        "README.md",
    ] {
        place.save(file, "changed\n");
    }
    // An editor's file that comes and goes within a save.
    place.save("functions/two/src/4913", "");
    fs::remove_file(place.root().join("functions/two/src/4913")).unwrap();
    place.save("functions/one/src/main.rs", "fn main() { }\n");
    assert_eq!(place.seen().await, pair("functions/one/src/main.rs", &["one"]));
}

#[tokio::test]
async fn a_burst_of_saves_is_one_report() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    for turn in 0..20 {
        place.save("functions/one/src/main.rs", &format!("fn main() {{}} // {turn}\n"));
        place.save("functions/two/src/main.rs", &format!("fn main() {{}} // {turn}\n"));
    }
    let expected =
        vec!["functions/one/src/main.rs".to_owned(), "functions/two/src/main.rs".to_owned()];
    assert_eq!(place.seen().await, (expected, vec!["one".to_owned(), "two".to_owned()]));
    place.save("functions/two/src/other.rs", "");
    assert_eq!(
        place.seen().await,
        pair("functions/two/src/other.rs", &["two"]),
        "nothing was left of the burst"
    );
}

#[tokio::test]
async fn a_file_that_is_written_again_as_it_was_is_no_change() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.save("functions/one/src/made.rs", "// made\n");
    assert_eq!(place.seen().await, pair("functions/one/src/made.rs", &["one"]));
    place.save("functions/one/src/made.rs", "// made\n");
    place.save("functions/two/src/main.rs", "fn main() { }\n");
    assert_eq!(place.seen().await, pair("functions/two/src/main.rs", &["two"]));
    fs::remove_file(place.root().join("functions/one/src/made.rs")).unwrap();
    assert_eq!(
        place.seen().await,
        pair("functions/one/src/made.rs", &["one"]),
        "to be gone is a change"
    );
}

#[tokio::test]
async fn a_save_by_renaming_and_a_new_directory_are_seen() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.save("functions/one/src/main.rs.tmp", "fn main() { }\n");
    let source = place.root().join("functions/one/src");
    fs::rename(source.join("main.rs.tmp"), source.join("main.rs")).unwrap();
    assert_eq!(place.seen().await, pair("functions/one/src/main.rs", &["one"]));
    place.save("functions/one/src/deep/er/mod.rs", "");
    assert_eq!(place.seen().await, pair("functions/one/src/deep/er/mod.rs", &["one"]));
    place.save("functions/one/src/deep/er/mod.rs", "// again\n");
    assert_eq!(
        place.seen().await,
        pair("functions/one/src/deep/er/mod.rs", &["one"]),
        "the directory is watched now"
    );
}

#[tokio::test]
async fn the_root_s_settings_belong_to_all_and_the_workspace_is_read_again() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.save(".cargo/config.toml", "[term]\nquiet = false\n");
    let changed = place.report().await.unwrap();
    assert_eq!(
        (changed.files, changed.functions.len()),
        (vec![".cargo/config.toml".to_owned()], 2)
    );
    assert!(changed.workspace.is_some());
    let manifest = fs::read_to_string(place.root().join("Cargo.toml")).unwrap();
    place.save("Cargo.toml", &format!("{manifest}[profile.dev]\ndebug = 0\n"));
    assert_eq!(place.seen().await, pair("Cargo.toml", &["one", "two"]));
}

#[tokio::test]
async fn a_function_that_is_added_is_watched_from_then_on() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.save("functions/three/src/main.rs", "fn main() {}\n");
    let manifest = "[package]\nname = \"three\"\nversion = \"0.1.0\"\nedition \
        = \"2021\"\n[package.metadata.lambda]\n";
    place.save("functions/three/Cargo.toml", manifest);
    let mut changed = place.report().await;
    while changed.is_err() {
        // Cargo ran between the two files.
        changed = place.report().await;
    }
    let changed = changed.unwrap();
    assert_eq!(changed.functions, ["three"]);
    assert_eq!(changed.workspace.unwrap().functions.len(), 3);
    place.save("functions/three/src/main.rs", "fn main() { }\n");
    assert_eq!(place.seen().await, pair("functions/three/src/main.rs", &["three"]));
}

#[tokio::test]
async fn a_manifest_that_is_broken_is_reported_and_what_was_saved_in_the_meantime_is_not_lost() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    let manifest = fs::read_to_string(place.root().join("functions/two/Cargo.toml")).unwrap();
    place.save("functions/two/Cargo.toml", "[package\n");
    assert!(place.report().await.unwrap_err().why.contains("functions/two/Cargo.toml"));
    place.save("functions/one/src/main.rs", "fn main() { }\n");
    place.report().await.unwrap_err();
    place.save("functions/two/Cargo.toml", &format!("{manifest}\n"));
    let (mut files, functions) = place.seen().await;
    files.sort();
    files.dedup();
    assert_eq!(files, ["functions/one/src/main.rs", "functions/two/Cargo.toml"]);
    assert_eq!(functions, ["one", "two"]);
}

impl Place {
    /// The reports up to the one that names `file`, which may come in one burst with earlier saves.
    async fn until(&mut self, file: &str) -> Vec<String> {
        let mut functions = Vec::new();
        loop {
            let (files, affected) = self.seen().await;
            functions.extend(affected);
            if files.iter().any(|seen| seen == file) {
                functions.sort();
                functions.dedup();
                return functions;
            }
        }
    }

    /// As [`Place::started`] for both, after `lines` became settings of the manifest of `one`.
    async fn including(lines: &str, files: &[&str]) -> Self {
        let mut place = Self::started(&[], &["one", "two"]).await;
        for file in files {
            write(&place.root().join(file), "old\n");
        }
        let manifest = fs::read_to_string(place.root().join("functions/one/Cargo.toml")).unwrap();
        let manifest = format!("{manifest}\n[package.metadata.lambda.deploy]\n{lines}\n");
        place.save("functions/one/Cargo.toml", &manifest);
        place.until("functions/one/Cargo.toml").await;
        place
    }
}

#[tokio::test]
async fn what_a_zip_includes_belongs_to_the_functions_that_include_it_wherever_it_is() {
    let files = ["assets/de.txt", "config.toml", "crates/lonely/data/a", "../beyond/deep/b"];
    let lines = "include = [\"assets:../../assets\", \"config.toml:../../config.toml\", \
                 \"data:../../crates/lonely/data\", \"beyond:../../../beyond\"]";
    let mut place = Place::including(lines, &files).await;
    for file in [
        "assets/de.txt",
        "assets/new/en.txt",
        "assets/new/en.txt",
        "config.toml",
        "crates/lonely/data/a",
    ] {
        place.save(file, &format!("{:?}\n", std::time::Instant::now()));
        assert_eq!(place.seen().await, pair(file, &["one"]));
    }
    // Beside them, and part of no function.
    place.save("crates/lonely/other", "new\n");
    place.save("../beyond.txt", "new\n");
    place.save("README.md", "new\n");
    place.save("../beyond/deep/b", "new\n");
    let (files, functions) = place.seen().await;
    assert!(files.len() == 1 && files[0].ends_with("/beyond/deep/b"), "{files:?}");
    assert_eq!(functions, ["one"]);
}

#[tokio::test]
async fn what_a_zip_includes_is_seen_where_git_leaves_it_out_or_it_is_hidden_or_an_event() {
    let files = [
        "dist/site/a.html",
        "functions/one/.keys/x",
        "functions/one/events/a.json",
        "dist/other.html",
    ];
    let lines = "include = [\"site:../../dist/site\", \".keys\", \"events\"]";
    let mut place = Place::including(lines, &files).await;
    let init = std::process::Command::new("git")
        .args(["init", "-q"])
        .current_dir(place.root())
        .status()
        .unwrap();
    assert!(init.success());
    place.save(".gitignore", "/dist\n");
    for file in [
        "dist/site/a.html",
        "functions/one/.keys/x",
        "functions/one/.keys/.y",
        "functions/one/events/a.json",
    ] {
        place.save("dist/other.html", &format!("of no function, before {file}\n"));
        place.save(file, "new\n");
        assert_eq!(place.seen().await, pair(file, &["one"]));
    }
    // A tool that begins with an empty directory.
    fs::remove_dir_all(place.root().join("dist")).unwrap();
    assert_eq!(place.until("dist/site").await, ["one"], "to be gone is a change");
    place.save("dist/site/a.html", "made anew\n");
    assert_eq!(place.seen().await, pair("dist/site/a.html", &["one"]));
    place.save("dist/site/a.html", "and again\n");
    assert_eq!(place.seen().await, pair("dist/site/a.html", &["one"]), "it is watched still");
}

#[tokio::test]
async fn what_a_zip_shall_include_and_is_not_there_yet_is_seen_when_it_comes() {
    let mut place = Place::including("include = [\"texts:../../made/texts\"]", &[]).await;
    place.save("made/texts/de.txt", "hallo\n");
    assert_eq!(place.seen().await, pair("made/texts/de.txt", &["one"]));
}

#[tokio::test]
async fn what_an_included_link_leads_to_is_seen() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    write(&place.root().join("real/de.txt"), "old\n");
    fs::create_dir(place.root().join("texts")).unwrap();
    std::os::unix::fs::symlink("../real/de.txt", place.root().join("texts/de.txt")).unwrap();
    let manifest = fs::read_to_string(place.root().join("functions/two/Cargo.toml")).unwrap();
    let lines = "[package.metadata.lambda.deploy]\ninclude = [\"texts:../../texts\"]";
    place.save("functions/two/Cargo.toml", &format!("{manifest}\n{lines}\n"));
    place.until("functions/two/Cargo.toml").await;
    place.save("real/de.txt", "new\n");
    assert_eq!(place.seen().await, pair("real/de.txt", &["two"]));
}

#[tokio::test]
async fn only_the_functions_named_are_watched() {
    let mut place = Place::started(&["two"], &["two"]).await;
    place.save("functions/one/src/main.rs", "fn main() { }\n");
    place.save("functions/two/src/main.rs", "fn main() { }\n");
    assert_eq!(place.seen().await, pair("functions/two/src/main.rs", &["two"]));
}

#[tokio::test]
async fn cancelling_ends_it() {
    let mut place = Place::started(&[], &["one", "two"]).await;
    place.job.cancel.cancel();
    assert!(timeout(PATIENCE, place.reports.recv()).await.expect("it ends").is_none());
}
