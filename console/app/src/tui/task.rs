//! [`Task`]: the work of a job. [`JobEvent`]: what the job reports.
//!
//! The job's ID and its stage are around both, in [`Effect::Start`] and [`Event::Job`].
//!
//! [`Effect::Start`]: crate::tui::message::Effect::Start
//! [`Event::Job`]: crate::tui::message::Event::Job

use std::{collections::BTreeMap, mem::discriminant};

use lambda_console_model::{
    Approval, Architecture, BootstrapSize, BuildOutcome, Changed, DeleteOutcome, DeployOutcome,
    DeployPlan, ExportFormat, ExportOutcome, Failure, Found, Function, FunctionVersions,
    Invocation, InvokeRequest, LiveConfig, LogFix, LogLine, LogMark, Part, Permissions,
    PromoteOutcome, Promotion, RequestLog, Resources, ResponsePart, Role, Sample, StageEntry,
    StageInfo, Step, TailState, VersionsChange, VersionsChanged, Workspace,
};
use serde::{Deserialize, Serialize};

/// ID of a job; results of a job that is no longer listed are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Settings and credentials of a stage that is connected already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credentials {
    /// Those that were read.
    Known,
    /// Read again; the caller is requested again, too.
    Renewed,
}

/// Work of a job on its stage. `dispatch` runs it, and sends the event named as its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Read the workspace. Answer: [`JobEvent::Discovered`].
    Discover,
    /// Read the stages of the workspace. Answer: [`JobEvent::StagesRead`].
    ReadStages {
        /// `true` to offer them for a promotion, if there is another one.
        promote: bool,
    },
    /// Connect to the stage, which was selected. Answer: [`JobEvent::StageConnected`], immediately
    /// if it is connected already.
    Connect {
        /// Settings and credentials to connect with.
        with: Credentials,
    },
    /// Connect to the stage for the list of stages. Answer: [`JobEvent::StageConnected`].
    Probe,
    /// Read the deployed state of the workspace's functions from the stage. Answer:
    /// [`JobEvent::Deployed`].
    RefreshDeployed {
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Check the parts of the toolchain. Answer: [`JobEvent::SetupChecked`].
    CheckSetup {
        /// Architecture to build for.
        architecture: Architecture,
    },
    /// Provide the parts of the toolchain that are missing. Answer: [`JobEvent::SetupFinished`].
    Setup {
        /// Architecture to build for.
        architecture: Architecture,
    },
    /// Build functions. Answer: [`JobEvent::BuildFinished`].
    Build {
        /// Names; empty for all functions of the workspace.
        functions: Vec<String>,
        /// Architecture. `None` for each function's own.
        architecture: Option<Architecture>,
        /// Architectures of functions on the stage.
        deployed: BTreeMap<String, Architecture>,
        /// `true` to build without optimisation.
        debug: bool,
    },
    /// Read the size of a bootstrap. Answer: [`JobEvent::SizeRead`].
    ReadSize {
        /// The function as last discovered.
        function: Box<Function>,
    },
    /// Export all functions, with the settings of the stage. Answer: [`JobEvent::Exported`].
    Export {
        /// Tool that the files are for.
        format: ExportFormat,
    },
    /// Read the settings of a function on the stage. Answer: [`JobEvent::ConfigRead`].
    ReadConfig {
        /// The function as last discovered.
        function: Box<Function>,
    },
    /// Compare settings of a function with the stage; sends no change. Answer:
    /// [`JobEvent::Planned`].
    PlanConfig {
        /// The function, with only the settings to change.
        function: Box<Function>,
        /// Revision ID of the function when they were edited.
        revision: Option<String>,
    },
    /// Change settings of a function on the stage. Answer: [`JobEvent::Configured`].
    Configure {
        /// The function, with only the settings to change.
        function: Box<Function>,
        /// Revision ID of the function when they were edited.
        revision: Option<String>,
        /// Job whose plan was shown and is applied; `None` to compare and apply at once.
        plan: Option<JobId>,
        /// Consent for a protected stage, and for a URL that everybody may call.
        approval: Approval,
    },
    /// Compare functions with the stage; sends no change. Answer: [`JobEvent::Planned`].
    Plan {
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Deploy functions to the stage. Answer: [`JobEvent::DeployFinished`].
    Deploy {
        /// The functions as last discovered.
        functions: Vec<Function>,
        /// Job whose plan was shown and is applied; `None` to compare and apply at once.
        plan: Option<JobId>,
        /// Consent for a protected stage, and for a URL that everybody may call.
        approval: Approval,
    },
    /// List the resources of functions on the stage. Answer: [`JobEvent::ResourcesListed`].
    ListResources {
        /// Names.
        functions: Vec<String>,
    },
    /// Delete functions from the stage with their resources; the user has confirmed it. Answer:
    /// [`JobEvent::DeleteFinished`].
    Delete {
        /// The resources to delete, as listed and confirmed.
        functions: Vec<Resources>,
        /// Approval of exactly this deletion.
        approval: Approval,
    },
    /// List the execution roles that the console created. Answer: [`JobEvent::RolesListed`].
    ListRoles,
    /// Remove an execution role that the console created; the user has confirmed it. Answer:
    /// [`JobEvent::RoleRemoved`].
    RemoveRole {
        /// The role's name.
        role: String,
        /// Approval of exactly this deletion.
        approval: Approval,
    },
    /// Check the caller's permissions for these functions. Answer:
    /// [`JobEvent::PermissionsChecked`].
    CheckPermissions {
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Read a function's versions with their figures. Answer: [`JobEvent::VersionsLoaded`].
    LoadVersions {
        /// The function's name.
        function: String,
    },
    /// Read a function's versions, and decide what a change does to them; sends no change. Answer:
    /// [`JobEvent::Planned`].
    PlanVersions {
        /// The function's name.
        function: String,
        /// The change.
        change: VersionsChange,
    },
    /// Publish, roll back or prune a function's versions. Answer: [`JobEvent::VersionsChanged`].
    ChangeVersions {
        /// The function's name.
        function: String,
        /// The change.
        change: VersionsChange,
        /// Job whose plan was shown and is applied.
        plan: JobId,
        /// Approval of exactly this change.
        approval: Approval,
    },
    /// Compare one stage with another; sends no change. Answer: [`JobEvent::Planned`].
    PlanPromotion {
        /// The functions and stages of the promotion.
        promotion: Promotion,
    },
    /// Promote code from one stage to another. Answer: [`JobEvent::Promoted`].
    Promote {
        /// The functions and stages of the promotion.
        promotion: Promotion,
        /// Job whose plan was shown and is applied.
        plan: JobId,
        /// Consent for a protected stage, and for a URL that everybody may call.
        approval: Approval,
    },
    /// Invoke a function. Answers: [`JobEvent::ResponsePart`] if it streams, then
    /// [`JobEvent::InvokeFinished`].
    Invoke {
        /// The request.
        request: InvokeRequest,
    },
    /// Fetch the log lines of a request that did not arrive with its response, until its last line.
    /// Answers:
    /// [`JobEvent::LogsLinked`].
    LinkLogs {
        /// The function's name.
        function: String,
        /// The request.
        request_id: String,
        /// Start time, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Follow the logs until cancelled. Answers: [`JobEvent::LogLines`], [`JobEvent::LogFixes`],
    /// [`JobEvent::LogMarked`],
    /// [`JobEvent::LogSamples`] and [`JobEvent::TailState`], at the end [`JobEvent::TailEnded`].
    StartTail {
        /// Names.
        functions: Vec<String>,
        /// Start time of the lines, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Fetch the log lines of one request. Answer: [`JobEvent::LogsFetched`].
    FetchLogs {
        /// The function's name.
        function: String,
        /// The request.
        request_id: String,
        /// Start time, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Read invocations from the history. Answer: [`JobEvent::Samples`].
    LoadSamples {
        /// Names.
        functions: Vec<String>,
    },
    /// Watch the workspace's sources until cancelled. Answers: [`JobEvent::Changed`], at the end
    /// [`JobEvent::WatchEnded`].
    Watch,
}

impl Task {
    /// Returns the job's title in the header; `None` for a job that is too short to show, or that
    /// is shown elsewhere.
    pub fn title(&self) -> Option<String> {
        match self {
            Self::Setup { .. } => Some("setup".into()),
            Self::Build { functions, .. } => Some(several("build", functions)),
            Self::ReadSize { function } => Some(format!("size {}", function.name)),
            Self::Export { format } => Some(format!("export {}", format.name())),
            Self::Configure { function, .. } => Some(format!("settings {}", function.name)),
            Self::Plan { functions } => Some(several("plan", &names(functions))),
            Self::PlanConfig { function, .. } => Some(format!("plan {}", function.name)),
            Self::PlanPromotion { promotion } => {
                Some(several("plan", &names(&promotion.functions)))
            }
            Self::Deploy { functions, .. } => Some(several("deploy", &names(functions))),
            Self::Delete { functions, .. } => {
                let names: Vec<String> = functions.iter().map(|one| one.function.clone()).collect();
                Some(several("delete", &names))
            }
            Self::LoadVersions { function } | Self::ChangeVersions { function, .. } => {
                Some(format!("versions {function}"))
            }
            Self::PlanVersions { function, .. } => Some(format!("plan {function}")),
            Self::Promote { promotion, .. } => {
                Some(several("promote", &names(&promotion.functions)))
            }
            Self::Invoke { request } => Some(format!("invoke {}", request.function)),
            Self::FetchLogs { function, .. } => Some(format!("logs {function}")),
            Self::RemoveRole { role, .. } => Some(format!("delete role {role}")),
            Self::ListRoles => Some("roles".into()),
            Self::CheckPermissions { .. } => Some("permissions".into()),
            Self::Connect { .. } => Some("connect".into()),
            Self::Discover
            | Self::Probe
            | Self::ReadStages { .. }
            | Self::ListResources { .. }
            | Self::RefreshDeployed { .. }
            | Self::ReadConfig { .. }
            | Self::CheckSetup { .. }
            | Self::LinkLogs { .. }
            | Self::StartTail { .. }
            | Self::LoadSamples { .. }
            | Self::Watch => None,
        }
    }

    /// Returns `true` if both are the same work, perhaps of different functions.
    pub fn is_like(&self, other: &Self) -> bool {
        discriminant(self) == discriminant(other)
    }

    /// Returns `true` if the job belongs to the workspace and not to a stage.
    pub const fn is_of_workspace(&self) -> bool {
        matches!(
            self,
            Self::Discover
                | Self::ReadStages { .. }
                | Self::CheckSetup { .. }
                | Self::Setup { .. }
                | Self::Build { .. }
                | Self::ReadSize { .. }
        )
    }

    /// Returns `true` if quitting would interrupt the job harmfully, so that it must be requested
    /// twice.
    pub const fn blocks_quit(&self) -> bool {
        self.changes_functions()
            || matches!(
                self,
                Self::Setup { .. }
                    | Self::Build { .. }
                    | Self::RemoveRole { .. }
                    | Self::Invoke { .. }
            )
    }

    /// Returns `true` if the job changes functions on the stage; only one such job runs at a time.
    pub const fn changes_functions(&self) -> bool {
        matches!(
            self,
            Self::Deploy { .. }
                | Self::Delete { .. }
                | Self::Configure { .. }
                | Self::ChangeVersions { .. }
                | Self::Promote { .. }
        )
    }

    /// Returns `true` if the job builds or deploys the function `name`.
    pub fn is_of(&self, name: &str) -> bool {
        match self {
            Self::Build { functions, .. } => {
                functions.is_empty() || functions.iter().any(|function| function == name)
            }
            Self::Deploy { functions, .. } => {
                functions.iter().any(|function| function.name == name)
            }
            _ => false,
        }
    }
}

/// Returns the names of functions.
pub fn names(functions: &[Function]) -> Vec<String> {
    functions.iter().map(|function| function.name.clone()).collect()
}

fn several(verb: &str, names: &[String]) -> String {
    match names {
        [] => format!("{verb} all"),
        [name] => format!("{verb} {name}"),
        names => format!("{verb} {} functions", names.len()),
    }
}

/// Something that a job reports: its result, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobEvent {
    /// [`Task::Discover`] ended.
    Discovered(Result<Workspace, Failure>),
    /// [`Task::Connect`] or [`Task::Probe`] ended.
    StageConnected(Result<StageInfo, Failure>),
    /// [`Task::ReadStages`] ended.
    StagesRead(Result<Vec<StageEntry>, Failure>),
    /// [`Task::RefreshDeployed`] ended: what is deployed of each function.
    Deployed(Result<Vec<(String, Found)>, Failure>),
    /// [`Task::CheckSetup`] ended: the parts of the toolchain as they are.
    SetupChecked(Vec<Part>),
    /// [`Task::Setup`] ended.
    SetupFinished(Result<Vec<Part>, Failure>),

    /// Progress of a running job.
    Step(Step),
    /// [`Task::Build`] ended.
    BuildFinished(Result<BuildOutcome, Failure>),
    /// [`Task::ReadSize`] ended.
    SizeRead(Result<BootstrapSize, Failure>),
    /// [`Task::Export`] ended: the files.
    Exported(Result<ExportOutcome, Failure>),
    /// [`Task::ReadConfig`] ended: the settings, `None` if the function is not on the stage.
    ConfigRead(Result<Option<Box<LiveConfig>>, Failure>),
    /// [`Task::Configure`] ended.
    Configured(Result<DeployOutcome, Failure>),
    /// [`Task::Plan`], [`Task::PlanConfig`], [`Task::PlanPromotion`] or [`Task::PlanVersions`]
    /// ended: the plan.
    Planned(Result<DeployPlan, Failure>),
    /// [`Task::Deploy`] ended.
    DeployFinished(Result<DeployOutcome, Failure>),
    /// [`Task::ListResources`] ended: the resources of each function, in the order asked for.
    ResourcesListed(Result<Vec<Resources>, Failure>),
    /// [`Task::Delete`] ended.
    DeleteFinished(Result<DeleteOutcome, Failure>),
    /// [`Task::ListRoles`] ended.
    RolesListed(Result<Vec<Role>, Failure>),
    /// [`Task::RemoveRole`] ended: the role is gone.
    RoleRemoved(Result<(), Failure>),
    /// [`Task::CheckPermissions`] ended.
    PermissionsChecked(Result<Permissions, Failure>),
    /// [`Task::LoadVersions`] ended.
    VersionsLoaded(Result<FunctionVersions, Failure>),
    /// [`Task::ChangeVersions`] ended.
    VersionsChanged(Result<VersionsChanged, Failure>),
    /// [`Task::Promote`] ended.
    Promoted(Result<PromoteOutcome, Failure>),
    /// [`Task::Invoke`] ended.
    InvokeFinished(Result<Invocation, Failure>),
    /// The next part of the response that [`Task::Invoke`] streams.
    ResponsePart(ResponsePart),
    /// [`Task::LinkLogs`] found lines of the request. It has ended if they are complete, or with
    /// an error.
    LogsLinked(Result<RequestLog, Failure>),

    /// Lines from a tail, oldest first. They may be older than earlier lines.
    LogLines(Vec<LogLine>),
    /// Corrections of earlier lines of a tail.
    LogFixes(Vec<LogFix>),
    /// A tail missed lines, or has filled them in.
    LogMarked(LogMark),
    /// Figures of invocations from a tail, by function.
    LogSamples(Vec<(String, Sample)>),
    /// State of a tail.
    TailState(TailState),
    /// [`Task::StartTail`] ended by itself or failed.
    TailEnded(Result<(), Failure>),
    /// [`Task::FetchLogs`] ended: the lines of the request, oldest first.
    LogsFetched(Result<Vec<LogLine>, Failure>),
    /// [`Task::LoadSamples`] ended: the invocations of each function that was asked for, oldest
    /// first.
    Samples(Result<Vec<(String, Vec<Sample>)>, Failure>),
    /// [`Task::Watch`] found saved files, and at first everything that it watches. An error if
    /// the manifests cannot be read as they are now; watching continues.
    Changed(Result<Changed, Failure>),
    /// [`Task::Watch`] ended.
    WatchEnded(Result<(), Failure>),
}

impl JobEvent {
    /// Returns `true` if the job has ended with this event.
    pub const fn is_end(&self) -> bool {
        match self {
            Self::Step(_)
            | Self::ResponsePart(_)
            | Self::LogLines(_)
            | Self::LogFixes(_)
            | Self::LogMarked(_)
            | Self::LogSamples(_)
            | Self::TailState(_)
            | Self::Changed(_) => false,
            Self::LogsLinked(Ok(log)) => log.is_whole,
            _ => true,
        }
    }

    /// Returns the failure if a login is needed because it ended the job, or a part of it.
    pub fn login(&self) -> Option<&Failure> {
        let is_login = |failure: &&Failure| failure.kind.is_login();
        let failure = match self {
            Self::StageConnected(Err(failure))
            | Self::Deployed(Err(failure))
            | Self::ConfigRead(Err(failure))
            | Self::Planned(Err(failure))
            | Self::DeployFinished(Err(failure))
            | Self::ResourcesListed(Err(failure))
            | Self::DeleteFinished(Err(failure))
            | Self::RolesListed(Err(failure))
            | Self::RoleRemoved(Err(failure))
            | Self::PermissionsChecked(Err(failure))
            | Self::Configured(Err(failure))
            | Self::VersionsLoaded(Err(failure))
            | Self::VersionsChanged(Err(failure))
            | Self::Promoted(Err(failure))
            | Self::InvokeFinished(Err(failure))
            | Self::LogsLinked(Err(failure))
            | Self::TailEnded(Err(failure))
            | Self::LogsFetched(Err(failure)) => Some(failure),
            Self::DeployFinished(Ok(outcome)) | Self::Configured(Ok(outcome)) => {
                outcome.failed.iter().map(|failed| &failed.failure).find(is_login)
            }
            Self::DeleteFinished(Ok(outcome)) => outcome
                .functions
                .iter()
                .filter_map(|function| function.failure.as_ref())
                .find(is_login),
            Self::Promoted(Ok(outcome)) => {
                outcome.failed.iter().map(|(_, failure)| failure).find(is_login)
            }
            Self::Planned(Ok(plan)) => {
                plan.failed.iter().map(|(_, failure)| failure).find(is_login)
            }
            _ => None,
        };
        failure.filter(is_login)
    }
}
