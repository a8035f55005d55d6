//! What cargo says while it builds: JSON on standard output, status lines on standard error.
//!
//! Pure: lines in, what they mean out.

use std::path::PathBuf;

use cargo_metadata::{Message, TargetKind, diagnostic::DiagnosticLevel};

use super::progress;
use crate::message::{Failure, Step};

/// All that matters of one cargo call.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    executables: Vec<(String, PathBuf)>,
    errors: Vec<CompileError>,
    /// From cargo's own first `error` on.
    complaints: Vec<String>,
    counts: (u64, u64),
    last: String,
}

#[derive(Debug)]
struct CompileError {
    /// Of which target: a function, if it is a binary.
    target: String,
    is_binary: bool,
    package_manifest: PathBuf,
    text: String,
    place: Option<String>,
}

impl Transcript {
    /// A line of standard output. Answers what is to be shown of it.
    pub(super) fn stdout(&mut self, line: &str) -> Option<Step> {
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact(artifact)) => {
                self.last.clone_from(&artifact.target.name);
                if let Some(executable) = artifact.executable {
                    self.executables.push((artifact.target.name, executable.into_std_path_buf()));
                }
                None
            }
            Ok(Message::CompilerMessage(message)) => {
                let shown = message.message.rendered.clone().unwrap_or_else(|| message.message.message.clone());
                let is_error = matches!(message.message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
                if is_error && !message.message.message.starts_with("aborting due to") {
                    let place = message
                        .message
                        .spans
                        .iter()
                        .find(|span| span.is_primary)
                        .map(|span| format!("{}:{}:{}", span.file_name, span.line_start, span.column_start));
                    self.errors.push(CompileError {
                        is_binary: message.target.kind.contains(&TargetKind::Bin),
                        target: message.target.name,
                        package_manifest: manifest_of(&message.package_id.repr),
                        text: message.message.message,
                        place,
                    });
                }
                Some(Step::Output(shown))
            }
            Ok(_) => None,
            Err(_) => Some(Step::Output(format!("{line}\n"))),
        }
    }

    /// A line of standard error. Answers what is to be shown of it.
    pub(super) fn stderr(&mut self, line: &str) -> Option<Step> {
        if let Some((done, total)) = progress::parse(line) {
            let moved = std::mem::replace(&mut self.counts, (done, total)) != (done, total);
            return moved.then(|| Step::Crate { done, total, name: self.last.clone() });
        }
        let plain = progress::plain(line);
        if plain.trim().is_empty() {
            return None;
        }
        if plain.starts_with("error") || !self.complaints.is_empty() {
            self.complaints.push(plain);
        }
        // Cargo wipes its bar off the line before it writes another.
        Some(Step::Output(format!("{}\n", line.trim_start_matches("\u{1b}[K"))))
    }

    /// Where cargo has put the binary.
    pub(super) fn executable(&self, name: &str) -> Option<PathBuf> {
        self.executables.iter().find(|(binary, _)| binary == name).map(|(_, path)| path.clone())
    }

    /// Why there is no binary `name` of the package at `manifest`.
    pub(super) fn failure(&self, name: &str, manifest: &std::path::Path) -> Failure {
        let what = format!("could not build {name}");
        let directory = manifest.parent().unwrap_or(manifest);
        let of_function = self.errors.iter().find(|error| error.is_binary && error.target == name);
        let of_package = || self.errors.iter().find(|error| !error.is_binary && error.package_manifest == directory);
        let of_dependency = || self.errors.iter().find(|error| !error.is_binary);
        if let Some(error) = of_function.or_else(of_package).or_else(of_dependency) {
            let crate_name = if error.is_binary { String::new() } else { format!(" (in the crate {})", error.target) };
            let place = error.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            return Failure::work(
                what,
                format!("{place}{}{crate_name}", error.text),
                "the build output has the whole message",
            );
        }
        if self.complaints.is_empty() {
            return Failure::work(what, "cargo ended without making it and without saying why", "");
        }
        let why = self.complaints.iter().take(12).map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
        Failure::work(what, why.trim_start_matches("error: "), "")
    }
}

/// The directory in a package id `path+file:///w/orders#0.1.0`; empty for packages from elsewhere.
fn manifest_of(id: &str) -> PathBuf {
    let path = id.strip_prefix("path+file://").and_then(|rest| rest.rsplit_once('#')).map(|(path, _)| path);
    PathBuf::from(path.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn message(target: &str, kind: &str, text: &str) -> String {
        serde_json::json!({
            "reason": "compiler-message",
            "package_id": "path+file:///w/orders#0.1.0",
            "manifest_path": "/w/orders/Cargo.toml",
            "target": {"kind": [kind], "crate_types": [kind], "name": target, "src_path": "/w/orders/src/main.rs",
                       "edition": "2024", "doc": true, "doctest": false, "test": true},
            "message": {"message": text, "code": null, "level": "error", "children": [], "rendered": "\u{1b}[31merror\u{1b}[0m\n",
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
        let failure = transcript.failure("refunds", Path::new("/w/orders/Cargo.toml"));
        assert_eq!(failure.why, "orders/src/main.rs:3:9: no method `x`");
    }

    #[test]
    fn a_broken_library_is_named_in_the_failure_of_its_function() {
        let mut transcript = Transcript::default();
        transcript.stdout(&message("orders_lib", "lib", "mismatched types"));
        let failure = transcript.failure("orders", Path::new("/w/orders/Cargo.toml"));
        assert_eq!(failure.why, "orders/src/main.rs:3:9: mismatched types (in the crate orders_lib)");
    }

    #[test]
    fn cargos_own_complaint_is_the_reason_where_no_compiler_ran() {
        let mut transcript = Transcript::default();
        transcript.stderr("    Updating the index");
        transcript.stderr("\u{1b}[31merror\u{1b}[0m: no matching package named `nope` found");
        transcript.stderr("location searched: here");
        let failure = transcript.failure("orders", Path::new("/w/orders/Cargo.toml"));
        assert_eq!(failure.why, "no matching package named `nope` found\nlocation searched: here");
    }

    #[test]
    fn the_progress_is_said_once_for_each_crate() {
        let mut transcript = Transcript::default();
        let step = transcript.stderr("    Building [=> ] 1/3: a");
        assert_eq!(step, Some(Step::Crate { done: 1, total: 3, name: String::new() }));
        assert_eq!(transcript.stderr("    Building [=> ] 1/3: a, b"), None);
    }
}
