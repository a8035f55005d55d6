//! A program that is started once: one line in, one line out.

use std::sync::{Mutex, PoisonError};

use crate::context::Context;
use crate::event::Event;
use crate::exec::body;
use crate::exec::command::Command;
use crate::exec::process::{Outcome, Process, failure, timed_out};
use crate::failure::Failure;
use crate::log;
use crate::respond::Body;

/// A program with its processes: as many as there are invocations at once.
#[derive(Debug)]
pub(super) struct Resident {
    command: Command,
    /// The processes without an invocation.
    idle: Mutex<Vec<Process>>,
}

impl Resident {
    /// Starts the program.
    pub(super) fn start(command: Command) -> Result<Self, Failure> {
        let process = Process::start(&command, None)?;
        Ok(Self { command, idle: Mutex::new(vec![process]) })
    }

    /// Answers an event.
    pub(super) fn answer(&self, event: &Event, context: &Context) -> Result<Body, Failure> {
        let mut process = self.take()?;
        let outcome = process.ask(&line(event.bytes()), context);
        let failure = match outcome {
            Outcome::Line(line) => {
                self.put(process);
                return Ok(body(line));
            }
            Outcome::Ended(status) => {
                let name = &self.command.name;
                failure(name, status, &process.take_tail()).unwrap_or_else(|| {
                    Failure::new("ExitCode", format!("`{name}` exited with code 0, unanswered"))
                })
            }
            Outcome::TimedOut => timed_out(&self.command.name, &process.take_tail()),
        };
        drop(process);
        // The next invocation finds it ready; if it cannot be started, it reports that.
        if let Ok(process) = Process::start(&self.command, None) {
            self.put(process);
        }
        Err(failure)
    }

    /// Returns a running process.
    fn take(&self) -> Result<Process, Failure> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut process) = idle else { return Process::start(&self.command, None) };
            let name = &self.command.name;
            match process.discard() {
                Some(0) => return Ok(process),
                Some(count) => {
                    log::warn(format_args!(
                        "ignored {count} bytes that `{name}` wrote before its event"
                    ));
                    return Ok(process);
                }
                None => {
                    let tail = process.take_tail();
                    log::warn(format_args!("`{name}` ended between two events: {tail}"));
                }
            }
        }
    }

    fn put(&self, process: Process) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }
}

/// The event in one line: in JSON, line breaks are only between tokens.
fn line(event: &[u8]) -> Vec<u8> {
    let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
    let mut line: Vec<u8> =
        event.iter().map(|byte| if is_break(*byte) { b' ' } else { *byte }).collect();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(line(b"{\r\n \"a\": \"b\\n\"\n}"), b"{   \"a\": \"b\\n\" }\n");
        assert_eq!(line(b""), b"\n");
    }
}
