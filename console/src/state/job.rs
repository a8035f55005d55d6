//! The work that runs, as the screen shows it.

use serde::{Deserialize, Serialize};

use super::Step;

/// Names one started piece of work; results of a job that is no longer listed are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// What a job does, with the functions it does it to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    /// Reads the workspace.
    Discover,
    /// Connects to the stage.
    Connect,
    /// Asks what is deployed.
    Refresh,
    /// Looks for the toolchain.
    Check,
    /// Provides the toolchain.
    Setup,
    /// Builds these functions; none named: all.
    Build(Vec<String>),
    /// Compares these functions with the stage.
    Plan(Vec<String>),
    /// Deploys these functions.
    Deploy(Vec<String>),
    /// Deletes this function from the stage.
    Delete(String),
    /// Invokes this function.
    Invoke(String),
    /// Follows the logs of these functions; the flag says that they are all there are.
    Tail(Vec<String>),
    /// Fetches the log lines of one request of this function.
    FetchLogs(String),
    /// Reads the history of these functions.
    Samples(Vec<String>),
    /// Watches the sources.
    Watch,
}

impl JobKind {
    /// What the header calls the job; none for one that ends too soon to be told of, or that is shown elsewhere.
    pub fn title(&self) -> Option<String> {
        let several = |verb: &str, names: &[String]| match names {
            [] => format!("{verb} all"),
            [name] => format!("{verb} {name}"),
            names => format!("{verb} {} functions", names.len()),
        };
        match self {
            Self::Setup => Some("setup".into()),
            Self::Build(names) => Some(several("build", names)),
            Self::Plan(names) => Some(several("plan", names)),
            Self::Deploy(names) => Some(several("deploy", names)),
            Self::Delete(name) => Some(format!("delete {name}")),
            Self::Invoke(name) => Some(format!("invoke {name}")),
            Self::FetchLogs(name) => Some(format!("logs {name}")),
            Self::Connect => Some("connect".into()),
            Self::Discover | Self::Refresh | Self::Check | Self::Tail(_) | Self::Samples(_) | Self::Watch => None,
        }
    }

    /// Whether leaving the console would break something off.
    pub const fn holds_the_door(&self) -> bool {
        matches!(self, Self::Setup | Self::Build(_) | Self::Deploy(_) | Self::Delete(_) | Self::Invoke(_))
    }
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub text: String,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 where it is not known.
    pub total: u64,
}

impl Progress {
    /// The share that is done, 0 to 1; none where the whole is not known.
    pub fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| self.done.min(self.total) as f64 / self.total as f64)
    }

    /// `2/6`; a share in per cent where the units are bytes.
    pub fn count(&self) -> Option<String> {
        let share = self.share()?;
        let in_bytes = self.total > 9999;
        Some(if in_bytes { format!("{:.0} %", share * 100.0) } else { format!("{}/{}", self.done, self.total) })
    }
}

/// A running job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// When it began, in milliseconds since the Unix epoch.
    pub since: i64,
    /// How far it is.
    pub progress: Progress,
    /// It was told to stop.
    pub cancelled: bool,
}

/// The running jobs, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    started: u64,
    running: Vec<Running>,
}

impl Jobs {
    /// Lists a new job that began at `now`.
    pub fn start(&mut self, kind: JobKind, now: i64) -> JobId {
        self.started += 1;
        let id = JobId(self.started);
        self.running.push(Running { id, kind, since: now, progress: Progress::default(), cancelled: false });
        id
    }

    /// Takes a job off the list; none when it is not (or no longer) there.
    pub fn end(&mut self, id: JobId) -> Option<Running> {
        let index = self.running.iter().position(|job| job.id == id)?;
        Some(self.running.remove(index))
    }

    /// The running job with this id.
    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Running> {
        self.running.iter_mut().find(|job| job.id == id)
    }

    /// All running jobs, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Running> {
        self.running.iter()
    }

    /// The newest running job of which `wanted` holds.
    pub fn newest(&self, wanted: impl Fn(&JobKind) -> bool) -> Option<&Running> {
        self.running.iter().rev().find(|job| wanted(&job.kind))
    }

    /// The newest job that the header shows.
    pub fn shown(&self) -> Option<&Running> {
        self.newest(|kind| kind.title().is_some())
    }

    /// Notes what `step` says of the progress.
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
