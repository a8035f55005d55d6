//! The job, and with it the stage, that an event or an effect belongs to.
//!
//! Every variant is named, so that the compiler asks about a new one.

use lambda_console_model::{Failure, FailureKind};

use super::{Effect, Event};
use crate::tui::state::JobId;

impl Event {
    /// Returns the job that the event comes from.
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::Discovered(job, _)
            | Self::StageConnected(job, _)
            | Self::StagesRead(job, _)
            | Self::Deployed(job, _)
            | Self::SetupChecked(job, _)
            | Self::SetupFinished(job, _)
            | Self::Step(job, _)
            | Self::BuildFinished(job, _)
            | Self::Planned(job, _)
            | Self::ConfigRead(job, _)
            | Self::Configured(job, _)
            | Self::DeployFinished(job, _)
            | Self::ResourcesListed(job, _)
            | Self::DeleteFinished(job, _)
            | Self::RolesListed(job, _)
            | Self::RoleRemoved(job, _)
            | Self::PermissionsChecked(job, _)
            | Self::VersionsLoaded(job, _)
            | Self::VersionsChanged(job, _)
            | Self::Promoted(job, _)
            | Self::InvokeFinished(job, _)
            | Self::ResponsePart(job, _)
            | Self::LogsLinked(job, _)
            | Self::LogLines(job, _)
            | Self::LogFixes(job, _)
            | Self::LogMarked(job, _)
            | Self::LogSamples(job, _)
            | Self::TailState(job, _)
            | Self::TailEnded(job, _)
            | Self::LogsFetched(job, _)
            | Self::Samples(job, _)
            | Self::Changed(job, _)
            | Self::WatchEnded(job, _) => Some(*job),
            Self::Started { .. }
            | Self::Tick(_)
            | Self::Action(_)
            | Self::Key(_)
            | Self::Paste(_)
            | Self::Click(_)
            | Self::Scroll(..)
            | Self::Resize(..)
            | Self::Drawn(_)
            | Self::Terminate
            | Self::Continue
            | Self::CodeAsked(_)
            | Self::Edited(..)
            | Self::EventRead(..)
            | Self::Drafts(_)
            | Self::Copied(_)
            | Self::Notice(_) => None,
        }
    }
}

impl Event {
    /// Returns the failure if a login is needed because it ended the job, or a part of it.
    pub fn login(&self) -> Option<&Failure> {
        let is_login = |failure: &&Failure| failure.kind == FailureKind::Login;
        let failure = match self {
            Self::StageConnected(_, Err(failure))
            | Self::Deployed(_, Err(failure))
            | Self::ConfigRead(_, Err(failure))
            | Self::Planned(_, Err(failure))
            | Self::DeployFinished(_, Err(failure))
            | Self::ResourcesListed(_, Err(failure))
            | Self::DeleteFinished(_, Err(failure))
            | Self::RolesListed(_, Err(failure))
            | Self::RoleRemoved(_, Err(failure))
            | Self::PermissionsChecked(_, Err(failure))
            | Self::Configured(_, Err(failure))
            | Self::VersionsLoaded(_, Err(failure))
            | Self::VersionsChanged(_, Err(failure))
            | Self::Promoted(_, Err(failure))
            | Self::InvokeFinished(_, Err(failure))
            | Self::LogsLinked(_, Err(failure))
            | Self::TailEnded(_, Err(failure))
            | Self::LogsFetched(_, Err(failure)) => Some(failure),
            Self::DeployFinished(_, Ok(outcome)) | Self::Configured(_, Ok(outcome)) => {
                outcome.failed.iter().map(|failed| &failed.failure).find(is_login)
            }
            Self::DeleteFinished(_, Ok(outcome)) => outcome
                .functions
                .iter()
                .filter_map(|function| function.failure.as_ref())
                .find(is_login),
            Self::Promoted(_, Ok(outcome)) => {
                outcome.failed.iter().map(|(_, failure)| failure).find(is_login)
            }
            Self::Planned(_, Ok(plan)) => {
                plan.failed.iter().map(|(_, failure)| failure).find(is_login)
            }
            _ => None,
        };
        failure.filter(is_login)
    }
}

impl Effect {
    /// Returns the job that the effect starts.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Discover(job)
            | Self::ReadStages(job)
            | Self::Connect { job, .. }
            | Self::Probe { job, .. }
            | Self::RefreshDeployed { job, .. }
            | Self::CheckSetup { job, .. }
            | Self::Setup { job, .. }
            | Self::Build { job, .. }
            | Self::Plan { job, .. }
            | Self::ReadConfig { job, .. }
            | Self::PlanConfig { job, .. }
            | Self::Configure { job, .. }
            | Self::Deploy { job, .. }
            | Self::ListResources { job, .. }
            | Self::Delete { job, .. }
            | Self::ListRoles(job)
            | Self::RemoveRole { job, .. }
            | Self::CheckPermissions { job, .. }
            | Self::LoadVersions { job, .. }
            | Self::ChangeVersions { job, .. }
            | Self::PlanPromotion { job, .. }
            | Self::Promote { job, .. }
            | Self::Invoke { job, .. }
            | Self::LinkLogs { job, .. }
            | Self::StartTail { job, .. }
            | Self::FetchLogs { job, .. }
            | Self::LoadSamples { job, .. }
            | Self::Watch(job) => Some(*job),
            Self::On { effect, .. } => effect.job(),
            Self::Cancel(_)
            | Self::Resume(_)
            | Self::GiveCode { .. }
            | Self::ShowTail { .. }
            | Self::Edit { .. }
            | Self::ReadEvent { .. }
            | Self::LoadDrafts
            | Self::SaveDraft { .. }
            | Self::Copy(_)
            | Self::CopyByTerminal(_)
            | Self::Continue
            | Self::Suspend
            | Self::Redraw
            | Self::Quit => None,
        }
    }
}
