//! `logs`: prints log lines, or follows them.

use std::process::ExitCode;

use clap::Args;
use lambda_console_engine::{
    aws::stage::Stage,
    logs::{self, LogQuery, TailEvent},
};
use lambda_console_model::{
    FREE_MINUTES, Failure, LogLine, StageInfo, TailState, Workspace, live_cost,
    text::{clean, columns, without_end},
};
use serde_json::json;

use super::{
    context::{Context, check_names, progress, since},
    output::{self, Output},
    summary,
};

/// The arguments of `logs`.
#[derive(Debug, PartialEq, Eq, Args)]
pub struct Arguments {
    /// Functions [default: all]
    names: Vec<String>,
    /// Follow new lines
    #[arg(long, short)]
    follow: bool,
    /// Start, as a time or a duration ago: 30s, 10m, 2h, 7d [default: 10m; with --request: 7d]
    #[arg(long, value_parser = since::value)]
    since: Option<i64>,
    /// Print only lines that contain this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Print only lines of this request
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let query = query(arguments, &workspace)?;
    let stage = context.stage(&workspace).await?;
    let denied = print(context, arguments, &workspace, &stage, &query).await?;
    Ok(context.output.ended(denied.as_ref()))
}

fn query(arguments: &Arguments, workspace: &Workspace) -> Result<LogQuery, Failure> {
    let functions = if arguments.names.is_empty() {
        super::context::select(workspace, &[])?.into_iter().map(|function| function.name).collect()
    } else {
        arguments.names.clone()
    };
    let days = if arguments.request.is_some() { 7 * 24 * 60 } else { 10 };
    let since =
        arguments.since.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond() - days * 60_000);
    Ok(LogQuery {
        functions,
        since,
        filter: arguments.filter.clone(),
        request_id: arguments.request.clone(),
    })
}

/// Prints the lines; also returns errors for parts that this caller has no permission to read.
async fn print(
    context: &Context,
    arguments: &Arguments,
    workspace: &Workspace,
    stage: &Stage,
    query: &LogQuery,
) -> Result<Option<Failure>, Failure> {
    let output = context.output;
    let names_function = query.functions.len() > 1;
    if !arguments.follow {
        let (lines, refused) = logs::fetch_allowed(stage, query, &context.job).await?;
        lines.iter().try_for_each(|line| one(output, line, names_function))?;
        let is_silent = |name: &&String| {
            !lines.iter().any(|line| line.function == **name)
                && !refused.iter().any(|(refused, _)| refused == *name)
        };
        check(stage, workspace, query.functions.iter().filter(is_silent)).await?;
        return Ok(summary("read the logs of", query.functions.len(), &refused));
    }
    check(stage, workspace, &query.functions).await?;
    // Following ends when the reader of stdout closes it.
    let ended = tokio_util::sync::CancellationToken::new();
    let mut result = Ok(());
    let mut stands = TailState::default();
    // The output of this command is always visible.
    let (_show, shown) = tokio::sync::watch::channel(true);
    let followed = {
        let print = |event| match event {
            TailEvent::Lines(lines) => {
                if result.is_ok() {
                    result = lines.iter().try_for_each(|line| one(output, line, names_function));
                }
                if result.is_err() {
                    ended.cancel();
                }
            }
            // A printed line cannot be changed.
            TailEvent::Fixes(_) | TailEvent::Samples(_) => {}
            TailEvent::Marked(mark) => progress::print(&mark.text()),
            TailEvent::State(now) => {
                for text in messages(&stands, &now) {
                    progress::print(&text);
                }
                stands = now;
            }
        };
        tokio::select! {
            followed = logs::tail(stage, query, shown, print, &context.job) => followed,
            () = ended.cancelled() => Ok(()),
        }
    };
    if stage.name() != StageInfo::LOCAL {
        let (minutes, dollars) = live_cost(stands.used_at(jiff::Timestamp::now().as_millisecond()));
        progress::print(&format!(
            "live tail: {minutes} session minutes (${dollars:.2} beyond the {FREE_MINUTES} free \
                minutes a month)"
        ));
    }
    result.and(followed).map(|()| None)
}

/// Checks names of functions. A log group may have outlived its function.
async fn check(
    stage: &Stage,
    workspace: &Workspace,
    names: impl IntoIterator<Item = &String>,
) -> Result<(), Failure> {
    for name in names {
        let checked = check_names(stage, workspace, [name]).await;
        if checked.is_err() && !logs::has_group(stage, name).await {
            return checked;
        }
    }
    Ok(())
}

/// Returns messages on the changes in a tail's state.
fn messages(before: &TailState, now: &TailState) -> Vec<String> {
    let mut texts = Vec::new();
    if now.waiting != before.waiting && !now.waiting.is_empty() {
        texts.push(format!(
            "waiting for the first invocation of {}, which creates the log group",
            now.waiting.join(", ")
        ));
    }
    texts.extend(now.trouble.clone().filter(|_| now.trouble != before.trouble));
    texts
}

fn one(output: Output, line: &LogLine, names_function: bool) -> Result<(), Failure> {
    let LogLine { timestamp, function, stream, request_id, message, .. } = line;
    if output.json {
        return output::print_json(
            &json!({ "timestamp": timestamp, "stream": stream, "request_id": request_id, "message": message }),
        );
    }
    let time = jiff::Timestamp::from_millisecond(*timestamp)
        .unwrap_or_default()
        .to_zoned(jiff::tz::TimeZone::system());
    let mut place = time.strftime("%H:%M:%S%.3f").to_string();
    if names_function {
        place = format!("{place} {function}");
    }
    output.print_faint(&place, &indented(message, columns(&place)))
}

/// Returns a message after its prefix. Its further lines are indented below the first: they are not
/// separate log lines.
fn indented(message: &str, place: usize) -> String {
    let shown = clean(without_end(message));
    format!(" {}", shown.replace('\n', &format!("\n{}", " ".repeat(place + 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_the_tail_state_are_reported() {
        let waiting = TailState { waiting: vec!["hello".into()], ..TailState::default() };
        let text = "waiting for the first invocation of hello, which creates the log group";
        assert_eq!(messages(&TailState::default(), &waiting), [text]);
        let busy = TailState { trouble: Some("throttled".into()), ..waiting.clone() };
        assert_eq!(messages(&waiting, &busy), ["throttled"]);
        assert!(messages(&busy, &TailState { used_ms: 9, ..busy.clone() }).is_empty());
        assert!(messages(&busy, &TailState::default()).is_empty());
    }

    #[test]
    fn a_log_line_can_neither_drive_the_terminal_nor_forge_another_line() {
        assert_eq!(indented("a\tb\x1b[2Jc\r", 5), " a\tbc");
        assert_eq!(
            indented("\x1b[32mINFO\x1b[0m hi\r  at x\r\n12:00:00 ERROR", 2),
            " INFO hi\n     at x\n   12:00:00 ERROR"
        );
    }
}
