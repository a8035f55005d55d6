//! `stats`: init and duration percentiles from the history.

use std::process::ExitCode;

use clap::Args;
use lambda_console_model::{Failure, FunctionStats, Percentiles, text::duration};
use serde_json::json;

use super::{
    context::{self, Context, select, since},
    output::print_json,
};

/// The arguments of `stats`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all]
    names: Vec<String>,
    /// Start, as a time or a duration ago: 30s, 10m, 2h, 7d
    #[arg(long, value_parser = since::value, default_value = "7d")]
    since: i64,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let names = if arguments.names.is_empty() {
        select(&workspace, &[])?.into_iter().map(|function| function.name).collect()
    } else {
        arguments.names.clone()
    };
    let store = context::open_store(&workspace)?;
    let stats = store.stats(&names, &context.stage_name(), arguments.since).await?;
    let is_known = |name: &str| workspace.functions.iter().any(|function| function.name == name);
    if let Some(nobody) =
        stats.iter().find(|stats| stats.invocations == 0 && !is_known(&stats.name))
    {
        return Err(context::unknown(
            &workspace,
            &nobody.name,
            ", and the history has no invocations of it",
        ));
    }
    let output = context.output;
    if output.json {
        print_json(&json!({ "functions": stats }))?;
    } else {
        let rows: Vec<_> = stats.iter().map(row).collect();
        output.table(
            ["function", "invocations", "cold", "init p50/p90/p99/max", "duration p50/p90/p99/max"],
            &rows,
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(stats: &FunctionStats) -> [String; 5] {
    let share = if stats.invocations > 0 {
        stats.cold as f64 / stats.invocations as f64 * 100.0
    } else {
        0.0
    };
    [
        stats.name.clone(),
        stats.invocations.to_string(),
        format!("{} ({share:.0} %)", stats.cold),
        percentiles(stats.init_ms, stats.cold),
        percentiles(stats.duration_ms, stats.invocations),
    ]
}

/// Percentiles need more than one sample.
fn percentiles(values: Option<Percentiles>, samples: u64) -> String {
    match values {
        None => "–".to_owned(),
        Some(of) if samples == 1 => format!("{} (one)", duration(of.max)),
        Some(Percentiles { p50, p90, p99, max }) => [p50, p90, p99, max].map(duration).join(" / "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_has_no_percentiles_and_times_have_their_digits() {
        let of = |max| Some(Percentiles { p50: 4.8, p90: 40.0, p99: 40.0, max });
        assert_eq!(percentiles(of(3204.2), 9), "4.80 ms / 40.0 ms / 40.0 ms / 3.2 s");
        assert_eq!(
            (percentiles(of(4.8), 1).as_str(), percentiles(None, 0).as_str()),
            ("4.80 ms (one)", "–")
        );
    }

    #[test]
    fn the_document_has_the_agreed_fields() {
        let figures = Percentiles { p50: 1.0, p90: 2.0, p99: 3.0, max: 4.0 };
        let stats = FunctionStats {
            name: "hello".into(),
            invocations: 2,
            cold: 0,
            init_ms: None,
            duration_ms: Some(figures),
        };
        assert_eq!(
            json!({ "functions": [stats] }).to_string(),
            r#"{"functions":[{"name":"hello","invocations":2,"cold":0,"init_ms":null,"duration_ms":{"p50":1.0,"p90":2.0,"p99":3.0,"max":4.0}}]}"#
        );
    }
}
