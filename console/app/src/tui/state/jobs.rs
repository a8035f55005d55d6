//! The running jobs, as the screen shows them.

use lambda_console_model::Step;
use serde::{Deserialize, Serialize};

/// ID of a job; results of a job that is no longer listed are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// Kind of a job, with its functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    /// Reads the workspace.
    Discover,
    /// Connects to the stage that is shown.
    Connect,
    /// Checks whether a stage that is not shown can be reached.
    Probe,
    /// Reads the stages of the workspace.
    Stages,
    /// Reads the deployed functions.
    Refresh,
    /// Checks the toolchain.
    Check,
    /// Installs the missing parts of the toolchain.
    Setup,
    /// Builds these functions; empty for all.
    Build(Vec<String>),
    /// Reads the settings of this function on the stage.
    ReadConfig(String),
    /// Sends settings of this function.
    Configure(String),
    /// Compares these functions with the stage, to deploy them.
    Plan(Vec<String>),
    /// Compares these functions with the stage, for a change other than a deploy.
    Compare(Vec<String>),
    /// Deploys these functions.
    Deploy(Vec<String>),
    /// Lists the resources of this function.
    Resources(String),
    /// Deletes this function from the stage.
    Delete(String),
    /// Lists the execution roles.
    Roles,
    /// Removes this execution role.
    RemoveRole(String),
    /// Checks the caller's permissions.
    Permissions,
    /// Reads the versions of this function.
    Versions(String),
    /// Changes the versions of this function.
    ChangeVersions(String),
    /// Promotes these functions from another stage.
    Promote(Vec<String>),
    /// Invokes this function.
    Invoke(String),
    /// Follows the logs of these functions.
    Tail(Vec<String>),
    /// Fetches the log lines of one request of this function.
    FetchLogs(String),
    /// Fetches the log lines of a request of this function that did not arrive with its response.
    LinkLogs(String),
    /// Reads the history of these functions.
    Samples(Vec<String>),
    /// Watches the sources.
    Watch,
}

impl JobKind {
    /// Returns the job's title in the header; `None` for a job that is too short to show, or that
    /// is shown elsewhere.
    pub fn title(&self) -> Option<String> {
        let several = |verb: &str, names: &[String]| match names {
            [] => format!("{verb} all"),
            [name] => format!("{verb} {name}"),
            names => format!("{verb} {} functions", names.len()),
        };
        match self {
            Self::Setup => Some("setup".into()),
            Self::Build(names) => Some(several("build", names)),
            Self::Configure(name) => Some(format!("settings {name}")),
            Self::Plan(names) | Self::Compare(names) => Some(several("plan", names)),
            Self::Deploy(names) => Some(several("deploy", names)),
            Self::Delete(name) => Some(format!("delete {name}")),
            Self::Versions(name) | Self::ChangeVersions(name) => Some(format!("versions {name}")),
            Self::Promote(names) => Some(several("promote", names)),
            Self::Invoke(name) => Some(format!("invoke {name}")),
            Self::FetchLogs(name) => Some(format!("logs {name}")),
            Self::RemoveRole(name) => Some(format!("delete role {name}")),
            Self::Roles => Some("roles".into()),
            Self::Permissions => Some("permissions".into()),
            Self::Connect => Some("connect".into()),
            Self::Discover
            | Self::Probe
            | Self::Stages
            | Self::Resources(_)
            | Self::Refresh
            | Self::ReadConfig(_)
            | Self::Check
            | Self::LinkLogs(_)
            | Self::Tail(_)
            | Self::Samples(_)
            | Self::Watch => None,
        }
    }

    /// Returns `true` if the job belongs to the workspace and not to a stage.
    pub const fn is_of_workspace(&self) -> bool {
        matches!(self, Self::Discover | Self::Stages | Self::Check | Self::Setup | Self::Build(_))
    }

    /// Returns `true` if quitting would interrupt the job harmfully, so that it must be requested
    /// twice.
    pub const fn holds_the_door(&self) -> bool {
        self.changes_functions()
            || matches!(self, Self::Setup | Self::Build(_) | Self::RemoveRole(_) | Self::Invoke(_))
    }

