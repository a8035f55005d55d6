//! `promote`: copies code from one stage to another, unchanged.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{
    aws::stage::Stage,
    deploy,
    release::{promote, versions},
};
use lambda_console_model::{
    Approval, Canary, DeployAction, Failure, Found, Function, PromoteOutcome, Promoted, Promotion,
    Workspace, short_sha256,
};
use serde_json::json;

use crate::cli::{
    context::{Context, confirm, progress, select, since},
    deploy::change,
    output::{print_json, print_line, with_error},
    summary,
};

/// The arguments of `promote`.
#[derive(Debug, PartialEq, Args)]
pub struct Arguments {
    /// Source stage
    from: String,
    /// Target stage
    to: String,
    /// Functions [default: all on the source stage]
    names: Vec<String>,
    /// Show the plan without applying it
    #[arg(long)]
    dry_run: bool,
    /// Shift traffic to the new version in these percentage steps; roll back on regression
    #[arg(
        long,
        value_name = "STEPS",
        num_args = 0..=1,
        default_missing_value = "5,25,50",
        value_delimiter = ',',
        value_parser = percentage
    )]
    canary: Option<Vec<f64>>,
    /// Duration of each canary step: 30s, 5m, 1h
    #[arg(long, value_parser = since::length, default_value = "5m", requires = "canary")]
    every: i64,
    /// Maximum increase of the error rate, in percentage points
    #[arg(long, value_name = "POINTS", default_value_t = Canary::default().max_errors, requires = "canary")]
    max_errors: f64,
    /// Maximum increase of init at p50 and p99, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = Canary::default().max_init, requires = "canary")]
    max_init: f64,
    /// Minimum number of invocations before a step is evaluated
    #[arg(
        long,
        alias = "least",
        value_name = "COUNT",
        default_value_t = Canary::default().least,
        requires = "canary"
    )]
    min_invocations: u64,
    /// Change a protected stage without asking
    #[arg(long)]
    yes: bool,
}

/// Parses a step of a canary: above 0 and below 100.
fn percentage(text: &str) -> Result<f64, String> {
    let number: f64 =
        text.trim().parse().map_err(|error| format!("`{text}` is not a percentage ({error})"))?;
    if number > 0.0 && number < 100.0 {
        Ok(number)
    } else {
        Err("a step must be between 0 and 100 %".to_owned())
    }
}

impl Arguments {
    fn canary(&self) -> Result<Option<Canary>, Failure> {
        let Some(steps) = self.canary.clone() else { return Ok(None) };
        if !steps.is_sorted_by(|one, next| one < next) {
            let text: Vec<String> = steps.iter().map(f64::to_string).collect();
            return Err(Failure::usage(
                "could not read the canary's steps",
                format!("{} must increase", text.join(",")),
                "for example `--canary 5,25,50`",
            ));
        }
        Ok(Some(Canary {
            steps,
            every_ms: self.every.try_into().unwrap_or_default(),
            max_errors: self.max_errors,
            max_init: self.max_init,
            least: self.min_invocations,
        }))
    }
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let canary = arguments.canary()?;
    let workspace = context.workspace().await?;
    let selected = select(&workspace, &arguments.names)?;
    let from = context.stage_named(&workspace, &arguments.from).await?;
    let to = context.stage_named(&workspace, &arguments.to).await?;
    let functions =
        if arguments.names.is_empty() { there(&from, selected).await? } else { selected };
    let promotion =
        Promotion { functions, from: arguments.from.clone(), to: arguments.to.clone(), canary };
    let stages = Stages { from: &from, to: &to };
    let outcome = carry_out(context, arguments, &workspace, stages, &promotion).await?;
    print(context, arguments, &outcome)
}

/// Returns those of `functions` that are on the stage.
async fn there(from: &Stage, functions: Vec<Function>) -> Result<Vec<Function>, Failure> {
    let deployed = deploy::deployed(from, &functions).await?;
    let both = functions.into_iter().zip(deployed);
    // Functions that the caller has no permission to read are reported when they are promoted.
    let is_there = |(_, (_, found)): &(Function, (String, Found))| !matches!(found, Ok(None));
    let there: Vec<Function> = both.filter(is_there).map(|(function, _)| function).collect();
    if there.is_empty() {
        let at = from.name();
        return Err(Failure::work(
            format!("could not promote from {at}"),
            format!("no function of the workspace is deployed on stage {at}"),
            format!("run `lambda-console --stage {at} deploy`"),
        ));
    }
    Ok(there)
}

/// Stages of a promotion.
#[derive(Clone, Copy)]
struct Stages<'a> {
    from: &'a Stage,
    to: &'a Stage,
}

async fn carry_out(
    context: &Context,
    arguments: &Arguments,
    workspace: &Workspace,
    Stages { from, to }: Stages<'_>,
    promotion: &Promotion,
) -> Result<PromoteOutcome, Failure> {
    let directory = versions::promoted_dir(&workspace.root);
    if !arguments.dry_run {
        // Refuse before anything is read.
        promote::allow(to, Approval::Given)?;
    }
    let plan = promote::plan(from, to, promotion, &directory, &context.job).await?;
    let (shown, expected) = (plan.shown(), plan.expected());
    if arguments.dry_run {
        return Ok(expected);
    }
    if shown.is_empty() {
        return promote::apply(to, plan, Approval::Given, &context.job).await;
    }
    let change = shown.kind();
    if confirm::word(arguments.yes, to, change).is_none() {
        let approval = confirm::given(arguments.yes);
        return promote::apply(to, plan, approval, &context.job).await;
    }
    // Users see the changes before they are made.
    for function in &expected.functions {
        progress::print(&difference(function));
    }
    let what = if shown.opens() {
        format!("make a URL public and promote to {}", to.name())
    } else {
        format!("promote to the protected stage {}", to.name())
    };
    let approval = confirm::approval(context, arguments.yes, to, change, &what).await?;
    promote::apply_shown(to, plan, approval, &context.job).await
}

fn print(
    context: &Context,
    arguments: &Arguments,
    outcome: &PromoteOutcome,
) -> Result<ExitCode, Failure> {
    let failure =
        summary("promote", outcome.functions.len() + outcome.failed.len(), &outcome.failed);
    if context.output.json {
        let mut document =
            json!({ "from": outcome.from, "to": outcome.to, "functions": outcome.functions });
        if let Some(canary) = arguments.canary()?.filter(|_| arguments.dry_run) {
            document["canary"] = json!(canary);
        }
        print_json(&with_error(document, failure.as_ref()))?;
    } else {
        for function in &outcome.functions {
            let text =
                if arguments.dry_run { difference(function) } else { function.story(&outcome.to) };
            print_line(&text)?;
        }
    }
    Ok(context.output.ended(failure.as_ref()))
}

/// One line per setting; environment values are masked already.
fn difference(function: &Promoted) -> String {
    let what = match function.action {
        DeployAction::Created => "create",
        DeployAction::Updated => "update",
        DeployAction::Unchanged => "unchanged",
    };
    let sha256 = short_sha256(&function.sha256);
    let first =
        format!("{}: {what} with version {} ({sha256})", function.name, function.from_version);
    std::iter::once(first).chain(function.changes.iter().map(change)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_a_canary_is_a_part() {
        assert_eq!(percentage("2.5"), Ok(2.5));
        for text in ["0", "100", "-1", "a", "NaN"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }
}
