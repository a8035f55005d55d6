//! Bootstraps and extensions in Python. They are functions in the files beside the tests
//! (`invoke/failures.py` for `invoke/failures.rs`), and a test names the call: `server.create("f",
//! "dies()")`.

use lambda_console_testing::PRELUDE;

/// The Extensions API.
const EXTENSION: &str = include_str!("bootstraps/extension.py");

/// Files whose functions use the Runtime API alone.
const FUNCTIONS: [&str; 18] = [
    include_str!("api/layers.py"),
    include_str!("api/logs/tail.py"),
    include_str!("api/urls.py"),
    include_str!("api/versions.py"),
    include_str!("invoke/failures.py"),
    include_str!("invoke/invocations.py"),
    include_str!("invoke/phases.py"),
    include_str!("invoke/queue.py"),
    include_str!("invoke/resolved.py"),
    include_str!("invoke/streaming.py"),
    include_str!("invoke/tenants.py"),
    include_str!("sandbox/faults.py"),
    include_str!("sandbox/isolation.py"),
    include_str!("sandbox/memory.py"),
    include_str!("sandbox/reuse.py"),
    include_str!("sandbox/runtime_api.py"),
    include_str!("server/auth.py"),
    include_str!("server/lifecycle.py"),
];
/// Files of extensions, and of functions that may be extensions themselves.
const EXTENSIONS: [&str; 3] = [
    include_str!("sandbox/extensions.py"),
    include_str!("sandbox/families.py"),
    include_str!("sandbox/telemetry.py"),
];

/// A function that returns its event.
pub(crate) const ECHO: &str = "echo()";

/// A bootstrap that makes this call.
pub(crate) fn bootstrap(call: &str) -> String {
    if let Some(file) = defining(call, &EXTENSIONS) {
        return format!("{PRELUDE}\n{EXTENSION}\n{file}\n\n{call}\n");
    }
    let file = defining(call, &FUNCTIONS);
    assert!(file.is_some() || defining(call, &[PRELUDE]).is_some(), "no file defines {call}");
    format!("{PRELUDE}\n{}\n\n{call}\n", file.unwrap_or_default())
}

/// An external extension that makes this call.
pub(crate) fn extension(call: &str) -> String {
    let file = defining(call, &EXTENSIONS).unwrap_or_else(|| panic!("no file defines {call}"));
    format!("{EXTENSION}\n{file}\n\n{call}\n")
}

/// Finds the only file that defines the function of a call.
fn defining<'a>(call: &str, files: &[&'a str]) -> Option<&'a str> {
    let name = call.split('(').next().unwrap_or_default();
    let line = format!("\ndef {name}(");
    let mut defining = files.iter().copied().filter(|file| file.contains(&line));
    let file = defining.next();
    assert!(defining.next().is_none(), "two files define {name}");
    file
}
