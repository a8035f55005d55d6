//! The running jobs, as the screen shows them.

use std::sync::Arc;

use lambda_console_model::Step;

use crate::tui::task::{JobId, Task};

/// Progress of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// ID of the job.
    pub id: JobId,
    /// Work of the job.
    pub task: Arc<Task>,
    /// Stage that it works on.
    pub stage: String,
    /// Start time, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Progress of the job.
    pub progress: Progress,
    /// `true` if it was cancelled.
    pub cancelled: bool,
}

/// The running jobs, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Jobs {
    started: u64,
    running: Vec<Running>,
}

impl Jobs {
    /// Adds a new job on `stage`, started at `now`.
    pub fn start(&mut self, stage: &str, task: Task, now: i64) -> JobId {
        self.started += 1;
        let id = JobId(self.started);
        self.running.push(Running {
            id,
            task: Arc::new(task),
            stage: stage.to_owned(),
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
    pub fn get(&self, id: JobId) -> Option<&Running> {
        self.running.iter().find(|job| job.id == id)
    }

    /// Returns the running job with this ID, mutably.
    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Running> {
        self.running.iter_mut().find(|job| job.id == id)
    }

    /// Returns all running jobs of all stages, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Running> {
        self.running.iter()
    }

    /// Returns the newest running job that satisfies `wanted`, among those of `stage` and of the
    /// workspace.
    pub fn newest(&self, stage: &str, wanted: impl Fn(&Task) -> bool) -> Option<&Running> {
        let is_here = |job: &Running| job.stage == stage || job.task.is_of_workspace();
        self.running.iter().rev().find(|job| is_here(job) && wanted(&job.task))
    }

    /// Returns the newest job that the header shows, on any stage.
    pub fn shown(&self) -> Option<&Running> {
        self.running.iter().rev().find(|job| job.task.title().is_some())
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
