//! Resources and execution roles of functions: listed, deleted.

use lambda_console_engine::{
    Job,
    resources::{delete, roles},
};
use lambda_console_model::{
    Approval, DeleteOutcome, Failure, Function, Permissions, Resources, Role,
};

use super::EffectContext;

impl EffectContext {
    pub(super) async fn resources(
        &self,
        functions: &[String],
        job: &Job,
    ) -> Result<Vec<Resources>, Failure> {
        delete::resources(&*self.stage().await?, functions, job).await
    }

    pub(super) async fn delete(
        &self,
        functions: &[Resources],
        approval: Approval,
        job: &Job,
    ) -> Result<DeleteOutcome, Failure> {
        delete::delete(&*self.stage().await?, functions, approval, job).await
    }

    pub(super) async fn roles(&self) -> Result<Vec<Role>, Failure> {
        roles::roles(&*self.stage().await?).await
    }

    pub(super) async fn permissions(&self, functions: &[Function]) -> Result<Permissions, Failure> {
        roles::check(&*self.stage().await?, functions, &roles::Task::DEFAULT).await
    }

    pub(super) async fn remove_role(
        &self,
        role: &str,
        approval: Approval,
        job: &Job,
    ) -> Result<(), Failure> {
        roles::remove(&*self.stage().await?, role, approval, job).await
    }
}
