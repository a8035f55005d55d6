//! The command line: the commands and options, and the headless commands, which call the same
//! engine functions as the screen.
//!
//! Results go to stdout, progress and notices to stderr. With `--json` a result is one document, or
//! one object per line if it is a stream, and a failure is `{"error": {"what", "why", "hint"}}`.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use lambda_console_model::{Failure, FailureKind};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::{context::Context, output::Output};

mod console;
mod context;
mod deploy;
mod invoke;
mod local;
mod logs;
mod output;
mod release;
mod resources;
mod stages;
mod stats;
mod workspace;

/// Time that cancelled work has to clean up.
const GRACE: Duration = Duration::from_secs(5);

/// Build, deploy, invoke and watch AWS Lambda functions written in Rust.
///
/// Without a command the console opens in the terminal.
#[derive(Debug, Parser)]
#[command(name = "lambda-console", version)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; `None` opens the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The options of every command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Global {
    /// Cargo workspace [default: the one that contains the current directory]
    #[arg(long, global = true, help_heading = "Global options", value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Stage: `local`, or one of the workspace's manifest [default: local]
    #[arg(long, global = true, help_heading = "Global options")]
    pub stage: Option<String>,
    /// AWS profile
    #[arg(long, global = true, help_heading = "Global options")]
    pub profile: Option<String>,
    /// AWS region
    #[arg(long, global = true, help_heading = "Global options")]
    pub region: Option<String>,
    /// Refuse every call that changes something
    #[arg(long, global = true, help_heading = "Global options")]
    pub read_only: bool,
    /// Print the result as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
}

/// The headless commands.
#[derive(Debug, PartialEq, Subcommand)]
pub enum Command {
    /// List functions: package, architecture, build and deployment
    List,
    /// List stages: account, region, identity, credentials and their expiry
    Stages,
    /// Set up the toolchain: zig, the target's standard library, an emulator
    Setup(workspace::setup::Arguments),
    /// Build bootstraps and zips
    Build(workspace::build::Arguments),
    /// Build, and print the checks of each zip
    Package(workspace::build::Arguments),
    /// Print the size of bootstraps, by section
    Size(workspace::size::Arguments),
    /// Create or update functions on the stage
    Deploy(deploy::Arguments),
    /// Show or change a function's settings on the stage
    #[command(alias = "config")]
    Settings(deploy::settings::Arguments),
    /// Invoke a function
    Invoke(invoke::Arguments),
    /// Print or follow logs of functions
    Logs(logs::Arguments),
    /// Print percentiles of init and duration from the history
    Stats(stats::Arguments),
    /// Manage execution roles, and check the caller's permissions
    Iam(resources::roles::Arguments),
    /// List versions with their figures; publish one, delete old ones
    Versions(release::versions::Arguments),
    /// Promote a version from one stage to another, optionally as a canary
    Promote(release::promote::Arguments),
    /// End a canary, or roll back to an earlier version
    Rollback(release::versions::Rollback),
    /// Export functions to Terraform, SAM, CDK or cargo-lambda, or a pipeline for CI
    Export(workspace::export::Arguments),
    /// Delete functions and their resources from the stage
    Delete(resources::delete::Arguments),
    /// Serve the local Lambda for the AWS CLI, SDKs and Terraform; with --watch, deploy on save
    ///
    /// Prints the exports that point the AWS CLI, boto3, Terraform and any SDK at it: for a shell
    /// to evaluate if stdout is piped, with examples if it is a terminal. With --json it prints
    /// one document; with --watch, then one object per line for each change, build and deploy.
    Local(local::Arguments),
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    run_with(std::env::args_os().collect())
}

fn run_with(arguments: Vec<OsString>) -> ExitCode {
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    match Cli::try_parse_from(arguments) {
        Ok(Cli { global, command: Some(command) }) => headless(global, command),
        Ok(Cli { global, command: None }) => console::open(&global),
        Err(error) if wants_json && error.use_stderr() => {
            let text = error.render().to_string();
            let why =
                text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Output::new(true).failure(&Failure::usage(
                "could not read the command line",
                why,
                "run `lambda-console --help`",
            ))
        }
        Err(error) => {
            // A closed pipe: there is no reader to report it to.
            let _ = error.print();
            ExitCode::from(error.exit_code() as u8)
        }
    }
}

