//! `size`: what is in a bootstrap, by section.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::compile;
use lambda_console_model::{BootstrapSize, Failure, text::bytes};
use serde_json::{Value, json};

use crate::cli::{
    context::{Context, select},
    output::print_json,
};

/// The arguments of `size`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all built]
    names: Vec<String>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let mut functions = select(&workspace, &arguments.names)?;
    if arguments.names.is_empty() && functions.iter().any(|one| one.bootstrap.is_some()) {
        functions.retain(|function| function.bootstrap.is_some());
    }
    let mut sizes = Vec::new();
    for function in &functions {
        sizes.push(compile::size::size(function).await?);
    }
    if context.output.json {
        let functions: Vec<Value> = sizes.iter().map(document).collect();
        print_json(&json!({ "functions": functions }))?;
    } else {
        let rows: Vec<[String; 4]> = sizes.iter().flat_map(rows).collect();
        context.output.table(["function", "section", "bytes", "share"], &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(size: &BootstrapSize) -> Value {
    let sections = size.sections.iter().map(|section| {
        json!({ "name": section.name, "bytes": section.bytes, "percent": size.percent(section) })
    });
    json!({
        "name": size.name,
        "bytes": size.bytes,
        "zip_bytes": size.zip_bytes,
        "sections": sections.collect::<Vec<_>>(),
    })
}

/// Returns a row for each section, then the total and the zip.
fn rows(size: &BootstrapSize) -> Vec<[String; 4]> {
    let row =
        |name: &str, of: u64, share: String| [size.name.clone(), name.to_owned(), bytes(of), share];
    let sections = size.sections.iter().map(|section| {
        row(&section.name, section.bytes, format!("{:.1} %", size.percent(section)))
    });
    let total = row("total", size.bytes, "100.0 %".to_owned());
    let zip = size.zip_bytes.map(|of| row("zip", of, String::new()));
    sections.chain([total]).chain(zip).collect()
}
