//! Saved files, and the functions to rebuild for them.

use serde::{Deserialize, Serialize};

use super::function::Workspace;

/// Files saved in one burst.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The files, relative to the workspace's root; empty if watching has just started.
    pub files: Vec<String>,
    /// The functions that depend on them, sorted.
    pub functions: Vec<String>,
    /// The workspace, read again if a manifest is among the files or watching has just started.
    pub workspace: Option<Workspace>,
}

impl Changed {
    /// Returns the cause of a rebuild: `functions/hello/src/main.rs and 2 more changed`.
    pub fn cause(&self) -> String {
        match self.files.as_slice() {
            [] => "watching for changes".to_owned(),
            [file] => format!("{file} changed"),
            [file, others @ ..] => format!("{file} and {} more changed", others.len()),
        }
    }

    /// Merges files that were saved later.
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
