//! `deploy`: creates or updates functions on the stage.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    confirm,
    context::{self, Context, select},
    output::{print_json, print_line, with_error},
    progress, summary,
};
use crate::{
    message::{DeployAction, DeployOutcome, DeployPlan, DeployedFunction, Failure, Function, FunctionPlan},
    work::{deploy, stage::Stage, store::Store, verb},
};

/// The arguments of `deploy`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// The functions [default: all]
    names: Vec<String>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Change a protected stage without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let functions = select(&workspace, &arguments.names)?;
    let stage = context.stage(&workspace).await?;
    if arguments.dry_run {
        let planned = deploy::plan(&stage, &functions, &context.job).await;
        stage.close().await;
        return print_plan(context, &planned?);
    }
    let store = context::store(&workspace);
    let result = carry_out(context, arguments, &stage, &functions, store.as_ref()).await;
    context::flush(store.as_ref()).await;
    stage.close().await;
    print(context, &result?)
}

async fn carry_out(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    functions: &[Function],
    history: Option<&Store>,
) -> Result<DeployOutcome, Failure> {
    let must_ask = stage.is_protected() && !arguments.yes;
    if !context.output.json || must_ask {
        // People see what will change before it does.
        let planned = deploy::plan(stage, functions, &context.job).await?;
        for function in &planned.functions {
            progress::say(&difference(function));
        }
        if must_ask && !planned.is_empty() {
            let name = stage.name();
            confirm::typed(context, &format!("deploy to the protected stage {name}"), &name).await?;
        }
    }
    let consent = confirm::given(arguments.yes || must_ask);
    verb::deploy(stage, functions, consent, history, &context.job).await
}

fn print_plan(context: &Context, plan: &DeployPlan) -> Result<ExitCode, Failure> {
    let failure = summary("deploy", plan.functions.len() + plan.failed.len(), &plan.failed);
    if context.output.json {
        let document = json!({ "stage": plan.stage, "functions": plan.functions });
        print_json(&with_error(document, failure.as_ref()))?;
    } else {
        for function in &plan.functions {
            print_line(&difference(function))?;
        }
    }
    Ok(context.output.ended(failure.as_ref()))
}

fn print(context: &Context, outcome: &DeployOutcome) -> Result<ExitCode, Failure> {
    let output = context.output;
    let failure = summary("deploy", outcome.functions.len() + outcome.failed.len(), &outcome.failures());
    if output.json {
        let functions: Vec<Value> = outcome.functions.iter().map(document).collect();
        let document = json!({ "stage": outcome.stage, "functions": functions });
        print_json(&with_error(document, failure.as_ref()))?;
    } else if !outcome.functions.is_empty() {
        let rows: Vec<_> = outcome
            .functions
            .iter()
            .map(|done| {
                let seconds = format!("{:.1} s", done.seconds);
                [done.name.clone(), action(done.action).to_owned(), done.version.clone(), seconds]
            })
            .collect();
        output.table(["function", "action", "version", "took"], &rows)?;
    }
    Ok(output.ended(failure.as_ref()))
}

pub(super) fn document(function: &DeployedFunction) -> Value {
    json!({
        "name": function.name,
        "action": function.action,
        "version": function.version,
        "sha256": function.sha256,
        "seconds": function.seconds,
    })
}

/// One line a setting; environment values are masked already.
pub(super) fn difference(function: &FunctionPlan) -> String {
    let first = format!("{}: {}", function.name, planned(function.action));
    let changes = function.changes.iter().map(|change| {
        let from = change.from.as_deref().map(|from| format!("{from} → ")).unwrap_or_default();
        format!("  {}: {from}{}", change.field, change.to)
    });
    std::iter::once(first).chain(changes).collect::<Vec<_>>().join("\n")
}

pub(super) const fn action(action: DeployAction) -> &'static str {
    match action {
        DeployAction::Created => "created",
        DeployAction::Updated => "updated",
        DeployAction::Unchanged => "unchanged",
    }
}

const fn planned(action: DeployAction) -> &'static str {
    match action {
        DeployAction::Created => "create",
        DeployAction::Updated => "update",
        DeployAction::Unchanged => "unchanged",
    }
}
