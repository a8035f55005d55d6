use std::{fs, path::Path, time::Duration};

use lambda_console_model::{Architecture, FailureKind, RuntimeCrate};

use super::{discover, discover_apart};

/// A workspace in a temporary directory, without external dependencies.
fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

const MAIN: &str = "fn main() {}";

fn declared(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition \
        = \"2021\"\n[package.metadata.lambda]\n"
    )
}

#[tokio::test]
async fn a_function_is_a_binary_of_a_package_that_depends_on_a_runtime_or_is_marked() {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n{rest}")
    };
    let root = workspace(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\n"),
        ("lambda_runtime/Cargo.toml", &package("lambda_runtime", "")),
        ("lambda_runtime/src/lib.rs", ""),
        ("ours/Cargo.toml", &package("lambda-console-runtime", "")),
        ("ours/src/lib.rs", ""),
        (
            "orders/Cargo.toml",
            &package(
                "orders",
                "[dependencies]\nlambda_runtime = { path = \"../lambda_runtime\" }\n",
            ),
        ),
        ("orders/src/main.rs", MAIN),
        ("orders/src/bin/refunds.rs", MAIN),
        ("orders/events/z.json", "{}"),
        ("orders/events/a.json", "{}"),
        ("orders/events/notes.txt", ""),
        (
            "bundled/Cargo.toml",
            &package(
                "bundled",
                "[dependencies]\nlambda-console-runtime = { path = \"../ours\" }\n",
            ),
        ),
        ("bundled/src/main.rs", MAIN),
        ("said/Cargo.toml", &declared("said")),
        ("said/src/main.rs", MAIN),
        (
            "tested/Cargo.toml",
            &package(
                "tested",
                "[dev-dependencies]\nlambda_runtime = { path = \"../lambda_runtime\" }\n",
            ),
        ),
        ("tested/src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    let functions: Vec<_> =
        found.functions.iter().map(|function| (function.name.as_str(), function.runtime)).collect();
    assert_eq!(
        functions,
        [
            ("bundled", RuntimeCrate::Bundled),
            ("orders", RuntimeCrate::Official),
            ("refunds", RuntimeCrate::Official),
            ("said", RuntimeCrate::Declared),
        ]
    );
    assert_eq!(found.functions[2].package, "orders");
    let events: Vec<_> =
        found.functions[1].events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(events, ["a", "z"]);
    assert_eq!(found.functions[1].architecture, Architecture::Arm64);
    assert!(found.functions.iter().all(|function| function.bootstrap.is_none() && !function.stale));
    assert_eq!(found.warnings, []);
}

#[tokio::test]
async fn a_workspace_without_functions_is_an_empty_list() {
    let root = workspace(&[
        ("Cargo.toml", "[package]\nname = \"tool\"\nversion = \"0.1.0\"\n"),
        ("src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    assert_eq!(found.functions, []);
    assert_eq!(found.root, root.path().canonicalize().unwrap());
}

#[tokio::test]
async fn a_broken_manifest_fails_with_cargos_message_and_its_place() {
    let root = workspace(&[
        ("Cargo.toml", "[package]\nname = \"tool\"\nversion = [\n"),
        ("src/main.rs", MAIN),
    ]);
    let failure = discover(root.path()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Usage);
    assert!(failure.why.contains("Cargo.toml:3"), "{}", failure.why);
}

#[tokio::test]
async fn a_directory_without_a_manifest_is_reported() {
    let failure = discover(tempfile::tempdir().unwrap().path()).await.unwrap_err();
    assert!(failure.why.starts_with("there is no Cargo.toml in "), "{}", failure.why);
    let failure = discover(Path::new("/no/such/place")).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.why.as_str()),
        (FailureKind::Usage, "/no/such/place is not a directory")
    );
}

#[tokio::test]
async fn a_bad_setting_is_a_warning_and_does_not_hide_the_function() {
    let manifest = declared("odd") + "deploy = { memory = \"much\", description = \"odd\" }\n";
    let root = workspace(&[("Cargo.toml", &manifest), ("src/main.rs", MAIN)]);
    let found = discover(root.path()).await.unwrap();
    assert_eq!(found.functions[0].config.description.as_deref(), Some("odd"));
    assert!(found.warnings[0].why.contains("Cargo.toml:6: "), "{}", found.warnings[0].why);
}

#[tokio::test]
async fn a_source_that_is_newer_than_the_bootstrap_makes_it_stale() {
    let root = workspace(&[("Cargo.toml", &declared("hello")), ("src/main.rs", MAIN)]);
    let directory = root.path().join("target/lambda/hello");
    fs::create_dir_all(&directory).unwrap();
    let bootstrap = directory.join("bootstrap");
    fs::copy(std::env::current_exe().unwrap(), &bootstrap).unwrap();
    fs::write(directory.join("bootstrap.zip"), "abc").unwrap();
    let later = |path: &Path, seconds| {
        let time = std::time::SystemTime::now() + Duration::from_secs(seconds);
        fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    };
    later(&bootstrap, 10);
    let hello = discover_apart(root.path()).await.functions.remove(0);
    assert!(!hello.stale);
    assert_eq!(hello.architecture, Architecture::Native);
    assert_eq!(
        hello.zip.unwrap().sha256,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    later(&root.path().join("src/main.rs"), 20);
    assert!(discover_apart(root.path()).await.functions[0].stale);
}

#[tokio::test]
async fn a_function_has_the_name_in_its_settings_unless_another_has_it() {
    let named = |package: &str, rest: &str| format!("{}{rest}", declared(package));
    let root = workspace(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\n"),
        ("a/Cargo.toml", &named("a", "[package.metadata.lambda.deploy]\nname = \"orders\"\n")),
        ("a/src/main.rs", MAIN),
        // Of two binaries, `binary_name` selects one.
        (
            "b/Cargo.toml",
            &named(
                "b",
                "[package.metadata.lambda.deploy]\nname = \"refunds\"\nbinary_name = \"two\"\n",
            ),
        ),
        ("b/src/bin/one.rs", MAIN),
        ("b/src/bin/two.rs", MAIN),
        ("c/Cargo.toml", &named("c", "[package.metadata.lambda.bin.c.deploy]\nname = \"one\"\n")),
        ("c/src/main.rs", MAIN),
        ("d/Cargo.toml", &named("d", "[package.metadata.lambda.deploy]\nname = \"not a name\"\n")),
        ("d/src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    let names: Vec<_> = found
        .functions
        .iter()
        .map(|function| (function.name.as_str(), function.binary.as_str()))
        .collect();
    assert_eq!(
        names,
        [("c", "c"), ("d", "d"), ("one", "one"), ("orders", "a"), ("refunds", "two")]
    );
    let warnings: Vec<_> = found
        .warnings
        .iter()
        .map(|warning| (warning.what.as_str(), warning.why.as_str()))
        .collect();
    let place =
        |package: &str| root.path().canonicalize().unwrap().join(package).join("Cargo.toml");
    let invalid = format!(
        "{}:7: it must be 1 to 64 letters, digits, hyphens and underscores",
        place("d").display()
    );
    let taken = format!("{}: another function has this name", place("c").display());
    let expected = [
        ("ignored the setting `package.metadata.lambda.deploy.name`", invalid.as_str()),
        ("ignored the name one of the function c", taken.as_str()),
    ];
    assert_eq!(warnings, expected);
    assert_eq!(found.left_out.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["one"]);
}

#[tokio::test]
async fn a_zip_that_is_behind_what_it_includes_makes_the_function_stale_until_it_is_packaged() {
    let manifest = |deploy: &str| declared("hello") + "deploy = { " + deploy + " }\n";
    let root = workspace(&[
        ("Cargo.toml", &manifest("include = [\"texts\"]")),
        ("src/main.rs", MAIN),
        ("texts/de.txt", "hallo"),
        ("texts/en.txt", "hello"),
    ]);
    let executable = root.path().join("target/made");
    fs::create_dir_all(root.path().join("target")).unwrap();
    // A native executable may be anything.
    fs::write(&executable, "#!/bin/sh\n").unwrap();
    let found = async || discover_apart(root.path()).await.functions.remove(0);
    let package = async || {
        let function = found().await;
        let target = root.path().join("target");
        let native = Architecture::Native;
        crate::compile::package::package(
            &target,
            "hello",
            native,
            &executable,
            &function.config.include,
        )
        .unwrap();
    };
    package().await;
    assert!(!found().await.stale);

    let text = root.path().join("texts/de.txt");
    let later = std::time::SystemTime::now() + Duration::from_secs(10);
    fs::File::options().append(true).open(&text).unwrap().set_modified(later).unwrap();
    assert!(found().await.stale, "a file is newer");
    package().await;
    assert!(!found().await.stale, "and was packaged as it is");

    fs::remove_file(root.path().join("texts/en.txt")).unwrap();
    assert!(found().await.stale, "a file is gone");
    package().await;
    assert!(!found().await.stale);

    fs::write(root.path().join("Cargo.toml"), manifest("memory = 256")).unwrap();
    assert!(found().await.stale, "nothing is to be included any more");
    package().await;
    assert!(!found().await.stale, "which does not make cargo link anew");

    fs::write(root.path().join("Cargo.toml"), manifest("include = [\"gone\"]")).unwrap();
    assert!(found().await.stale, "what is not there cannot be in the zip");
}

#[tokio::test]
async fn what_can_be_no_function_is_left_out_and_named_and_the_others_are_there() {
    let binary = |name: &str| format!("[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n");
    let long = "l".repeat(65);
    let manifest = declared("many")
        + "bin.\"straße\".deploy = { name = \"strasse\" }\nbin.probe.deploy = { \
            extension = true }\n"
        + &["good", "größe", "straße", "a.b", "probe", &long].map(binary).concat();
    let root = workspace(&[("Cargo.toml", &manifest), ("src/main.rs", MAIN)]);
    let found = discover(root.path()).await.unwrap();
    let names: Vec<_> = found.functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["good", "strasse"]);
    let left_out: Vec<_> = found.left_out.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left_out, ["a.b", "größe", long.as_str(), "probe"]);
    let failure = &found.left_out[1].1;
    assert_eq!(failure.what, "ignored the function größe");
    assert!(
        failure
            .hint
            .contains("`name = \"…\"` below `[package.metadata.lambda.bin.\"größe\".deploy]`"),
        "{failure:?}"
    );
    assert!(found.left_out[3].1.why.contains("it is an extension"));
    assert!(
        found.left_out.iter().all(|(_, failure)| found.warnings.contains(failure)),
        "each face shows the warnings"
    );
}

#[tokio::test]
async fn a_binary_that_gets_the_runtime_by_way_of_another_package_is_hinted_at() {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
    };
    let needs = |name: &str| format!("[dependencies]\n{name} = {{ path = \"../{name}\" }}\n");
    let root = workspace(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\n"),
        ("lambda_http/Cargo.toml", &package("lambda_http", "")),
        ("lambda_http/src/lib.rs", ""),
        ("common/Cargo.toml", &package("common", &needs("lambda_http"))),
        ("common/src/lib.rs", ""),
        ("glue/Cargo.toml", &package("glue", &needs("common"))),
        ("glue/src/lib.rs", ""),
        ("orders/Cargo.toml", &package("orders", &needs("glue"))),
        ("orders/src/main.rs", MAIN),
        ("tool/Cargo.toml", &package("tool", &needs("tool2"))),
        ("tool/src/main.rs", MAIN),
        ("tool2/Cargo.toml", &package("tool2", "")),
        ("tool2/src/lib.rs", ""),
        (
            "said/Cargo.toml",
            &package("said", &format!("[package.metadata.lambda]\n{}", needs("common"))),
        ),
        ("said/src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    assert_eq!(
        found.functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
        ["said"]
    );
    assert_eq!(found.warnings, []);
    let [hint] = found.hints.as_slice() else { panic!("{:?}", found.hints) };
    assert_eq!(hint.what, "did not list the binaries of orders");
    assert!(hint.why.contains("lambda_http through common"), "{hint:?}");
    assert!(
        hint.hint.starts_with("`[package.metadata.lambda]` in ")
            && hint.hint.contains("orders/Cargo.toml"),
        "{hint:?}"
    );
}

#[tokio::test]
async fn binaries_of_one_name_are_functions_where_their_names_differ() {
    let package = |name: &str, settings: &str| {
        format!("{}{settings}[[bin]]\nname = \"bootstrap\"\npath = \"main.rs\"\n", declared(name))
    };
    let root = workspace(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\n"),
        ("pa/Cargo.toml", &package("pa", "deploy = { name = \"pa\" }\n")),
        ("pa/main.rs", MAIN),
        ("pb/Cargo.toml", &package("pb", "bin.bootstrap.deploy = { name = \"pb\" }\n")),
        ("pb/main.rs", MAIN),
        ("pc/Cargo.toml", &package("pc", "deploy = { name = \"bootstrap\" }\n")),
        ("pc/main.rs", MAIN),
        ("pd/Cargo.toml", &package("pd", "")),
        ("pd/main.rs", MAIN),
        ("pe/Cargo.toml", &declared("pe")),
        ("pe/src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    let functions: Vec<_> = found
        .functions
        .iter()
        .map(|function| (function.name.as_str(), function.package.as_str(), function.directory()))
        .collect();
    let expected = [
        ("bootstrap", "pc", "bootstrap"),
        ("pa", "pa", "pa"),
        ("pb", "pb", "pb"),
        ("pe", "pe", "pe"),
    ];
    assert_eq!(functions, expected);
    let [(name, failure)] = found.left_out.as_slice() else { panic!("{:?}", found.left_out) };
    assert_eq!(
        (name.as_str(), failure.what.as_str()),
        ("bootstrap", "ignored a second function named bootstrap")
    );
    assert!(
        failure.why.contains("pd/Cargo.toml, beside the binary bootstrap of ")
            && failure.why.ends_with("pc/Cargo.toml"),
        "{failure:?}"
    );
    assert!(
        failure.hint.contains("`[package.metadata.lambda.bin.bootstrap.deploy]`"),
        "{failure:?}"
    );
    assert_eq!(found.warnings, std::slice::from_ref(failure));
}

#[tokio::test]
async fn programs_of_any_language_are_functions_with_and_without_a_package() {
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
    };
    let root = workspace(&[
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"2\"\nmembers = [\"*\"]\nexclude = [\"scripts\"]\n\
             [workspace.metadata.lambda.bin]\n\
             script.exec = \"scripts/run.sh 'a b'\"\n\
             done.prebuilt = \"scripts/bootstrap\"\n\
             wrong.exec = \"'open\"\n\
             settings.deploy.memory = 256\n",
        ),
        ("scripts/events/one.json", "1"),
        (
            "tool/Cargo.toml",
            &package(
                "tool",
                "[package.metadata.lambda]\nexec = \"words --json\"\n\
             [package.metadata.lambda.bin.more]\nexec = { command = \"./bin/more\", resident = true }\n\
             [[bin]]\nname = \"words\"\npath = \"src/main.rs\"\n",
            ),
        ),
        ("tool/src/main.rs", MAIN),
        (
            "two/Cargo.toml",
            &package(
                "two",
                "[package.metadata.lambda.bin.by]\nexec = \"plain\"\n\
             [[bin]]\nname = \"plain\"\npath = \"src/main.rs\"\n\
             [[bin]]\nname = \"other\"\npath = \"src/main.rs\"\n",
            ),
        ),
        ("two/src/main.rs", MAIN),
    ]);
    let found = discover(root.path()).await.unwrap();
    let functions: Vec<_> = found
        .functions
        .iter()
        .map(|it| (it.name.as_str(), it.package.as_str(), it.built_binary(), it.events.len()))
        .collect();
    let expected = [
        ("by", "two", Some("plain"), 0),
        ("done", "", None, 1),
        ("more", "tool", None, 0),
        ("other", "two", Some("other"), 0),
        ("script", "", None, 1),
        ("tool", "tool", Some("words"), 0),
    ];
    assert_eq!(functions, expected);
    let included = |name: &str| {
        let function = found.functions.iter().find(|function| function.name == name).unwrap();
        function.config.include.iter().map(|it| it.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        (included("script"), included("more")),
        (vec!["scripts/run.sh"], vec!["./bin/more"])
    );
    assert_eq!((included("done"), included("tool")), (vec![], vec![]));
    let [warning] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    assert_eq!(warning.what, "ignored the setting `workspace.metadata.lambda.bin.wrong.exec`");
    assert!(warning.why.contains("Cargo.toml:8: it must be a command line"), "{warning:?}");
}
