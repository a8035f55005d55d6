use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::*;

/// A workspace in a directory whose name has a blank and more.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::Builder::new().prefix("a place ö").tempdir().unwrap());
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn workspace(&self) -> Workspace {
        crate::workspace::discover_apart(self.0.path()).await
    }

    /// Builds the functions for this machine, in the quick way.
    async fn build(&self, functions: &[&str], features: &[&str]) -> BuildOutcome {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let features = Features { names: names(features), ..Features::default() };
        let architecture = Some(Architecture::Native);
        let request = BuildRequest {
            functions: names(functions),
            architecture,
            features,
            debug: true,
            ..BuildRequest::default()
        };
        build(&self.workspace().await, &request, &Job::silent()).await.unwrap()
    }
}

fn manifest(name: &str, rest: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition \
        = \"2021\"\n[package.metadata.lambda]\n{rest}"
    )
}

fn names(outcome: &BuildOutcome) -> Vec<&str> {
    outcome.built.iter().map(|built| built.name.as_str()).collect()
}

const WORKSPACE: &str =
    "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\nexclude = [\"outside\", \"target\"]\n";
const MAIN: &str = "fn main() {}";

#[test]
fn a_build_can_run_on_any_thread() {
    fn is_send(_: impl Send) {}
    let (workspace, request, job) = (Workspace::default(), BuildRequest::default(), Job::silent());
    is_send(build(&workspace, &request, &job));
    is_send(crate::workspace::discover(Path::new("/")));
    is_send(toolchain::setup(Architecture::Arm64, &job));
    is_send(toolchain::check(Architecture::Arm64));
}

#[test]
fn an_unknown_name_is_reported_with_those_there_are() {
    let mut workspace = Workspace { root: "/w".into(), ..Workspace::default() };
    assert_eq!(chosen(&workspace, &[]).unwrap_err().why, "/w has no functions");
    let function = serde_json::json!({"name": "hello", "binary": "hello", "package": "hello", "manifest": "/w/Cargo.toml", "runtime": "bundled",
        "architecture": "arm64", "config": {}, "events": [], "bootstrap": null, "zip": null, "stale": false});
    workspace.functions.push(serde_json::from_value(function).unwrap());
    let failure = chosen(&workspace, &["helo".into()]).unwrap_err();
    assert_eq!(
        (failure.why.as_str(), failure.hint.as_str()),
        ("there is no function named helo", "the functions are hello")
    );
    assert_eq!(chosen(&workspace, &[]).unwrap().len(), 1);
}

#[tokio::test]
async fn a_function_that_does_not_compile_leaves_the_others_built_and_each_has_its_own_error() {
    let bad = |text: &str| format!("fn main() {{\n    let x: u8 = {text};\n}}");
    let place = Place::new(&[
        ("Cargo.toml", WORKSPACE),
        ("good/Cargo.toml", &manifest("good", "")),
        ("good/src/main.rs", MAIN),
        ("bad/Cargo.toml", &manifest("bad", "")),
        ("bad/src/main.rs", &bad("\"no\"")),
        ("worse/Cargo.toml", &manifest("worse", "")),
        ("worse/src/lib.rs", "pub fn f() -> u8 { nothing }"),
        ("worse/src/main.rs", "fn main() { worse::f(); }"),
        // A package of the name of another that it depends on.
        (
            "worst/Cargo.toml",
            &manifest(
                "worst",
                "[dependencies]\nother = { package = \"worst\", path = \"../outside\" }\n",
            ),
        ),
        ("worst/src/main.rs", "fn main() { other::f(); }"),
        (
            "outside/Cargo.toml",
            "[package]\nname = \"worst\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
        ),
        ("outside/src/lib.rs", "pub fn f() {}"),
        ("scripted/Cargo.toml", &manifest("scripted", "")),
        ("scripted/src/main.rs", MAIN),
        (
            "scripted/build.rs",
            "fn main() { println!(\"cargo:rerun-if-changed=x\"); eprintln!(\"install libfoo-dev\"); std::process::exit(1) }",
        ),
    ]);
    let workspace = place.workspace().await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = steps.clone();
    let job = Job::new(tokio_util::sync::CancellationToken::new(), move |step| {
        seen.lock().unwrap().push(step);
    });
    let request = BuildRequest {
        architecture: Some(Architecture::Native),
        debug: true,
        ..BuildRequest::default()
    };
    let outcome = build(&workspace, &request, &job).await.unwrap();
    assert_eq!(names(&outcome), ["good", "worst"]);
    let why = |name: &str| {
        outcome.failed.iter().find(|(failed, _)| failed == name).unwrap().1.why.as_str()
    };
    assert!(why("bad").ends_with("bad/src/main.rs:2:17: mismatched types"), "{:?}", outcome.failed);
    let expected =
        "worse/src/lib.rs:1:20: cannot find value `nothing` in this scope (in the crate worse)";
    assert!(why("worse").ends_with(expected), "{:?}", outcome.failed);
    assert!(
        why("scripted").starts_with("install libfoo-dev\n(the build script of scripted v0.1.0"),
        "{:?}",
        outcome.failed
    );
    let steps: Vec<Step> = steps.lock().unwrap().clone();
    assert!(steps.contains(&Step::Done("good".into())));
    assert!(
        steps
            .iter()
            .any(|step| matches!(step, Step::Output(text) if text.contains("\u{1b}[") && text.contains("mismatched")))
    );
    let found = place.workspace().await;
    let good = found.functions.iter().find(|function| function.name == "good").unwrap();
    assert_eq!(good.zip.as_ref(), Some(&outcome.built[0].zip));
    assert!(!good.stale);
    assert_eq!(good.architecture, Architecture::Native);
}

