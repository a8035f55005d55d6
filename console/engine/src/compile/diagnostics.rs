//! Cargo's output of a build: JSON on standard output, status lines on standard error.
//!
//! Pure: turns lines into events.

use std::{collections::HashSet, path::PathBuf};

use cargo_metadata::{
    Message, TargetKind,
    diagnostic::{Diagnostic, DiagnosticLevel},
};
use lambda_console_model::{Failure, Function, Step, text::clean};

use super::{
    complaint::{complaints, shortened},
    progress,
};

/// Maximum length of a line that is shown, in bytes.
const LONGEST_LINE: usize = 2000;

/// The relevant output of one cargo call.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    executables: Vec<Executable>,
    errors: Vec<CompileError>,
    /// From cargo's own first `error` on.
    complaints: Vec<String>,
    counts: (u64, u64),
    last: String,
}

#[derive(Debug)]
struct Executable {
    /// The package's id.
    package: String,
    binary: String,
    path: PathBuf,
}

#[derive(Debug)]
struct CompileError {
    /// The package's id.
    package: String,
    /// The target that it belongs to: a function, if it is a binary.
    target: String,
    is_binary: bool,
    /// `true` if the linker failed, not the compiler.
    is_of_linker: bool,
    text: String,
    place: Option<String>,
}

impl Transcript {
    /// Reads a line of standard output. Returns the part of it that is shown.
    pub(super) fn stdout(&mut self, line: &str) -> Option<Step> {
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact(artifact)) => {
                self.last.clone_from(&artifact.target.name);
                if let Some(path) = artifact.executable {
                    let (package, binary) = (artifact.package_id.repr, artifact.target.name);
                    self.executables.push(Executable {
                        package,
                        binary,
                        path: path.into_std_path_buf(),
                    });
                }
                None
            }
            Ok(Message::CompilerMessage(message)) => {
                let shown = message
                    .message
                    .rendered
                    .clone()
                    .unwrap_or_else(|| message.message.message.clone());
                let is_error =
                    matches!(message.message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
                // Rustc's summary of the errors before it, which has no code either.
                if is_error && !message.message.message.starts_with("aborting due to") {
                    let place =
                        message.message.spans.iter().find(|span| span.is_primary).map(|span| {
                            format!("{}:{}:{}", span.file_name, span.line_start, span.column_start)
                        });
                    self.errors.push(CompileError {
                        package: message.package_id.repr,
                        is_binary: message.target.kind.contains(&TargetKind::Bin),
                        target: message.target.name,
                        is_of_linker: is_of_linker(&message.message),
                        text: text_of(&message.message),
                        place,
                    });
                }
                Some(output(shown))
            }
            Ok(_) => None,
            Err(_) => Some(output(format!("{line}\n"))),
        }
    }

    /// Reads a line of standard error. Returns the part of it that is shown.
    pub(super) fn stderr(&mut self, line: &str) -> Option<Step> {
        if let Some((done, total)) = progress::parse(line) {
            let moved = std::mem::replace(&mut self.counts, (done, total)) != (done, total);
            return moved.then(|| Step::Crate { done, total, name: self.last.clone() });
        }
        let plain = clean(line).into_owned();
        if plain.trim().is_empty() {
            return None;
        }
        if plain.starts_with("error") || !self.complaints.is_empty() {
            self.complaints.push(plain);
        }
        // Cargo erases its bar from the line before it writes another.
        Some(output(format!("{}\n", line.trim_start_matches("\u{1b}[K"))))
    }

    /// Returns `true` if the linker has failed.
    pub(super) fn is_not_linked(&self) -> bool {
        self.errors.iter().any(|error| error.is_of_linker)
    }

    /// Path of the function's binary in cargo's output.
    pub(super) fn executable(&self, function: &Function) -> Option<PathBuf> {
        let is_it = |made: &&Executable| {
            made.binary == function.binary && made.package == function.target.id
        };
        self.executables.iter().find(is_it).map(|made| made.path.clone())
    }

    /// Returns the failure of a function without a binary. `packages`: the ids of those that it is
    /// made of; `None` if it was the only one built. `to_linker`: the linker arguments in the
    /// user's flags.
    pub(super) fn failure(
        &self,
        function: &Function,
        packages: Option<&HashSet<&str>>,
        to_linker: Option<&str>,
    ) -> Failure {
        let what = format!("could not build {}", function.name);
        let is_own = |error: &&CompileError| error.package == function.target.id;
        let own = self.errors.iter().filter(is_own);
        let of_function =
            own.clone().find(|error| error.is_binary && error.target == function.binary);
        let of_package = || own.clone().find(|error| !error.is_binary);
        let is_part = |error: &&CompileError| {
            packages.is_none_or(|packages| packages.contains(error.package.as_str()))
        };
        let of_dependency = || self.errors.iter().find(|error| !error.is_binary && is_part(error));
        if let Some(error) = of_function.or_else(of_package).or_else(of_dependency) {
            let crate_name = if error.is_binary {
                String::new()
            } else {
                format!(" (in the crate {})", error.target)
            };
            let place = error.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            let hint = match to_linker.filter(|_| error.is_of_linker) {
                Some(flags) => format!("your flags were passed to the linker: {flags}"),
                None => "the build output has the full message".to_owned(),
            };
            return Failure::work(what, format!("{place}{}{crate_name}", error.text), hint);
        }
        let complaints = complaints(&self.complaints);
        match complaints
            .iter()
            .find(|complaint| complaint.concerns(packages))
            .or(complaints.first())
        {
            Some(complaint) => Failure::work(what, complaint.why.clone(), complaint.hint.clone()),
            None => {
                Failure::work(what, "cargo ended without building it and reported no error", "")
            }
        }
    }
}

