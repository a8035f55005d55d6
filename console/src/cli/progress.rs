//! Says on stderr how far the work is, and what failed. Never what was asked for: that is on stdout.

use std::{
    io::{self, IsTerminal, Write},
    sync::Mutex,
};

use tokio_util::sync::CancellationToken;

use crate::{
    message::{Failure, Step},
    work::Job,
};

/// A job that says its steps on stderr: on a terminal in one line that is written over, else a line a phase.
pub(super) fn job(cancel: CancellationToken) -> Job {
    let is_terminal = io::stderr().is_terminal();
    let is_plain = !is_terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let last = Mutex::new(String::new());
    Job::new(cancel, move |step| {
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut stderr = io::stderr().lock();
        // Nothing can be said of an error while saying something.
        let _ = match step {
            Step::Output(text) => {
                let text = if is_plain { without_escapes(&text) } else { text };
                writeln!(stderr, "{}{}", clear(is_terminal), text.trim_end())
            }
            Step::Phase { text, done, total } if is_terminal => line(&mut stderr, &amount(&text, done, total)),
            Step::Crate { done, total, name } if is_terminal => {
                line(&mut stderr, &amount(&format!("compiling {name}"), done, total))
            }
            Step::Phase { text, .. } if *last != text => {
                *last = text;
                writeln!(stderr, "{last}")
            }
            Step::Done(_) => write!(stderr, "{}", clear(is_terminal)),
            Step::Phase { .. } | Step::Crate { .. } => Ok(()),
        };
    })
}

/// Says one line.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}{text}", clear(io::stderr().is_terminal()));
}

/// Says what did not work but stops nothing.
pub(super) fn notice(failure: &Failure) {
    say(&format!("warning: {failure}{}", hint(failure)));
}

/// Says what failed, why, and what to do.
pub(super) fn failure(failure: &Failure) {
    say(&format!("error: {failure}{}", hint(failure)));
}

fn hint(failure: &Failure) -> String {
    if failure.hint.is_empty() { String::new() } else { format!("\nhint: {}", failure.hint) }
}

fn line(stderr: &mut impl Write, text: &str) -> io::Result<()> {
    let short: String = text.chars().take(78).collect();
    write!(stderr, "{}{short}", clear(true))?;
    stderr.flush()
}

fn amount(text: &str, done: u64, total: u64) -> String {
    if total > 0 { format!("{text} ({done}/{total})") } else { text.to_owned() }
}

const fn clear(is_terminal: bool) -> &'static str {
    if is_terminal { "\r\x1b[K" } else { "" }
}

/// `text` without its escape sequences: cargo's output is coloured for the screen.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\x1b' {
            plain.push(letter);
        } else if letters.next() == Some('[') {
            // A control sequence ends with the first letter or other final byte.
            letters.find(|letter| ('@'..='~').contains(letter));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_out_of_files() {
        assert_eq!(without_escapes("\x1b[K\x1b[1m\x1b[92m   Compiling\x1b[0m a v1\n"), "   Compiling a v1\n");
        assert_eq!(without_escapes("plain [text]"), "plain [text]");
        assert_eq!(without_escapes("cut \x1b["), "cut ");
    }
}
