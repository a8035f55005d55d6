//! Opens the console in the terminal: creates state, configuration, work and the loop.

use std::{path::PathBuf, process::ExitCode};

use clap::CommandFactory;
use lambda_console_engine::workspace::{paths, text};
use lambda_console_model::Failure;
use tokio_util::sync::CancellationToken;

use super::{
    Cli, Global, cancel_on_signal,
    context::{progress, stage_options},
    output::{Output, palette},
};
use crate::tui::{
    app::{self, Ending},
    config::Config,
    dispatch::Work,
    state::{Options, State},
    terminal::Term,
};

/// Two threads: one draws, one works. Long computations run in child processes.
const WORKERS: usize = 1;

/// Returns the commands that need no terminal, in the order of the help.
fn commands() -> String {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(clap::Command::get_name).collect::<Vec<_>>().join(", ")
}

/// Runs the console until the user quits. Without a terminal, prints what to use instead.
pub(super) fn open(global: &Global) -> ExitCode {
    let output = Output::new(global.json);
    if global.json || !Term::is_there() {
        let why = if global.json {
            "the console has no JSON output"
        } else {
            "stdin or stdout is not a \
                terminal"
        };
        return output.failure(&Failure::usage(
            "could not open the console",
            why,
            format!("use a command instead: {} (see `lambda-console --help`)", commands()),
        ));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.failure(&Failure::environment(
                "could not start",
                error.to_string(),
                "free some memory",
            ));
        }
    };
    let ended = runtime.block_on(run(global));
    // A cargo process or a read that does not end must not block the terminal.
    runtime.shutdown_background();
    match ended {
        Ok(Ending::Quit) => ExitCode::SUCCESS,
        Ok(Ending::Terminated) => ExitCode::from(130),
        Err(error) => {
            let hint = "the commands work without a screen: see `lambda-console --help`";
            output.failure(&Failure::environment(
                "could not use the terminal",
                error.to_string(),
                hint,
            ))
        }
    }
}

async fn run(global: &Global) -> std::io::Result<Ending> {
    let directory = global.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    let stage = stage_options(global, 0);
    let config = config();
    let options = Options { arguments: arguments(global), read_only: global.read_only };
    let mut state = State::new(&stage.stage, options, config.keymap.hints());
    state.stage_mut().arguments = stage_arguments(global);
    let work = Work::new(directory, stage);
    let mut term = Term::take()?;
    let ended =
        app::run(&mut term, &mut state, &config, |effect, events| work.start(effect, events)).await;
    // The terminal first: closing may take a moment, and longer if others use the local Lambda of
    // this process.
    drop(term);
    let cut = CancellationToken::new();
    cancel_on_signal(&cut)?;
    if matches!(ended, Ok(Ending::Terminated) | Err(_)) {
        cut.cancel();
    }
    for failure in work.close(&cut, &progress::print).await {
        progress::notice(&failure);
    }
    ended
}

/// Reads the user's configuration; a file that cannot be read is treated as missing, with a notice.
fn config() -> Config {
    let path = paths::config_file();
    let palette = palette();
    if matches!(path.try_exists(), Ok(false)) {
        return Config::read(None, "", palette);
    }
    match text::read(&path) {
        Ok(text) => Config::read(Some(&text), &path.display().to_string(), palette),
        Err(why) => {
            let mut config = Config::read(None, "", palette);
            let what = format!("could not read {}", path.display());
            config.notice = Some(Failure::environment(what, why, "using defaults"));
            config
        }
    }
}

/// Returns the options that a headless command needs for the same workspace.
fn arguments(global: &Global) -> String {
    let workspace = global
        .workspace
        .as_ref()
        .map(|path| format!("--workspace {}", quoted(&path.display().to_string())));
    let read_only = global.read_only.then(|| "--read-only".to_owned());
    workspace.into_iter().chain(read_only).collect::<Vec<_>>().join(" ")
}

/// Returns the options that a headless command needs for the same stage.
fn stage_arguments(global: &Global) -> String {
    let options =
        [("--stage", &global.stage), ("--profile", &global.profile), ("--region", &global.region)];
    let words = options
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", quoted(value.as_ref()?))));
    words.collect::<Vec<_>>().join(" ")
}

/// Quotes `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_the_same_stage_are_quoted_for_a_shell() {
        let global = Global {
            workspace: Some("it's here".into()),
            stage: Some("beta".into()),
            read_only: true,
            ..Global::default()
        };
        assert_eq!(arguments(&global), r"--workspace 'it'\''s here' --read-only");
        assert_eq!(stage_arguments(&global), "--stage beta");
        assert_eq!(arguments(&Global::default()) + &stage_arguments(&Global::default()), "");
    }
}
