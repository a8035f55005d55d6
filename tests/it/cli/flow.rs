//! The main job through the headless commands, each in a process of its own.

use std::{fs, process::Command};

use clap::CommandFactory as _;
use lambda_console::cli::Cli;
use tests::{Fixture, Home, workspace};

#[test]
fn three_processes_build_deploy_and_invoke_hello() {
    let home = Home::new(workspace());
    let built = home.run(["build", "hello", "--json"]).ok().json();
    let function = &built["functions"][0];
    assert_eq!(
        (&function["name"], &function["architecture"]),
        (&"hello".into(), &"arm64".into()),
        "{built}"
    );

    // An independent tool confirms that the file is a static ARM64 executable.
    let bootstrap =
        fs::read(function["bootstrap"].as_str().expect("a path")).expect("the bootstrap is there");
    assert_eq!(bootstrap.get(..4), Some(&b"\x7fELF"[..]));
    assert_eq!(bootstrap.get(18..20), Some(&183_u16.to_le_bytes()[..]), "e_machine is EM_AARCH64");

    let size = home.run(["size", "hello", "--json"]).ok().json();
    assert_eq!(size["functions"][0]["bytes"], bootstrap.len(), "{size}");
    assert_eq!(size["functions"][0]["sections"][0]["name"], ".text", "{size}");
    let rows = home.run(["size", "hello"]).ok().stdout;
    for name in ["section", ".text", "total", "zip"] {
        assert!(rows.contains(name), "{name}: {rows}");
    }

    let deployed = home.run(["deploy", "hello", "--json"]).ok().json();
    assert_eq!(deployed["stage"], "local");
    assert_eq!(deployed["functions"][0]["action"], "created", "{deployed}");
    assert_eq!(deployed["functions"][0]["sha256"], function["sha256"]);

    let invoked =
        home.run(["invoke", "hello", "--payload", r#"{"name":"Lambda"}"#, "--json"]).ok().json();
    assert_eq!(invoked["payload"]["message"], "Hello, Lambda!", "{invoked}");
    assert_eq!(invoked["status"], 200);
    assert!(invoked["function_error"].is_null());
    let report = &invoked["report"];
    assert_eq!(report["cold"], true, "{invoked}");
    assert!(report["init_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{invoked}");
    assert!(report["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{invoked}");
    assert!(report["max_memory_mb"].as_u64().is_some_and(|mb| mb > 0), "{invoked}");
    assert_eq!(report["emulated"], cfg!(not(target_arch = "aarch64")), "{invoked}");

    let again = home.run(["deploy", "hello", "--json"]).ok().json();
    assert_eq!(again["functions"][0]["action"], "unchanged", "{again}");

    let listed = home.run(["list", "--json"]).ok().json();
    let hello = listed["functions"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "hello"));
    let hello = hello.unwrap_or_else(|| panic!("hello is listed: {listed}"));
    assert_eq!(hello["deployed"]["in_sync"], true, "{listed}");
    assert_eq!(hello["zip"]["sha256"], function["sha256"]);

    let stats = home.run(["stats", "hello", "--json"]).ok().json();
    assert_eq!(stats["functions"][0]["invocations"], 1, "{stats}");
    assert_eq!(stats["functions"][0]["cold"], 1, "{stats}");

    let request = invoked["request_id"].as_str().expect("a request id");
    let logs = home.run(["logs", "hello", "--request", request, "--json"]).ok();
    assert!(logs.stdout.lines().any(|line| line.contains("REPORT RequestId")), "{}", logs.stdout);

    let deleted = home.run(["delete", "hello", "--yes", "--json"]).ok();
    assert!(deleted.stdout.contains("hello"));
    let gone = home.run(["invoke", "hello", "--payload", "{}", "--json"]);
    assert_eq!(gone.code, Some(1));
    assert!(
        gone.json()["error"]["hint"].as_str().is_some_and(|hint| hint.contains("deploy")),
        "{}",
        gone.stdout
    );
}

#[test]
fn building_twice_gives_the_same_zip() {
    // Not a function that other tests deploy: it is deleted for a while.
    let fixture = Fixture::kept("twice", &["twice"]);
    let source =
        "fn main() { lambda::run(async |name: String| Ok::<_, std::convert::Infallible>(name)) }\n";
    fixture.function("twice", &Fixture::runtime(), source);
    let home = Home::new(fixture.path());
    let build =
        || home.run(["build", "--arch", "native", "--json"]).ok().json()["functions"][0].clone();
    let first = build();
    let zip = first["zip"].as_str().expect("a path").to_owned();
    fs::remove_file(&zip).expect("the zip is there");
    let second = build();
    assert_eq!((&first["sha256"], &first["zip"]), (&second["sha256"], &second["zip"]));
    let sum = Command::new("sha256sum").arg(&zip).output().expect("sha256sum runs");
    let sum = String::from_utf8_lossy(&sum.stdout);
    assert!(
        second["sha256"].as_str().is_some_and(|sha256| sum.starts_with(sha256)),
        "{sum} {second}"
    );
}

#[test]
fn every_event_of_every_function_is_answered_on_the_local_stage() {
    let home = Home::new(workspace());
    home.run(["build", "--json"]).ok();
    home.run(["deploy", "--json"]).ok();
    let mut answered = Vec::new();
    for function in ["backend", "concurrent", "exec", "hello", "router", "stream"] {
        let events = fs::read_dir(workspace().join("functions").join(function).join("events"));
        for event in events.expect("it has events") {
            let event = event.expect("a directory entry").path();
            let stem = event.file_stem().expect("a name").to_string_lossy().into_owned();
            let invoked = home.run(["invoke", function, "--event", &stem, "--json"]);
            let invoked = if ["breaks-off", "without-text"].contains(&stem.as_str()) {
                invoked.json()
            } else {
                invoked.ok().json()
            };
            answered.push((format!("{function}/{stem}"), invoked));
        }
    }
    let of =
        |name: &str| &answered.iter().find(|(event, _)| event == name).expect("it was answered").1;
    for (event, invoked) in &answered {
        let is_api = event.starts_with("backend/") || event.starts_with("router/");
        assert_eq!(
            is_api,
            invoked["payload"]["statusCode"].as_u64().is_some(),
            "{event}: {invoked}"
        );
    }
    assert_eq!(of("router/hello")["payload"]["body"], "HELLO, LAMBDA!");
    assert_eq!(of("concurrent/text")["payload"]["words"], 7);
    assert_eq!(of("exec/text")["payload"]["longest"], "program");
    assert_eq!(of("exec/without-text")["payload"]["errorType"], "Function.ExitCode");
    let lines = of("stream/ten")["payload"].as_str().expect("lines of text");
    assert_eq!((lines.lines().count(), lines.lines().last()), (10, Some("{\"number\":10}")));
    assert!(
        of("stream/breaks-off").to_string().contains("cannot count to 4"),
        "{}",
        of("stream/breaks-off")
    );
    let streamed = home.run(["invoke", "stream", "--event", "breaks-off", "--stream"]);
    assert_eq!(
        (streamed.code, streamed.stdout.lines().count()),
        (Some(1), 3),
        "what came before the error: {streamed:?}"
    );
    assert!(streamed.stderr.contains("cannot count to 4"), "{streamed:?}");
}

#[test]
fn a_function_that_does_not_compile_leaves_the_others_built() {
    let fixture = Fixture::kept("broken", &["broken", "works"]);
    let source =
        "fn main() { lambda::run(async |name: String| Ok::<_, std::convert::Infallible>(name)) }\n";
    fixture.function("works", &Fixture::runtime(), source);
    fixture.function(
        "broken",
        &Fixture::runtime(),
        r#"fn main() {
    let number: u8 = "text";
}
"#,
    );
    let home = Home::new(fixture.path());
    let built = home.run(["build", "--arch", "native", "--json"]);
    assert_eq!(built.code, Some(1), "{built:?}");
    assert!(
        built.stderr.contains("main.rs:2:"),
        "the place of the error is told:\n{}",
        built.stderr
    );
    let listed = home.run(["list", "--json"]).ok().json();
    let states: Vec<_> = listed["functions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str().expect("a name"), one["bootstrap"].is_null()))
        .collect();
    assert_eq!(states, [("broken", true), ("works", false)]);
}

#[test]
fn without_a_terminal_it_names_the_headless_commands() {
    let outcome = Home::new(workspace()).run([""; 0]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        assert!(outcome.stderr.contains(name), "{name}: {}", outcome.stderr);
    }
}

#[test]
fn a_payload_that_is_not_json_is_refused_with_its_place() {
    let home = Home::new(workspace());
    let outcome = home.run(["invoke", "hello", "--payload", "{\"name\": \n  oops}", "--json"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let why = outcome.json()["error"]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("line 2"), "{why}");
    let from_input = home.run_with_input(["invoke", "hello", "--payload", "-", "--json"], "[1,");
    assert_eq!(from_input.code, Some(2), "{from_input:?}");
}

#[test]
fn a_broken_manifest_is_reported_with_its_place() {
    let fixture = Fixture::new("manifest");
    fixture.write("functions/one/Cargo.toml", "[package]\nname = \"one\"\nversion = \n");
    let outcome = Home::new(fixture.path()).run(["list", "--json"]);
    assert_ne!(outcome.code, Some(0));
    let why = outcome.json()["error"]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("functions/one/Cargo.toml") && why.contains('3'), "{why}");
}

#[test]
fn a_workspace_with_no_functions_is_an_empty_list() {
    let fixture = Fixture::new("empty");
    fixture.write(
        "Cargo.toml",
        "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    fixture.write("src/main.rs", "fn main() {}\n");
    let listed = Home::new(fixture.path()).run(["list", "--json"]).ok().json();
    assert_eq!(listed["functions"], serde_json::json!([]));
}
