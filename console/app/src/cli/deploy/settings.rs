//! `config`: shows a function's settings on the stage beside those of the workspace, and changes
//! them.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use lambda_console_engine::{
    aws::stage::Stage,
    deploy::{self as engine, settings},
    history::{Store, recorded},
    workspace::{dotenv, text},
};
use lambda_console_local::url_with_name;
use lambda_console_model::{
    DeployOutcome, DeployPlan, Failure, Function, LiveConfig,
    settings::{Edits, Row, Setting, edit, patched, revert, rows},
};
use serde_json::{Value, json};

use crate::cli::{
    context::{self, Context, confirm, progress, select},
    deploy,
    output::{print_json, print_line, with_error},
    summary,
};

/// The arguments of `settings`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Function
    name: String,
    /// Settings to change: `memory=512`, `log_format=JSON`, `url=AWS_IAM`, `env.KEY=value`
    /// [default: show all]
    #[arg(value_name = "SETTING=VALUE")]
    changes: Vec<String>,
    /// Remove an environment variable (`env.KEY`), or reset a setting to Lambda's default
    #[arg(long, value_name = "SETTING")]
    unset: Vec<String>,
    /// Set environment variables from a file of KEY=VALUE lines
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Show the value of this environment variable unmasked
    #[arg(long, value_name = "KEY")]
    reveal: Vec<String>,
    /// Show the plan without applying it
    #[arg(long)]
    dry_run: bool,
    /// Change a protected stage, or make the URL public, without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let edits = edits(arguments)?;
    let workspace = context.workspace().await?;
    let function = select(&workspace, std::slice::from_ref(&arguments.name))?.remove(0);
    let stage = context.stage(&workspace).await?;
    let changes = !edits.is_empty() && !arguments.dry_run;
    let store = if changes { context::store(&workspace) } else { None };
    let result =
        Box::pin(carry_out(context, arguments, &stage, &function, &edits, store.as_ref())).await;
    context::flush(store.as_ref()).await;
    result
}

async fn carry_out(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    function: &Function,
    edits: &[(Setting, Option<String>)],
    history: Option<&Store>,
) -> Result<ExitCode, Failure> {
    let Some(live) = Box::pin(settings::read(stage, &function.name, &context.job)).await? else {
        let why = format!("it is not deployed on stage {}", stage.name());
        let hint = format!("deploy it first: `lambda-console deploy {}`", function.name);
        return Err(Failure::work(
            format!("could not read the settings of {}", function.name),
            why,
            hint,
        ));
    };
    if edits.is_empty() {
        return show(context, arguments, stage, function, &live).await;
    }
    let wrong = |why: String| usage(&function.name, why);
    let mut edited = Edits::new();
    for (setting, value) in edits {
        edit(&live, &mut edited, setting.clone(), value.as_deref()).map_err(wrong)?;
    }
    let warnings = warnings(&edited, function);
    let (_, config) = patched(&live.config, &edited).map_err(wrong)?;
    let patched = Function { config, ..function.clone() };
    let compared =
        engine::compare_settings(stage, &patched, live.revision.as_deref(), &context.job).await?;
    let plan = compared.shown();
    if arguments.dry_run {
        return planned(context, &plan, &warnings);
    }
    let opens = plan.opens() && stage.is_exposed();
    let change = plan.kind();
    let must_ask = !plan.is_empty() && confirm::word(arguments.yes, stage, change).is_some();
    if !context.output.json || must_ask {
        // Users see the changes before they are made.
        plan.functions.iter().for_each(|function| progress::print(&deploy::difference(function)));
    }
    if !context.output.json {
        warn(&warnings);
    }
    if must_ask {
        let name = stage.name();
        let what = if opens { "make public the URL of" } else { "change" };
        let what = format!("{what} {} on stage {name}", function.name);
        let approval = confirm::approval(context, false, stage, change, &what).await?;
        let outcome =
            recorded::apply_shown(stage, compared, approval, history, &context.job).await?;
        return done(context, &outcome, &warnings);
    }
    let approval = confirm::given(arguments.yes);
    let outcome = recorded::apply(stage, &compared, approval, history, &context.job).await?;
    done(context, &outcome, &warnings)
}

