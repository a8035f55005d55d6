//! A program that is started once: one line in, one line out.

use super::{create, home, program};

/// Answers each event with the number of events so far, its process, and the event; some events are
/// instructions.
const COUNTS: &str = "#!/bin/sh
echo ready >&2
while read -r line; do
  n=$((n + 1))
  case $line in
    '\"die\"') echo 'out of paper' >&2; exit 3 ;;
    '\"hang\"') sleep 1000 ;;
    '\"twice\"') echo '{\"first\":true}' ;;
  esac
  echo \"{\\\"n\\\":$n,\\\"process\\\":$$,\\\"got\\\":$line}\"
done
";

#[test]
fn events_and_answers_are_lines_of_one_process() {
    let home = home();
    let local = program(&home, COUNTS, true);
    let process = local.invoke("f", "0").json()["process"].clone();
    for n in 2..=200 {
        let answer = local.invoke("f", &format!("{{\n \"a\": {n}\r\n}}"));
        let json = answer.json();
        assert_eq!((&json["n"], &json["got"]["a"]), (&n.into(), &n.into()), "{answer:?}");
        assert_eq!(json["process"], process);
    }
    let event = format!("\"{}\"", "x".repeat(300_000));
    assert_eq!(local.invoke("f", &event).json()["got"].as_str().unwrap().len(), 300_000);
}

#[test]
fn a_process_that_ends_fails_its_invocation_and_is_started_again() {
    let home = home();
    let local = program(&home, COUNTS, true);
    let before = local.invoke("f", "0").json();
    let answer = local.invoke("f", "\"die\"");
    assert_eq!(answer.json()["errorType"], "Function.ExitCode", "{answer:?}");
    let message = "`program` exited with code 3: out of paper";
    assert_eq!(answer.json()["errorMessage"], message);
    let after = local.invoke("f", "0").json();
    assert_eq!(after["n"], 1);
    assert_ne!(after["process"], before["process"]);

    // One that ends between two events fails none.
    let process = after["process"].as_u64().unwrap();
    let killed = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status();
    assert!(killed.unwrap().success());
    tests::eventually("it has ended", || !super::runs(&process.to_string()));
    let answer = local.invoke("f", "0");
    assert_eq!(answer.json()["n"], 1, "{answer:?}");
    assert!(answer.log.contains("`program` ended between two events"), "{answer:?}");
}

#[test]
fn an_event_without_an_answer_times_out() {
    let home = home();
    let local = program(&home, COUNTS, true);
    let answer = local.invoke("f", "\"hang\"");
    assert_eq!(answer.json()["errorType"], "Function.TimedOut", "{answer:?}");
    let after = local.invoke("f", "0");
    assert_eq!(after.json()["n"], 1);
    assert!(!after.log.contains("INIT_START"), "the sandbox is the same: {after:?}");
}

#[test]
fn a_line_too_many_is_no_answer_to_the_next_event() {
    let home = home();
    let local = program(&home, COUNTS, true);
    assert_eq!(local.invoke("f", "\"twice\"").json()["first"], true);
    let answer = local.invoke("f", "5");
    assert_eq!(answer.json()["got"], 5, "{answer:?}");
    assert!(answer.log.contains("that `program` wrote before its event"), "{answer:?}");
}

#[test]
fn a_program_that_cannot_be_started_fails_the_init() {
    let home = home();
    let local = program(&home, "#!/no/such/interpreter\n", true);
    for is_resident in [true, false] {
        let name = if is_resident { "f" } else { "g" };
        if !is_resident {
            create(&local, name, "#!/no/such/interpreter\n", false);
        }
        let answer = local.invoke(name, "1");
        assert_eq!(answer.json()["errorType"], "Function.NotStarted", "{answer:?}");
        let message = answer.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.contains("its interpreter `/no/such/interpreter` is neither"), "{message}");
    }
}
