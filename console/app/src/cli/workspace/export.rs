//! `export`: the functions as files of other tools.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use lambda_console_engine::export::{self, ExportRequest};
use lambda_console_model::{ExportFormat, ExportedFile, Failure};
use serde_json::{Value, json};

use crate::cli::{
    context::{Context, select, stage_options},
    output::print_json,
};

/// The arguments of `export`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// The tool.
    #[command(subcommand)]
    tool: Tool,
}

/// Tool that the files are for.
#[derive(Debug, PartialEq, Eq, Subcommand)]
enum Tool {
    /// Write main.tf for Terraform
    Terraform(Selection),
    /// Write template.yaml for AWS SAM
    Sam(Selection),
    /// Write an app in TypeScript for the AWS CDK
    Cdk(Selection),
    /// Write the metadata that cargo-lambda reads
    CargoLambda(Selection),
    /// Write a pipeline: check, build once, deploy, promote from stage to stage
    #[command(subcommand)]
    Ci(Service),
}

/// Service that runs a pipeline.
#[derive(Debug, PartialEq, Eq, Subcommand)]
enum Service {
    /// Write .github/workflows/lambda.yml for GitHub Actions
    Github(Selection),
    /// Write buildspec.yml for `CodeBuild`
    Codebuild(Selection),
}

/// Functions to export, and the directory of the files.
#[derive(Debug, PartialEq, Eq, Args)]
struct Selection {
    /// Functions [default: all]
    names: Vec<String>,
    /// Directory of the files [default: one in the workspace, named after the tool and the stage]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files that were edited or not generated
    #[arg(long)]
    force: bool,
}

impl Tool {
    const fn format(&self) -> (ExportFormat, &Selection) {
        match self {
            Self::Terraform(selection) => (ExportFormat::Terraform, selection),
            Self::Sam(selection) => (ExportFormat::Sam, selection),
            Self::Cdk(selection) => (ExportFormat::Cdk, selection),
            Self::CargoLambda(selection) => (ExportFormat::CargoLambda, selection),
            Self::Ci(Service::Github(selection)) => (ExportFormat::Github, selection),
            Self::Ci(Service::Codebuild(selection)) => (ExportFormat::Codebuild, selection),
        }
    }
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (format, selection) = arguments.tool.format();
    let workspace = context.workspace().await?;
    select(&workspace, &selection.names)?;
    let request = ExportRequest {
        format,
        names: selection.names.clone(),
        stage: Some(stage_options(&context.global, 0)),
        directory: selection.out.clone(),
        force: selection.force,
    };
    let outcome = export::export(&workspace, &request).await?;
    if context.output.json {
        let file =
            |file: &ExportedFile| -> Value { json!({ "path": file.path, "action": file.action }) };
        let files: Vec<Value> = outcome.files.iter().map(file).collect();
        print_json(&json!({ "format": outcome.format, "files": files }))?;
    } else {
        let row =
            |file: &ExportedFile| [file.path.display().to_string(), file.action.name().to_owned()];
        let rows: Vec<[String; 2]> = outcome.files.iter().map(row).collect();
        context.output.table(["file", "action"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}
