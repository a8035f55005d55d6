//! Watches the sources of functions, and what their zips include, and says which functions a saved file belongs to.
//!
//! The system tells of changes (inotify, `FSEvents`, kqueue): nothing is polled, and when nothing is saved nothing runs.
//! Watched are the directories of the packages that functions are made from, of the workspace and of path dependencies
//! outside it, each directory by itself: what cargo makes, what git leaves out and what is hidden is not looked at, unless
//! a manifest includes it in a zip.
//!
//! May touch files and `cargo metadata`, to read.

mod graph;
mod included;
mod sight;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::{graph::Graph, sight::Sight};
use super::{Job, discover};
use crate::message::{Changed, Failure, Function, Workspace};

/// Watches the functions of the workspace at `root` until the job is cancelled: all, or those named. Says at first, with
/// no file, what is watched, and then after each burst of saves what has changed; an error where the manifests cannot be
/// read as they are: then it goes on, and the next save reads them again.
///
/// # Errors
/// Interrupted: cancelled. Environment: the system cannot watch the directories. At first, as [`discover::discover`].
pub async fn watch(
    root: &Path,
    names: &[String],
    mut report: impl FnMut(Result<Changed, Failure>),
    job: &Job,
) -> Result<(), Failure> {
    let watching = async {
        let mut sight = Sight::new()?;
        let (workspace, mut graph) = read(root, names, job).await?;
        sight.cover(&graph).await?;
        sight.settle(&graph);
        let functions = graph.functions().to_vec();
        report(Ok(Changed { files: Vec::new(), functions, workspace: Some(workspace) }));
        // Files that wait for manifests that can be read.
        let mut waiting: Vec<PathBuf> = Vec::new();
        loop {
            let burst = sight.burst().await?;
            let is_incomplete = burst.is_incomplete;
            let mut files = sight.changed(&graph, burst).await?;
            if files.is_empty() && !is_incomplete {
                continue;
            }
            let reads = is_incomplete || !waiting.is_empty() || files.iter().any(|file| graph.is_manifest(file));
            files.extend(std::mem::take(&mut waiting));
            let mut workspace = None;
            if reads {
                match read(root, names, job).await {
                    Ok((now, new)) => (workspace, graph) = (Some(now), new),
                    Err(failure) => {
                        waiting = files;
                        report(Err(failure));
                        continue;
                    }
                }
                sight.cover(&graph).await?;
                sight.settle(&graph);
            }
            let mut functions: Vec<String> = if is_incomplete {
                files.push(graph.root().to_path_buf());
                graph.functions().to_vec()
            } else {
                files.retain(|file| graph.affected(file).next().is_some());
                files.iter().flat_map(|file| graph.affected(file)).cloned().collect()
            };
            functions.sort();
            functions.dedup();
            if !functions.is_empty() || workspace.is_some() {
                let files = files.iter().map(|file| shown(graph.root(), file)).collect();
                report(Ok(Changed { files, functions, workspace }));
            }
        }
    };
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted("could not go on watching")),
        ended = watching => ended,
    }
}

/// The workspace, and the graph of the functions named, or of all.
async fn read(root: &Path, names: &[String], job: &Job) -> Result<(Workspace, Graph), Failure> {
    let workspace = discover::discover(root).await?;
    let metadata = discover::metadata(root, &[], &job.cancel).await?;
    let is_named = |function: &&Function| names.is_empty() || names.contains(&function.name);
    let functions: Vec<&Function> = workspace.functions.iter().filter(is_named).collect();
    let graph = Graph::new(&metadata, &functions);
    Ok((workspace, graph))
}

/// `file` as seen from the root; as it is where it lies outside.
fn shown(root: &Path, file: &Path) -> String {
    match file.strip_prefix(root) {
        Ok(inside) if inside.as_os_str().is_empty() => "the workspace".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => file.display().to_string(),
    }
}
