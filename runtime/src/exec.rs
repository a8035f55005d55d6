//! Any program as a function (feature `exec`): it is started for each event, or once and then given
//! one event a line.
//!
//! The command is in [`FILE`], beside the bootstrap. Its words are passed as they are, without a
//! shell; the first one is a file of the function's code, or an absolute path.
//!
//! ```json
//! {"command":["bin/thumbnail","--json"],"resident":false}
//! ```
//!
//! # Started for each event
//!
//! Standard input is the event, standard output the response (`null` if there is none), standard
//! error goes into the log. The invocation ends with the program; processes that it leaves behind
//! are killed. Its environment is the function's and
//!
//! | Variable | Value |
//! | --- | --- |
//! | `LAMBDA_REQUEST_ID` | the request ID |
//! | `LAMBDA_DEADLINE_MS` | time of the timeout, in milliseconds since the Unix epoch |
//! | `LAMBDA_FUNCTION_ARN` | the ARN that was invoked |
//! | `LAMBDA_TENANT_ID`, `LAMBDA_CLIENT_CONTEXT`, `LAMBDA_COGNITO_IDENTITY` | if there is one |
//! | `_X_AMZN_TRACE_ID` | the X-Ray trace header, if there is one |
//!
//! # Resident
//!
//! The program is started in the init. It reads an event as one line of JSON and answers with one
//! line, again and again. If it ends, the invocation in progress fails, and it is started again.
//!
//! # Errors
//!
//! `Function.ExitCode` and `Function.Signal` have the last lines of standard error in their
//! message. `Function.TimedOut`: shortly before the timeout the program and its children get
//! SIGTERM, then SIGKILL. `Function.NotStarted`: there is no such program, or it cannot be
//! executed.

mod command;
mod log;
mod once;
mod process;
mod resident;
mod system;

use self::command::Command;
use self::resident::Resident;
use crate::context::Context;
use crate::event::Event;
use crate::failure::Failure;
use crate::respond::Body;

pub use self::command::FILE;

/// A program that answers events.
enum Program {
    Once(Command),
    Resident(Resident),
}

/// Serves invocations with the program of [`FILE`] until the process ends: see [`crate::run`].
pub fn run() {
    crate::init(async || load()).run(async |program: &Program, event: Event, context: Context| {
        // Nothing else runs on this thread meanwhile: other invocations have threads of their own.
        match program {
            Program::Once(command) => once::answer(command, &event, &context),
            Program::Resident(resident) => resident.answer(&event, &context),
        }
    });
}

/// Reads the command, and starts a resident program.
fn load() -> Result<Program, Failure> {
    let (command, is_resident) = Command::read()?;
    if is_resident {
        return Resident::start(command).map(Program::Resident);
    }
    command.check()?;
    if system::is_alone() {
        system::adopt_orphans();
    }
    Ok(Program::Once(command))
}

/// The response: standard output, or a line of it.
fn body(output: Vec<u8>) -> Body {
    if output.is_empty() { Body::json("null") } else { Body::json(output) }
}
