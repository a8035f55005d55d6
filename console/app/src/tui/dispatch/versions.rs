//! Versions of functions, and promotion: reads, changes and copies them.

use std::sync::Arc;

use lambda_console_engine::{
    Job,
    release::{promote, versions},
};
use lambda_console_model::{
    Approval, DeployPlan, Failure, FunctionPlan, FunctionVersions, PromoteOutcome, Promotion,
    VersionsChange, VersionsChanged,
};

use super::EffectContext;

impl EffectContext {
    pub(super) async fn versions(&self, function: &str) -> Result<FunctionVersions, Failure> {
        let since = jiff::Timestamp::now().as_millisecond() - versions::FIGURES_SINCE;
        versions::of(&*self.stage().await?, function, since).await
    }

    pub(super) async fn change_versions(
        &self,
        function: &str,
        change: &VersionsChange,
        approval: Approval,
        job: &Job,
    ) -> Result<VersionsChanged, Failure> {
        versions::change(&*self.stage().await?, function, change, approval, job).await
    }

    pub(super) async fn plan_promotion(
        &self,
        promotion: &Promotion,
        job: &Job,
    ) -> Result<DeployPlan, Failure> {
        let (from, to, directory) =
            (self.source(promotion).stage().await?, self.stage().await?, self.promoted().await?);
        promote::plan(&from, &to, promotion, &directory, job).await.map(into_plan)
    }

    pub(super) async fn promote(
        &self,
        promotion: &Promotion,
        job: &Job,
    ) -> Result<PromoteOutcome, Failure> {
        let (from, to, directory) =
            (self.source(promotion).stage().await?, self.stage().await?, self.promoted().await?);
        promote::promote(&from, &to, promotion, &directory, job).await
    }

    /// Returns the same state for the stage that has the code.
    fn source(&self, promotion: &Promotion) -> Self {
        Self { inner: Arc::clone(&self.inner), handle: self.inner.stages.of(&promotion.from) }
    }
}

/// Converts the outcome of a promotion to the plan of a deploy: their differences are of the same
/// kind.
fn into_plan(outcome: PromoteOutcome) -> DeployPlan {
    let functions = outcome.functions.into_iter().map(|function| FunctionPlan {
        version: function.before.unwrap_or_default(),
        name: function.name,
        action: function.action,
        changes: function.changes,
        calls: Vec::new(),
        opens: false,
        sha256: function.sha256,
        stale: false,
    });
    DeployPlan { stage: outcome.to, functions: functions.collect(), failed: outcome.failed }
}