fn usage(function: &str, why: String) -> Failure {
    Failure::usage(
        format!("could not change the settings of {function}"),
        why,
        "run `lambda-console settings --help`",
    )
}

/// Returns the changes that the command line specifies.
fn edits(arguments: &Arguments) -> Result<Vec<(Setting, Option<String>)>, Failure> {
    let wrong = |why: String| usage(&arguments.name, why);
    let mut edits: Vec<(Setting, Option<String>)> = Vec::new();
    if let Some(path) = &arguments.env_file {
        let text = text::read(path).map_err(|why| wrong(format!("{}: {why}", path.display())))?;
        let variables = dotenv::parse(&text);
        if let Some((line, why)) = variables.problems.first() {
            return Err(wrong(format!("{}:{line}: {why}", path.display())));
        }
        for (name, value) in variables.pairs {
            edits.push((format!("env.{name}").parse().map_err(wrong)?, Some(value)));
        }
    }
    for change in &arguments.changes {
        let (name, value) = change
            .split_once('=')
            .ok_or_else(|| wrong(format!("`{change}` is not SETTING=VALUE")))?;
        edits.push((name.parse().map_err(wrong)?, Some(value.to_owned())));
    }
    for name in &arguments.unset {
        edits.push((name.parse().map_err(wrong)?, None));
    }
    // A part of the URL, or a level, only applies together with its whole, whichever is named
    // first.
    edits.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(edits)
}

/// Returns `value` as it may be printed.
fn shown(arguments: &Arguments, setting: &Setting, value: Option<&str>) -> Option<String> {
    let value = value?.to_owned();
    let is_asked_for = matches!(setting, Setting::Env(name) if arguments.reveal.contains(name));
    Some(if is_asked_for { value } else { setting.shown(value) })
}

/// Returns a note if the next deploy would not leave the setting as it is.
fn reverted(function: &Function, setting: &Setting, value: Option<&str>) -> Option<String> {
    Some(format!("the next deploy {}", revert(&function.config, setting, value)?.of(setting)))
}

fn warnings(edits: &Edits, function: &Function) -> Vec<String> {
    let edits = edits.iter();
    edits.filter_map(|(setting, value)| reverted(function, setting, value.as_deref())).collect()
}

