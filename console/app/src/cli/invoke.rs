//! `invoke`: one invocation. The response goes to stdout, or to a file; log lines and figures to
//! stderr.
//!
//! With `--stream` the response is written as it arrives. With `--json` too, each part is a line,
//! and the last line contains the outcome.

mod parts;

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use lambda_console_engine::{history::recorded, workspace::text};
use lambda_console_model::{
    Failure, HttpHead, Invocation, InvokeMode, InvokeRequest, Report, Workspace, json,
    text::{bytes, duration, nearest},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tokio::sync::mpsc;

use self::parts::Destination;
use super::{
    context::{self, Context, confirm, progress},
    output::{error, print_bytes, print_json, print_line},
};

/// The arguments of `invoke`.
#[derive(Debug, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Function
    name: String,
    /// Payload: JSON, `@FILE`, or `-` for stdin [default: {}]
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with = "event", allow_hyphen_values = true)]
    payload: Option<String>,
    /// Event file of the function: events/EVENT.json
    #[arg(long)]
    event: Option<String>,
    /// Version or alias
    #[arg(long)]
    qualifier: Option<String>,
    /// Client context: a JSON object, or `@FILE`
    #[arg(long, value_name = "JSON|@FILE")]
    client_context: Option<String>,
    /// Tenant ID, for a function with tenant isolation
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// Stream the response
    #[arg(long, conflicts_with_all = ["queue", "dry_run"])]
    stream: bool,
    /// Save the response to this file, whatever its size
    #[arg(long, value_name = "FILE", conflicts_with_all = ["queue", "dry_run"])]
    output: Option<PathBuf>,
    /// Invoke asynchronously: queue the event
    #[arg(long = "async", conflicts_with_all = ["dry_run", "cold"])]
    queue: bool,
    /// Validate the request without invoking
    #[arg(long, conflicts_with = "cold")]
    dry_run: bool,
    /// Invoke in a new sandbox (cold start)
    #[arg(long)]
    cold: bool,
    /// With --cold: change a protected stage without asking
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let payload = payload(context, arguments, &workspace).await?;
    let client_context = match &arguments.client_context {
        Some(text) => Some(client_context(arguments, text).await?),
        None => None,
    };
    let mode = match arguments {
        Arguments { queue: true, .. } => InvokeMode::Async,
        Arguments { dry_run: true, .. } => InvokeMode::DryRun,
        Arguments { stream: true, .. } => InvokeMode::Stream,
        _ => InvokeMode::Sync,
    };
    let request = InvokeRequest {
        function: arguments.name.clone(),
        payload,
        qualifier: arguments.qualifier.clone(),
        mode,
        client_context,
        tenant: arguments.tenant.clone(),
        cold: arguments.cold,
        approval: confirm::given(arguments.yes),
    };
    let stage = context.stage(&workspace).await?;
    context::check_names(&stage, &workspace, [&arguments.name]).await?;
    let store = context::store(&workspace);
    let destination = match (&arguments.output, mode, context.output.json) {
        (Some(path), ..) => Some(Destination::file(path).await?),
        (None, InvokeMode::Stream, true) => Some(Destination::Lines),
        (None, InvokeMode::Stream, false) => Some(Destination::Stdout),
        (None, ..) => None,
    };
    let is_written = destination.is_some();
    let (sender, receiver) = mpsc::channel(16);
    let invoking = async {
        // Dropped with this task, because writing ends when all senders are gone.
        let sender = sender;
        recorded::invoke(
            &stage,
            &request,
            is_written.then_some(&sender),
            store.as_ref(),
            &context.job,
        )
        .await
    };
    let writing = async {
        match destination {
            Some(destination) => parts::write(receiver, destination, &context.job).await,
            None => Ok(()),
        }
    };
    let (result, written) = tokio::join!(invoking, writing);
    context::flush(store.as_ref()).await;
    // If the response could not be written, that error is the reason why it was cancelled.
    let invocation = match (result, written) {
        (Ok(invocation), Err(failure))
            if invocation.cut_off().is_none() || !context.job.cancel.is_cancelled() =>
        {
            return Err(failure);
        }
        (result, _) => result?,
    };
    print(context, arguments, &invocation, is_written)?;
    let code = context.output.ended(invocation.cut_off());
    Ok(if invocation.cut_off().is_none() && invocation.function_error.is_some() {
        ExitCode::from(1)
    } else {
        code
    })
}

