//! Names that belong to no function, and settings that were omitted: each command reports the
//! reason.

use clap::CommandFactory as _;
use lambda_console::cli::Cli;
use tests::{Fixture, Home};

const OTHERS: &str = "\n[[bin]]\nname = \"probe\"\npath \
    = \"src/main.rs\"\n[package.metadata.lambda.bin.probe.build]\nextension = true\n\
                      [[bin]]\nname = \"evt\"\npath \
                      = \"src/main.rs\"\n[package.metadata.lambda.bin.evt.deploy]\ndeploy = 3\n";

#[test]
fn a_name_that_is_no_functions_gives_the_reason_in_every_command() {
    let fixture = Fixture::apart();
    fixture.prebuilt("evt", "1", &format!("memory = 99999999999{OTHERS}"));
    fixture.write("functions/evt/events/dir.json/file", "");
    let home = Home::new(fixture.path());
    // What is deleted need not be in the workspace any more.
    let takes_names = |command: &clap::Command| {
        let first = command.get_positionals().next();
        first.is_some_and(|argument| argument.get_id().as_str().starts_with("name"))
            && command.get_name() != "delete"
    };
    let all = Cli::command();
    let commands = all.get_subcommands().filter(|command| takes_names(command)).map(|command| {
        match command.get_name() {
            // Without these, their names are of roles, or of no use.
            "iam" => vec!["iam", "--policy"],
            "local" => vec!["local", "--watch"],
            name => vec![name],
        }
    });
    let commands: Vec<_> = commands.chain([vec!["logs", "--follow"]]).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let outcome = home.run([command.as_slice(), &["EVT"]].concat());
        assert_eq!(outcome.code, Some(2), "{command:?}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains("no function `EVT`: "), "{command:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("hint: did you mean `evt`?"),
            "{command:?}: {}",
            outcome.stderr
        );
        let outcome = home.run([command.as_slice(), &["probe"]].concat());
        assert_eq!(outcome.code, Some(2), "{command:?}: {}{}", outcome.stdout, outcome.stderr);
        assert!(
            outcome
                .stderr
                .trim_end()
                .lines()
                .rev()
                .take(2)
                .any(|line| line.contains("it is an extension") || line.contains("cargo lambda")),
            "{command:?}: {}",
            outcome.stderr
        );
    }
    let outcome = home.run(["invoke", "evt", "--event", "dir"]);
    assert!(
        outcome.code == Some(2) && outcome.stderr.contains("events/dir.json is a directory"),
        "{}",
        outcome.stderr
    );

    let listed = home.run(["list", "--json"]).ok().json();
    let names = |key: &str, field: &str| -> Vec<String> {
        listed[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one[field].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        (names("functions", "name"), names("left_out", "name")),
        (vec!["evt".to_owned()], vec!["probe".to_owned()])
    );
    let whats = names("warnings", "what");
    for what in [
        "ignored the setting `package.metadata.lambda.deploy.memory`",
        "ignored the setting `package.metadata.lambda.bin.evt.deploy.deploy`",
        "ignored the function probe",
    ] {
        assert!(whats.iter().any(|found| found == what), "{what}: {whats:?}");
    }
    assert!(names("warnings", "why").iter().all(|why| why.contains("evt/Cargo.toml")), "{listed}");
}
