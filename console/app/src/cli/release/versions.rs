//! `versions`: a function's versions with their figures; publishes one, or deletes old ones. And
//! `rollback`.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{aws::stage::Stage, release::versions};
use lambda_console_model::{
    Approval, DeployPlan, Failure, FunctionVersions, Percentiles, Version, VersionFigures,
    VersionsChange, VersionsPlan, percent, short_sha256, text::duration,
};
use serde_json::json;

use crate::cli::{
    context::{Context, check_names, confirm, progress, select, since},
    deploy::{difference, print_plan},
    output::{ago, print_json, print_line, with_error},
    summary,
};

/// The arguments of `versions`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all on the stage]
    names: Vec<String>,
    /// Start of the figures, as a time or a duration ago: 30s, 10m, 2h, 7d
    #[arg(long, value_parser = since::value, default_value = "1d")]
    since: i64,
    /// Publish a version of the deployed code
    #[arg(long, requires = "names", group = "change")]
    publish: bool,
    /// Description of the published version [default: the function's description]
    #[arg(long, value_name = "TEXT", requires = "publish")]
    description: Option<String>,
    /// Delete all but the KEEP newest versions and those an alias points to
    #[arg(long, value_name = "KEEP", requires = "names", group = "change")]
    prune: Option<usize>,
    /// Show the plan without applying it
    #[arg(long, requires = "change")]
    dry_run: bool,
    /// Delete, or change a protected stage, without asking
    #[arg(long)]
    yes: bool,
}

/// The arguments of `rollback`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Rollback {
    /// Function
    name: String,
    /// Version [default: end the canary, else the previous version]
    version: Option<String>,
    /// Show the plan without applying it
    #[arg(long)]
    dry_run: bool,
    /// Change a protected stage without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let names = if arguments.names.is_empty() {
        select(&workspace, &[])?.into_iter().map(|function| function.name).collect()
    } else {
        arguments.names.clone()
    };
    let stage = context.stage(&workspace).await?;
    check_names(&stage, &workspace, &names).await?;
    let change = if arguments.publish {
        Some(VersionsChange::Publish(arguments.description.clone()))
    } else {
        arguments.prune.map(VersionsChange::Prune)
    };
    match change {
        Some(change) => {
            let (dry_run, yes) = (arguments.dry_run, arguments.yes);
            let request = Request { names: &names, change, dry_run, yes };
            change_all(context, &stage, request).await
        }
        None => list(context, &stage, &names, arguments).await,
    }
}

pub(crate) async fn roll_back(
    context: &Context,
    arguments: &Rollback,
) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let stage = context.stage(&workspace).await?;
    let change = VersionsChange::Rollback(arguments.version.clone());
    let names = [arguments.name.clone()];
    check_names(&stage, &workspace, &names).await?;
    let (dry_run, yes) = (arguments.dry_run, arguments.yes);
    change_all(context, &stage, Request { names: &names, change, dry_run, yes }).await
}

async fn list(
    context: &Context,
    stage: &Stage,
    names: &[String],
    arguments: &Arguments,
) -> Result<ExitCode, Failure> {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for (name, versions) in versions::list(stage, names, arguments.since).await {
        match versions {
            Ok(Some(versions)) => found.push(versions),
            Ok(None) if arguments.names.is_empty() => {}
            Ok(None) => failed.push((name.clone(), versions::absent(stage, &name))),
            Err(failure) => failed.push((name, failure)),
        }
    }
    let failure = summary("list the versions of", names.len(), &failed);
    if context.output.json {
        let document = json!({ "stage": stage.name(), "functions": found });
        print_json(&with_error(document, failure.as_ref()))?;
        return Ok(context.output.ended(failure.as_ref()));
    }
    let now = jiff::Timestamp::now().as_millisecond();
    for (index, function) in found.iter().enumerate() {
        if index > 0 {
            print_line("")?;
        }
        print_line(&headline(function))?;
        let rows: Vec<_> =
            function.versions.iter().map(|version| row(function, version, now)).collect();
        context.output.table(
            [
                "version",
                "aliases",
                "from",
                "sha256",
                "failed",
                "init p50/p99",
                "duration p50/p99",
                "description",
            ],
            &rows,
        )?;
        function.refused.iter().for_each(progress::notice);
    }
    if !found.is_empty() {
        let counted = "failed: invocations with a function error, a timeout or an exited runtime";
        context.output.print_faint(counted, "")?;
    }
    Ok(context.output.ended(failure.as_ref()))
}

