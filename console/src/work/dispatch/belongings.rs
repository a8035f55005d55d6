//! What belongs to functions, and the roles that they run with: looked at, taken away.

use lambda_console_model::{Belongings, Consent, DeleteOutcome, Failure, Function, Permissions, Role};

use super::Shared;
use crate::work::{Job, delete, iam};

impl Shared {
    pub(super) async fn belongings(&self, functions: &[String], job: &Job) -> Result<Vec<Belongings>, Failure> {
        delete::belongings(&*self.stage().await?, functions, job).await
    }

    pub(super) async fn delete(&self, functions: &[Belongings], job: &Job) -> Result<DeleteOutcome, Failure> {
        // The effect is only sent after a typed confirmation.
        delete::delete(&*self.stage().await?, functions, Consent::Given, job).await
    }

    pub(super) async fn roles(&self) -> Result<Vec<Role>, Failure> {
        iam::roles(&*self.stage().await?).await
    }

    pub(super) async fn permissions(&self, functions: &[Function]) -> Result<Permissions, Failure> {
        iam::check(&*self.stage().await?, functions, &iam::Task::DEFAULT).await
    }

    pub(super) async fn remove_role(&self, role: &str) -> Result<(), Failure> {
        // The effect is only sent after a typed confirmation.
        iam::remove(&*self.stage().await?, role, Consent::Given).await
    }
}
