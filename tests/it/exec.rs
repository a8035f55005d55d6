//! Functions that run a program of any language: by a command, or as a finished bootstrap.

mod once;
mod prebuilt;
mod refused;
mod resident;
mod workspace;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::LazyLock};

use serde_json::json;
use tests::{Fixture, Home, LocalLambda};

/// This machine's architecture, as the console calls it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// The bootstrap of `exec` functions, as the console builds it.
static BOOTSTRAP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let fixture = Fixture::kept("exec", &[]);
    fixture.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = []\n\n\
         [workspace.metadata.lambda.bin.cat]\nexec = \"/bin/cat\"\n",
    );
    let home = Home::new(fixture.path());
    let built = home.run(["build", "cat", "--arch", ARCHITECTURE, "--json"]).ok().json();
    fs::read(built["functions"][0]["bootstrap"].as_str().unwrap()).unwrap()
});

/// A local Lambda with the function `f`, whose only file `program` is run.
fn program(home: &Home, text: &str, is_resident: bool) -> LocalLambda {
    let local = LocalLambda::start(home.path());
    create(&local, "f", text, is_resident);
    local
}

/// Creates such a function.
fn create(local: &LocalLambda, name: &str, text: &str, is_resident: bool) {
    let command = json!({ "command": ["program", "an argument"], "resident": is_resident });
    let files = [
        ("bootstrap", BOOTSTRAP.as_slice()),
        ("lambda-exec.json", &serde_json::to_vec(&command).unwrap()),
        ("program", text.as_bytes()),
    ];
    local.create(name, &files);
}

fn home() -> Home {
    Home::new(tests::workspace())
}

/// Makes a file executable.
fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns `true` if the process runs: it exists and has not ended.
fn runs(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, after)| after);
    state.is_some_and(|state| !state.starts_with('Z'))
}
