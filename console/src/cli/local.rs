//! `local`: serves the local Lambda until it is signalled, and says how the AWS CLI and SDKs reach it.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde_json::json;

use super::{
    context::Context,
    output::{print_json, print_line},
    progress,
};
use crate::{
    message::Failure,
    work::stage::{LOCAL, Stage},
};

/// How often a local Lambda of another process is looked after.
const LOOK: Duration = Duration::from_secs(1);

/// The arguments of `local`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// The port; 0: any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let what = "could not serve the local Lambda";
    let workspace = context.workspace().await?;
    let stage = context.stage_at(&workspace, arguments.port).await?;
    if stage.name() != LOCAL {
        return Err(Failure::usage(
            what,
            format!("the stage {} is on AWS", stage.name()),
            "leave --stage, --profile out",
        ));
    }
    let result = serve(context, arguments, &stage, what).await;
    stage.close().await;
    result.map(|()| ExitCode::SUCCESS)
}

async fn serve(context: &Context, arguments: &Arguments, stage: &Stage, what: &str) -> Result<(), Failure> {
    let mut shown = String::new();
    loop {
        if let Some(endpoint) = stage.local_endpoint().await?
            && endpoint.url != shown
        {
            let is_serving = stage.is_serving().await;
            if !is_serving && arguments.port != 0 && !endpoint.url.ends_with(&format!(":{}", arguments.port)) {
                let why = format!("process {} serves it for this workspace at {}", endpoint.pid, endpoint.url);
                return Err(Failure::work(what, why, "use that one, or stop that process"));
            }
            if !is_serving {
                progress::say(&format!("process {} serves it; this one takes over when that ends", endpoint.pid));
            }
            print(context, &endpoint)?;
            shown = endpoint.url;
        }
        tokio::select! {
            biased;
            () = context.job.cancel.cancelled() => return Err(Failure::interrupted("the local Lambda stopped")),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The keys are for this endpoint alone, and whoever runs this command asked for them.
fn print(context: &Context, endpoint: &lambda_console_local::Endpoint) -> Result<(), Failure> {
    let lambda_console_local::Endpoint { url, access_key, secret_key, region, pid } = endpoint;
    if context.output.json {
        return print_json(&json!({
            "endpoint": url, "region": region, "access_key_id": access_key, "secret_access_key": secret_key, "pid": pid,
        }));
    }
    print_line(&format!(
        "export AWS_ENDPOINT_URL={url}\nexport AWS_ACCESS_KEY_ID={access_key}\nexport AWS_SECRET_ACCESS_KEY={secret_key}\n\
         export AWS_REGION={region}\nexport AWS_DEFAULT_REGION={region}"
    ))
}
