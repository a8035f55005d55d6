//! The part of cargo-zigbuild that runs as separate processes.
//!
//! Its compiler wrappers call back `<this program> zig cc …`, and a symlink named `ar` points at
//! this program; both must be handled before anything else in `main`. `zig build …` is the
//! console's own: it turns itself into cargo with zig as the linker. It is a separate process
//! because `cargo_zigbuild` sets environment variables of the process it runs in, which is not
//! sound while other threads read them, and because it remembers the zig that it found for the life
//! of the process.
//!
//! May touch processes and the environment of its own process; does not know the other rooms.

use std::{ffi::OsString, path::Path, process::ExitCode};

use cargo_zigbuild::Zig;
use clap::Parser;

/// Handles a call by cargo-zigbuild's wrappers or by the build. Returns `None` if a person called
/// the program: then `main` continues.
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

#[expect(
    clippy::print_stderr,
    reason = "a compiler wrapper speaks to cargo through standard error"
)]
fn report(message: &str) {
    eprintln!("error: {message}");
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let arguments = std::iter::once("zig".into()).chain(arguments);
    match Call::try_parse_from(arguments).map_err(|error| error.to_string())? {
        Call::Build(call) => become_cargo(*call),
        Call::Tool(tool) => tool.execute().map_err(|error| format!("{error:#}")),
    }
}

#[derive(Parser)]
enum Call {
    /// `zig build`: the arguments of `cargo build`.
    Build(Box<cargo_options::Build>),
    #[command(flatten)]
    Tool(Zig),
}

/// Turns this process into `cargo build` with zig as the linker; returns only if that fails. The
/// flags for the compiler are in `CARGO_ENCODED_RUSTFLAGS`, from which cargo-zigbuild passes the
/// same processor to zig.
fn become_cargo(call: cargo_options::Build) -> Result<(), String> {
    use std::os::unix::process::CommandExt as _;

    let mut build = cargo_zigbuild::Build::from(call);
    build.enable_zig_ar = true;
    let mut command = build.build_command().map_err(|error| format!("{error:#}"))?;
    Err(format!("could not start cargo: {}", command.exec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrappers_calls_are_understood() {
        let call = Call::try_parse_from([
            "zig",
            "cc",
            "--",
            "-g",
            "-target",
            "aarch64-linux-musl",
            "-o",
            "x",
        ])
        .unwrap();
        assert!(matches!(call, Call::Tool(Zig::Cc { args }) if args.len() == 5));
        let call = Call::try_parse_from(["zig", "build", "--release", "--target", "t"]).unwrap();
        assert!(matches!(call, Call::Build(build) if build.release));
    }
}
