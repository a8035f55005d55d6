//! `delete`: deletes functions from the stage with their resources.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{aws::stage::Stage, resources::delete};
use lambda_console_model::{
    ChangeKind, DeleteOutcome, DeletedFunction, Failure, Keep, Resource, Resources, Workspace,
};
use serde_json::{Value, json};

use crate::cli::{
    context::{Context, check_names, confirm, progress},
    output::{Output, error, print_json, print_line, with_error},
    summary,
};

/// The arguments of `delete`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions
    #[arg(required = true)]
    names: Vec<String>,
    /// List the resources without deleting them
    #[arg(long)]
    dry_run: bool,
    /// Keep the log groups
    #[arg(long)]
    keep_logs: bool,
    /// Keep the execution roles
    #[arg(long)]
    keep_role: bool,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let stage = context.stage(&workspace).await?;
    carry_out(context, arguments, &workspace, &stage).await
}

async fn carry_out(
    context: &Context,
    arguments: &Arguments,
    workspace: &Workspace,
    stage: &Stage,
) -> Result<ExitCode, Failure> {
    let keep = Keep { logs: arguments.keep_logs, role: arguments.keep_role };
    let (listed, refused) =
        delete::allowed_resources(stage, &arguments.names, &context.job).await?;
    let failure = summary("delete", arguments.names.len(), &refused);
    if let Some(failure) = failure.clone().filter(|_| listed.is_empty()) {
        check_names(stage, workspace, &arguments.names).await?;
        return Err(failure);
    }
    let listed: Vec<Resources> =
        listed.into_iter().map(|resources| resources.keeping(keep)).collect();
    if arguments.dry_run {
        return print_listed(context.output, &stage.name(), &listed, failure.as_ref());
    }
    for (_, failure) in &refused {
        progress::notice(failure);
    }
    if !context.output.json || !arguments.yes {
        for line in listed.iter().flat_map(lines) {
            progress::print(&line);
        }
    }
    let names: Vec<String> = listed.iter().map(|resources| resources.function.clone()).collect();
    let what = format!("delete {} from stage {}", names.join(" "), stage.name());
    let change = ChangeKind::Delete(&names);
    let approval = confirm::approval(context, arguments.yes, stage, change, &what).await?;
    let mut outcome = delete::delete(stage, &listed, approval, &context.job).await?;
    outcome.functions.extend(refused.into_iter().map(|(name, failure)| {
        let remote = stage.remote_name(&name);
        DeletedFunction { name, remote, gone: Vec::new(), left: Vec::new(), failure: Some(failure) }
    }));
    print(context.output, &outcome)
}

fn print_listed(
    output: Output,
    stage: &str,
    listed: &[Resources],
    failure: Option<&Failure>,
) -> Result<ExitCode, Failure> {
    if output.json {
        let functions: Vec<Value> = listed
            .iter()
            .map(|one| {
                json!({
                    "name": one.function,
                    "remote": one.remote,
                    "resources": one.items,
                    // The name of version 0.1.0, for one more release.
                    "belongings": one.items,
                })
            })
            .collect();
        print_json(&with_error(json!({ "stage": stage, "functions": functions }), failure))?;
    } else {
        for line in listed.iter().flat_map(lines) {
            print_line(&line)?;
        }
    }
    Ok(output.ended(failure))
}

fn print(output: Output, outcome: &DeleteOutcome) -> Result<ExitCode, Failure> {
    let failed =
        outcome.functions.iter().filter_map(|one| Some((one.name.clone(), one.failure.clone()?)));
    let failure = summary("delete", outcome.functions.len(), &failed.collect::<Vec<_>>());
    if output.json {
        let functions: Vec<Value> = outcome.functions.iter().map(document).collect();
        print_json(&with_error(
            json!({ "stage": outcome.stage, "functions": functions }),
            failure.as_ref(),
        ))?;
    } else {
        for function in &outcome.functions {
            for (items, word) in [(&function.gone, "deleted"), (&function.left, "not deleted")] {
                for item in items {
                    let why = item.kept.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                    print_line(&format!(
                        "{}: {} {}: {word}{why}",
                        function.name,
                        item.kind.name(),
                        item.name
                    ))?;
                }
            }
        }
    }
    Ok(output.ended(failure.as_ref()))
}

fn document(function: &DeletedFunction) -> Value {
    json!({
        "name": function.name,
        "remote": function.remote,
        "action": if function.failure.is_none() { "deleted" } else { "failed" },
        "gone": function.gone,
        "left": function.left,
        "error": function.failure.as_ref().map(error),
    })
}

/// Returns the resources of a function, one line each.
fn lines(resources: &Resources) -> Vec<String> {
    let of = |item: &Resource| {
        let detail =
            if item.detail.is_empty() { String::new() } else { format!(" ({})", item.detail) };
        let kept = item.kept.as_ref().map(|why| format!(", kept: {why}")).unwrap_or_default();
        format!("  {} {}{detail}{kept}", item.kind.name(), item.name)
    };
    std::iter::once(format!("{}: delete", resources.function))
        .chain(resources.items.iter().map(of))
        .collect()
}