#[tokio::test]
async fn a_binary_without_the_features_that_it_requires_leaves_the_others_built() {
    let binaries = "[features]\nextra = []\n[[bin]]\nname = \"one\"\npath \
        = \"one.rs\"\n[[bin]]\nname = \"two\"\npath = \"two.rs\"\nrequired-features = \
        [\"extra\"]\n";
    let print = "fn main() { println!(\"{}\", cfg!(feature = \"extra\")) }";
    let place = Place::new(&[
        ("Cargo.toml", &manifest("p", binaries)),
        ("one.rs", MAIN),
        ("two.rs", print),
    ]);
    let outcome = place.build(&[], &[]).await;
    assert_eq!(names(&outcome), ["one"]);
    let (name, failure) = &outcome.failed[0];
    assert_eq!(
        (name.as_str(), failure.why.as_str()),
        ("two", "its binary requires the feature `extra`, which is not enabled")
    );
    assert!(
        failure.hint.contains("--features extra") && failure.hint.contains("bin.two.build"),
        "{}",
        failure.hint
    );
    assert_eq!(names(&place.build(&[], &["extra"]).await), ["one", "two"]);
    place.write(
        "Cargo.toml",
        &manifest("p", &format!("build = {{ features = [\"extra\"] }}\n{binaries}")),
    );
    let outcome = place.build(&["two"], &[]).await;
    assert_eq!(names(&outcome), ["two"]);
    let printed =
        std::process::Command::new(&outcome.built[0].bootstrap.path).output().unwrap().stdout;
    assert_eq!(printed, b"true\n");
    let request = BuildRequest {
        features: Features { names: vec!["extro".into()], ..Features::default() },
        ..BuildRequest::default()
    };
    let failure = build(&place.workspace().await, &request, &Job::silent()).await.unwrap_err();
    assert_eq!(
        (failure.why.as_str(), failure.hint.as_str()),
        ("no package of these functions has the feature extro", "they have extra")
    );
}

