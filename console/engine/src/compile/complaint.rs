//! Cargo's own errors on standard error: its messages, or those of the build script that it has
//! run. Cargo has no other form for them than text.
//!
//! Pure.

use std::collections::HashSet;

/// Hints for a build script that fails because something is missing: words of its output, or the
/// crate's name, and the remedy.
const HINTS: [(&[&str], &str); 13] = [
    (
        &["openssl-sys"],
        "use rustls instead (for reqwest: `default-features = false, features = \
        [\"rustls-tls\"]`), or enable the feature `vendored` of the crate `openssl`, which \
        compiles OpenSSL for the target",
    ),
    (
        &["libsqlite3-sys"],
        "enable the feature `bundled` of `rusqlite` or `libsqlite3-sys`, which compiles SQLite \
        for the target",
    ),
    (
        &["pq-sys", "libpq"],
        "enable the feature `bundled` of `pq-sys`, or use `tokio-postgres` or `sqlx`, which need \
        no C library",
    ),
    (
        &["mysqlclient-sys"],
        "enable the feature `bundled` of `mysqlclient-sys`, or use `mysql_async` or `sqlx`, which \
        need no C library",
    ),
    (
        &["libgit2-sys", "libssh2-sys"],
        "enable the features `vendored-libgit2` and `vendored-openssl` of `git2`",
    ),
    (
        &["curl-sys"],
        "enable the features `static-curl` and `static-ssl` of `curl`, or use `reqwest` with \
        rustls",
    ),
    (&["rdkafka-sys"], "enable the feature `cmake-build` of `rdkafka`, and install cmake"),
    (
        &["protoc"],
        "install the Protocol Buffers compiler (package `protobuf-compiler`), or name it with the \
        variable PROTOC",
    ),
    (
        &["libclang"],
        "install libclang (package `libclang-dev`), or name its directory with the variable \
        LIBCLANG_PATH",
    ),
    (&["is `cmake` not installed"], "install cmake"),
    (&["nasm"], "install nasm, or use `ring` in place of `aws-lc-rs`"),
    (
        &["aws-lc-sys"],
        "use `ring` in place of `aws-lc-rs` (for rustls: `default-features = false, features = \
        [\"ring\"]`), or install cmake",
    ),
    (
        &["pkg-config", "PKG_CONFIG"],
        "the library must be available for the target: look for a feature `vendored`, `bundled` \
        or `static` of the crate, which compiles it",
    ),
];
/// Maximum number of lines; all of them are in the build's output.
const LINES: usize = 12;
const LETTERS: usize = 300;

/// One error with its causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The crate that it is about, if it names one.
    krate: Option<String>,
    pub(super) why: String,
    pub(super) hint: String,
}

impl Complaint {
    /// Returns `true` if it may be the reason why a function failed that is made of these packages.
    pub(super) fn concerns(&self, packages: Option<&HashSet<&str>>) -> bool {
        let (Some(krate), Some(packages)) = (&self.krate, packages) else { return true };
        packages.iter().any(|id| name_of(id) == *krate)
    }

    /// Returns `true` if it only repeats that the compiler reported an error.
    fn is_echo(&self) -> bool {
        self.why.starts_with("could not compile ") && !self.why.contains('\n')
    }
}

/// The package's name in an id like `path+file:///w/orders#0.1.0`.
fn name_of(id: &str) -> String {
    let (url, version) = id.rsplit_once('#').unwrap_or((id, ""));
    if let Some((name, _)) = version.split_once('@') {
        return name.to_owned();
    }
    let path = url.split('?').next().unwrap_or(url);
    let last = path.rsplit('/').next().unwrap_or(path);
    percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned()
}

/// The errors in lines without colours, the first being cargo's first `error`.
pub(super) fn complaints(lines: &[String]) -> Vec<Complaint> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    let mut is_error = false;
    for line in lines.iter().map(|line| line.trim_end()).filter(|line| !is_status(line)) {
        if line.starts_with("error") {
            is_error = true;
            blocks.push(vec![line]);
        } else if line.starts_with("warning: ") {
            is_error = false;
        } else if let Some(block) = blocks.last_mut().filter(|_| is_error) {
            block.push(line);
        }
    }
    let complaints: Vec<Complaint> = blocks.iter().map(|block| complaint(block)).collect();
    complaints.into_iter().filter(|complaint| !complaint.is_echo()).collect()
}

