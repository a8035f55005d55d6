//! The effects on a function's versions, and on those that go from stage to stage.

use super::{Shared, Work};
use crate::{
    message::{DeployPlan, Effect, Event, Failure, FunctionPlan, FunctionVersions, PromoteOutcome, Promotion},
    work::{Job, paths, versions},
};
use std::sync::Arc;
use tokio::sync::mpsc;

impl Work {
    /// Starts an effect on versions; of others, nothing.
    pub(super) fn start_versions(&self, shared: Shared, effect: Effect, events: &mpsc::Sender<Event>) {
        match effect {
            Effect::LoadVersions { job: id, function } => {
                self.run(id, events, async move |_, _| Event::VersionsLoaded(id, shared.versions(&function).await));
            }
            Effect::ChangeVersions { job: id, function, change, consent } => {
                self.run(id, events, async move |job, _| {
                    let changed =
                        async { versions::change(&*shared.stage().await?, &function, &change, consent, &job).await };
                    Event::VersionsChanged(id, changed.await)
                });
            }
            Effect::PlanPromotion { job: id, promotion } => self.run(id, events, async move |job, _| {
                Event::Planned(id, shared.promote(&promotion, true, &job).await.map(into_plan))
            }),
            Effect::Promote { job: id, promotion } => self.run(id, events, async move |job, _| {
                Event::Promoted(id, shared.promote(&promotion, false, &job).await)
            }),
            _ => {}
        }
    }
}

/// What a promotion would do, as what a deploy would do: the differences are of the same kind.
fn into_plan(outcome: PromoteOutcome) -> DeployPlan {
    let functions = outcome.functions.into_iter().map(|function| FunctionPlan {
        version: function.before.unwrap_or_default(),
        name: function.name,
        action: function.action,
        changes: function.changes,
        calls: Vec::new(),
        opens: false,
        sha256: function.sha256,
    });
    DeployPlan { stage: outcome.to, functions: functions.collect(), failed: outcome.failed }
}

impl Shared {
    async fn promote(&self, promotion: &Promotion, dry_run: bool, job: &Job) -> Result<PromoteOutcome, Failure> {
        let source = Self { common: Arc::clone(&self.common), slot: self.common.stages.of(&promotion.from) };
        let (from, to) = (source.stage().await?, self.stage().await?);
        let directory = paths::state_dir(&self.workspace().await?.root).join("promoted");
        if dry_run {
            versions::plan(&from, &to, promotion, &directory, job).await
        } else {
            versions::promote(&from, &to, promotion, &directory, job).await
        }
    }

    async fn versions(&self, function: &str) -> Result<FunctionVersions, Failure> {
        let since = jiff::Timestamp::now().as_millisecond() - versions::FIGURES_SINCE;
        versions::of(&*self.stage().await?, function, since).await
    }
}
