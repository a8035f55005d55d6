//! The stages that are open: effects are for the current one, and what began on another one goes on there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use lambda_console_model::{Failure, Workspace};
use tokio_util::sync::CancellationToken;

use lambda_console_engine::aws::stage::{Stage, StageOptions};

/// One stage, connected when it is first needed.
pub(super) struct Slot {
    pub(super) options: StageOptions,
    stage: tokio::sync::Mutex<Option<Arc<Stage>>>,
}

impl Slot {
    fn new(options: StageOptions) -> Arc<Self> {
        Arc::new(Self { options, stage: tokio::sync::Mutex::new(None) })
    }

    /// The stage, connected. Who else needs it meanwhile waits for the same connection.
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

    /// The stage, with its settings and credentials read anew. What runs on it goes on with those that it began with.
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

/// Takes over, or joins the next one, when the process ends that serves the local Lambda: also while nothing is asked here,
/// for others may have its address.
async fn follow(stage: Weak<Stage>) {
    while let Some(stage) = stage.upgrade() {
        match stage.follow().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => return tracing::warn!(%failure, "nobody serves the local Lambda"),
        }
    }
}

/// The stages that were asked for, and which of them is current.
pub(super) struct Stages {
    /// What the command line says; its profile and region are for the stage that it names.
    options: StageOptions,
    open: Mutex<Open>,
}

struct Open {
    current: Arc<Slot>,
    slots: BTreeMap<String, Arc<Slot>>,
}

impl Stages {
    /// The stage of `options` is current.
    pub(super) fn new(options: StageOptions) -> Self {
        let current = Slot::new(options.clone());
        let slots = BTreeMap::from([(options.stage.clone(), Arc::clone(&current))]);
        Self { options, open: Mutex::new(Open { current, slots }) }
    }

    /// The current stage.
    pub(super) fn current(&self) -> Arc<Slot> {
        Arc::clone(&self.open().current)
    }

    /// The stage of this name; current or not.
    pub(super) fn of(&self, stage: &str) -> Arc<Slot> {
        let mut open = self.open();
        let new = || Slot::new(self.options.of_stage(stage));
        Arc::clone(open.slots.entry(stage.to_owned()).or_insert_with(new))
    }

    /// Makes the stage of this name current.
    pub(super) fn turn_to(&self, stage: &str) -> Arc<Slot> {
        let slot = self.of(stage);
        self.open().current = Arc::clone(&slot);
        slot
    }

    /// What the command line says.
    pub(super) const fn options(&self) -> &StageOptions {
        &self.options
    }

    /// Lets go of all.
    pub(super) async fn leave(&self, cut: &CancellationToken, say: &(dyn Fn(&str) + Sync)) {
        let slots: Vec<Arc<Slot>> = self.open().slots.values().cloned().collect();
        for slot in slots {
            let stage = slot.stage.lock().await.take();
            if let Some(stage) = stage {
                stage.leave(cut, say).await;
            }
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started_with(stage: &str, profile: Option<&str>) -> Stages {
        let profile = profile.map(str::to_owned);
        Stages::new(StageOptions { profile, stage: stage.to_owned(), read_only: true, ..StageOptions::default() })
    }

    #[test]
    fn a_stage_that_is_turned_to_again_is_the_same_one() {
        let stages = started_with("beta", None);
        let beta = stages.current();
        let gamma = stages.turn_to("gamma");
        assert!(Arc::ptr_eq(&gamma, &stages.current()));
        assert!(Arc::ptr_eq(&beta, &stages.of("beta")), "it stays open while another is current");
        assert!(Arc::ptr_eq(&beta, &stages.turn_to("beta")));
    }

    #[test]
    fn the_profile_of_the_command_line_is_for_its_stage_alone_and_read_only_for_all() {
        let stages = started_with("mine", Some("acme"));
        assert_eq!(stages.current().options.profile.as_deref(), Some("acme"));
        let gamma = stages.of("gamma");
        assert_eq!((gamma.options.stage.as_str(), gamma.options.profile.as_deref()), ("gamma", None));
        assert!(gamma.options.read_only, "nothing lifts --read-only");
    }
}
