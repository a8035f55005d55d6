//! `kill -9` at the worst moment, and a full disk: existing data is kept, and the next command
//! continues.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tests::{Home, hello, workspace};

/// Starts a command and waits until it prints `line` on standard error.
fn started_until(home: &Home, arguments: &[&str], line: &str) -> Child {
    let mut command = home.command(arguments);
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the console starts");
    let printed = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let found = printed.map(|printed| printed.expect("text")).find(|printed| printed == line);
    assert!(found.is_some(), "it never said `{line}`");
    child
}

/// `kill -9`.
fn kill(mut child: Child) {
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
}

#[test]
fn a_deploy_that_is_killed_is_finished_by_the_next_one() {
    for moment in
        ["hello: setting up its role", "hello: creating", "hello: waiting for it to be ready"]
    {
        let home = hello();
        kill(started_until(&home, &["deploy", "hello", "--json"], moment));
        let deployed = home.run(["deploy", "hello", "--json"]).ok().json();
        assert_eq!(deployed["functions"][0]["name"], "hello", "killed at `{moment}`: {deployed}");
        let invoked =
            home.run(["invoke", "hello", "--payload", r#"{"name":"again"}"#, "--json"]).ok().json();
        assert_eq!(
            invoked["payload"]["message"], "Hello, again!",
            "killed at `{moment}`: {invoked}"
        );
    }
}

#[test]
fn a_console_that_is_killed_while_it_records_leaves_a_whole_history() {
    let home = hello();
    home.run(["deploy", "hello", "--json"]).ok();
    home.run(["invoke", "hello", "--payload", "{}", "--json"]).ok();
    // The moments are spread over the invocation and the writes after it.
    for step in 0..10 {
        let child =
            started_until(&home, &["invoke", "hello", "--payload", "{}", "--json"], "invoking");
        std::thread::sleep(Duration::from_millis(step * 15));
        kill(child);
    }
    let count = || {
        let stats = home.run(["stats", "hello", "--json"]).ok().json();
        stats["functions"][0]["invocations"].as_u64().expect("a number")
    };
    let before = count();
    assert!((1..=11).contains(&before), "{before} invocations");
    home.run(["invoke", "hello", "--payload", "{}", "--json"]).ok();
    assert_eq!(count(), before + 1);
    let output = Command::new("python3")
        .args(["-c", include_str!("crash.py")])
        .arg(home.path())
        .output()
        .expect("python3 runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "{output:?}");
}

#[test]
fn a_disk_that_takes_no_more_costs_the_record_and_not_the_response() {
    let home = hello();
    home.run(["deploy", "hello", "--json"]).ok();
    let name = "x".repeat(300_000);
    let inner = home.command(["invoke", "hello", "--payload", "-", "--json"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", include_str!("crash.sh"), "sh"])
        .arg(inner.get_program())
        .args(inner.get_args());
    command.current_dir(workspace());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let mut input = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut input, format!("{{\"name\":\"{name}\"}}").as_bytes())
        .expect("it is read");
    drop(input);
    let mut stderr = child.stderr.take().expect("it is piped");
    let printed = std::thread::spawn(move || {
        let mut printed = String::new();
        stderr.read_to_string(&mut printed).map(|_| printed)
    });
    let output = child.wait_with_output().expect("it ends");
    let printed = printed.join().expect("a thread").expect("text");
    assert!(output.status.success(), "{printed}");
    let invoked: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        invoked["payload"]["message"].as_str().map(str::len),
        Some(name.len() + "Hello, !".len())
    );
    assert!(printed.contains("could not write the history"), "{printed}");
    let after = home.run(["invoke", "hello", "--payload", "{}", "--json"]).ok();
    assert!(!after.stderr.contains("history"), "with room again it is written: {}", after.stderr);
}