fn headline(of: &FunctionVersions) -> String {
    let place = format!("{} on {}", of.function, of.stage);
    match (&of.alias, of.stage_alias()) {
        _ if !of.refused.is_empty() && of.aliases.is_empty() => place,
        (None, _) => format!("{place}: no alias, callers use $LATEST"),
        (Some(alias), None) => format!("{place}: {alias} does not exist yet"),
        (Some(_), Some(alias)) => {
            let canary = alias
                .canary
                .as_ref()
                .map(|share| format!(", {} ({}, canary)", share.version, percent(share.weight)));
            format!("{place}: {} → {}{}", alias.name, alias.version, canary.unwrap_or_default())
        }
    }
}

fn row(of: &FunctionVersions, version: &Version, now: i64) -> [String; 8] {
    let aliases = of.aliases_of(&version.version).map(|(alias, share)| {
        if share < 1.0 { format!("{} {}", alias.name, percent(share)) } else { alias.name.clone() }
    });
    let VersionFigures { invocations, failed, cold, init_ms, duration_ms } = &version.figures;
    let aliases: Vec<String> = aliases.collect();
    [
        version.version.clone(),
        if aliases.is_empty() { "–".to_owned() } else { aliases.join(", ") },
        ago(version.modified_at, now),
        short_sha256(&version.sha256).to_owned(),
        if *invocations == 0 { "–".to_owned() } else { format!("{failed} of {invocations}") },
        percentiles(*init_ms, *cold),
        percentiles(*duration_ms, *invocations),
        version.description.clone(),
    ]
}

/// Percentiles need more than one sample.
fn percentiles(values: Option<Percentiles>, samples: u64) -> String {
    match values {
        None => "–".to_owned(),
        Some(of) if samples == 1 => format!("{} (one)", duration(of.max)),
        Some(Percentiles { p50, p99, .. }) => [p50, p99].map(duration).join(" / "),
    }
}

/// A change of versions by command.
struct Request<'a> {
    names: &'a [String],
    change: VersionsChange,
    dry_run: bool,
    yes: bool,
}

/// Plans the change of every function and shows it; asks for approval if needed, then changes one
/// function after the other as planned, and stops at the first failure.
async fn change_all(
    context: &Context,
    stage: &Stage,
    Request { names, change, dry_run, yes }: Request<'_>,
) -> Result<ExitCode, Failure> {
    if !dry_run {
        // Refuse before anything is read.
        versions::allow(stage, names, &change, Approval::Given)?;
    }
    let mut plans = Vec::with_capacity(names.len());
    for name in names {
        plans.push(versions::plan(stage, name, change.clone(), &context.job).await?);
    }
    let functions = plans.iter().map(VersionsPlan::shown).collect();
    let shown = DeployPlan { stage: stage.name(), functions, failed: Vec::new() };
    if dry_run {
        return print_plan(context, &shown);
    }
    if !context.output.json {
        // Users see the changes before they are made.
        for function in &shown.functions {
            progress::print(&difference(function));
        }
    }
    let at = stage.name();
    let what = match change {
        VersionsChange::Prune(_) => {
            format!("delete versions of {} from stage {at}", names.join(" "))
        }
        VersionsChange::Rollback(_) => format!("roll back on the protected stage {at}"),
        VersionsChange::Publish(_) => format!("publish on the protected stage {at}"),
    };
    let approval = if shown.is_empty() {
        Approval::Given
    } else {
        confirm::approval(context, yes, stage, change.kind(names), &what).await?
    };
    let mut changed = Vec::new();
    for plan in &plans {
        changed.push(versions::apply(stage, plan, approval, &context.job).await?);
    }
    if context.output.json {
        print_json(&json!({ "stage": stage.name(), "functions": changed }))?;
    } else {
        for one in &changed {
            print_line(&one.story())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
