//! `delete`: takes functions off the stage.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{
    confirm,
    context::Context,
    output::{print_json, print_line},
};
use crate::{
    message::{Consent, Failure},
    work::deploy,
};

/// The arguments of `delete`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// The functions
    #[arg(required = true)]
    names: Vec<String>,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let stage = context.stage(&workspace).await?;
    if !arguments.yes {
        let names = arguments.names.join(" ");
        confirm::typed(context, &format!("delete {names} from the stage {}", stage.name()), &names).await?;
    }
    let name = stage.name();
    let result = deploy::delete(&stage, &arguments.names, Consent::Given, &context.job).await;
    stage.close().await;
    let deleted = result?;
    let output = context.output;
    if output.json {
        let functions: Vec<Value> =
            deleted.iter().map(|function| json!({ "name": function, "action": "deleted" })).collect();
        print_json(&json!({ "stage": name, "functions": functions }))?;
    } else {
        for function in &deleted {
            print_line(&format!("{function}: deleted from {name}; its logs and its role are kept"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
