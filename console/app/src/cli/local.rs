//! `local`: serves the local Lambda until it is signalled, and prints how to connect the AWS CLI,
//! SDKs and Terraform to it.

mod exports;
mod watch;

use std::{io::IsTerminal, process::ExitCode};

use clap::Args;
use lambda_console_engine::aws::stage::{LOCAL, Stage};
use lambda_console_model::{Approval, ChangeKind, Failure};

use super::{
    context::{Context, progress},
    output::{print_json, print_line},
    workspace::build::Arch,
};

/// The arguments of `local`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// With --watch: functions [default: all]
    #[arg(requires = "watch")]
    names: Vec<String>,
    /// Port; 0 selects a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Build and deploy the functions, and again whenever one of their sources is saved
    #[arg(long)]
    watch: bool,
    /// With --watch: target architecture [default: the manifest's, else the deployed one, else
    /// arm64]
    #[arg(long, value_enum, requires = "watch")]
    arch: Option<Arch>,
    /// With --watch: build with the dev profile
    #[arg(long, requires = "watch")]
    debug: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let what = "could not serve the local Lambda";
    let workspace = context.workspace().await?;
    if context.stage_name() != LOCAL {
        let why = format!("stage {} is on AWS", context.stage_name());
        return Err(Failure::usage(what, why, "omit `--stage`, `--profile` and `--region`"));
    }
    if arguments.watch {
        // Check before anything is served that the functions exist.
        super::context::select(&workspace, &arguments.names)?;
    }
    let stage = context.stage_at(&workspace, arguments.port).await?;
    let serving = serve(context, arguments, &stage, what);
    if arguments.watch {
        stage.allow("could not watch", ChangeKind::Update, Approval::None)?;
        tokio::select! {
            biased;
            served = serving => served?,
            watched = watch::run(context, workspace, arguments, &stage) => watched?,
        }
    } else {
        serving.await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    context: &Context,
    arguments: &Arguments,
    stage: &Stage,
    what: &str,
) -> Result<(), Failure> {
    let mut shown = String::new();
    loop {
        if let Some(endpoint) = stage.local_endpoint().await?
            && endpoint.url != shown
        {
            let is_serving = stage.is_serving().await;
            if !is_serving
                && arguments.port != 0
                && !endpoint.url.ends_with(&format!(":{}", arguments.port))
            {
                let why = format!(
                    "process {} serves it for this workspace at {}",
                    endpoint.pid, endpoint.url
                );
                return Err(Failure::work(what, why, "use that one, or stop the process"));
            }
            if !is_serving {
                progress::print(&format!(
                    "process {} is serving; this one takes over when it exits",
                    endpoint.pid
                ));
            }
            print(context, &endpoint)?;
            shown = endpoint.url;
        }
        let ended = async {
            if !stage.follow().await? {
                std::future::pending::<()>().await;
            }
            if stage.is_serving().await {
                progress::print("the other process exited; this one serves the local Lambda now");
            }
            Ok::<_, Failure>(())
        };
        tokio::select! {
            biased;
            () = context.job.cancel.cancelled() => return Err(Failure::interrupted("the local \
                Lambda stopped")),
            ended = ended => ended?,
        }
    }
}

/// The keys are for this endpoint only, and the user of this command asked for them. Piped output
/// is for a shell to evaluate; on a terminal, instructions are printed too.
fn print(context: &Context, endpoint: &lambda_console_local::Endpoint) -> Result<(), Failure> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let variables: Vec<_> = variables.collect();
    if context.output.json {
        return print_json(&exports::document(endpoint, &variables));
    }
    print_line(&exports::shell(endpoint, &variables))?;
    if !std::io::stdout().is_terminal() {
        return Ok(());
    }
    for (title, text) in exports::guide(endpoint) {
        print_line("")?;
        context.output.print_faint(title, &format!("\n{text}"))?;
    }
    Ok(())
}
