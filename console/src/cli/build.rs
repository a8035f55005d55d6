//! `build` and `package`: bootstraps and zips.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    context::{self, Context, select},
    output::{bytes, print_json, with_error},
    progress, summary,
};
use crate::{
    message::{Architecture, Failure, Function, short_sha256},
    work::{build::BuildRequest, verb},
};

/// The arguments of `build` and `package`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// The functions [default: all]
    names: Vec<String>,
    /// What to build for [default: what it was built for last, else arm64]
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// Without optimising, with debug assertions
    #[arg(long)]
    debug: bool,
}

/// What to build for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// Lambda on Graviton
    #[default]
    Arm64,
    /// Lambda on x86
    #[value(name = "x86_64")]
    X86,
    /// This machine, for the local stage
    Native,
}

impl From<Arch> for Architecture {
    fn from(arch: Arch) -> Self {
        match arch {
            Arch::Arm64 => Self::Arm64,
            Arch::X86 => Self::X86_64,
            Arch::Native => Self::Native,
        }
    }
}

pub(super) async fn run(context: &Context, arguments: &Arguments, shows_checks: bool) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let selected = select(&workspace, &arguments.names)?;
    let request = BuildRequest {
        functions: arguments.names.clone(),
        architecture: arguments.arch.map_or_else(|| last_of(&selected), Into::into),
        debug: arguments.debug,
    };
    let store = context::store(&workspace);
    let outcome = verb::build(&workspace, &request, store.as_ref(), &context.job).await?;
    context::flush(store.as_ref()).await;
    let failure = summary("build", outcome.built.len() + outcome.failed.len(), &outcome.failed);
    let output = context.output;
    if output.json {
        let functions: Vec<Value> = outcome
            .built
            .iter()
            .map(|built| {
                json!({
                    "name": built.name,
                    "architecture": built.architecture,
                    "bootstrap": built.bootstrap.path,
                    "bytes": built.bootstrap.bytes,
                    "zip": built.zip.path,
                    "zip_bytes": built.zip.bytes,
                    "sha256": built.zip.sha256,
                })
            })
            .collect();
        let document = json!({ "functions": functions, "seconds": outcome.seconds });
        print_json(&with_error(document, failure.as_ref()))?;
    } else if !outcome.built.is_empty() {
        let rows: Vec<_> = outcome
            .built
            .iter()
            .map(|built| {
                let digest = short_sha256(&built.zip.sha256).to_owned();
                let path = if shows_checks { &built.zip.path } else { &built.bootstrap.path };
                [
                    built.name.clone(),
                    built.architecture.name().to_owned(),
                    bytes(built.bootstrap.bytes),
                    bytes(built.zip.bytes),
                    digest,
                    path.display().to_string(),
                ]
            })
            .collect();
        output.table(["function", "architecture", "bootstrap", "zip", "sha256", "path"], &rows)?;
    }
    for built in &outcome.built {
        for warning in &built.warnings {
            progress::say(&format!("warning: {}: {warning}", built.name));
        }
    }
    Ok(output.ended(failure.as_ref()))
}

/// What all of them were built for last, else the default.
pub(super) fn last_of(functions: &[Function]) -> Architecture {
    let first = functions.first().map(|function| function.architecture).unwrap_or_default();
    let is_same = functions.iter().all(|function| function.architecture == first);
    if is_same { first } else { Architecture::default() }
}
