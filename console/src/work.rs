//! Carries effects out: cargo, toolchain, zip, AWS calls, log tails, store, watch, editor. The headless
//! commands call the same functions.
//!
//! May not touch `state` (values come from [`crate::message`]) or `view`.

pub mod build;
pub mod clipboard;
mod command;
pub mod config;
mod configuration;
pub use command::leftovers;
pub mod delete;
pub mod deploy;
pub mod discover;
pub mod dispatch;
pub mod dotenv;
mod fingerprint;
#[cfg(test)]
mod flow;
mod gitignore;
pub mod iam;
mod include;
pub mod invoke;
pub mod log;
pub mod logs;
pub mod package;
pub mod paths;
pub mod report;
pub mod stage;
pub mod stats;
pub mod store;
pub mod text;
pub mod toolchain;
pub mod verb;
pub mod versions;
pub mod watch;

use std::sync::Arc;

use lambda_console_model::Step;
use tokio_util::sync::CancellationToken;

/// One piece of running work: how it reports and how it is told to stop.
#[derive(Clone)]
pub struct Job {
    /// Cancelled when the work shall end early; it then returns [`lambda_console_model::Failure::interrupted`].
    pub cancel: CancellationToken,
    report: Arc<dyn Fn(Step) + Send + Sync>,
}

impl Job {
    /// A job that hands its steps to `report`, from any thread.
    pub fn new(cancel: CancellationToken, report: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self { cancel, report: Arc::new(report) }
    }

    /// A job that nobody watches.
    pub fn silent() -> Self {
        Self::new(CancellationToken::new(), |_| {})
    }

    /// Reports `step`.
    pub fn report(&self, step: Step) {
        (self.report)(step);
    }
}