/// Returns `true` for a line of progress, in which the verb ends at the twelfth column.
fn is_status(line: &str) -> bool {
    let Some((verb, rest)) = line.split_at_checked(12) else { return false };
    let verb = verb.trim_start();
    rest.starts_with(' ')
        && [
            "Compiling",
            "Checking",
            "Building",
            "Finished",
            "Downloading",
            "Downloaded",
            "Updating",
            "Locking",
            "Adding",
            "Blocking",
            "Fresh",
            "Dirty",
            "Running",
        ]
        .contains(&verb)
}

fn complaint(block: &[&str]) -> Complaint {
    let headline = block[0].strip_prefix("error: ").unwrap_or(block[0]);
    let quoted = || headline.split('`').nth(1).map(str::to_owned);
    let Some(package) =
        quoted().filter(|_| headline.starts_with("failed to run custom build command"))
    else {
        let krate = quoted().filter(|_| headline.starts_with("could not compile "));
        let mut lines: Vec<String> = block.iter().skip(1).map(|line| shortened(line)).collect();
        lines.insert(0, shortened(headline));
        lines.retain(|line| !line.trim().is_empty());
        lines.truncate(LINES);
        let why = lines.join("\n");
        let hint = if why.contains("SIGKILL") {
            "the system may have run out of memory: run fewer jobs at once (`CARGO_BUILD_JOBS=1`)"
        } else {
            ""
        };
        return Complaint { krate, why, hint: hint.to_owned() };
    };
    let krate = package.split(' ').next().unwrap_or_default().to_owned();
    let status = block.iter().find(|line| line.contains("process didn't exit successfully"));
    let status =
        status.and_then(|line| line.rsplit_once('(')?.1.strip_suffix(')')).unwrap_or("it failed");
    let words = last_words(block);
    let why = format!("{words}\n(the build script of {package}, {status})");
    let message = format!("{krate} {words}");
    let is_about =
        |(needles, _): &&(&[&str], &str)| needles.iter().any(|needle| message.contains(needle));
    let hint = HINTS
        .iter()
        .find(is_about)
        .map_or("the build output has all that it printed", |(_, hint)| *hint);
    Complaint { krate: Some(krate), why: why.trim_start().to_owned(), hint: hint.to_owned() }
}

/// The end of a build script's output: its panic, or the last lines of its standard error, or of
/// its standard output.
fn last_words(block: &[&str]) -> String {
    let section = |name: &str| -> Vec<&str> {
        let from = block
            .iter()
            .position(|line| line.trim() == name)
            .map_or(block.len(), |place| place + 1);
        let lines = block[from..].iter().take_while(|line| !line.starts_with("  --- "));
        let lines = lines.map(|line| line.strip_prefix("  ").unwrap_or(line));
        let is_message = |line: &&str| {
            let line = line.trim();
            !line.is_empty()
                && !line.starts_with("cargo:")
                && !line.starts_with("note: run with `RUST_BACKTRACE")
        };
        lines.filter(is_message).collect()
    };
    let mut lines = section("--- stderr");
    if lines.is_empty() {
        lines = section("--- stdout");
    }
    let panic =
        lines.iter().position(|line| line.starts_with("thread '") && line.contains("panicked at"));
    let from = panic.unwrap_or(lines.len().saturating_sub(6));
    lines[from..].iter().take(LINES).map(|line| shortened(line)).collect::<Vec<_>>().join("\n")
}