fn headless(global: Global, command: Command) -> ExitCode {
    let output = Output::new(global.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.failure(&Failure::environment(
                "could not start",
                error.to_string(),
                "free some memory",
            ));
        }
    };
    let code = runtime.block_on(until_signalled(global, command, output));
    // A blocked read of stdin must not block the process.
    runtime.shutdown_background();
    code
}

/// Runs the command; the first SIGINT, SIGTERM or SIGHUP cancels it.
async fn until_signalled(global: Global, command: Command, output: Output) -> ExitCode {
    let cancel = CancellationToken::new();
    if let Err(error) = cancel_on_signal(&cancel) {
        return output.failure(&Failure::environment(
            "could not listen for signals",
            error.to_string(),
            "",
        ));
    }
    let overdue = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let context = Context::new(global, output, cancel.clone());
    let result = tokio::select! {
        result = dispatch(&context, command) => result,
        () = overdue => Err(Failure::interrupted("interrupted before it could clean up")),
    };
    let code = match result {
        Ok(code) => code,
        Err(Failure { kind: FailureKind::OutputClosed, .. }) => ExitCode::SUCCESS,
        Err(failure) => output.failure(&failure),
    };
    context.leave().await;
    code
}

/// Cancels on the first SIGINT, SIGTERM or SIGHUP.
fn cancel_on_signal(cancel: &CancellationToken) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut stream, cancel) = (signal(kind)?, cancel.clone());
        tokio::spawn(async move {
            stream.recv().await;
            cancel.cancel();
        });
    }
    Ok(())
}

async fn dispatch(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List => workspace::list::run(context).await,
        Command::Stages => stages::run(context).await,
        Command::Setup(arguments) => workspace::setup::run(context, &arguments).await,
        Command::Build(arguments) => workspace::build::run(context, &arguments, false).await,
        Command::Package(arguments) => workspace::build::run(context, &arguments, true).await,
        Command::Size(arguments) => workspace::size::run(context, &arguments).await,
        Command::Deploy(arguments) => deploy::run(context, &arguments).await,
        Command::Settings(arguments) => Box::pin(deploy::settings::run(context, &arguments)).await,
        Command::Invoke(arguments) => invoke::run(context, &arguments).await,
        Command::Logs(arguments) => logs::run(context, &arguments).await,
        Command::Stats(arguments) => stats::run(context, &arguments).await,
        Command::Iam(arguments) => resources::roles::run(context, &arguments).await,
        Command::Versions(arguments) => release::versions::run(context, &arguments).await,
        Command::Promote(arguments) => release::promote::run(context, &arguments).await,
        Command::Rollback(arguments) => release::versions::roll_back(context, &arguments).await,
        Command::Export(arguments) => workspace::export::run(context, &arguments).await,
        Command::Delete(arguments) => resources::delete::run(context, &arguments).await,
        Command::Local(arguments) => local::run(context, &arguments).await,
    }
}

/// Returns one failure for several functions: the only one, or a summary.
fn summary(verb: &str, total: usize, failed: &[(String, Failure)]) -> Option<Failure> {
    let (_, first) = failed.first()?;
    if failed.len() == 1 {
        return Some(first.clone());
    }
    let is = |kind| failed.iter().any(|(_, failure)| failure.kind == kind);
    let kind = if is(FailureKind::Interrupted) {
        FailureKind::Interrupted
    } else if failed.iter().all(|(_, failure)| failure.kind == first.kind) {
        first.kind
    } else {
        FailureKind::Work
    };
    let why: Vec<String> =
        failed.iter().map(|(name, failure)| format!("{name}: {}", failure.why)).collect();
    let what = format!("could not {verb} {} of {total} functions", failed.len());
    Some(Failure { kind, ..Failure::work(what, why.join("; "), first.hint.clone()) })
}

#[cfg(test)]
mod tests;
