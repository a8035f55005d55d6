//! The servers of the cases, with one interface: an event goes in, an outcome comes out.

use aws_sdk_lambda::{error::ProvideErrorMetadata as _, primitives::Blob, types::LogType};
use tests::LocalLambda;

use super::{Ends, Outcome, fake, function::Crate};
use crate::peers::emulator::Emulator;

/// Kind of server that runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// AWS's emulator, one invocation at a time.
    Classic,
    /// AWS's emulator, ten invocations at once to one process.
    Managed,
    /// Our local Lambda.
    Local,
    /// The scripted fake of the runtime's own tests.
    Fake,
}

/// A running server with a function.
pub(super) enum Running {
    Emulator(Emulator),
    Local(Box<(LocalLambda, tempfile::TempDir)>),
    Fake(Crate),
}

impl Server {
    /// Starts it with a function that has a timeout of `seconds`. Returns an error with the reason
    /// if it cannot run here.
    pub(super) fn start(self, of: Crate, seconds: u32) -> Result<Running, String> {
        Ok(match self {
            Self::Classic => Running::Emulator(Emulator::classic(of.bootstrap(), seconds)),
            Self::Managed => Running::Emulator(Emulator::managed(of.bootstrap(), seconds)?),
            Self::Local => Running::Local(Box::new(local(of, seconds))),
            Self::Fake => Running::Fake(of),
        })
    }
}

/// A local Lambda whose only function is `case`.
pub(super) fn local(of: Crate, seconds: u32) -> (LocalLambda, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(home.path());
    local.create("case", &[("bootstrap", &std::fs::read(of.bootstrap()).expect("a bootstrap"))]);
    let seconds = i32::try_from(seconds).expect("a timeout");
    let change =
        local.client().update_function_configuration().function_name("case").timeout(seconds);
    local.block_on(change.send()).expect("a function's timeout can be changed");
    local.settled("case");
    (local, home)
}

/// Invokes the local Lambda's `case`.
pub(super) async fn invoke(client: &aws_sdk_lambda::Client, payload: &[u8]) -> Outcome {
    // The log's tail is complete when the sandbox is free again: so the next invocation needs no
    // new sandbox.
    let call =
        client.invoke().function_name("case").payload(Blob::new(payload)).log_type(LogType::Tail);
    match call.send().await {
        Ok(answer) => {
            let body = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
            let outcome = Outcome::read(body);
            // The header and the body must agree on the kind of result.
            let failed = answer.function_error() == Some("Unhandled");
            assert_eq!(failed, matches!(outcome, Outcome::Error { .. }), "{answer:?}");
            outcome
        }
        Err(error) => Outcome::Refused(error.code().unwrap_or_default().to_owned()),
    }
}

impl Running {
    /// Invokes the function. Returns whether its process ended afterwards.
    pub(super) fn run(&self, payload: &[u8]) -> (Outcome, Ends) {
        if let Self::Fake(of) = self {
            return fake::once(*of, payload);
        }
        let before = self.process();
        let outcome = self.invoke(payload);
        let after = self.process();
        (outcome, if before == after { Ends::No } else { Ends::Yes })
    }

    fn invoke(&self, payload: &[u8]) -> Outcome {
        match self {
            Self::Emulator(emulator) => Outcome::read(emulator.send(payload)),
            Self::Local(local) => local.0.block_on(invoke(local.0.client(), payload)),
            Self::Fake(of) => fake::once(*of, payload).0,
        }
    }

    /// The id of the process that takes the next invocation.
    fn process(&self) -> u64 {
        let who = self.invoke(br#"{"do":"who"}"#).json();
        who["process"].as_u64().unwrap_or_else(|| panic!("no process: {who}"))
    }
}
