//! What the tests share: the real console as a process or on a pseudo-terminal, the local Lambda, workspaces to build.

mod fixture;
mod local;
mod program;
mod terminal;

pub use fixture::Fixture;
pub use local::{Answer, LocalLambda, zip};
pub use program::{Home, Outcome, binary, repository};
pub use terminal::{Finished, Terminal};
