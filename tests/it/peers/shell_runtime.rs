//! The shell bootstrap of AWS's tutorial for custom runtimes, with curl, runs on the local Lambda's
//! Runtime API.

use tests::{Home, LocalLambda, workspace};

#[test]
fn the_tutorial_s_shell_bootstrap_answers() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        eprintln!("not tried: this machine has no curl");
        return;
    }
    let home = Home::new(workspace());
    let local = LocalLambda::start(home.path());
    local.create(
        "shell",
        &[
            ("bootstrap", include_bytes!("shell_runtime.sh")),
            ("bootstrap.sh", include_bytes!("shell_runtime_function.sh")),
        ],
    );
    for n in 0..3 {
        let answer = local.invoke("shell", &format!("{{\"n\":{n}}}"));
        assert_eq!(answer.json()["got"]["n"], n, "{answer:?}");
        assert!(answer.log.contains(&format!("Echoing request: '{{\"n\":{n}}}'")), "{answer:?}");
    }
}
