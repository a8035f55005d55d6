//! The part of cargo-zigbuild that runs as processes of its own.
//!
//! Its compiler wrappers call back `<this program> zig cc …`, and a symlink named `ar` points at this program; both
//! must be answered before anything else in `main`. `zig build …` is the console's own: it turns itself into cargo
//! with zig as the linker. It is a process of its own because `cargo_zigbuild` sets environment variables of
//! the process it runs in, which is not sound while other threads read them, and because it remembers for ever which
//! zig it found.
//!
//! May touch processes and the environment of its own process; knows nothing of the other rooms.

use std::{ffi::OsString, path::Path, process::ExitCode};

use cargo_zigbuild::Zig;
use clap::Parser;

/// Answers a call by cargo-zigbuild's wrappers or by the build. None: the program was called by a person, so `main`
/// goes on.
pub fn dispatch() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    let result = if Path::new(&name).file_stem().is_some_and(|stem| stem == "ar") {
        let args = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
        Zig::Ar { args }.execute().map_err(|error| format!("{error:#}"))
    } else if arguments.next()? == "zig" {
        run(arguments)
    } else {
        return None;
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            report(&message);
            ExitCode::FAILURE
        }
    })
}

#[expect(clippy::print_stderr, reason = "a compiler wrapper speaks to cargo through standard error")]
fn report(message: &str) {
    eprintln!("error: {message}");
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let arguments = std::iter::once("zig".into()).chain(arguments);
    match Call::try_parse_from(arguments).map_err(|error| error.to_string())? {
        Call::Build(call) => call.become_cargo(),
        Call::Tool(tool) => tool.execute().map_err(|error| format!("{error:#}")),
    }
}

#[derive(Parser)]
enum Call {
    Build(Box<BuildCall>),
    #[command(flatten)]
    Tool(Zig),
}

/// `zig build`: the arguments of `cargo build`, and flags for rustc that are put before the user's own.
#[derive(Parser)]
struct BuildCall {
    #[arg(long = "rustflag", allow_hyphen_values = true)]
    rustflags: Vec<String>,
    #[command(flatten)]
    cargo: cargo_options::Build,
}

impl BuildCall {
    /// Returns only if it fails.
    fn become_cargo(self) -> Result<(), String> {
        use std::os::unix::process::CommandExt as _;

        let flags = self.merged_rustflags()?;
        let mut build = cargo_zigbuild::Build::from(self.cargo);
        build.enable_zig_ar = true;
        if let Some(flags) = &flags {
            set_rustflags(flags);
        }
        let mut command = build.build_command().map_err(|error| format!("{error:#}"))?;
        Err(format!("could not start cargo: {}", command.exec()))
    }

    /// Cargo takes flags from exactly one of four places, so adding ours to any one of them would hide the user's
    /// in another. They are resolved as cargo does it, and ours come first: the user's win.
    fn merged_rustflags(&self) -> Result<Option<String>, String> {
        let Some(target) = self.cargo.target.first().filter(|_| !self.rustflags.is_empty()) else { return Ok(None) };
        let config = cargo_config2::Config::load().map_err(|error| error.to_string())?;
        let theirs = config.rustflags(target.as_str()).map_err(|error| error.to_string())?.unwrap_or_default();
        Ok(Some(merge(&self.rustflags, &theirs.flags).join("\u{1f}")))
    }
}

/// `--sysroot` may be given once only.
fn merge(ours: &[String], theirs: &[String]) -> Vec<String> {
    let has_sysroot = theirs.iter().any(|flag| flag == "--sysroot" || flag.starts_with("--sysroot="));
    ours.iter().filter(|flag| !(has_sysroot && flag.starts_with("--sysroot="))).chain(theirs).cloned().collect()
}

#[expect(unsafe_code, reason = "this process has one thread and is about to become cargo")]
fn set_rustflags(encoded: &str) {
    // SAFETY: called from `main` before any thread is started. cargo-zigbuild reads it to give zig the same processor.
    unsafe { std::env::set_var("CARGO_ENCODED_RUSTFLAGS", encoded) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_users_flags_come_last_so_that_they_win() {
        let merged = merge(&flags("--sysroot=/a -Ctarget-cpu=neoverse-n1"), &flags("-Ctarget-cpu=generic"));
        assert_eq!(merged, flags("--sysroot=/a -Ctarget-cpu=neoverse-n1 -Ctarget-cpu=generic"));
    }

    #[test]
    fn the_users_sysroot_replaces_ours() {
        assert_eq!(merge(&flags("--sysroot=/a -Cx=1"), &flags("--sysroot /b")), flags("-Cx=1 --sysroot /b"));
    }

    #[test]
    fn the_wrappers_calls_are_understood() {
        let call = Call::try_parse_from(["zig", "cc", "--", "-g", "-target", "aarch64-linux-musl", "-o", "x"]).unwrap();
        assert!(matches!(call, Call::Tool(Zig::Cc { args }) if args.len() == 5));
        let call = Call::try_parse_from(["zig", "build", "--rustflag=-Cx=1", "--release", "--target", "t"]).unwrap();
        let Call::Build(build) = call else { panic!("a build") };
        assert_eq!((build.rustflags, build.cargo.release), (vec!["-Cx=1".to_owned()], true));
    }
}
