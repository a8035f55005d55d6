//! `invoke`: one invocation. The response goes to stdout, log lines and figures to stderr.

use std::{io::Read, process::ExitCode};

use clap::Args;
use serde_json::{Value, json};

use super::{
    confirm,
    context::{self, Context},
    output::{print_json, print_line},
    progress,
};
use crate::{
    message::{Failure, Invocation, InvokeMode, InvokeRequest, Report, Workspace},
    work::verb,
};

/// The arguments of `invoke`.
#[derive(Debug, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// The function
    name: String,
    /// The payload: JSON, `@FILE`, or `-` for stdin [default: {}]
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "event", allow_hyphen_values = true)]
    payload: Option<String>,
    /// The payload from the function's events/EVENT.json
    #[arg(long)]
    event: Option<String>,
    /// A version or alias
    #[arg(long)]
    qualifier: Option<String>,
    /// Queue the event and do not wait
    #[arg(long = "async", conflicts_with_all = ["dry_run", "cold"])]
    queue: bool,
    /// Only check that it could be invoked
    #[arg(long, conflicts_with = "cold")]
    dry_run: bool,
    /// Force a new sandbox: a cold start
    #[arg(long)]
    cold: bool,
    /// Change a protected stage without asking, for --cold
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let payload = payload(context, arguments, &workspace).await?;
    let mode = match arguments {
        Arguments { queue: true, .. } => InvokeMode::Async,
        Arguments { dry_run: true, .. } => InvokeMode::DryRun,
        _ => InvokeMode::Sync,
    };
    let request = InvokeRequest {
        function: arguments.name.clone(),
        payload,
        qualifier: arguments.qualifier.clone(),
        mode,
        cold: arguments.cold,
        consent: confirm::given(arguments.yes),
    };
    let stage = context.stage(&workspace).await?;
    let store = context::store(&workspace);
    let result = verb::invoke(&stage, &request, store.as_ref(), &context.job).await;
    context::flush(store.as_ref()).await;
    stage.close().await;
    let invocation = result?;
    print(context, &invocation)?;
    Ok(if invocation.function_error.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The payload's text, as it was given.
async fn payload(context: &Context, arguments: &Arguments, workspace: &Workspace) -> Result<String, Failure> {
    let what = || format!("could not read the payload for {}", arguments.name);
    let file = match (&arguments.payload, &arguments.event) {
        (Some(payload), _) if payload == "-" => {
            let read = tokio::task::spawn_blocking(|| {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map(|_| text)
            });
            return tokio::select! {
                biased;
                () = context.job.cancel.cancelled() => Err(Failure::interrupted(what())),
                text = read => match text {
                    Ok(Ok(text)) => Ok(text),
                    Ok(Err(error)) => Err(Failure::usage(what(), format!("stdin: {error}"), "pipe JSON text in")),
                    Err(error) => Err(Failure::environment(what(), error.to_string(), "")),
                },
            };
        }
        (Some(payload), _) => match payload.strip_prefix('@') {
            Some(file) => std::path::PathBuf::from(file),
            None => return Ok(payload.clone()),
        },
        (None, Some(event)) => event_file(arguments, workspace, event)?,
        (None, None) => return Ok("{}".to_owned()),
    };
    let read = tokio::fs::read_to_string(&file).await;
    read.map_err(|error| Failure::usage(what(), format!("{}: {error}", file.display()), "name a file with JSON text"))
}

fn event_file(arguments: &Arguments, workspace: &Workspace, event: &str) -> Result<std::path::PathBuf, Failure> {
    let what = format!("there is no event {event} for {}", arguments.name);
    let Some(function) = workspace.functions.iter().find(|function| function.name == arguments.name) else {
        let why = format!("{} is no function of {}", arguments.name, workspace.root.display());
        return Err(Failure::usage(what, why, "`lambda-console list` shows the functions"));
    };
    let wanted = event.strip_suffix(".json").unwrap_or(event);
    if let Some(file) = function.events.iter().find(|file| file.name == wanted) {
        return Ok(file.path.clone());
    }
    let known: Vec<&str> = function.events.iter().map(|file| file.name.as_str()).collect();
    let why =
        if known.is_empty() { "it has no events/*.json".to_owned() } else { format!("it has {}", known.join(", ")) };
    Err(Failure::usage(what, why, format!("write events/{wanted}.json beside its Cargo.toml")))
}

fn print(context: &Context, invocation: &Invocation) -> Result<(), Failure> {
    let output = context.output;
    if output.json {
        return print_json(&document(invocation));
    }
    for text in &invocation.logs {
        progress::say(text);
    }
    progress::say(&headline(invocation));
    if invocation.payload.is_empty() { Ok(()) } else { print_line(&invocation.payload) }
}

fn document(invocation: &Invocation) -> Value {
    // A response that is not JSON is still the response.
    let text = &invocation.payload;
    let payload = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(text).unwrap_or_else(|_: serde_json::Error| Value::String(text.clone()))
    };
    json!({
        "function": invocation.function,
        "stage": invocation.stage,
        "request_id": invocation.request_id,
        "status": invocation.status,
        "function_error": invocation.function_error,
        "payload": payload,
        "report": invocation.report,
        "logs": invocation.logs,
    })
}

/// `200 · 3.1 ms · init 4.8 ms (cold) · 9 MB`.
fn headline(invocation: &Invocation) -> String {
    let mut parts = vec![invocation.status.to_string()];
    parts.extend(invocation.function_error.iter().map(|error| format!("function error: {error}")));
    if let Some(Report { init_ms, duration_ms, max_memory_mb, emulated, .. }) = invocation.report {
        parts.push(format!("{duration_ms} ms"));
        parts.extend(init_ms.map(|init| format!("init {init} ms (cold)")));
        parts.push(format!("{max_memory_mb} MB"));
        parts.extend(emulated.then(|| "emulated".to_owned()));
    }
    parts.push(invocation.request_id.clone());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(payload: &str) -> Invocation {
        Invocation {
            function: "hello".into(),
            stage: "local".into(),
            request_id: "r".into(),
            status: 200,
            function_error: None,
            payload: payload.into(),
            report: Some(Report {
                duration_ms: 3.1,
                billed_ms: 4,
                memory_mb: 128,
                max_memory_mb: 9,
                ..Report::default()
            }),
            logs: vec!["START".into()],
            started_at: 0,
            client_ms: 5.0,
        }
    }

    #[test]
    fn the_document_has_the_agreed_fields() {
        assert_eq!(
            document(&invocation(r#"{"message":"hi"}"#)).to_string(),
            r#"{"function":"hello","stage":"local","request_id":"r","status":200,"function_error":null,"payload":{"message":"hi"},"report":{"cold":false,"init_ms":null,"duration_ms":3.1,"billed_ms":4,"memory_mb":128,"max_memory_mb":9,"emulated":false,"restored":false,"status":null,"error_type":null},"logs":["START"]}"#
        );
    }

    #[test]
    fn a_response_that_is_not_json_is_a_string() {
        assert_eq!(document(&invocation("<p>"))["payload"], json!("<p>"));
        assert_eq!(document(&invocation(""))["payload"], Value::Null);
    }

    #[test]
    fn the_headline_tells_a_cold_start_in_words() {
        let mut cold = invocation("{}");
        cold.report.as_mut().unwrap().init_ms = Some(4.8);
        assert_eq!(headline(&cold), "200 · 3.1 ms · init 4.8 ms (cold) · 9 MB · r");
    }
}
