//! Performs the task of a job with the engine.

use lambda_console_engine::{
    Job,
    compile::{self, BuildRequest, toolchain},
    history::recorded::Request,
    logs::LogQuery,
};
use tokio::sync::watch;

use super::{Reports, context::EffectContext};
use crate::tui::task::{Credentials, JobEvent, Task, names};

impl EffectContext {
    /// Performs `task`, and returns its result. A part of it is sent to `reports`.
    #[expect(clippy::too_many_lines, reason = "one arm for each task, each a call")]
    pub(super) async fn perform(&self, task: Task, job: &Job, reports: &Reports) -> JobEvent {
        match task {
            Task::Discover => JobEvent::Discovered(self.discover().await),
            Task::ReadStages { .. } => JobEvent::StagesRead(self.stages().await),
            Task::Connect { with } => JobEvent::StageConnected(self.connect(with, job).await),
            Task::Probe => JobEvent::StageConnected(self.connect(Credentials::Known, job).await),
            Task::RefreshDeployed { functions } => {
                JobEvent::Deployed(self.deployed(&functions).await)
            }
            Task::CheckSetup { architecture } => {
                JobEvent::SetupChecked(toolchain::check_in(&self.directory, architecture).await)
            }
            Task::Setup { architecture } => JobEvent::SetupFinished(
                Box::pin(toolchain::setup_in(&self.directory, architecture, job)).await,
            ),
            Task::Build { functions, architecture, deployed, debug } => {
                let request = BuildRequest {
                    functions,
                    architecture,
                    deployed,
                    debug,
                    ..BuildRequest::default()
                };
                JobEvent::BuildFinished(Box::pin(self.build(&request, job, reports)).await)
            }
            Task::ReadSize { function } => JobEvent::SizeRead(compile::size::size(&function).await),
            Task::Export { format } => JobEvent::Exported(self.export(format).await),
            Task::Plan { functions } => {
                JobEvent::Planned(Box::pin(self.plan(&functions, job, reports)).await)
            }
            Task::ReadConfig { function } => {
                JobEvent::ConfigRead(self.config(&function, job).await)
            }
            Task::PlanConfig { function, revision } => JobEvent::Planned(
                Box::pin(self.plan_config(&function, revision.as_deref(), job, reports)).await,
            ),
            Task::Configure { function, revision, plan, approval } => {
                let revision = revision.as_deref();
                let done = match plan {
                    Some(plan) => {
                        let names = [function.name.clone()];
                        Box::pin(self.apply(plan, &names, approval, job, reports)).await
                    }
                    None => {
                        Box::pin(self.configure(&function, revision, approval, job, reports)).await
                    }
                };
                JobEvent::Configured(done)
            }
            Task::Deploy { functions, plan, approval } => {
                let done = match plan {
                    Some(plan) => {
                        let names = names(&functions);
                        Box::pin(self.apply(plan, &names, approval, job, reports)).await
                    }
                    None => Box::pin(self.deploy(&functions, approval, job, reports)).await,
                };
                JobEvent::DeployFinished(done)
            }
            Task::ListResources { functions } => {
                JobEvent::ResourcesListed(Box::pin(self.resources(&functions, job)).await)
            }
            Task::Delete { functions, approval } => {
                JobEvent::DeleteFinished(Box::pin(self.delete(&functions, approval, job)).await)
            }
            Task::ListRoles => JobEvent::RolesListed(Box::pin(self.roles()).await),
            Task::RemoveRole { role, approval } => {
                JobEvent::RoleRemoved(Box::pin(self.remove_role(&role, approval, job)).await)
            }
            Task::CheckPermissions { functions } => {
                JobEvent::PermissionsChecked(Box::pin(self.permissions(&functions)).await)
            }
            Task::LoadVersions { function } => {
                JobEvent::VersionsLoaded(Box::pin(self.versions(&function)).await)
            }
            Task::PlanVersions { function, change } => {
                let plan = self.plan_versions(&function, change, job, reports);
                JobEvent::Planned(Box::pin(plan).await)
            }
            Task::ChangeVersions { plan, approval, .. } => {
                let done = self.change_versions(plan, approval, job);
                JobEvent::VersionsChanged(Box::pin(done).await)
            }
            Task::PlanPromotion { promotion } => {
                JobEvent::Planned(Box::pin(self.plan_promotion(&promotion, job, reports)).await)
            }
            Task::Promote { plan, approval, .. } => {
                JobEvent::Promoted(Box::pin(self.promote(plan, approval, job)).await)
            }
            Task::Invoke { request } => {
                JobEvent::InvokeFinished(Box::pin(self.invoke(&request, job, reports)).await)
            }
            Task::LinkLogs { function, request_id, since } => {
                let request = Request { function: &function, request_id: &request_id, since };
                JobEvent::LogsLinked(Box::pin(self.link(request, job, reports)).await)
            }
            Task::StartTail { functions, since } => {
                let shown = self.tails().get(&reports.job).map(watch::Sender::subscribe);
                let shown = shown.unwrap_or_else(|| watch::channel(true).1);
                let query = LogQuery { functions, since, filter: None, request_id: None };
                let ended = Box::pin(self.tail(&query, shown, job, reports)).await;
                self.tails().remove(&reports.job);
                JobEvent::TailEnded(ended)
            }
            Task::FetchLogs { function, request_id, since } => {
                let query = LogQuery {
                    functions: vec![function],
                    since,
                    filter: None,
                    request_id: Some(request_id),
                };
                JobEvent::LogsFetched(Box::pin(self.fetch(&query, job)).await)
            }
            Task::LoadSamples { functions } => {
                JobEvent::Samples(self.samples(&functions, reports).await)
            }
            Task::Watch => JobEvent::WatchEnded(Box::pin(self.watch(job, reports)).await),
        }
    }
}
