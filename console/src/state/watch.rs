//! Watching the sources: what was saved, and which functions wait to be rebuilt for it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{JobId, Workspace};

/// What was saved, in one burst.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The files, as seen from the workspace's root; none where watching has just begun.
    pub files: Vec<String>,
    /// The functions that depend on them, sorted.
    pub functions: Vec<String>,
    /// The workspace as read anew, where a manifest is among the files or watching has just begun.
    pub workspace: Option<Workspace>,
}

impl Changed {
    /// `functions/hello/src/main.rs and 2 more changed`
    pub fn cause(&self) -> String {
        match self.files.as_slice() {
            [] => "watching begins".to_owned(),
            [file] => format!("{file} changed"),
            [file, others @ ..] => format!("{file} and {} more changed", others.len()),
        }
    }

    /// Takes in what was saved after this.
    pub fn merge(&mut self, later: Self) {
        let add = |to: &mut Vec<String>, more: Vec<String>| {
            for name in more {
                if !to.contains(&name) {
                    to.push(name);
                }
            }
        };
        add(&mut self.files, later.files);
        add(&mut self.functions, later.functions);
        self.functions.sort();
        self.workspace = later.workspace.or(self.workspace.take());
    }
}

/// The sources are watched: what is saved is built and deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The job that watches.
    pub job: JobId,
    /// The functions that are to be built next, once no other build, deploy or loop runs.
    pub waiting: BTreeSet<String>,
    /// What made them wait, or what the last rebuild was for.
    pub cause: String,
    /// The build or deploy that watching has started, and its functions.
    pub running: Option<(JobId, Vec<String>)>,
}

impl Watch {
    /// A watch that has seen nothing yet.
    pub const fn new(job: JobId) -> Self {
        Self { job, waiting: BTreeSet::new(), cause: String::new(), running: None }
    }

    /// Notes that `job` has ended. If watching had started it, gives the functions that it was for.
    pub fn ended(&mut self, job: JobId) -> Option<Vec<String>> {
        let (_, functions) = self.running.take_if(|(running, _)| *running == job)?;
        Some(functions)
    }
}
