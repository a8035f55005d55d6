//! One table of cases, run on AWS's emulator (classic and as a managed instance), on our local
//! Lambda and on the scripted fake, for our crate and for the official one: the outcomes are equal
//! everywhere, or there is a reason.
//!
//! A reason is checked as strictly as an outcome: if the deviation that it explains disappears, its
//! case fails.

mod concurrent;
mod fake;
mod function;
mod scripted;
mod server;
mod table;

use self::{
    function::Crate::{self, Official, Ours},
    server::Server::{self, Classic, Fake, Local, Managed},
    table::{CASES, Case, Expected},
};

/// Outcome for a caller.
#[derive(Clone, PartialEq, Eq)]
enum Outcome {
    /// The response.
    Answer(Vec<u8>),
    /// `errorType` and `errorMessage`.
    Error { kind: String, message: String },
    /// Nothing ran: the error code of the refusal.
    Refused(String),
}

/// End of a process: whether an invocation was its last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    No,
    Yes,
}

impl Outcome {
    /// Reads a body. No function returns an object that has an `errorType`.
    fn read(body: Vec<u8>) -> Self {
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        match text("errorType") {
            Some(kind) => Self::Error { kind, message: text("errorMessage").unwrap_or_default() },
            None => Self::Answer(body),
        }
    }

    /// The answer as JSON.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        let Self::Answer(body) = self else { panic!("{self:?}") };
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(body) if body.len() > 200 => {
                write!(f, "an answer of {} bytes", body.len())
            }
            Self::Answer(body) => write!(f, "the answer `{}`", String::from_utf8_lossy(body)),
            Self::Error { kind, message } => write!(f, "{kind}: {message}"),
            Self::Refused(code) => write!(f, "refused: {code}"),
        }
    }
}

impl Expected {
    fn is(&self, outcome: &Outcome, payload: &[u8]) -> bool {
        match (self, outcome) {
            (Self::Echo, Outcome::Answer(body)) => body == payload,
            (Self::Answer(text), Outcome::Answer(body)) => body == text.as_bytes(),
            (Self::Length(length), Outcome::Answer(body)) => body.len() == *length,
            (Self::Error(kind, part), Outcome::Error { kind: answer, message }) => {
                kind == answer && message.contains(part)
            }
            (Self::Refused(code), Outcome::Refused(answer)) => code == answer,
            _ => false,
        }
    }
}

/// Runs the cases with a timeout of `seconds`. The second list has the errors.
fn run(server: Server, of: Crate, seconds: u32) -> Result<(Vec<String>, Vec<String>), String> {
    let running = server.start(of, seconds)?;
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for case in CASES.iter().filter(|case| case.seconds == seconds) {
        let (expected, ends, reason) = case.expected(server, of);
        if matches!(expected, Expected::NotAsked) {
            lines.push(format!("{}: not asked: {reason}", case.name));
            continue;
        }
        let payload = case.payload.bytes();
        let (outcome, ended) = running.run(&payload);
        if expected.is(&outcome, &payload) && ended == ends {
            let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            lines.push(format!("{}: {outcome:?}, ends: {ended:?}{reason}", case.name));
        } else {
            wrong.push(format!(
                "{}: {outcome:?}, ends: {ended:?}\n  instead of {expected:?}, ends: {ends:?}",
                case.name
            ));
        }
    }
    Ok((lines, wrong))
}

/// Runs all cases, and prints the outcome of each.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "the reasons are for whoever looks at the output of a test"
)]
fn check(server: Server, of: Crate) {
    for seconds in [table::LONG, table::SHORT] {
        let (lines, wrong) = match run(server, of, seconds) {
            Ok(lists) => lists,
            Err(why) => return println!("{of:?} on {server:?}: skipped: {why}"),
        };
        for line in lines {
            println!("{of:?} on {server:?}: {line}");
        }
        assert!(wrong.is_empty(), "{of:?} on {server:?}:\n{}", wrong.join("\n"));
    }
}

impl Case {
    /// The expected outcome here, and the reason if it deviates from the others.
    fn expected(&self, server: Server, of: Crate) -> (&Expected, Ends, &str) {
        let here = |deviation: &&table::Deviation| {
            deviation.servers.contains(&server) && deviation.crates.contains(&of)
        };
        let mut deviations = self.deviations.iter().filter(here);
        let Some(deviation) = deviations.next() else { return (&self.expected, self.ends, "") };
        assert!(deviations.next().is_none(), "{}: two reasons for {of:?} on {server:?}", self.name);
        (&deviation.expected, deviation.ends, deviation.reason)
    }
}

#[test]
fn our_crate_on_the_classic_emulator() {
    check(Classic, Ours);
}

#[test]
fn the_official_crate_on_the_classic_emulator() {
    check(Classic, Official);
}

#[test]
fn our_crate_on_the_managed_emulator() {
    check(Managed, Ours);
}

#[test]
fn the_official_crate_on_the_managed_emulator() {
    check(Managed, Official);
}

#[test]
fn our_crate_on_the_local_lambda() {
    check(Local, Ours);
}

#[test]
fn the_official_crate_on_the_local_lambda() {
    check(Local, Official);
}

#[test]
fn our_crate_on_the_scripted_fake() {
    check(Fake, Ours);
}

#[test]
fn the_official_crate_on_the_scripted_fake() {
    check(Fake, Official);
}