/// Returns `true` if the compiler reports that the linker failed: rustc gives this error no code,
/// and its text is its only sign.
fn is_of_linker(message: &Diagnostic) -> bool {
    message.message.starts_with("linking with `") || message.message.starts_with("linker `")
}

/// The compiler's message. A linking error contains only the linker's command, which fills a
/// screen; the reason is in a note.
fn text_of(message: &Diagnostic) -> String {
    if !is_of_linker(message) {
        return message.message.clone();
    }
    let notes = message.children.iter().rev().map(|note| note.message.trim());
    let output_lines = notes
        .filter(|note| !note.is_empty())
        .find(|note| !note.contains(" \"-"))
        .unwrap_or(&message.message);
    let lines = || output_lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let errors: Vec<String> =
        lines().filter(|line| line.contains("error")).take(3).map(shortened).collect();
    let output_lines =
        if errors.is_empty() { lines().take(3).map(shortened).collect() } else { errors };
    let linker = message
        .message
        .strip_prefix("linker `")
        .map(|_| format!("{}: ", message.message))
        .unwrap_or_default();
    format!("linking failed: {linker}{}", output_lines.join("\n"))
}

/// Output as it is shown. A very long line is cut, and all of it is logged.
fn output(text: String) -> Step {
    if text.lines().all(|line| line.len() <= LONGEST_LINE) {
        return Step::Output(text);
    }
    tracing::info!("a long line of a build: {}", clean(&text));
    let mut shown = String::new();
    for line in text.lines() {
        let end = line.floor_char_boundary(LONGEST_LINE);
        shown.push_str(line.get(..end).unwrap_or_default());
        if end < line.len() {
            let more = (line.len() - end).div_ceil(1000).to_string();
            shown.extend(["… (", &more, " KB more in console.log)"]);
        }
        shown.push('\n');
    }
    Step::Output(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "path+file:///w/my%20place/orders#0.1.0";

    fn function(name: &str, package: &str) -> Function {
        let target = serde_json::json!({"id": package, "features": [], "required": []});
        let function = serde_json::json!({"name": name, "binary": name, "package": "p", "manifest": "", "runtime": "bundled",
            "target": target, "architecture": "arm64", "config": {}, "events": [], "bootstrap": null, "zip": null, "stale": false});
        serde_json::from_value(function).unwrap()
    }

    fn message(target: &str, kind: &str, text: &str) -> String {
        message_of(ORDERS, target, kind, text, &[])
    }

    fn message_of(package: &str, target: &str, kind: &str, text: &str, notes: &[&str]) -> String {
        let note = |text: &&str| serde_json::json!({"message": text, "code": null, "level": "note", "children": [], "rendered": null, "spans": []});
        let notes: Vec<_> = notes.iter().map(note).collect();
        serde_json::json!({
            "reason": "compiler-message",
            "package_id": package,
            "manifest_path": "/w/orders/Cargo.toml",
            "target": {"kind": [kind], "crate_types": [kind], "name": target, "src_path": "/w/orders/src/main.rs",
                       "edition": "2024", "doc": true, "doctest": false, "test": true},
            "message": {"message": text, "code": null, "level": "error", "children": notes, "rendered": "\u{1b}[31merror\u{1b}[0m\n",
                "spans": [{"file_name": "orders/src/main.rs", "byte_start": 0, "byte_end": 1, "line_start": 3, "line_end": 3,
                           "column_start": 9, "column_end": 10, "is_primary": true, "text": [], "label": null,
                           "suggested_replacement": null, "suggestion_applicability": null, "expansion": null}]}
        })
        .to_string()
    }

    #[test]
    fn each_function_has_its_own_error_with_its_place() {
        let mut transcript = Transcript::default();
        let shown = transcript.stdout(&message("orders", "bin", "mismatched types"));
        assert_eq!(shown, Some(Step::Output("\u{1b}[31merror\u{1b}[0m\n".into())));
        transcript.stdout(&message("refunds", "bin", "no method `x`"));
        let failure = transcript.failure(&function("refunds", ORDERS), None, None);
        assert_eq!(failure.why, "orders/src/main.rs:3:9: no method `x`");
    }

    #[test]
    fn a_broken_library_is_named_in_the_failure_of_its_function() {
        let mut transcript = Transcript::default();
        transcript.stdout(&message("orders_lib", "lib", "mismatched types"));
        let failure = transcript.failure(&function("orders", ORDERS), None, None);
        assert_eq!(
            failure.why,
            "orders/src/main.rs:3:9: mismatched types (in the crate orders_lib)"
        );
    }

    #[test]
    fn an_error_is_of_the_function_that_is_made_of_the_package() {
        let mut transcript = Transcript::default();
        let other = "path+file:///w/my%20place/refunds#0.1.0";
        transcript.stdout(&message_of(other, "shared", "lib", "the other's", &[]));
        transcript.stdout(&message("orders_lib", "lib", "its own"));
        let packages = HashSet::from([ORDERS]);
        let failure = transcript.failure(&function("orders", ORDERS), Some(&packages), None);
        assert_eq!(failure.why, "orders/src/main.rs:3:9: its own (in the crate orders_lib)");
        let packages = HashSet::from(["path+file:///w/third#0.1.0", other]);
        let failure = transcript.failure(
            &function("third", "path+file:///w/third#0.1.0"),
            Some(&packages),
            None,
        );
        assert_eq!(failure.why, "orders/src/main.rs:3:9: the other's (in the crate shared)");
    }

    #[test]
    fn a_linker_that_fails_is_quoted_and_not_its_command() {
        let mut transcript = Transcript::default();
        let notes = [
            " \"/c/zigcc.sh\" \"-Wl,--icf=all\" \"x.o\"",
            "some arguments are omitted",
            "warning: x\nerror: unsupported linker arg: --icf\n",
        ];
        transcript.stdout(&message_of(
            ORDERS,
            "orders",
            "bin",
            "linking with `/c/zigcc.sh` failed: exit status: 1",
            &notes,
        ));
        let failure = transcript.failure(
            &function("orders", ORDERS),
            None,
            Some("`-Clink-arg=-Wl,--icf=all` (RUSTFLAGS)"),
        );
        assert!(
            failure.why.ends_with("linking failed: error: unsupported linker arg: --icf"),
            "{}",
            failure.why
        );
        assert_eq!(
            failure.hint,
            "your flags were passed to the linker: `-Clink-arg=-Wl,--icf=all` (RUSTFLAGS)"
        );
        let mut transcript = Transcript::default();
        transcript.stdout(&message_of(
            ORDERS,
            "orders",
            "bin",
            "linker `clang-9` not found",
            &["No such file or directory (os error 2)"],
        ));
        let failure = transcript.failure(&function("orders", ORDERS), None, None);
        assert!(
            failure.why.ends_with(
                "linking failed: linker `clang-9` not found: No such file or directory (os error 2)"
            ),
            "{}",
            failure.why
        );
    }

    #[test]
    fn cargos_own_complaint_is_the_reason_where_no_compiler_ran() {
        let mut transcript = Transcript::default();
        transcript.stderr("    Updating the index");
        transcript.stderr("\u{1b}[31merror\u{1b}[0m: no matching package named `nope` found");
        transcript.stderr("location searched: here");
        let failure = transcript.failure(&function("orders", ORDERS), None, None);
        assert_eq!(failure.why, "no matching package named `nope` found\nlocation searched: here");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let text = format!(
            "error: linking failed\n  = note: \"clang\" {}\n  = note: more\n",
            "\"-Wl,-x\" ".repeat(2000)
        );
        let Step::Output(shown) = output(text) else { panic!("it is shown") };
        assert!(
            shown.len() < 2200 && shown.ends_with("KB more in console.log)\n  = note: more\n"),
            "{shown}"
        );
        assert_eq!(output("a\nb".into()), Step::Output("a\nb".into()));
    }

    #[test]
    fn progress_is_reported_once_for_each_crate() {
        let mut transcript = Transcript::default();
        let step = transcript.stderr("    Building [=> ] 1/3: a");
        assert_eq!(step, Some(Step::Crate { done: 1, total: 3, name: String::new() }));
        assert_eq!(transcript.stderr("    Building [=> ] 1/3: a, b"), None);
    }
}
