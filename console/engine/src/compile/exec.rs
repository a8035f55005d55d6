//! The bootstrap of `exec` functions: a package of the runtime's sources, which this program
//! carries, is written below the target directory and built like any other function. All `exec`
//! functions of the workspace share it.
//!
//! Writes below `target/lambda/.exec` only.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use lambda_console_model::{Architecture, Failure, Function, Program, Step, Workspace};

use super::{BuildRequest, build};
use crate::{Job, workspace};

/// Path of the bootstrap, `None` if no function needs it, or the reason why there is none.
pub(super) type Bootstrap = Result<Option<PathBuf>, Failure>;

/// The runtime's sources, by their paths in its package, and the versions of its dependencies.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runtime.rs"));
/// The versions of the runtime's dependencies, among others.
const LOCK: &str = include_str!(concat!(env!("OUT_DIR"), "/Cargo.lock"));
/// The runtime's manifest, without inheritance, and with the bootstrap as a binary.
const MANIFEST: &str = r#"[package]
name = "lambda-exec"
version = "0.1.0"
edition = "2024"

[lib]
name = "lambda"

[[bin]]
name = "exec"
path = "src/main.rs"

[features]
default = ["exec"]
exec = []

[dependencies]
bytes = "1"
httparse = "1"
libc = { version = "0.2", default-features = false }
serde = { version = "1", features = ["derive"] }
serde_json = { version = "1", default-features = false, features = ["std"] }
tokio = { version = "1", default-features = false, features = ["io-util", "net", "rt", "sync"] }

[package.metadata.lambda]

[lints.rust]
unexpected_cfgs = "allow"
unfulfilled_lint_expectations = "allow"
"#;
const MAIN: &str = "fn main() {\n    lambda::exec::run();\n}\n";

/// Builds the bootstrap, if one of `functions` needs it.
pub(super) async fn bootstrap(
    workspace: &Workspace,
    architecture: Architecture,
    functions: &[&Function],
    debug: bool,
    job: &Job,
) -> Bootstrap {
    let is_exec = |function: &&Function| matches!(function.config.program, Some(Program::Exec(_)));
    if !functions.iter().copied().any(|function| is_exec(&function)) {
        return Ok(None);
    }
    let root = workspace.target.join("lambda/.exec");
    write(workspace, &root).map_err(|error| {
        let why = format!("{}: {error}", root.display());
        Failure::work("could not write the bootstrap of `exec` functions", why, "")
    })?;
    let (mut package, _) = workspace::read(&root, &job.cancel).await?;
    // The workspace's own target directory, and its names, stay the user's.
    package.target = root.join("target");
    let request =
        BuildRequest { architecture: Some(architecture), debug, ..BuildRequest::default() };
    // It is a part of other functions, not one that is done.
    let report = job.clone();
    let part = Job::new(job.cancel.clone(), move |step| match step {
        Step::Done(_) => {}
        step => report.report(step),
    });
    let mut outcome = build(&package, &request, &part).await?;
    match (outcome.built.pop(), outcome.failed.pop()) {
        (Some(built), _) => Ok(Some(built.bootstrap.path)),
        (None, Some((_, failure))) => Err(failure),
        (None, None) => Ok(None),
    }
}

/// Writes the package; files that have their content already are left alone.
fn write(workspace: &Workspace, root: &Path) -> io::Result<()> {
    let mut is_new = put(&root.join("Cargo.toml"), &manifest(workspace))?;
    is_new |= put(&root.join("src/main.rs"), MAIN)?;
    for (path, text) in SOURCES {
        is_new |= put(&root.join(path), text)?;
    }
    let lock = root.join("Cargo.lock");
    // Cargo removes the other packages from it.
    if is_new || !lock.exists() {
        put(&lock, LOCK)?;
    }
    Ok(())
}

/// The manifest, with the setting of the user's workspace that decides what is linked.
fn manifest(workspace: &Workspace) -> String {
    let text = fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let lambda = |table: &toml::Table| {
        table.get("workspace")?.get("metadata")?.get("lambda")?.get("build-std")?.as_bool()
    };
    let is_built = lambda(&table).unwrap_or_default();
    format!("{MANIFEST}\n[workspace]\n\n[workspace.metadata.lambda]\nbuild-std = {is_built}\n")
}

/// Writes a file, unless it has this content already; returns `true` if it was written.
fn put(path: &Path, text: &str) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let new = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, text).and_then(|()| fs::rename(&new, path))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use toml::{Table, Value};

    use super::*;

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn table(path: &str) -> Table {
        fs::read_to_string(repository().join(path)).unwrap().parse().unwrap()
    }

    /// A dependency as version, default features and features.
    fn plain(dependency: &Value) -> (String, bool, Vec<String>) {
        let text = |key: &str| dependency.get(key).and_then(Value::as_str).map(str::to_owned);
        let version = dependency.as_str().map(str::to_owned).or_else(|| text("version"));
        let default = dependency.get("default-features").and_then(Value::as_bool);
        let features = dependency.get("features").and_then(Value::as_array);
        let features = features.into_iter().flatten().filter_map(Value::as_str);
        (
            version.unwrap_or_default(),
            default.unwrap_or(true),
            features.map(str::to_owned).collect(),
        )
    }

    #[test]
    fn it_has_the_runtimes_dependencies() {
        let (runtime, root) = (table("runtime/Cargo.toml"), table("Cargo.toml"));
        let shared = root["workspace"]["dependencies"].as_table().unwrap();
        let own = runtime["dependencies"].as_table().unwrap();
        let ours: Table = MANIFEST.parse().unwrap();
        let is_optional =
            |dependency: &Value| dependency.get("optional").and_then(Value::as_bool) == Some(true);
        let wanted: Vec<_> = own.iter().filter(|(_, it)| !is_optional(it)).collect();
        assert_eq!(wanted.len(), ours["dependencies"].as_table().unwrap().len());
        for (name, dependency) in wanted {
            let (mut version, mut default, mut features) = plain(dependency);
            if dependency.get("workspace").is_some() {
                let (of_workspace, is_default, inherited) = plain(&shared[name]);
                (version, default) = (of_workspace, is_default);
                features.splice(0..0, inherited);
            }
            assert_eq!(plain(&ours["dependencies"][name]), (version, default, features), "{name}");
        }
    }

    #[test]
    fn it_has_all_sources_of_the_runtime() {
        let has = |path: &str| SOURCES.iter().any(|(name, _)| *name == path);
        assert!(has("src/lib.rs") && has("src/exec.rs") && has("src/exec/process.rs"));
        for (path, text) in SOURCES {
            let file = repository().join("runtime").join(path);
            assert_eq!(fs::read_to_string(file).unwrap(), *text, "{path}");
        }
    }
}
