//! The console on a real terminal: it starts, works, and always restores the terminal.

mod shown;
mod stages;

use std::{fs, process::Command};

use tests::{Home, Terminal, binary, hello, workspace};

fn signal(terminal: &Terminal, name: &str) {
    let status =
        Command::new("kill").args([name, &terminal.pid().to_string()]).status().expect("kill runs");
    assert!(status.success());
}

#[test]
fn it_opens_on_the_workspace_and_quits_with_the_terminal_as_it_was() {
    let home = Home::new(workspace());
    let mut terminal = Terminal::start(&home, &[], 100, 30);
    let screen = terminal
        .until("the functions", |screen| screen.contains("hello") && screen.contains("backend"));
    assert!(screen.contains("lambda-console"), "{screen}");
    terminal.press("q");
    let finished = terminal.finish();
    assert_eq!(finished.code, 0, "{finished:?}");
    finished.assert_restored();
}

#[test]
fn signals_give_the_terminal_back() {
    for name in ["-TERM", "-HUP"] {
        let home = Home::new(workspace());
        let terminal = Terminal::start(&home, &[], 80, 24);
        terminal.until_text("hello");
        signal(&terminal, name);
        terminal.finish().assert_restored();
    }
}

#[test]
fn a_terminal_of_20_by_5_is_reported_and_recovers() {
    let home = Home::new(workspace());
    let mut terminal = Terminal::start(&home, &[], 20, 5);
    terminal.until("the notice", |screen| screen.contains("60") && screen.contains("16"));
    terminal.resize(80, 24);
    terminal.until_text("hello");
    terminal.press("q");
    terminal.finish().assert_restored();
}

#[test]
fn a_person_builds_deploys_invokes_and_sees_the_cold_start() {
    let home = hello();
    let mut terminal = Terminal::start(&home, &[], 120, 40);
    terminal
        .until("hello is listed", |screen| screen.contains("hello") && screen.contains("backend"));
    // backend, concurrent, exec, hello.
    terminal.press("jjj");
    terminal.press("d");
    terminal.until_text("in sync");
    terminal.press("i");
    terminal.until_text("Hello, ");
    terminal.until_text("cold");
    terminal.press("q");
    terminal.finish().assert_restored();

    let stats = home.run(["stats", "hello", "--json"]).ok().json();
    assert_eq!(stats["functions"][0]["cold"], 1, "what the screen did is in the history: {stats}");
}

#[test]
fn two_consoles_share_one_local_lambda() {
    let home = Home::new(workspace());
    let first = Terminal::start(&home, &[], 100, 30);
    first.until_text("hello");
    let second = Terminal::start(&home, &[], 100, 30);
    second.until_text("hello");
    let endpoints: Vec<_> = walk(&home.path().join("state"), "endpoint.json");
    assert_eq!(endpoints.len(), 1, "{endpoints:?}");
    for mut terminal in [first, second] {
        terminal.press("q");
        terminal.finish().assert_restored();
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_console() {
    let home = Home::new(workspace());
    let reference = home.command([""; 0]);
    let mut command = Command::new("python3");
    command.args(["-c", include_str!("pty/closed.py")]).arg(binary()).current_dir(workspace());
    for (name, value) in reference.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = command.output().expect("python runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ended", "{output:?}");
}

fn walk(directory: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path, name),
            path if path.ends_with(name) => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