#[tokio::test]
async fn a_function_has_the_same_bytes_by_whatever_way_it_is_built() {
    let shared = "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition \
        = \"2021\"\n[features]\nloud = []\n";
    let user = |name: &str, features: &str| {
        manifest(
            name,
            &format!(
                "[dependencies]\nshared = {{ path = \"../shared\", features = [{features}] }}\n"
            ),
        )
    };
    let main = "fn main() { println!(\"{}\", shared::word()) }";
    let place = Place::new(&[
        ("Cargo.toml", WORKSPACE),
        ("shared/Cargo.toml", shared),
        (
            "shared/src/lib.rs",
            "pub fn word() -> &'static str { if cfg!(feature = \"loud\") { \"HELLO\" } else \
            { \"hello\" } }",
        ),
        ("a/Cargo.toml", &user("a", "\"loud\"")),
        ("a/src/main.rs", main),
        ("b/Cargo.toml", &user("b", "")),
        ("b/src/main.rs", main),
        ("c/Cargo.toml", &user("c", "")),
        ("c/src/main.rs", main),
    ]);
    let digest = |outcome: &BuildOutcome, name: &str| {
        outcome.built.iter().find(|built| built.name == name).unwrap().zip.sha256.clone()
    };
    let alone = place.build(&["b"], &[]).await;
    let all = place.build(&[], &[]).await;
    assert_eq!(names(&all), ["a", "b", "c"]);
    assert_eq!(digest(&all, "b"), digest(&alone, "b"));
    let two = place.build(&["a", "b"], &[]).await;
    assert_eq!((digest(&two, "a"), digest(&two, "b")), (digest(&all, "a"), digest(&all, "b")));
    let printed = |name: &str| {
        let built = all.built.iter().find(|built| built.name == name).unwrap();
        String::from_utf8(
            std::process::Command::new(&built.bootstrap.path).output().unwrap().stdout,
        )
        .unwrap()
    };
    assert_eq!((printed("a").as_str(), printed("b").as_str()), ("HELLO\n", "hello\n"));
}

#[tokio::test]
async fn a_function_is_built_of_its_own_package_where_another_has_a_binary_of_its_name() {
    let print = |text: &str| format!("fn main() {{ println!(\"{text}\") }}");
    let (of_a, of_b, left_out, extension) =
        (print("of a"), print("of b"), print("of none"), print("an extension"));
    let place = Place::new(&[
        ("Cargo.toml", WORKSPACE),
        ("a/Cargo.toml", &manifest("a", "")),
        ("a/src/main.rs", &of_a),
        ("b/Cargo.toml", &manifest("b", "")),
        ("b/src/main.rs", &of_b),
        ("b/src/bin/a.rs", &left_out),
        (
            "c/Cargo.toml",
            &manifest(
                "c",
                "bin.a.build = { extension = true }\n[[bin]]\nname = \"a\"\npath = \"a.rs\"\n",
            ),
        ),
        ("c/a.rs", &extension),
        (
            "d/Cargo.toml",
            &manifest("d", "deploy = { name = \"d\" }\n[[bin]]\nname = \"b\"\npath = \"d.rs\"\n"),
        ),
        ("d/d.rs", &print("of d")),
    ]);
    // Rebuilt binaries are taken from cargo's output.
    for _ in 0..2 {
        let outcome = place.build(&[], &[]).await;
        assert_eq!(names(&outcome), ["a", "b", "d"], "{:?}", outcome.failed);
        let printed = |built: &Built| {
            String::from_utf8(
                std::process::Command::new(&built.bootstrap.path).output().unwrap().stdout,
            )
            .unwrap()
        };
        assert_eq!(
            outcome.built.iter().map(printed).collect::<Vec<_>>(),
            ["of a\n", "of b\n", "of d\n"]
        );
        let found = place.workspace().await;
        assert!(
            found.functions.iter().all(|function| function.zip.is_some() && !function.stale),
            "{found:?}"
        );
    }
}

#[test]
fn what_a_function_is_built_for_is_asked_for_or_written_or_on_the_stage() {
    let function = |config: serde_json::Value| -> Function {
        let function = serde_json::json!({"name": "hello", "binary": "hello", "package": "hello", "manifest": "", "runtime": "bundled",
            "architecture": "native", "config": config, "events": [], "bootstrap": null, "zip": null, "stale": false});
        serde_json::from_value(function).unwrap()
    };
    let (silent, written) =
        (function(serde_json::json!({})), function(serde_json::json!({"architecture": "arm64"})));
    let mut request = BuildRequest::default();
    assert_eq!(
        request.architecture_of(&silent),
        Architecture::Arm64,
        "its last build decides nothing"
    );
    request.deployed.insert("hello".into(), Architecture::X86_64);
    assert_eq!(request.architecture_of(&silent), Architecture::X86_64);
    assert_eq!(request.architecture_of(&written), Architecture::Arm64);
    request.architecture = Some(Architecture::Native);
    assert_eq!(request.architecture_of(&written), Architecture::Native);
}
