//! A program that is started for each event.

use std::time::{Duration, Instant};

use tests::{Answer, LocalLambda, eventually};

use super::{home, program, runs};

fn error(answer: &Answer) -> (String, String) {
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"), "{answer:?}");
    let text = |key: &str| answer.json()[key].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}

fn invoke(local: &LocalLambda) -> Answer {
    local.invoke("f", "1")
}

#[test]
fn event_arguments_and_context_arrive_and_the_response_and_the_log_return() {
    let home = home();
    let script = "#!/bin/sh\necho \"for $LAMBDA_REQUEST_ID\" >&2\nprintf '{\"got\":%s,\"id\":\"%s\",\
        \"arguments\":\"%s\",\"arn\":\"%s\",\"left\":%s,\"trace\":\"%s\",\"tenant\":\"%s\"}' \
        \"$(cat)\" \"$LAMBDA_REQUEST_ID\" \"$*\" \"$LAMBDA_FUNCTION_ARN\" \
        \"$((LAMBDA_DEADLINE_MS / 1000 - $(date +%s)))\" \"$_X_AMZN_TRACE_ID\" \
        \"${LAMBDA_TENANT_ID-none}\"\nprintf 'no line end' >&2\n";
    let local = program(&home, script, false);
    for n in 0..3 {
        let answer = local.invoke("f", &format!("{{\"n\":{n}}}"));
        let json = answer.json();
        assert_eq!(json["got"]["n"], n, "{answer:?}");
        assert_eq!(json["id"], *answer.request_id);
        assert_eq!(json["arguments"], "an argument");
        assert!(json["arn"].as_str().unwrap().ends_with(":function:f"), "{answer:?}");
        assert!((0..=3).contains(&json["left"].as_i64().unwrap()), "{answer:?}");
        assert!(json["trace"].as_str().unwrap().starts_with("Root=1-"), "{answer:?}");
        assert_eq!(json["tenant"], "none");
        assert!(answer.log.contains(&format!("for {}\n", answer.request_id)), "{answer:?}");
        assert!(answer.log.contains("no line end\n"), "{answer:?}");
    }
}

#[test]
fn an_exit_code_and_a_signal_are_errors_with_the_last_lines_of_standard_error() {
    let home = home();
    let script = "#!/bin/sh\nread -r n\necho 'reading the bucket' >&2\necho 'no such bucket' >&2\n\
        echo '{}'\n[ \"$n\" = 1 ] && exit 3\nkill -SEGV $$\n";
    let local = program(&home, script, false);
    let answer = invoke(&local);
    let message = "`program` exited with code 3: reading the bucket\nno such bucket";
    assert_eq!(error(&answer), ("Function.ExitCode".into(), message.into()));
    assert!(answer.log.contains("no such bucket\n"), "{answer:?}");
    let (kind, message) = error(&local.invoke("f", "2"));
    assert_eq!(kind, "Function.Signal");
    assert!(message.starts_with("`program` was ended by SIGSEGV: reading"), "{message}");
}

#[test]
fn a_large_event_returns_whole() {
    let home = home();
    let local = program(&home, "#!/bin/sh\ncat\n", false);
    let event = format!("\"{}\"", "x".repeat(5_000_000));
    assert_eq!(local.invoke("f", &event).payload_text(), event);
}

#[test]
fn a_program_need_not_read_its_event() {
    for script in ["#!/bin/sh\necho 7\n", "#!/bin/sh\nexec 0<&-\nsleep 0.1\necho 7\n"] {
        let home = home();
        let local = program(&home, script, false);
        let event = format!("\"{}\"", "x".repeat(5_000_000));
        for _ in 0..3 {
            assert_eq!(local.invoke("f", &event).payload_text(), "7\n");
        }
    }
}

#[test]
fn no_output_is_null_and_too_much_of_it_gets_lambdas_error() {
    let home = home();
    let local = program(&home, "#!/bin/sh\n:\n", false);
    assert_eq!(invoke(&local).payload_text(), "null");

    let home = super::home();
    let script = "#!/bin/sh\nhead -c 7340032 /dev/zero | tr '\\0' x\necho whole >&2\n";
    let local = program(&home, script, false);
    let answer = invoke(&local);
    assert_eq!(error(&answer).0, "Function.ResponseSizeTooLarge", "{}", answer.log);
    assert!(answer.log.contains("whole\n"), "{}", answer.log);
}

#[test]
fn children_that_are_left_behind_are_killed_and_not_waited_for() {
    let home = home();
    let script = "#!/bin/sh\nsleep 1000 &\ngroup=$!\nsetsid sleep 1000 &\n\
        sh -c 'setsid sh -c \"echo \\$\\$ >&3; exec sleep 1000\" &' 3>daemon.txt 2>/dev/null\n\
        echo \"$group $!\"\n";
    // The function's directory is read-only: the daemon's number goes through its response too.
    let script = script.replace("3>daemon.txt", "3>/tmp/daemon") + "sleep 0.2; cat /tmp/daemon\n";
    let local = program(&home, &script, false);
    let began = Instant::now();
    let answer = invoke(&local);
    assert!(began.elapsed() < Duration::from_secs(3), "{answer:?}");
    let text = answer.payload_text();
    let processes: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(processes.len(), 3, "{answer:?}");
    for process in processes {
        eventually("it was killed", || !runs(process));
    }
    assert_eq!(invoke(&local).function_error, None);
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_its_children_and_the_sandbox_stays() {
    let home = home();
    let script = "#!/bin/sh\nread -r n\n[ \"$n\" = 1 ] || { echo 7; exit; }\ntrap '' TERM\n\
        sleep 1000 &\necho \"children $!\" >&2\nwhile :; do sleep 1000; done\n";
    let local = program(&home, script, false);
    assert_eq!(local.invoke("f", "2").payload_text(), "7\n");
    let began = Instant::now();
    let answer = invoke(&local);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let (kind, message) = error(&answer);
    assert_eq!(kind, "Function.TimedOut", "{answer:?}");
    assert!(message.starts_with("`program` had not ended before the timeout"), "{message}");
    let child = message.rsplit_once("children ").unwrap().1.to_owned();
    eventually("it was killed", || !runs(child.trim()));
    let after = local.invoke("f", "2");
    assert_eq!(after.payload_text(), "7\n");
    assert!(!after.log.contains("INIT_START"), "the sandbox is the same: {after:?}");
}

#[test]
fn a_python_program_answers() {
    if !tests::is_installed("python3") {
        eprintln!("not tried: this machine has no python3");
        return;
    }
    let home = home();
    let script = "#!/usr/bin/env python3\nimport json, sys\nevent = json.load(sys.stdin)\n\
        json.dump({'sum': sum(event)}, sys.stdout)\n";
    let local = program(&home, script, false);
    assert_eq!(local.invoke("f", "[1,2,3]").json()["sum"], 6);
}
