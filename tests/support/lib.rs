//! What the tests share: a console without a terminal and a workspace to show in it; the real console as a process
//! or on a pseudo-terminal; the local Lambda; workspaces to build.

mod fixture;
mod harness;
mod local;
mod program;
pub mod sample;
mod terminal;

pub use fixture::Fixture;
pub use harness::{Harness, processor_ms};
pub use local::{Answer, LocalLambda, zip};
pub use program::{Home, Outcome, binary, executable, repository};
pub use terminal::{Finished, Terminal};