    /// Returns `true` if the job changes functions on the stage; only one such job runs at a time.
    pub const fn changes_functions(&self) -> bool {
        matches!(
            self,
            Self::Deploy(_)
                | Self::Delete(_)
                | Self::Configure(_)
                | Self::ChangeVersions(_)
                | Self::Promote(_)
        )
    }
}

/// Progress of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Current operation.
    pub text: String,
    /// Units done.
    pub done: u64,
    /// Total units; 0 if unknown.
    pub total: u64,
}

impl Progress {
    /// Returns the share that is done, 0 to 1; `None` if the total is unknown.
    pub fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| self.done.min(self.total) as f64 / self.total as f64)
    }

    /// Returns the progress as `2/6`, or in per cent if the units are bytes.
    pub fn count(&self) -> Option<String> {
        let share = self.share()?;
        let in_bytes = self.total > 9999;
        Some(if in_bytes {
            format!("{:.0} %", share * 100.0)
        } else {
            format!("{}/{}", self.done, self.total)
        })
    }
}

/// A running job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// ID of the job.
    pub id: JobId,
    /// Kind of the job.
    pub kind: JobKind,
    /// Stage that was shown when it started, which its result belongs to.
    pub stage: String,
    /// Start time, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Progress of the job.
    pub progress: Progress,
    /// `true` if it was cancelled.
    pub cancelled: bool,
}

/// The running jobs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    /// The stage that is shown.
    pub stage: String,
    started: u64,
    running: Vec<Running>,
}

impl Jobs {
    /// Creates an empty list; `stage` is shown.
    pub fn on(stage: &str) -> Self {
        Self { stage: stage.to_owned(), ..Self::default() }
    }

    /// Adds a new job on the shown stage, started at `now`.
    pub fn start(&mut self, kind: JobKind, now: i64) -> JobId {
        let stage = self.stage.clone();
        self.start_on(stage, kind, now)
    }

    /// Adds a new job on `stage`, started at `now`.
    pub fn start_on(&mut self, stage: String, kind: JobKind, now: i64) -> JobId {
        self.started += 1;
        let id = JobId(self.started);
        self.running.push(Running {
            id,
            kind,
            stage,
            since: now,
            progress: Progress::default(),
            cancelled: false,
        });
        id
    }

    /// Adds a job again that stopped and is resumed.
    pub fn resume(&mut self, job: Running, now: i64) {
        self.running.push(Running {
            since: now,
            progress: Progress::default(),
            cancelled: false,
            ..job
        });
    }

    /// Removes a job from the list; returns `None` if it is not (or no longer) there.
    pub fn end(&mut self, id: JobId) -> Option<Running> {
        let index = self.running.iter().position(|job| job.id == id)?;
        Some(self.running.remove(index))
    }

    /// Returns the running job with this ID.
    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Running> {
        self.running.iter_mut().find(|job| job.id == id)
    }

    /// Returns the stage of a running job.
    pub fn stage_of(&self, id: JobId) -> Option<&str> {
        self.running.iter().find(|job| job.id == id).map(|job| job.stage.as_str())
    }

    /// Returns all running jobs of all stages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Running> {
        self.running.iter()
    }

    /// Returns the newest running job that satisfies `wanted`, among those of the shown stage and
    /// of the workspace.
    pub fn newest(&self, wanted: impl Fn(&JobKind) -> bool) -> Option<&Running> {
        let is_here = |job: &Running| job.stage == self.stage || job.kind.is_of_workspace();
        self.running.iter().rev().find(|job| is_here(job) && wanted(&job.kind))
    }

    /// Returns the newest job that the header shows, on any stage.
    pub fn shown(&self) -> Option<&Running> {
        self.running.iter().rev().find(|job| job.kind.title().is_some())
    }

    /// Updates the job's progress with `step`.
    pub fn note(&mut self, id: JobId, step: &Step) {
        let Some(job) = self.get_mut(id) else { return };
        match step {
            Step::Phase { text, done, total } => {
                job.progress = Progress { text: text.clone(), done: *done, total: *total };
            }
            Step::Crate { done, total, name } => {
                job.progress = Progress { text: name.clone(), done: *done, total: *total };
            }
            Step::Output(_) | Step::Done(_) => {}
        }
    }
}
