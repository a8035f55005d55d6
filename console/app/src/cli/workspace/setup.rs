//! `setup`: provides or checks the toolchain.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::compile::toolchain;
use lambda_console_model::Failure;
use serde_json::{Value, json};

use super::build::Arch;
use crate::cli::{context::Context, output::print_json};

/// The arguments of `setup`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Only check what is installed
    #[arg(long)]
    check: bool,
    /// Target architecture
    #[arg(long, value_enum, default_value_t)]
    arch: Arch,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let architecture = arguments.arch.into();
    let parts = if arguments.check {
        toolchain::check(architecture).await
    } else {
        toolchain::setup(architecture, &context.job).await?
    };
    let missing: Vec<&str> = parts
        .iter()
        .filter(|part| part.found.is_none() && !part.optional)
        .map(|part| part.name.as_str())
        .collect();
    let failure = (!missing.is_empty()).then(|| {
        let is_of_setup =
            parts.iter().any(|part| part.found.is_some() && part.name == toolchain::RUST);
        let hint = match arguments.check {
            true if is_of_setup => "`lambda-console setup` provides it",
            // Nothing else can be checked without the compiler.
            true => "install Rust first, as listed above",
            false => "the list above has what was tried",
        };
        Failure::environment(
            "the toolchain is incomplete",
            format!("missing: {}", missing.join(", ")),
            hint,
        )
    });
    let output = context.output;
    if output.json {
        let parts: Vec<Value> = parts
            .iter()
            .map(|part| {
                json!({ "name": part.name, "found": part.found, "detail": part.detail, "optional": part.optional })
            })
            .collect();
        print_json(&crate::cli::output::with_error(json!({ "parts": parts }), failure.as_ref()))?;
    } else {
        let rows: Vec<_> = parts
            .iter()
            .map(|part| {
                let missing = if part.optional { "missing (optional)" } else { "missing" };
                [
                    part.name.clone(),
                    part.found.clone().unwrap_or_else(|| missing.to_owned()),
                    part.detail.clone(),
                ]
            })
            .collect();
        output.table(["part", "found", ""], &rows)?;
    }
    Ok(output.ended(failure.as_ref()))
}