/// Returns the client context's text.
async fn client_context(arguments: &Arguments, text: &str) -> Result<String, Failure> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    text::read_async(file.as_ref()).await.map_err(|why| {
        let what = format!("could not read the client context for {}", arguments.name);
        Failure::usage(what, format!("{file}: {why}"), "use a file that contains a JSON object")
    })
}

/// Returns the payload's text, as it was given.
async fn payload(
    context: &Context,
    arguments: &Arguments,
    workspace: &Workspace,
) -> Result<String, Failure> {
    let what = || format!("could not read the payload for {}", arguments.name);
    let file = match (&arguments.payload, &arguments.event) {
        (Some(payload), _) if payload == "-" => {
            let read = tokio::task::spawn_blocking(|| {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
                text::decode(bytes)
            });
            return tokio::select! {
                biased;
                () = context.job.cancel.cancelled() => Err(Failure::interrupted(what())),
                text = read => match text {
                    Ok(Ok(text)) => Ok(text),
                    Ok(Err(why)) => Err(Failure::usage(what(), format!("stdin: {why}"), "pipe \
                        JSON into stdin")),
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
    let read = text::read_async(&file).await;
    read.map_err(|why| {
        Failure::usage(
            what(),
            format!("{}: {why}", file.display()),
            "use a file that contains \
            JSON",
        )
    })
}

fn event_file(
    arguments: &Arguments,
    workspace: &Workspace,
    event: &str,
) -> Result<std::path::PathBuf, Failure> {
    let what = format!("no event `{event}` for {}", arguments.name);
    let Some(function) =
        workspace.functions.iter().find(|function| function.name == arguments.name)
    else {
        return Err(context::unknown(workspace, &arguments.name, ""));
    };
    let wanted = event.strip_suffix(".json").unwrap_or(event);
    if let Some(file) = function.events.iter().find(|file| file.name == wanted) {
        return Ok(file.path.clone());
    }
    let file = function.manifest.with_file_name("events").join(format!("{wanted}.json"));
    if let Ok(metadata) = file.symlink_metadata() {
        let kind = if metadata.is_dir() {
            "a directory"
        } else if metadata.is_symlink() {
            "a broken symbolic link"
        } else {
            "not a regular file"
        };
        let why = format!("{} is {kind}", file.display());
        return Err(Failure::usage(what, why, "replace it with a JSON file"));
    }
    let known: Vec<&str> = function.events.iter().map(|file| file.name.as_str()).collect();
    let why = if known.is_empty() {
        "no files match events/*.json".to_owned()
    } else {
        format!("its events are {}", known.join(", "))
    };
    let hint = match nearest(wanted, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("create events/{wanted}.json beside its Cargo.toml"),
    };
    Err(Failure::usage(what, why, hint))
}

/// Prints the outcome of the invocation, and the response, unless it was written as it arrived.
fn print(
    context: &Context,
    arguments: &Arguments,
    invocation: &Invocation,
    is_written: bool,
) -> Result<(), Failure> {
    let saved = arguments.output.as_deref();
    if context.output.json {
        return print_json(&match (is_written, saved) {
            (true, None) => ended(invocation),
            (true, Some(path)) => saved_document(invocation, path),
            (false, _) => document(invocation),
        });
    }
    for text in &invocation.logs {
        progress::print(text);
    }
    if let Some(details) = invocation.error_details() {
        progress::print(details);
    }
    progress::print(&headline(invocation));
    if let Some(path) = saved {
        progress::print(&format!("{} saved to {}", bytes(invocation.bytes), path.display()));
    }
    if is_written || invocation.payload.is_empty() {
        return Ok(());
    }
    let is_terminal = std::io::stdout().is_terminal();
    match BASE64_STANDARD.decode(&invocation.payload) {
        Ok(_) if invocation.is_base64 && is_terminal => {
            progress::print(parts::NO_TEXT);
            Ok(())
        }
        Ok(bytes) if invocation.is_base64 => print_bytes(&bytes),
        _ if is_terminal => print_line(&invocation.payload),
        _ => print_bytes(format!("{}\n", invocation.payload).as_bytes()),
    }
}

/// Outcome of an invocation, as JSON. The function's own JSON is embedded unchanged: no number
/// loses a digit.
#[derive(Serialize)]
struct Document<'a> {
    function: &'a str,
    stage: &'a str,
    request_id: &'a str,
    status: u16,
    function_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<RawValue>>,
    report: Option<&'a Report>,
    logs: &'a [String],
    version: Option<&'a str>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_base64: Option<bool>,
    #[serde(flatten)]
    end: Option<End<'a>>,
}

/// Outcome of a response that was written elsewhere.
#[derive(Serialize)]
struct End<'a> {
    content_type: Option<&'a str>,
    http: Option<&'a HttpHead>,
    error_details: Option<&'a str>,
    cut_off: Option<Value>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Path>,
}

fn document(invocation: &Invocation) -> Document<'_> {
    Document {
        function: &invocation.function,
        stage: &invocation.stage,
        request_id: &invocation.request_id,
        status: invocation.status,
        function_error: invocation.function_error.as_deref(),
        payload: Some(payload_document(invocation)),
        report: invocation.report.as_ref(),
        logs: &invocation.logs,
        version: invocation.version.as_deref(),
        bytes: invocation.bytes,
        is_base64: Some(invocation.is_base64),
        end: None,
    }
}

/// Returns the response's own text on one line if it is JSON, else as a string.
fn payload_document(invocation: &Invocation) -> Box<RawValue> {
    let text = &invocation.payload;
    if text.is_empty() {
        return RawValue::NULL.to_owned();
    }
    let own = || RawValue::from_string(json::compact(text)).ok();
    let own = if !invocation.is_base64 && json::check(text).is_ok() { own() } else { None };
    own.or_else(|| serde_json::value::to_raw_value(text).ok())
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// Returns the outcome of a streamed response, without the part that was written.
fn ended(invocation: &Invocation) -> Document<'_> {
    let end = End {
        content_type: invocation.stream.as_ref().and_then(|stream| stream.content_type.as_deref()),
        http: invocation.http(),
        error_details: invocation.error_details(),
        cut_off: invocation.cut_off().map(error),
        kind: Some("end"),
        output: None,
    };
    Document { payload: None, is_base64: None, end: Some(end), ..document(invocation) }
}

/// Returns the outcome of a response that was saved to a file.
fn saved_document<'a>(invocation: &'a Invocation, path: &'a Path) -> Document<'a> {
    let mut document = ended(invocation);
    if let Some(end) = &mut document.end {
        end.kind = None;
        end.output = Some(path);
    }
    document
}

/// Returns `200 · 3.10 ms · init 4.80 ms (cold) · 9 MB`.
fn headline(invocation: &Invocation) -> String {
    let mut parts = vec![invocation.status.to_string()];
    parts.extend(invocation.function_error.iter().map(|error| format!("function error: {error}")));
    if let Some(Report { init_ms, duration_ms, max_memory_mb, emulated, .. }) = invocation.report {
        parts.push(duration(duration_ms));
        parts.extend(init_ms.map(|init| format!("init {} (cold)", duration(init))));
        parts.push(format!("{max_memory_mb} MB"));
        parts.extend(emulated.then(|| "emulated".to_owned()));
    }
    parts.push(invocation.request_id.clone());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_console_model::Streamed;

    fn invocation(payload: &str) -> Invocation {
        Invocation {
            function: "hello".into(),
            stage: "local".into(),
            request_id: "r".into(),
            status: 200,
            payload: payload.into(),
            bytes: payload.len() as u64,
            report: Some(Report {
                duration_ms: 3.1,
                billed_ms: 4,
                memory_mb: 128,
                max_memory_mb: 9,
                ..Report::default()
            }),
            logs: vec!["START".into()],
            client_ms: 5.0,
            ..Invocation::default()
        }
    }

    fn text(document: &Document<'_>) -> String {
        serde_json::to_string(document).unwrap()
    }

    fn value(document: &Document<'_>) -> Value {
        serde_json::from_str(&text(document)).unwrap()
    }

    #[test]
    fn the_functions_own_json_stays_as_it_is_on_one_line() {
        for (own, on_one_line) in [
            (
                r#"{"a":12345678901234567890123,"b":1.10,"c":1e400}"#,
                r#"{"a":12345678901234567890123,"b":1.10,"c":1e400}"#,
            ),
            (
                "{\n  \"a\" : [ 1.0, -0 ],\n  \"a\" : \" \\u00e9 \"\n}",
                r#"{"a":[1.0,-0],"a":" \u00e9 "}"#,
            ),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
            (" null\n", "null"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            let text = text(&document(&invocation(own)));
            assert!(text.contains(&format!(r#""payload":{on_one_line},"#)), "{text}");
        }
    }

    #[test]
    fn the_document_has_the_agreed_fields() {
        assert_eq!(
            text(&document(&invocation(r#"{"message":"hi"}"#))),
            r#"{"function":"hello","stage":"local","request_id":"r","status":200,"function_error":null,"payload":{"message":"hi"},"report":{"cold":false,"init_ms":null,"duration_ms":3.1,"billed_ms":4,"memory_mb":128,"max_memory_mb":9,"emulated":false,"restored":false,"status":null,"error_type":null},"logs":["START"],"version":null,"bytes":16,"is_base64":false}"#
        );
    }

    #[test]
    fn a_response_that_is_not_json_is_a_string() {
        assert_eq!(value(&document(&invocation("<p>")))["payload"], "<p>");
        assert_eq!(value(&document(&invocation("")))["payload"], Value::Null);
        assert_eq!(
            value(&document(&Invocation { is_base64: true, ..invocation("MTI=") }))["payload"],
            "MTI="
        );
        assert_eq!(value(&document(&invocation("\"\u{feff}")))["payload"], "\"\u{feff}");
    }

    #[test]
    fn the_end_of_a_stream_has_the_outcome_and_not_the_written_body() {
        let cut_off =
            Some(Failure::environment("could not invoke hello", "the response ended early", ""));
        let half = Invocation {
            stream: Some(Box::new(Streamed { cut_off, ..Streamed::default() })),
            ..invocation("half")
        };
        let end = value(&ended(&half));
        assert_eq!(
            (&end["type"], &end["bytes"], end.get("payload")),
            (&"end".into(), &4.into(), None)
        );
        assert_eq!(end["cut_off"]["why"], "the response ended early");
        let whole = invocation("{}");
        let saved = value(&saved_document(&whole, Path::new("out.bin")));
        assert_eq!((&saved["output"], saved.get("type")), (&"out.bin".into(), None));
    }

    #[test]
    fn the_headline_names_a_cold_start() {
        let mut cold = invocation("{}");
        cold.report.as_mut().unwrap().init_ms = Some(4.8);
        assert_eq!(headline(&cold), "200 · 3.10 ms · init 4.80 ms (cold) · 9 MB · r");
    }
}
