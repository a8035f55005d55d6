//! All side effects: cargo, toolchain, zips, AWS, logs, history, watched files. The commands and
//! the screen call the same functions, and return values of `lambda_console_model`.
//!
//! | room | is |
//! | --- | --- |
//! | [`workspace`] | the functions of a Cargo workspace, their manifests, changed files |
//! | [`compile`] | cargo, zig and the toolchain, bootstraps and zips |
//! | [`aws`] | AWS below the verbs: stages, clients, credentials, errors, names, waiting |
//! | [`deploy`] | compares functions with a stage, and applies the plan |
//! | [`release`] | versions, canaries, promotion |
//! | [`resources`] | a function's resources on a stage: listed, deleted; and execution roles |
//! | [`invoke`] | one invocation, whole or streamed |
//! | [`logs`] | log lines: read, followed, merged, and the platform's own |
//! | [`export`] | the functions as files of other tools: Terraform, SAM, CDK, pipelines |
//! | [`history`] | builds, deploys and invocations in `SQLite`, and figures over them |
//!
//! Does not know the screen.
//!
//! A verb is `#[boxed]`: its future is in a box, so that it is compiled once, in this crate. The
//! body of any other `async fn` is compiled in each crate that polls it, with all the code of the
//! SDK that it calls.

pub mod aws;
pub mod compile;
pub mod deploy;
pub mod export;
pub mod history;
pub mod invoke;
pub mod logs;
pub mod release;
/// A function's resources on a stage: listed, deleted; and the roles that functions run with.
pub mod resources {
    pub mod delete;
    mod list;
    pub mod roles;
}
pub mod workspace;

use std::sync::Arc;

use lambda_console_model::Step;
use tokio_util::sync::CancellationToken;

/// One piece of running work: reports its progress and can be cancelled.
#[derive(Clone)]
pub struct Job {
    /// Cancelled to end the work early; it then returns
    /// [`lambda_console_model::Failure::interrupted`].
    pub cancel: CancellationToken,
    report: Arc<dyn Fn(Step) + Send + Sync>,
}

impl Job {
    /// Creates a job that passes its steps to `report`, from any thread.
    pub fn new(cancel: CancellationToken, report: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self { cancel, report: Arc::new(report) }
    }

    /// A job that reports to nobody.
    pub fn silent() -> Self {
        Self::new(CancellationToken::new(), |_| {})
    }

    /// Reports `step`.
    pub fn report(&self, step: Step) {
        (self.report)(step);
    }
}
