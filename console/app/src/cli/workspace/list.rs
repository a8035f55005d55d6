//! `list`: the functions with their build and deploy state.

use std::process::ExitCode;

use lambda_console_engine::deploy;
use lambda_console_model::{Failure, FailureKind, Found, Function, text::bytes};
use serde_json::{Value, json};

use crate::cli::{
    context::{Context, NO_FUNCTIONS},
    output::{ago, error, print_json, rfc3339, with_error},
};

pub(crate) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let deployed = if workspace.functions.is_empty() {
        Vec::new()
    } else {
        let stage = context.stage(&workspace).await?;
        deploy::deployed(&stage, &workspace.functions).await?
    };
    let states = workspace.functions.iter().zip(deployed.into_iter().map(|(_, found)| found));
    workspace.hints.iter().for_each(crate::cli::context::progress::notice);
    let output = context.output;
    if output.json {
        let functions: Vec<Value> =
            states.map(|(function, found)| document(function, &found)).collect();
        let left_out = workspace
            .left_out
            .iter()
            .map(|(name, failure)| json!({ "name": name, "error": error(failure) }));
        let warnings: Vec<Value> = workspace.warnings.iter().map(error).collect();
        print_json(
            &json!({ "functions": functions, "left_out": left_out.collect::<Vec<_>>(), "warnings": warnings }),
        )?;
    } else if workspace.functions.is_empty() {
        let hint = if workspace.hints.is_empty() { NO_FUNCTIONS } else { "see above" };
        crate::cli::context::progress::print(&format!(
            "no functions in {}: {hint}",
            workspace.root.display()
        ));
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        let rows: Vec<_> =
            states.clone().map(|(function, found)| row(function, &found, now)).collect();
        output.table(["function", "package", "architecture", "built", "zip", "deployed"], &rows)?;
        for (_, found) in states {
            if let Err(failure) = found {
                crate::cli::context::progress::notice(&failure);
            }
        }
        if workspace.functions.iter().any(|function| function.stale) {
            output
                .print_faint("stale: a source or an included file is newer than the build", "")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn document(function: &Function, found: &Found) -> Value {
    let bootstrap = function.bootstrap.as_ref().map(|bootstrap| {
        json!({ "path": bootstrap.path, "bytes": bootstrap.bytes, "built_at": rfc3339(bootstrap.built_at) })
    });
    let zip = function
        .zip
        .as_ref()
        .map(|zip| json!({ "path": zip.path, "bytes": zip.bytes, "sha256": zip.sha256 }));
    let deployed = found.as_ref().ok().and_then(Option::as_ref).map(|deployed| {
        json!({
            "version": deployed.version,
            "sha256": deployed.sha256,
            "in_sync": deployed.in_sync,
            "modified_at": rfc3339(deployed.modified_at),
        })
    });
    let document = json!({
        "name": function.name,
        "package": function.package,
        "architecture": function.architecture,
        "bootstrap": bootstrap,
        "zip": zip,
        "deployed": deployed,
    });
    with_error(document, found.as_ref().err())
}

fn row(function: &Function, found: &Found, now: i64) -> [String; 6] {
    let built = match &function.bootstrap {
        Some(bootstrap) if function.stale => format!("stale, {}", ago(bootstrap.built_at, now)),
        Some(bootstrap) => ago(bootstrap.built_at, now),
        None => "no".to_owned(),
    };
    let state = match found {
        Ok(Some(deployed)) if deployed.in_sync => format!("{}, in sync", deployed.version),
        Ok(Some(deployed)) => format!("{}, differs", deployed.version),
        Ok(None) => "no".to_owned(),
        Err(failure) if failure.kind == FailureKind::Denied => {
            "denied: lambda:GetFunctionConfiguration".to_owned()
        }
        Err(_) => "unknown".to_owned(),
    };
    [
        function.name.clone(),
        function.package.clone(),
        function.architecture.name().to_owned(),
        built,
        function.zip.as_ref().map_or_else(|| "no".to_owned(), |zip| bytes(zip.bytes)),
        state,
    ]
}
