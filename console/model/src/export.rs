//! Exports: a workspace's functions as the files of another tool.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Tool that the files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// A configuration for Terraform and `OpenTofu`.
    Terraform,
    /// A template for AWS SAM.
    Sam,
    /// An app for the AWS CDK, in TypeScript.
    Cdk,
    /// Metadata for cargo-lambda.
    CargoLambda,
    /// A workflow for GitHub Actions.
    Github,
    /// A buildspec for AWS `CodeBuild`.
    Codebuild,
}

impl ExportFormat {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Terraform, Self::Sam, Self::Cdk, Self::CargoLambda, Self::Github, Self::Codebuild];

    /// Returns the words after `export` on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Sam => "sam",
            Self::Cdk => "cdk",
            Self::CargoLambda => "cargo-lambda",
            Self::Github => "ci github",
            Self::Codebuild => "ci codebuild",
        }
    }

    /// Returns one line on the files.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Terraform => "main.tf for Terraform and OpenTofu",
            Self::Sam => "template.yaml for AWS SAM",
            Self::Cdk => "app in TypeScript for the AWS CDK",
            Self::CargoLambda => "metadata for cargo-lambda",
            Self::Github => "workflow for GitHub Actions",
            Self::Codebuild => "buildspec for AWS CodeBuild",
        }
    }

    /// Returns `true` if it describes a pipeline and not the functions.
    pub const fn is_pipeline(self) -> bool {
        matches!(self, Self::Github | Self::Codebuild)
    }
}

/// Change of one exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportAction {
    /// It did not exist.
    Created,
    /// It had another text.
    Replaced,
    /// It had this text.
    Unchanged,
}

impl ExportAction {
    /// Returns the name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One exported file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Change of the file.
    pub action: ExportAction,
}

/// Outcome of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportOutcome {
    /// Tool that the files are for.
    pub format: ExportFormat,
    /// The files, in their order.
    pub files: Vec<ExportedFile>,
}