/// Shortens a line. A command that failed is reduced to its program, because its arguments fill a
/// screen.
pub(super) fn shortened(line: &str) -> String {
    let line = match line.split_once("process didn't exit successfully: `") {
        Some((before, rest)) => {
            let (command, status) = rest.rsplit_once('`').unwrap_or((rest, ""));
            let program = command.split(' ').next().unwrap_or(command);
            format!("{before}`{program}` did not exit successfully{status}")
        }
        None => line.to_owned(),
    };
    if line.chars().count() <= LETTERS {
        line
    } else {
        line.chars().take(LETTERS).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const SCRIPTS: &str = "\
error: failed to run custom build command for `foo-sys v0.1.0 (/w/my place/foo-sys)`

Caused by:
  process didn't exit successfully: `/w/target/release/build/foo-sys-1/build-script-build` (exit \
  status: 1)
  --- stdout
  cargo:rerun-if-changed=a.h
  cargo:rerun-if-env-changed=FOO
  --- stderr
  looking for foo

  install libfoo-dev
   Compiling other v1.0.0
warning: build failed, waiting for other jobs to finish...
error: failed to run custom build command for `openssl-sys v0.9.1`

Caused by:
  process didn't exit successfully: `/w/build-script-main` (exit status: 101)
  --- stdout
  cargo:rerun-if-env-changed=X
  --- stderr
  thread 'main' panicked at build.rs:3:5:
  Could not find directory of OpenSSL installation
  note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
error: could not compile `orders` (bin \"orders\") due to 1 previous error";

    #[test]
    fn a_build_script_s_own_last_words_come_first() {
        let found = complaints(&lines(SCRIPTS));
        assert_eq!(found.len(), 2, "that the compiler has said why is no reason: {found:?}");
        assert_eq!(
            found[0].why,
            "looking for foo\ninstall libfoo-dev\n(the build script of foo-sys v0.1.0 (/w/my \
            place/foo-sys), exit status: 1)"
        );
        assert!(
            found[1].why.starts_with("thread 'main' panicked at build.rs:3:5:\nCould not find"),
            "{}",
            found[1].why
        );
        assert!(
            found[1].hint.contains("rustls") && found[1].hint.contains("`vendored`"),
            "{}",
            found[1].hint
        );
    }

    #[test]
    fn a_script_with_an_empty_standard_error_is_quoted_from_its_output() {
        let text = "error: failed to run custom build command for `a v1.0.0`\n\nCaused by:\n  \
            process didn't exit successfully: \
                    `/x` (exit status: 2)\n  --- stdout\n  cargo::rerun-if-changed=x\n  could not \
                    find protoc";
        let found = complaints(&lines(text));
        assert_eq!(
            found[0].why,
            "could not find protoc\n(the build script of a v1.0.0, exit status: 2)"
        );
        assert!(found[0].hint.contains("PROTOC"));
    }

    #[test]
    fn a_complaint_belongs_to_the_functions_that_are_made_of_its_crate() {
        let found = complaints(&lines(SCRIPTS));
        let of = |ids: &[&'static str]| ids.iter().copied().collect::<HashSet<_>>();
        assert!(found[0].concerns(Some(&of(&["path+file:///w/my%20place/foo-sys#0.1.0"]))));
        assert!(!found[1].concerns(Some(&of(&["path+file:///w/my%20place/foo-sys#0.1.0"]))));
        assert!(
            found[1].concerns(Some(&of(&["registry+https://example.com/index#openssl-sys@0.9.1"])))
        );
        assert!(found[1].concerns(None));
        assert_eq!(name_of("git+https://example.com/a/b?rev=1#name@1.0.0"), "name");
        assert_eq!(name_of("path+file:///w/gr%C3%B6%C3%9Fe#0.1.0"), "größe");
    }

    #[test]
    fn a_command_that_was_killed_is_named_without_its_arguments() {
        let arguments = "x ".repeat(9000);
        let text = format!(
            "error: could not compile `big` (lib)\n\nCaused by:\n  process didn't exit \
            successfully: `/bin/rustc {arguments}` \
             (signal: 9, SIGKILL: kill)"
        );
        let found = complaints(&lines(&text));
        assert_eq!(
            found[0].why,
            "could not compile `big` (lib)\nCaused by:\n  `/bin/rustc` did not exit successfully \
            (signal: 9, SIGKILL: kill)"
        );
        assert!(found[0].hint.contains("memory"));
        assert_eq!(found[0].krate.as_deref(), Some("big"));
    }
}
