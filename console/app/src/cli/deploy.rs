//! `deploy`: creates or updates functions on the stage.

pub(super) mod settings;

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{
    aws::stage::Stage,
    deploy::{self, Scope},
    history::{Store, recorded},
};
use lambda_console_model::{
    Approval, Change, ChangeKind, DeployAction, DeployOutcome, DeployPlan, DeployedFunction,
    FailedFunction, Failure, Function, FunctionPlan, text::one_line,
};
use serde_json::{Value, json};

use super::{
    context::{self, Context, confirm, progress, select},
    output::{error, print_json, print_line, with_error},
    summary,
};

/// The arguments of `deploy`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all]
    names: Vec<String>,
    /// Show the plan without applying it
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
        return print_plan(context, &deploy::plan(&stage, &functions, &context.job).await?);
    }
    let store = context::store(&workspace);
    let result = carry_out(context, arguments, &stage, &functions, store.as_ref()).await;
    context::flush(store.as_ref()).await;
    print(context, &result?)
}

async fn carry_out(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    functions: &[Function],
    history: Option<&Store>,
) -> Result<DeployOutcome, Failure> {
    // Refuse before anything is read.
    stage.allow("could not deploy", ChangeKind::Update, Approval::Given)?;
    let plan = deploy::compare(stage, functions, Scope::Whole, &context.job).await?;
    let shown = plan.shown();
    if !context.output.json {
        // Users see the changes before they are made.
        for function in &shown.functions {
            progress::print(&difference(function));
        }
    }
    let (approval, was_asked) = approval(context, arguments.yes, stage, &shown).await?;
    if was_asked {
        return recorded::apply_shown(stage, plan, approval, history, &context.job).await;
    }
    recorded::apply(stage, &plan, approval, history, &context.job).await
}

/// Returns the approval of the plan, and `true` if the user was asked for it.
async fn approval(
    context: &Context,
    yes: bool,
    stage: &Stage,
    plan: &DeployPlan,
) -> Result<(Approval, bool), Failure> {
    if plan.is_empty() {
        return Ok((Approval::Given, false));
    }
    let name = stage.name();
    let opened: Vec<&str> = plan
        .functions
        .iter()
        .filter(|function| function.opens)
        .map(|function| function.name.as_str())
        .collect();
    let change = plan.kind();
    let what = if stage.is_exposed() && !opened.is_empty() {
        format!("make the URL of {} public and deploy to {name}", opened.join(" and "))
    } else {
        format!("deploy to the protected stage {name}")
    };
    let is_asked = confirm::word(yes, stage, change).is_some();
    Ok((confirm::approval(context, yes, stage, change, &what).await?, is_asked))
}

/// Prints a plan that is not applied.
pub(super) fn print_plan(context: &Context, plan: &DeployPlan) -> Result<ExitCode, Failure> {
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
    let failure =
        summary("deploy", outcome.functions.len() + outcome.failed.len(), &outcome.failures());
    if output.json {
        let functions: Vec<Value> = outcome.functions.iter().map(document).collect();
        let failed: Vec<Value> = outcome.failed.iter().map(failed).collect();
        let document = json!({ "stage": outcome.stage, "functions": functions, "failed": failed });
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
    if !output.json {
        for failed in &outcome.failed {
            if let Some(truth) = failed.truth() {
                progress::print(&format!("{}: {truth}", failed.name));
            }
        }
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
        "changes": function.changes,
    })
}

/// The error and the current state.
fn failed(function: &FailedFunction) -> Value {
    json!({
        "name": function.name,
        "error": error(&function.failure),
        "done": function.done,
        "left": function.left,
        "known": function.is_known,
    })
}

/// One line per setting; environment values are masked already.
pub(super) fn difference(function: &FunctionPlan) -> String {
    let first = format!("{}: {}", function.name, planned(function.action));
    let stale = function.stale.then(|| format!("  {}", function.staleness()));
    std::iter::once(first)
        .chain(function.changes.iter().map(change))
        .chain(stale)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A setting that would change, on one line: its value must not look like other lines of the plan.
pub(super) fn change(change: &Change) -> String {
    let from =
        change.from.as_deref().map(|from| format!("{} → ", one_line(from))).unwrap_or_default();
    format!("  {}: {from}{}", one_line(&change.field.to_string()), one_line(change.to.as_str()))
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
