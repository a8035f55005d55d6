//! Versions of functions, and promotion: reads, changes and copies them.

use std::sync::Arc;

use lambda_console_engine::{
    Job,
    release::{promote, versions},
};
use lambda_console_model::{
    Approval, DeployPlan, Failure, FunctionVersions, PromoteOutcome, Promotion, VersionsChange,
    VersionsChanged,
};

use super::{EffectContext, Reports};
use crate::tui::state::JobId;

impl EffectContext {
    pub(super) async fn versions(&self, function: &str) -> Result<FunctionVersions, Failure> {
        let since = jiff::Timestamp::now().as_millisecond() - versions::FIGURES_SINCE;
        versions::of(&*self.stage().await?, function, since).await
    }

    pub(super) async fn plan_versions(
        &self,
        function: &str,
        change: VersionsChange,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployPlan, Failure> {
        let stage = self.stage().await?;
        let plan = versions::plan(&stage, function, change, job).await?;
        let functions = vec![plan.shown()];
        self.changes.keep(reports.job, plan);
        Ok(DeployPlan { stage: stage.name(), functions, failed: Vec::new() })
    }

    /// Applies the plan that the job `of` made.
    pub(super) async fn change_versions(
        &self,
        of: JobId,
        approval: Approval,
        job: &Job,
    ) -> Result<VersionsChanged, Failure> {
        let plan = self.changes.take(of)?;
        versions::apply(&*self.stage().await?, &plan, approval, job).await
    }

    pub(super) async fn plan_promotion(
        &self,
        promotion: &Promotion,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployPlan, Failure> {
        let (from, to, directory) =
            (self.source(promotion).stage().await?, self.stage().await?, self.promoted().await?);
        let plan = promote::plan(&from, &to, promotion, &directory, job).await?;
        let shown = plan.shown();
        self.promotions.keep(reports.job, plan);
        Ok(shown)
    }

    /// Applies the plan that the job `of` made.
    pub(super) async fn promote(
        &self,
        of: JobId,
        approval: Approval,
        job: &Job,
    ) -> Result<PromoteOutcome, Failure> {
        let plan = self.promotions.take(of)?;
        promote::apply_shown(&*self.stage().await?, plan, approval, job).await
    }

    /// Returns the same state for the stage that has the code.
    fn source(&self, promotion: &Promotion) -> Self {
        Self { inner: Arc::clone(&self.inner), handle: self.inner.stages.of(&promotion.from) }
    }
}
