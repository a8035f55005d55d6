//! The open stages, by name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use lambda_console_engine::aws::stage::{Stage, StageOptions};
use lambda_console_model::{Failure, Workspace};
use tokio_util::sync::CancellationToken;

/// One stage, connected when it is first needed.
pub(super) struct StageHandle {
    pub(super) options: StageOptions,
    stage: tokio::sync::Mutex<Option<Arc<Stage>>>,
}

impl StageHandle {
    fn new(options: StageOptions) -> Arc<Self> {
        Arc::new(Self { options, stage: tokio::sync::Mutex::new(None) })
    }

    /// Returns the connected stage. Concurrent callers wait for the same connection.
    pub(super) async fn stage(&self, workspace: &Workspace) -> Result<Arc<Stage>, Failure> {
        let mut stage = self.stage.lock().await;
        if let Some(stage) = &*stage {
            if stage.is_expired() {
                stage.ask_who().await?;
            }
            return Ok(Arc::clone(stage));
        }
        let connected = Arc::new(Stage::connect(workspace, &self.options).await?);
        *stage = Some(Arc::clone(&connected));
        tokio::spawn(follow(Arc::downgrade(&connected)));
        Ok(connected)
    }

    /// Returns the stage with its settings and credentials read again. Running jobs keep those that
    /// they started with.
    pub(super) async fn renewed(&self, workspace: &Workspace) -> Result<Arc<Stage>, Failure> {
        let is_new = self.stage.lock().await.is_none();
        let stage = self.stage(workspace).await?;
        if is_new || stage.is_local() {
            return Ok(stage);
        }
        let connected = Arc::new(Stage::connect(workspace, &self.options).await?);
        *self.stage.lock().await = Some(Arc::clone(&connected));
        Ok(connected)
    }
}

/// Takes over, or joins the next process, when the process that serves the local Lambda ends. Also
/// without requests from here, because others may use its address.
async fn follow(stage: Weak<Stage>) {
    while let Some(stage) = stage.upgrade() {
        match stage.follow().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => return tracing::warn!(%failure, "the local Lambda is not running"),
        }
    }
}

/// The stages that were used.
pub(super) struct Stages {
    /// Options of the command line; profile and region only apply to the stage that it specifies.
    options: StageOptions,
    open: Mutex<BTreeMap<String, Arc<StageHandle>>>,
}

impl Stages {
    /// Creates the stages; `options` are those of the command line.
    pub(super) fn new(options: StageOptions) -> Self {
        Self { options, open: Mutex::default() }
    }

    /// Returns the stage with this name.
    pub(super) fn of(&self, stage: &str) -> Arc<StageHandle> {
        let mut open = self.open();
        let new = || StageHandle::new(self.options.of_stage(stage));
        Arc::clone(open.entry(stage.to_owned()).or_insert_with(new))
    }

    /// Returns the options of the command line.
    pub(super) const fn options(&self) -> &StageOptions {
        &self.options
    }

    /// Releases all stages.
    pub(super) async fn leave(&self, cut: &CancellationToken, report: &(dyn Fn(&str) + Sync)) {
        let handles: Vec<Arc<StageHandle>> = self.open().values().cloned().collect();
        for handle in handles {
            let stage = handle.stage.lock().await.take();
            if let Some(stage) = stage {
                stage.leave(cut, report).await;
            }
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<StageHandle>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started_with(stage: &str, profile: Option<&str>) -> Stages {
        let profile = profile.map(str::to_owned);
        Stages::new(StageOptions {
            profile,
            stage: stage.to_owned(),
            read_only: true,
            ..StageOptions::default()
        })
    }

    #[test]
    fn a_stage_that_is_used_again_is_the_same_one() {
        let stages = started_with("beta", None);
        let beta = stages.of("beta");
        assert!(!Arc::ptr_eq(&stages.of("gamma"), &beta));
        assert!(Arc::ptr_eq(&beta, &stages.of("beta")), "it stays open while another is used");
    }

    #[test]
    fn the_profile_of_the_command_line_is_for_its_stage_alone_and_read_only_for_all() {
        let stages = started_with("mine", Some("acme"));
        assert_eq!(stages.of("mine").options.profile.as_deref(), Some("acme"));
        let gamma = stages.of("gamma");
        assert_eq!(
            (gamma.options.stage.as_str(), gamma.options.profile.as_deref()),
            ("gamma", None)
        );
        assert!(gamma.options.read_only, "nothing lifts --read-only");
    }
}
