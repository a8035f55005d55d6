//! Costs of a function, in figures that do not depend on the load of the machine: bytes,
//! instructions (valgrind's callgrind), system calls (strace), crates. The function is hello, as
//! `lambda-console build` makes it: panics unwind.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
};

use tests::{
    Bootstrap, Home, INVOCATIONS, Instructions, hello, is_installed, repository, target, workspace,
};

/// Limit of the zip for ARM64, in bytes.
const ZIP: u64 = 246_000;
/// Limit of user instructions to the first response: the official crate takes 141,000.
const START: usize = 37_500;
/// Limit of user instructions an invocation: a bare blocking socket takes 8,700, the official
/// crate 75,000.
const INVOCATION: usize = 11_700;
/// System calls an invocation: each of its two exchanges writes, waits and reads.
const SYSTEM_CALLS: usize = 6;
/// Limit of the crates that are linked.
const CRATES: usize = 14;

/// The bootstrap for this machine's processor, in a target directory of its own: other tests
/// expect the one for ARM64.
static BOOTSTRAP: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut command =
        Home::new(workspace()).command(["build", "hello", "--arch", "x86_64", "--json"]);
    let directory = target().join("fixtures/budget");
    let built = command.env("CARGO_TARGET_DIR", &directory).stderr(Stdio::inherit()).output();
    assert!(built.unwrap().status.success(), "hello does not build");
    directory.join("lambda/hello/bootstrap")
});

fn bootstrap(pipelined: bool) -> Bootstrap {
    Bootstrap { path: BOOTSTRAP.clone(), pipelined }
}

/// Returns `true` if a tool is installed and runs the bootstrap; prints a message if not.
#[expect(clippy::print_stderr, reason = "a test that measures nothing is not to be unseen")]
fn measures(tool: &str) -> bool {
    let measures = cfg!(all(target_arch = "x86_64", target_os = "linux")) && is_installed(tool);
    if !measures {
        eprintln!("skipped: `{tool}` is not installed, so nothing was measured");
    }
    measures
}

#[test]
fn the_zip_is_small() {
    let built = hello().run(["build", "hello", "--json"]).ok().json();
    let bytes = built["functions"][0]["zip_bytes"].as_u64().unwrap();
    assert!(bytes <= ZIP, "{bytes} bytes");
}

#[test]
fn instructions_are_within_the_budget() {
    if !measures("valgrind") {
        return;
    }
    let Instructions { start, invocation } = bootstrap(false).instructions();
    assert!(start <= START, "{start} instructions to the first response");
    assert!(invocation <= INVOCATION, "{invocation} instructions an invocation");
}

#[test]
fn system_calls_are_within_the_budget() {
    if !measures("strace") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (pipelined, most) in [(false, SYSTEM_CALLS), (true, SYSTEM_CALLS - 1)] {
        let calls = |invocations| {
            let trace = directory.path().join("trace");
            let mut process =
                bootstrap(pipelined).start(&["strace", "-f", "-o", trace.to_str().unwrap()]);
            process.serve(invocations);
            process.disconnect();
            fs::read_to_string(trace).unwrap().lines().count()
        };
        let calls = calls(1 + INVOCATIONS) - calls(1);
        assert!(calls <= most * INVOCATIONS, "{calls} system calls in {INVOCATIONS} invocations");
    }
}

#[test]
fn few_crates_are_linked() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(repository())
        .args(["tree", "--package", "hello", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}", "--target", "aarch64-unknown-linux-musl"])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "hello")
        .collect();
    assert!(crates.contains("tokio") && crates.len() <= CRATES, "{crates:?}");
}
