//! Functions that run a program of any language: which of them a package has, and the files that
//! go into their zips.
//!
//! Reads files; changes nothing.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use lambda_console_model::{Exec, Function, FunctionConfig, Include, Program, Source};
use serde_json::json;

use super::manifest::Programs;

/// File with the command in the zip of an `exec` function, where the runtime's `exec` expects it.
const COMMAND: &str = "lambda-exec.json";

/// Returns the names of a package's functions: its binaries, and what has a program of its own.
/// A program of the whole package is its function; its binaries are none then.
pub(super) fn functions(programs: &Programs, package: &str, binaries: &[String]) -> Vec<String> {
    let mut names = if programs.is_own { vec![package.to_owned()] } else { binaries.to_vec() };
    for name in &programs.names {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Finds the program of a command among the package's `binaries`, else among its files, which are
/// then included.
pub(super) fn resolve(config: &mut FunctionConfig, binaries: &[String]) {
    let Some(Program::Exec(exec)) = &mut config.program else { return };
    let Source::File(file) = &exec.source else { return };
    let name = &exec.command[0];
    let included = config.include.iter().find_map(|include| source_in(include, name));
    if binaries.contains(name) {
        exec.source = Source::Binary(name.clone());
    } else if let Some(source) = included {
        exec.source = Source::File(source);
    } else {
        let (name, source, place) = (name.clone(), file.clone(), exec.place.clone());
        config.include.push(Include { name, source, place });
    }
}

/// The source of the file `name` in the zip, if it is this include or in it.
fn source_in(include: &Include, name: &str) -> Option<PathBuf> {
    let inside = plain(name).strip_prefix(plain(&include.name)).ok()?.to_path_buf();
    if inside.as_os_str().is_empty() {
        return Some(include.source.clone());
    }
    let source = include.source.join(inside);
    source.exists().then_some(source)
}

/// A path without `.`.
fn plain(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| *part != Component::CurDir).collect()
}

/// Removes the binaries that another function of the package executes: they are ordinary programs.
pub(super) fn take_executed(functions: &mut Vec<Function>) {
    let executed: Vec<String> = functions
        .iter()
        .filter(|function| function.config.program.is_some())
        .filter_map(|function| function.built_binary().map(str::to_owned))
        .collect();
    functions.retain(|function| {
        function.config.program.is_some() || !executed.contains(&function.binary)
    });
}

/// The files in the zip of `function` beside the bootstrap; `directory` has its bootstrap.
pub(crate) fn included(function: &Function, directory: &Path) -> Vec<Include> {
    let mut include = function.config.include.clone();
    if let Some(Program::Exec(exec)) = &function.config.program {
        let made = |name: &str| Include {
            name: name.to_owned(),
            source: directory.join("exec").join(name),
            place: exec.place.clone(),
        };
        include.push(made(COMMAND));
        if let Source::Binary(binary) = &exec.source {
            include.push(made(binary));
        }
    }
    include
}

/// Path of the file with the command, for the function whose bootstrap is in `directory`.
pub(crate) fn command_file(directory: &Path) -> PathBuf {
    directory.join("exec").join(COMMAND)
}

/// Content of that file.
pub(crate) fn command(exec: &Exec) -> String {
    json!({ "command": exec.command, "resident": exec.resident }).to_string()
}

/// Returns `true` if the zip of `function` was made from another program than the current one.
pub(super) fn is_stale(function: &Function, directory: &Path) -> bool {
    match &function.config.program {
        None => false,
        Some(Program::Prebuilt { file, .. }) => {
            let stamp =
                |path: &Path| path.metadata().and_then(|it| Ok((it.len(), it.modified()?))).ok();
            stamp(file) != stamp(&directory.join("bootstrap"))
        }
        Some(Program::Exec(exec)) => {
            fs::read_to_string(command_file(directory)).ok() != Some(command(exec))
        }
    }
}
