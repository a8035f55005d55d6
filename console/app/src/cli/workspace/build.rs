//! `build` and `package`: bootstraps and zips.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, ValueEnum};
use lambda_console_engine::{compile::BuildRequest, history::recorded};
use lambda_console_model::{
    Architecture, Failure, FailureKind, Features, Function, Workspace, short_sha256, text::bytes,
};
use serde_json::{Value, json};

use crate::cli::{
    context::{self, Context, progress, select},
    output::{print_json, with_error},
    summary,
};

/// The arguments of `build` and `package`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all]
    names: Vec<String>,
    /// Target architecture [default: the manifest's, else the deployed one, else arm64]
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// Features to activate, besides those of the manifests
    #[arg(long, short = 'F', value_delimiter = ',', value_name = "FEATURES")]
    features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long)]
    no_default_features: bool,
    /// Build with the dev profile
    #[arg(long)]
    debug: bool,
}

/// Target architecture.
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

pub(crate) async fn run(
    context: &Context,
    arguments: &Arguments,
    shows_checks: bool,
) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let selected = select(&workspace, &arguments.names)?;
    let names =
        arguments.features.iter().flat_map(|names| names.split_whitespace().map(str::to_owned));
    let request = BuildRequest {
        functions: arguments.names.clone(),
        architecture: arguments.arch.map(Into::into),
        deployed: deployed(context, arguments, &workspace, &selected).await?,
        features: Features {
            names: names.collect(),
            all: arguments.all_features,
            no_default: arguments.no_default_features,
        },
        debug: arguments.debug,
    };
    let store = context::store(&workspace);
    let outcome = recorded::build(&workspace, &request, store.as_ref(), &context.job).await?;
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
            progress::print(&format!("warning: {}: {warning}", built.name));
        }
    }
    Ok(output.ended(failure.as_ref()))
}

/// Returns the architectures of the functions on the stage, if nothing else determines them.
async fn deployed(
    context: &Context,
    arguments: &Arguments,
    workspace: &Workspace,
    functions: &[Function],
) -> Result<BTreeMap<String, Architecture>, Failure> {
    if arguments.arch.is_some()
        || functions.iter().all(|function| function.config.architecture.is_some())
    {
        return Ok(BTreeMap::new());
    }
    match context.stage(workspace).await {
        Ok(stage) => Ok(context.architectures(&stage, functions).await),
        Err(failure) if failure.kind == FailureKind::Interrupted => Err(failure),
        // A build needs no stage.
        Err(failure) => {
            let what = format!(
                "could not read the architectures of the functions from stage {}",
                context.stage_name()
            );
            progress::notice(&Failure {
                what,
                hint: "set the architecture with `--arch`".to_owned(),
                ..failure
            });
            Ok(BTreeMap::new())
        }
    }
}
