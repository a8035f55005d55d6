//! Reports progress and failures on stderr. Never results: those are on stdout.

use std::{
    io::{self, IsTerminal, Write},
    sync::Mutex,
};

use lambda_console_engine::Job;
use lambda_console_model::{
    Failure, Step,
    text::{bounded, clean, clean_but_colours, fit},
};
use tokio_util::sync::CancellationToken;

use crate::cli::output::palette;

/// Creates a job that reports its steps on stderr: on a terminal in one line that is overwritten,
/// else one line per phase.
pub(crate) fn job(cancel: CancellationToken) -> Job {
    let is_terminal = io::stderr().is_terminal();
    let is_plain = !is_terminal || palette().none;
    let last = Mutex::new(String::new());
    Job::new(cancel, move |step| {
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        // An error while writing to stderr cannot be reported.
        let _ = match step {
            Step::Output(text) => {
                let text = if is_plain { clean(&text) } else { clean_but_colours(&text) };
                writeln!(stderr, "{}{}", clear(is_terminal), text.trim_end())
            }
            Step::Phase { text, done, total } if is_terminal => {
                line(&mut stderr, &amount(&text, done, total))
            }
            Step::Crate { done, total, name } if is_terminal => {
                line(&mut stderr, &amount(&format!("compiling {name}"), done, total))
            }
            Step::Phase { text, .. } if *last != text => {
                *last = text;
                writeln!(stderr, "{}", clean(&last))
            }
            Step::Done(_) => write!(stderr, "{}", clear(is_terminal)),
            Step::Phase { .. } | Step::Crate { .. } => Ok(()),
        };
    })
}

/// Prints one line.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stderr(), "{}{}", clear(io::stderr().is_terminal()), clean(text));
}

/// Prints a failure that stops nothing.
pub(crate) fn notice(failure: &Failure) {
    print(&format!("warning: {}", whole(failure)));
}

/// Prints what failed, why, and what to do.
pub(crate) fn failure(failure: &Failure) {
    print(&format!("error: {}", whole(failure)));
}

/// Returns what failed, why, and what to do. A very long reason is cut, and written to the log.
fn whole(failure: &Failure) -> String {
    let Failure { what, why, hint, .. } = failure;
    let mut text = format!("{what}: {}", bounded(why));
    if text.len() < what.len() + why.len() {
        tracing::error!(%failure, "full message");
        text.push_str("\nthe full message is in console.log");
    }
    if !hint.is_empty() {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

fn line(stderr: &mut impl Write, text: &str) -> io::Result<()> {
    write!(stderr, "{}{}", clear(true), fit(text, 78))?;
    stderr.flush()
}

fn amount(text: &str, done: u64, total: u64) -> String {
    if total > 0 { format!("{text} ({done}/{total})") } else { text.to_owned() }
}

const fn clear(is_terminal: bool) -> &'static str {
    if is_terminal { "\r\x1b[K" } else { "" }
}
