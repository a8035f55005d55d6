//! Shared support of the tests: a console without a terminal and a sample workspace; the real
//! console as a process or on a pseudo-terminal; the local Lambda, a stand-in for AWS, and a proxy
//! that injects faults; workspaces to build, and bootstraps to run alone.

mod account;
mod bootstrap_process;
mod cloud;
mod fixture;
mod harness;
mod local;
mod ministack;
mod program;
mod proxy;
pub mod python;
pub mod sample;
mod svg;
mod terminal;
mod workspace;

pub use account::Account;
pub use bootstrap_process::{
    Bootstrap, BootstrapProcess, INVOCATIONS, Instructions, invocation, is_installed,
};
pub use cloud::{CODE, Cloud};
pub use fixture::Fixture;
pub use harness::{Harness, processor_ms};
pub use lambda_console_testing::{
    PATIENCE, bootstrap, eventually_blocking as eventually, python as interpreter,
};
pub use local::{Answer, LocalLambda, hexadecimal, zip};
pub use ministack::Ministack;
pub use program::{Home, Outcome, binary, executable, shared_directory};
pub use proxy::{Call, Fault, Proxy, Rule};
pub use svg::svg;
pub use terminal::{Finished, Terminal};
pub use workspace::{hello, repository, target, workspace};
