//! A program that is started for each event.

use crate::context::Context;
use crate::event::Event;
use crate::exec::body;
use crate::exec::command::Command;
use crate::exec::process::{Outcome, Process, failure, timed_out};
use crate::exec::system;
use crate::failure::Failure;
use crate::respond::Body;

/// Answers an event.
pub(super) fn answer(command: &Command, event: &Event, context: &Context) -> Result<Body, Failure> {
    let mut process = Process::start(command, Some(context))?;
    let outcome = process.finish(event.bytes(), context);
    if system::is_alone() {
        system::end_orphans();
    }
    match outcome {
        Outcome::Ended(status) => match failure(&command.name, status, &process.take_tail()) {
            Some(failure) => Err(failure),
            None => Ok(body(process.take_output())),
        },
        Outcome::Line(output) => Ok(body(output)),
        Outcome::TimedOut => Err(timed_out(&command.name, &process.take_tail())),
    }
}
