//! The names of functions: their binaries', or those in their settings; and the functions that are
//! left out. Pure.

use std::collections::HashMap;

use lambda_console_model::{Failure, Function, FunctionConfig};

/// Names that are not given to a function, each with the reason.
type LeftOut = Vec<(String, Failure)>;

/// Sets the name and the directory of each function, and removes those that cannot be one, so that
/// they do not affect others. Names are unique: of several functions with the same name, the first
/// gets it.
pub(super) fn settle(functions: &mut Vec<Function>) -> LeftOut {
    let mut left_out = Vec::new();
    call_by_name(functions, &mut left_out);
    leave_out(functions, &mut left_out);
    let binaries = count(functions.iter().map(|function| function.binary.as_str()));
    for function in functions.iter_mut().filter(|function| binaries[&function.binary] > 1) {
        function.target.directory = Some(function.name.clone());
    }
    let mut first: HashMap<String, String> = HashMap::new();
    functions.retain(|function| {
        let place = format!("the binary {} of {}", function.binary, function.manifest.display());
        let Some(first) = first.get(&function.name) else {
            first.insert(function.name.clone(), place);
            return true;
        };
        let what = format!("ignored a second function named {}", function.name);
        let hint = format!("give one of the two another name: {}", setting(function));
        left_out.push((
            function.name.clone(),
            Failure::usage(what, format!("it is {place}, beside {first}"), hint),
        ));
        false
    });
    left_out
}

/// Counts the occurrences of each name.
fn count<'n>(names: impl Iterator<Item = &'n str>) -> HashMap<String, usize> {
    names.fold(HashMap::new(), |mut counts, name| {
        *counts.entry(name.to_owned()).or_default() += 1;
        counts
    })
}

/// The name in the settings, if it differs from the binary's.
fn given(function: &Function) -> Option<&str> {
    function.config.name.as_deref().filter(|name| *name != function.binary)
}

/// Renames functions according to their settings, unless another function already has the name.
fn call_by_name(functions: &mut [Function], left_out: &mut LeftOut) {
    let binaries = functions.iter().map(|function| function.binary.as_str());
    let users = count(binaries.chain(functions.iter().filter_map(given)));
    for function in functions {
        let Some(name) = given(function).map(str::to_owned) else { continue };
        if users[&name] == 1 {
            function.name = name;
            continue;
        }
        let failure = Failure::usage(
            format!("ignored the name {name} of the function {}", function.binary),
            format!("{}: another function has this name", function.manifest.display()),
            format!("give it one of its own: {}", setting(function)),
        );
        left_out.push((name, failure));
    }
}

/// Removes the functions that are not valid on any stage.
fn leave_out(functions: &mut Vec<Function>, left_out: &mut LeftOut) {
    functions.retain(|function| match why_not(function) {
        Some(failure) => {
            left_out.push((function.name.clone(), failure));
            false
        }
        None => true,
    });
}

fn why_not(function: &Function) -> Option<Failure> {
    let (name, manifest) = (&function.name, function.manifest.display());
    let what = format!("ignored the function {name}");
    if function.config.extension {
        let why = format!(
            "{manifest}: it is an extension, and only functions are built and deployed here"
        );
        return Some(Failure::usage(
            what,
            why,
            "build and deploy it with `cargo lambda`; functions use it as a layer",
        ));
    }
    (!FunctionConfig::is_name(name)).then(|| {
        let why = format!("{manifest}: a function's name is made of {}", FunctionConfig::NAME);
        Failure::usage(
            what,
            why,
            format!("give it one, which its binary need not have: {}", setting(function)),
        )
    })
}

/// Returns the key and the table that set a function's name.
fn setting(function: &Function) -> String {
    let table = format!("[package.metadata.lambda.bin.{}.deploy]", toml_key(&function.binary));
    format!("`name = \"…\"` below `{table}`")
}

/// `name` as a key in a table's header.
fn toml_key(name: &str) -> String {
    let is_bare =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare { name.to_owned() } else { format!("\"{name}\"") }
}