async fn show(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    function: &Function,
    live: &LiveConfig,
) -> Result<ExitCode, Failure> {
    let serving = if stage.is_serving().await { Serving::UntilExit } else { Serving::Elsewhere };
    let rows = rows(Some(live), &Edits::new(), &function.config);
    let named = |name: &String| rows.iter().any(|row| row.setting == Setting::Env(name.clone()));
    if let Some(unknown) = arguments.reveal.iter().find(|name| !named(name)) {
        let what = format!("could not show the variable {unknown}");
        return Err(Failure::usage(
            what,
            format!("{} has no such environment variable", function.name),
            "omit `env.`",
        ));
    }
    if context.output.json {
        let settings: Vec<Value> =
            rows.iter().map(|row| document(arguments, function, live, row)).collect();
        print_json(&json!({
            "stage": stage.name(),
            "function": function.name,
            "revision": live.revision,
            "url": live.url,
            "url_with_name": live.url.as_deref().and_then(url_with_name),
            "url_answers": live.url.as_ref().map(|_| serving == Serving::Elsewhere),
            "settings": settings,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let nothing = || "–".to_owned();
    let text =
        |value: Option<String>| value.filter(|value| !value.is_empty()).unwrap_or_else(nothing);
    let rows: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            let on_stage = match &live.url {
                Some(address) if row.setting == Setting::Url => {
                    format!("{} {address}", row.stage.clone().unwrap_or_default())
                }
                _ if is_hidden(live, row) => "no permission to read".to_owned(),
                _ => text(shown(arguments, &row.setting, row.stage.as_deref())),
            };
            let workspace = text(shown(arguments, &row.setting, row.workspace.as_deref()));
            let mark = if drifts(function, live, row) { "≠" } else { "" };
            [row.setting.to_string(), on_stage, workspace, mark.to_owned()]
        })
        .collect();
    context.output.table(["setting", &stage.name(), "workspace", ""], &rows)?;
    live.url.iter().flat_map(|url| about_url(url, serving)).for_each(|text| progress::print(&text));
    Ok(ExitCode::SUCCESS)
}

/// Process that serves the stage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serving {
    /// This one, until it exits.
    UntilExit,
    /// Another one, or AWS.
    Elsewhere,
}

/// Returns notes on a function URL of the local Lambda.
fn about_url(url: &str, serving: Serving) -> Vec<String> {
    let named = url_with_name(url).map(|named| {
        format!(
            "for web pages with links that begin with `/`, if names under localhost resolve: \
                {named}"
        )
    });
    let unserved = (serving == Serving::UntilExit).then(|| {
        "the URL is not served after this command exits: run `lambda-console local`, or keep the \
            console open"
            .to_owned()
    });
    named.into_iter().chain(unserved).collect()
}

const fn is_hidden(live: &LiveConfig, row: &Row) -> bool {
    live.is_env_hidden && row.setting.is_variable()
}

/// Returns `true` if the next deploy changes the setting.
fn drifts(function: &Function, live: &LiveConfig, row: &Row) -> bool {
    !is_hidden(live, row) && revert(&function.config, &row.setting, row.stage.as_deref()).is_some()
}

fn document(arguments: &Arguments, function: &Function, live: &LiveConfig, row: &Row) -> Value {
    json!({
        "setting": row.setting.to_string(),
        "stage": shown(arguments, &row.setting, row.stage.as_deref()),
        "workspace": shown(arguments, &row.setting, row.workspace.as_deref()),
        "drift": drifts(function, live, row),
    })
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        progress::print(&format!("warning: {warning}"));
    }
}

fn planned(context: &Context, plan: &DeployPlan, warnings: &[String]) -> Result<ExitCode, Failure> {
    if context.output.json {
        let changes: Vec<_> =
            plan.functions.iter().flat_map(|function| &function.changes).collect();
        let function = plan.functions.first().map(|function| &function.name);
        print_json(
            &json!({ "stage": plan.stage, "function": function, "changes": changes, "warnings": warnings }),
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    for function in &plan.functions {
        print_line(&deploy::difference(function))?;
    }
    warn(warnings);
    Ok(ExitCode::SUCCESS)
}

fn done(
    context: &Context,
    outcome: &DeployOutcome,
    warnings: &[String],
) -> Result<ExitCode, Failure> {
    let failure = summary("change", 1, &outcome.failures());
    if context.output.json {
        let function = outcome.functions.first();
        let document = json!({
            "stage": outcome.stage,
            "function": function.map(|done| &done.name),
            "action": function.map(|done| done.action),
            "changes": function.map(|done| &done.changes),
            "warnings": warnings,
        });
        print_json(&with_error(document, failure.as_ref()))?;
    } else {
        for function in &outcome.functions {
            print_line(&format!(
                "{}: {} on {}",
                function.name,
                deploy::action(function.action),
                outcome.stage
            ))?;
        }
    }
    Ok(context.output.ended(failure.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_url_that_is_not_served_gets_a_note_and_one_on_aws_does_not() {
        let local = "http://127.0.0.1:4000/lambda-url/0123456789abcdef/";
        let text = about_url(local, Serving::UntilExit).join("\n");
        assert!(text.contains("http://0123456789abcdef.lambda-url.localhost:4000/"), "{text}");
        assert!(text.contains("`lambda-console local`"), "{text}");
        assert_eq!(about_url(local, Serving::Elsewhere).len(), 1);
        assert!(
            about_url("https://abc.lambda-url.eu-west-1.on.aws/", Serving::Elsewhere).is_empty()
        );
    }
}
