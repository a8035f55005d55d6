//! `iam`: the execution roles that were created for functions.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{aws::stage::Stage, resources::roles};
use lambda_console_model::{ChangeKind, Failure, FailureKind, Permissions, Role, Workspace};
use serde_json::{Value, json};

use crate::cli::{
    context::{Context, confirm, progress, select},
    output::{ago, print_json, print_line, rfc3339, with_error},
    summary,
};

/// The arguments of `iam`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions, for --policy and --check [default: all]
    #[arg(conflicts_with_all = ["remove", "remove_unused"])]
    names: Vec<String>,
    /// Print the minimal policy for the tasks
    #[arg(long, conflicts_with_all = ["check", "remove", "remove_unused"])]
    policy: bool,
    /// Check the caller's permissions; exits with 3 and lists missing ones
    #[arg(long, conflicts_with_all = ["remove", "remove_unused"])]
    check: bool,
    /// Tasks to cover with --policy and --check [default: deploy invoke logs]
    #[arg(long = "for", value_name = "TASK", value_enum, num_args = 1..)]
    tasks: Vec<roles::Task>,
    /// Delete these unused roles
    #[arg(long, value_name = "ROLE", num_args = 1..)]
    remove: Vec<String>,
    /// Delete all unused roles
    #[arg(long, conflicts_with = "remove")]
    remove_unused: bool,
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
    let tasks = if arguments.tasks.is_empty() {
        roles::Task::DEFAULT.to_vec()
    } else {
        arguments.tasks.clone()
    };
    if arguments.policy {
        let functions = select(workspace, &arguments.names)?;
        print_line(&roles::policy(stage, &functions, &tasks))?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        let functions = select(workspace, &arguments.names)?;
        return checked(context, &roles::check(stage, &functions, &tasks).await?);
    }
    if !arguments.names.is_empty() {
        let why = "function names need `--policy` or `--check`";
        return Err(Failure::usage(
            "could not read the command line",
            why,
            "run `lambda-console iam --help`",
        ));
    }
    if !arguments.remove.is_empty() {
        return remove(context, arguments, stage, &arguments.remove).await;
    }
    let roles = roles::roles(stage).await?;
    if arguments.remove_unused {
        let unused = roles.into_iter().filter(Role::is_unused);
        let unused: Vec<String> = unused.map(|role| role.name).collect();
        return remove(context, arguments, stage, &unused).await;
    }
    list(context, &stage.name(), &roles)
}

fn list(context: &Context, stage: &str, roles: &[Role]) -> Result<ExitCode, Failure> {
    if context.output.json {
        let roles: Vec<Value> = roles.iter().map(document).collect();
        print_json(&json!({ "stage": stage, "roles": roles }))?;
    } else if roles.is_empty() {
        progress::print("no execution roles created by lambda-console in this region");
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        let rows: Vec<_> = roles.iter().map(|role| row(role, now)).collect();
        context.output.table(["role", "functions", "policies", "created", "used"], &rows)?;
        let mut refused: Vec<&str> =
            roles.iter().flat_map(|role| &role.refused).map(String::as_str).collect();
        refused.sort_unstable();
        refused.dedup();
        if !refused.is_empty() {
            progress::print(&format!(
                "warning: some cells are empty, the caller has no permission for {}",
                refused.join(", ")
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the actions that the caller is not allowed to call, one line each; with JSON, all
/// verdicts.
fn checked(context: &Context, permissions: &Permissions) -> Result<ExitCode, Failure> {
    let refused = permissions.verdicts.iter().filter(|verdict| !verdict.allowed);
    let refused: Vec<_> =
        refused.map(|it| [it.action.clone(), it.resource.clone(), it.reason.clone()]).collect();
    if context.output.json {
        let policy: Value = serde_json::from_str(&permissions.policy).unwrap_or_default();
        let Permissions { caller, verdicts, .. } = permissions;
        print_json(&json!({ "caller": caller, "verdicts": verdicts, "policy": policy }))?;
    } else if refused.is_empty() {
        print_line(&format!(
            "all {} permissions granted to {}",
            permissions.verdicts.len(),
            permissions.caller
        ))?;
    } else {
        progress::print(&format!(
            "{} of {} permissions missing for {}",
            refused.len(),
            permissions.verdicts.len(),
            permissions.caller
        ));
        context.output.table(["action", "resource", "why"], &refused)?;
        progress::print("`lambda-console iam --policy` prints the minimal policy");
    }
    let code = if refused.is_empty() { 0 } else { FailureKind::Environment.exit_code() };
    Ok(ExitCode::from(code))
}

fn document(role: &Role) -> Value {
    json!({
        "name": role.name,
        "arn": role.arn,
        "description": role.description,
        "created_at": rfc3339(role.created_at),
        "last_used_at": role.last_used_at.map(rfc3339),
        "policies": role.policies,
        "inline_policies": role.inline,
        "functions": role.functions,
        "refused": role.refused,
    })
}

fn row(role: &Role, now: i64) -> [String; 5] {
    let short = |arn: &String| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let policies: Vec<String> =
        role.policies.iter().map(short).chain(role.inline.iter().cloned()).collect();
    let functions = match role.functions.as_slice() {
        [] if role.is_unused() => "none".to_owned(),
        [] => "denied".to_owned(),
        functions => functions.join(", "),
    };
    let used = role.last_used_at.map_or_else(|| "unknown".to_owned(), |then| ago(then, now));
    [role.name.clone(), functions, policies.join(", "), ago(role.created_at, now), used]
}

async fn remove(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    roles: &[String],
) -> Result<ExitCode, Failure> {
    let names = roles.join(" ");
    let what = format!("delete the roles {names} from the account of stage {}", stage.name());
    let (yes, change) = (arguments.yes || roles.is_empty(), ChangeKind::DeleteRoles(roles));
    let approval = confirm::approval(context, yes, stage, change, &what).await?;
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    for role in roles {
        if context.job.cancel.is_cancelled() {
            return Err(Failure::interrupted("could not delete all roles"));
        }
        match roles::remove(stage, role, approval, &context.job).await {
            Ok(()) => removed.push(role),
            Err(failure) => failed.push((role.clone(), failure)),
        }
    }
    let failure = summary("delete", roles.len(), &failed);
    if context.output.json {
        print_json(&with_error(
            json!({ "stage": stage.name(), "removed": removed }),
            failure.as_ref(),
        ))?;
    } else {
        for role in removed {
            print_line(&format!("{role}: deleted"))?;
        }
    }
    Ok(context.output.ended(failure.as_ref()))
}
