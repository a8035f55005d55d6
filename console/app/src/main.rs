//! The program: cargo-zigbuild's wrappers first, then the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    lambda_console_engine::compile::zig_wrapper::dispatch().unwrap_or_else(lambda_console::cli::run)
}
