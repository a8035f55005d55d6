//! Plans on a real terminal that the stage outruns while they wait for approval.

use tests::{Fixture, Home, LocalLambda, Terminal, eventually};

const DEPLOY: &str = "memory = 256";

/// Someone else's change of the function.
fn meddle(home: &Home, timeout: u32) {
    let timeout = format!("timeout={timeout}");
    home.run(["--stage", "beta", "settings", "greet", &timeout, "--json"]).ok();
}

fn memory(home: &Home) -> serde_json::Value {
    let shown = home.run(["--stage", "beta", "settings", "greet", "--json"]).ok().json();
    let rows = shown["settings"].as_array().expect("a list").clone();
    let row = rows.into_iter().find(|row| row["setting"] == "memory").expect("it has memory");
    row["stage"].clone()
}

#[test]
fn a_plan_is_applied_by_command_and_by_key_unless_the_stage_has_changed_since() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    let fixture = Fixture::apart();
    fixture.stage("beta", "");
    fixture.stage("gamma", "protected = true");
    fixture.prebuilt("greet", "1", DEPLOY);
    let home = Home::new(fixture.path()).on(local.account());
    home.run(["--stage", "beta", "deploy", "greet", "--json"]).ok();

    let command = ["--stage", "gamma", "settings", "greet", "memory=512"];
    for (timeout, code) in [(Some(9), 1), (None, 0)] {
        let mut terminal = Terminal::start(&home, &command, 120, 30);
        terminal.until_text("to confirm");
        if let Some(timeout) = timeout {
            meddle(&home, timeout);
        }
        terminal.press("gamma\r");
        if timeout.is_some() {
            terminal.until_text("greet has changed on gamma since the plan was shown");
            terminal.until_text("run it again: the new plan is shown first");
        }
        assert_eq!(terminal.finish().code, code);
        assert_eq!(memory(&home), if timeout.is_some() { "256 MB" } else { "512 MB" });
    }

    let mut terminal = Terminal::start(&home, &["--stage", "gamma"], 120, 30);
    terminal.until_text("in sync");
    terminal.press("d");
    terminal.until_text("512 MB → 256 MB");
    meddle(&home, 10);
    terminal.press("gamma");
    terminal.until_text("to confirm > gamma");
    // Enter right after the plan appeared is not for the plan.
    eventually("the plan is closed", || {
        terminal.press("\r");
        terminal.with_screen(|screen| !screen.contents().contains("to confirm >"))
    });
    terminal.until_text("greet has changed on gamma since the plan was shown");
    assert_eq!(memory(&home), "512 MB");
    super::signal(&terminal, "-TERM");
    terminal.finish().assert_restored();
}
