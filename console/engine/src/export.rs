//! Exports functions as files of other tools: Terraform, SAM, CDK, cargo-lambda, and pipelines for
//! GitHub Actions and `CodeBuild`.
//!
//! Each format is a pure function from the functions and the stage's settings to texts, the same
//! for the same workspace. Reads the manifest and writes the files; calls nothing of AWS.

mod cargo_lambda;
mod cdk;
mod ci;
mod file;
mod function;
mod hcl;
mod node;
mod sam;
mod secret;
mod terraform;
mod typescript;
mod yaml;

use std::path::{Component, Path, PathBuf};

use async_recursion::async_recursion as boxed;
use lambda_console_model::{ExportFormat, ExportOutcome, Failure, Function, Workspace};

use self::{
    ci::Pipeline,
    file::File,
    function::{Exported, check_groups, unique},
};
use crate::{
    aws::stage::{
        LOCAL, StageOptions,
        settings::{self, StageSettings},
    },
    workspace::{artifact, stages},
};

/// What to export, and to which directory.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Tool that the files are for.
    pub format: ExportFormat,
    /// Names of the functions; empty for all.
    pub names: Vec<String>,
    /// Stage whose settings apply. `None` applies those of the functions alone; a pipeline then has
    /// all stages, and else those up to this one.
    pub stage: Option<StageOptions>,
    /// Directory of the files. `None` selects one in the workspace.
    pub directory: Option<PathBuf>,
    /// `true` to replace files that were edited or not generated.
    pub force: bool,
}

/// Writes the files that `request` asks for.
///
/// # Errors
/// Returns a usage error if the stage is unknown, a setting or a name cannot be exported, or a file
/// was edited; then nothing is written.
#[boxed]
pub async fn export(
    workspace: &Workspace,
    request: &ExportRequest,
) -> Result<ExportOutcome, Failure> {
    let stage = request.stage.as_ref().filter(|options| options.stage != LOCAL);
    let directory = directory(workspace, request, stage.map(|options| options.stage.as_str()));
    let files = files(workspace, request, stage, &directory)?;
    let mut command = request.format.name().to_owned();
    for name in &request.names {
        command = format!("{command} {name}");
    }
    if let Some(options) = stage {
        command = format!("{command} --stage {}", options.stage);
    }
    let (force, format) = (request.force, request.format);
    let written =
        tokio::task::spawn_blocking(move || file::write(&directory, &files, &command, force));
    let files = written
        .await
        .map_err(|error| Failure::work("could not export", error.to_string(), ""))??;
    Ok(ExportOutcome { format, files })
}

fn files(
    workspace: &Workspace,
    request: &ExportRequest,
    stage: Option<&StageOptions>,
    directory: &Path,
) -> Result<Vec<File>, Failure> {
    let name = stage.map(|options| options.stage.as_str());
    if request.format.is_pipeline() {
        let stages = stages::read(&workspace.root)?;
        if let Some(failure) = stages.left_out.values().next() {
            return Err(failure.clone());
        }
        let pipeline = Pipeline::of(&stages, name, &request.names)?;
        let service: ci::Service =
            if request.format == ExportFormat::Github { ci::github } else { ci::codebuild };
        return Ok(service(&pipeline));
    }
    let settings = match stage {
        Some(options) => settings::resolve(&workspace.root, options)?,
        None => StageSettings::default(),
    };
    let functions = functions(workspace, request, &settings, directory)?;
    check_groups(&functions)?;
    let region = settings.region.as_deref();
    let named = |id: fn(&Exported) -> String| {
        unique(functions.iter().map(|one| (id(one), format!("the function {}", one.own))))
    };
    match request.format {
        ExportFormat::Terraform => {
            named(Exported::snake)?;
            Ok(terraform::files(&functions, region))
        }
        ExportFormat::Sam => {
            named(Exported::pascal)?;
            unique(functions.iter().flat_map(function::parameters))?;
            Ok(sam::files(&functions, region))
        }
        ExportFormat::Cdk => {
            named(Exported::camel)?;
            unique(functions.iter().flat_map(function::parameters))?;
            Ok(cdk::files(&functions, &cdk::stack(&workspace.name, name), region))
        }
        ExportFormat::CargoLambda | ExportFormat::Github | ExportFormat::Codebuild => {
            let place = cargo_lambda::Place { profile: settings.profile.as_deref(), region };
            Ok(cargo_lambda::files(&functions, place))
        }
    }
}

/// The functions to export, in the order of their names.
fn functions(
    workspace: &Workspace,
    request: &ExportRequest,
    settings: &StageSettings,
    directory: &Path,
) -> Result<Vec<Exported>, Failure> {
    let is_asked =
        |function: &&Function| request.names.is_empty() || request.names.contains(&function.name);
    let mut functions: Vec<&Function> = workspace.functions.iter().filter(is_asked).collect();
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    functions
        .into_iter()
        .map(|function| {
            let zip = artifact::directory(&workspace.target, function.directory());
            let zip = relative(directory, &zip.join("bootstrap.zip"));
            let Some(zip) = zip.to_str() else {
                return Err(Failure::usage(
                    format!("could not export {}", function.name),
                    format!("the path of its zip is not Unicode: {}", zip.display()),
                    "name another target directory for cargo",
                ));
            };
            Exported::of(function, settings, zip.to_owned())
        })
        .collect()
}

/// The directory of the files, absolute: `terraform`, or `terraform/prod` for a stage; that of a
/// pipeline is the workspace's.
fn directory(workspace: &Workspace, request: &ExportRequest, stage: Option<&str>) -> PathBuf {
    let root = &workspace.root;
    match &request.directory {
        Some(directory) => {
            let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
            let directory = real(&directory);
            // Below the root, so that the path to the target directory stays in the workspace.
            match directory.strip_prefix(real(root)) {
                Ok(below) => root.join(below),
                Err(_) => directory,
            }
        }
        None if request.format.is_pipeline() => root.clone(),
        None => root.join(request.format.name()).join(stage.unwrap_or_default()),
    }
}

/// The path without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    path.ancestors()
        .find_map(|ancestor| {
            let real = ancestor.canonicalize().ok()?;
            Some(real.join(path.strip_prefix(ancestor).ok()?))
        })
        .unwrap_or_else(|| path.to_path_buf())
}

/// The path of `to` from the directory `from`, both absolute.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from.iter().skip(common).map(|_| Component::ParentDir);
    up.chain(to.iter().skip(common).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_is_found_from_any_directory() {
        let of = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(of("/w/terraform", "/w/target/x.zip"), Path::new("../target/x.zip"));
        assert_eq!(of("/w/terraform/prod/", "/w/target/x"), Path::new("../../target/x"));
        assert_eq!(of("/a/b", "/c/x"), Path::new("../../c/x"));
        assert_eq!(of("/w", "/w/target/x"), Path::new("target/x"));
    }
}
