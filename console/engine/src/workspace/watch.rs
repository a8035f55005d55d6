//! Watches the sources of functions, and the files in their zips, and reports the functions that a
//! saved file belongs to.
//!
//! The system reports changes (inotify, `FSEvents`, kqueue): if it can, nothing is polled, and
//! nothing runs while nothing is saved. The watched paths are the files that the last builds have
//! read, wherever they are, and the directories of the packages that functions are made from: new
//! files there may be read by the next build. Cargo's output and ignored or hidden files are
//! skipped, unless a build has read them or a manifest includes them in a zip.
//!
//! A file belongs to a function if cargo would compile the function again for it. A file that only
//! a build wrote does not start another one, so changes during a build are checked when it has
//! ended.
//!
//! May touch files and `cargo metadata`, to read.

mod builds;
mod fs_watcher;
mod graph;
mod included;
mod made;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
};

use lambda_console_model::{Changed, Failure, Function, Workspace};

use self::{builds::Ends, fs_watcher::FsWatcher, graph::Graph, made::Made};
use crate::{Job, compile::fingerprint::Now, workspace};

pub use self::builds::{Builds, Running};

/// A file that changes in this number of builds in succession, and only then, is written by them.
const BY_BUILDS: usize = 3;

/// Watches functions of the workspace at `root` until the job is cancelled: all, or those named.
/// First reports, with no file, the watched functions, and then after each burst of saves the
/// changes; an error if the manifests cannot currently be read, or something is skipped: then it
/// continues. Changes while one of the `builds` runs are reported after it.
///
/// # Errors
/// Interrupted: cancelled. At the beginning, as [`workspace::discover`].
pub async fn watch(
    root: &Path,
    names: &[String],
    builds: &Builds,
    mut report: impl FnMut(Result<Changed, Failure>),
    job: &Job,
) -> Result<(), Failure> {
    let watching = async {
        let (workspace, graph) = read(root, names, job).await?;
        let mut watching = Watching {
            graph,
            fs_watcher: FsWatcher::new(),
            made: HashMap::new(),
            builds: builds.ends(),
            saved: HashSet::new(),
            in_builds: HashMap::new(),
        };
        watching.reload();
        watching.cover().await;
        watching.fs_watcher.settle(&watching.graph.root().join("Cargo.lock"));
        watching.fs_watcher.notices().into_iter().for_each(|notice| report(Err(notice)));
        let functions = watching.graph.names();
        report(Ok(Changed { files: Vec::new(), functions, workspace: Some(workspace) }));
        // Files that wait until the manifests can be read.
        let mut waiting = BTreeMap::new();
        loop {
            let mut changed = watching.next().await;
            let is_waiting = !waiting.is_empty();
            changed.files.append(&mut waiting);
            let mut workspace = None;
            let mut functions = BTreeSet::new();
            // Classified before the manifests are read: the root file of a new target is no such
            // file afterwards.
            let manifests: Vec<PathBuf> =
                changed.files.keys().filter(|file| watching.is_manifest(file)).cloned().collect();
            if changed.is_incomplete || is_waiting || !manifests.is_empty() {
                match read(root, names, job).await {
                    Ok((now, graph)) => {
                        let before = std::mem::replace(&mut watching.graph, graph);
                        watching.reload();
                        watching.cover().await;
                        functions = watching.have_other_settings(before.functions());
                        workspace = Some(now);
                    }
                    Err(failure) => {
                        waiting = changed.files;
                        report(Err(failure));
                        continue;
                    }
                }
            }
            let mut files = if functions.is_empty() { Vec::new() } else { manifests };
            for (file, of) in watching.affected(changed.files).await {
                functions.extend(of);
                if !files.contains(&file) {
                    files.push(file);
                }
            }
            if changed.is_incomplete {
                files = vec![watching.graph.root().to_path_buf()];
                functions = watching.graph.names().into_iter().collect();
            }
            watching.fs_watcher.notices().into_iter().for_each(|notice| report(Err(notice)));
            if !functions.is_empty() || workspace.is_some() {
                files.sort();
                let files = files.iter().map(|file| shown(watching.graph.root(), file)).collect();
                report(Ok(Changed {
                    files,
                    functions: functions.into_iter().collect(),
                    workspace,
                }));
            }
        }
    };
    tokio::select! {
        biased;
        () = job.cancel.cancelled() => Err(Failure::interrupted("could not continue watching")),
        ended = watching => ended,
    }
}

/// Watched functions and their known state.
struct Watching {
    graph: Graph,
    fs_watcher: FsWatcher,
    /// Inputs of each function's last build.
    made: HashMap<String, Made>,
    builds: Ends,
    /// Files that were saved so far.
    saved: HashSet<PathBuf>,
    /// Number of builds in succession during which a file was taken for saved.
    in_builds: HashMap<PathBuf, usize>,
}

/// Changes that the system reported.
struct Seen {
    /// Each with `true` if it was created.
    files: BTreeMap<PathBuf, bool>,
    is_incomplete: bool,
}

impl Watching {
    /// Waits until something has changed and no build runs.
    async fn next(&mut self) -> Seen {
        loop {
            tokio::select! {
                () = self.fs_watcher.stirred() => {}
                () = self.builds.next() => {}
            }
            self.builds.idle().await;
            let burst = self.fs_watcher.burst().await;
            let mut files = BTreeMap::new();
            if self.reload() {
                self.cover().await;
                // Saved before it was known that they are read.
                let now = Now::default();
                files.extend(
                    self.made
                        .values()
                        .flat_map(|made| made.outdated(&now))
                        .map(|file| (file, false)),
                );
            }
            let is_incomplete = burst.is_incomplete;
            if !burst.is_empty() {
                files.append(&mut self.fs_watcher.changed(&self.graph, burst).await);
            }
            if is_incomplete || !files.is_empty() {
                return Seen { files, is_incomplete };
            }
        }
    }

    /// Reads the records of the last builds; returns `true` if any of them is new.
    fn reload(&mut self) -> bool {
        let (graph, made) = (&self.graph, &mut self.made);
        made.retain(|name, _| graph.functions().iter().any(|function| function.name == *name));
        let mut is_new = false;
        for function in graph.functions() {
            is_new |= made.entry(function.name.clone()).or_default().read(function, graph.target());
        }
        is_new
    }

    /// Watches all current paths; watched ones stay watched.
    async fn cover(&mut self) {
        let mut places = self.graph.places();
        places.extend(self.made.values().flat_map(Made::places).map(Path::to_path_buf));
        // Settings elsewhere are watched as files only: other files in the user's directories
        // change often.
        let root = self.graph.root();
        let settings = self.made.values().flat_map(|made| made.settings(root));
        places.extend(settings.filter(|file| !file.starts_with(root) && file.exists()));
        for place in places {
            self.fs_watcher.watch(&place);
        }
        let trees: BTreeSet<PathBuf> = self
            .graph
            .trees()
            .chain(self.made.values().flat_map(Made::trees))
            .map(Path::to_path_buf)
            .collect();
        for tree in trees {
            self.fs_watcher.tree(&self.graph, &tree).await;
        }
    }

    /// Returns `true` if the workspace, or its settings that reach the compiler, depend on the
    /// file.
    fn is_manifest(&self, file: &Path) -> bool {
        let root = self.graph.root();
        (self.graph.is_manifest(file) && !self.is_written_by_cargo(file))
            || (!file.starts_with(root)
                && self.made.values().any(|made| made.settings(root).contains(file)))
    }

    /// The functions that are not among those `before`, or whose settings have changed.
    fn have_other_settings(&self, before: &[Function]) -> BTreeSet<String> {
        let now = Now::default();
        let is_other = |function: &&Function| {
            let known = before.iter().find(|known| known.name == function.name);
            let is_same = known.is_some_and(|known| {
                (&known.config, &known.manifest, &known.binary)
                    == (&function.config, &function.manifest, &function.binary)
            });
            !is_same
                || self
                    .made
                    .get(&function.name)
                    .is_some_and(|made| made.has_other_settings(self.graph.root(), &now))
        };
        self.graph
            .functions()
            .iter()
            .filter(is_other)
            .map(|function| function.name.clone())
            .collect()
    }

    /// Those of `files` that were saved and affect a function, with these functions.
    async fn affected(
        &mut self,
        files: BTreeMap<PathBuf, bool>,
    ) -> Vec<(PathBuf, BTreeSet<String>)> {
        let (mut affected, unsure) = self.sorted(files);
        let mut homes: BTreeMap<PathBuf, Vec<(PathBuf, bool, BTreeSet<String>)>> = BTreeMap::new();
        for unsure in unsure {
            homes.entry(self.graph.home(&unsure.0).to_path_buf()).or_default().push(unsure);
        }
        for (home, files) in homes {
            let paths: Vec<PathBuf> = files.iter().map(|(file, ..)| file.clone()).collect();
            let ignored = self.fs_watcher.ignored(&home, &paths).await;
            for (file, is_new, functions) in files {
                let is_read =
                    self.made.values().any(|made| made.has(&file)) || self.graph.is_manifest(&file);
                if (is_read || !ignored.has(&file)) && self.fs_watcher.is_other(&file, is_new) {
                    affected.push((file, functions));
                }
            }
        }
        affected.retain(|(file, _)| self.is_saved(file));
        self.saved.extend(affected.iter().map(|(file, _)| file.clone()));
        affected
    }

    /// Splits `files` into those that were read by a build or are included, and have changed; and
    /// those that may be read, each with `true` if it was created. With the functions.
    #[expect(clippy::type_complexity, reason = "two lists of the same")]
    fn sorted(
        &mut self,
        files: BTreeMap<PathBuf, bool>,
    ) -> (Vec<(PathBuf, BTreeSet<String>)>, Vec<(PathBuf, bool, BTreeSet<String>)>) {
        let now = Now::default();
        let (mut affected, mut unsure) = (Vec::new(), Vec::new());
        for (file, is_new) in files {
            let included = self.graph.included();
            if file.starts_with(self.graph.target()) && !included.has(&file) {
                continue;
            }
            let is_included = included.is_named(&file)
                || (included.has(&file) && !fs_watcher::is_editors(&file) && !file.is_dir());
            let including = included.functions(&file).filter(|_| is_included).cloned();
            let outdated = self.made.iter().filter(|(_, made)| made.is_outdated_by(&file, &now));
            let sure: BTreeSet<String> =
                outdated.map(|(name, _)| name.clone()).chain(including).collect();
            let likely = if fs_watcher::may_be_source(&file) && !file.is_dir() {
                self.likely(&file)
            } else {
                BTreeSet::new()
            };
            if !likely.is_subset(&sure) {
                unsure.push((file, is_new, likely.into_iter().chain(sure).collect()));
            } else if is_included || self.made.values().any(|made| made.has(&file)) {
                // A change is also recorded if a build has read it in the meantime.
                let is_other = self.fs_watcher.is_other(&file, is_new);
                if is_other && !sure.is_empty() {
                    affected.push((file, sure));
                }
            }
        }
        (affected, unsure)
    }

    /// The functions that may be made from `file`: those with unknown inputs, and those whose build
    /// script reads everything.
    fn likely(&self, file: &Path) -> BTreeSet<String> {
        let home = self.graph.home(file);
        let is_cargos = self.is_written_by_cargo(file);
        let may_make = self.graph.may_make(file);
        let is_likely = |name: &&str| {
            let Some(made) = self.made.get(*name) else { return true };
            if made.is_known() {
                return made.is_listed(file, self.saved.contains(file));
            }
            !is_cargos && !made.has_failed_with(file, home)
        };
        may_make.into_iter().filter(is_likely).map(str::to_owned).collect()
    }

    /// Returns `true` if a build has written the lock file, as it does if it is missing or out of
    /// date.
    fn is_written_by_cargo(&self, file: &Path) -> bool {
        file.ends_with("Cargo.lock") && self.changed_in_build(file)
    }

    fn changed_in_build(&self, file: &Path) -> bool {
        let time = file.metadata().and_then(|metadata| metadata.modified());
        time.is_ok_and(|time| self.builds.were_running_at(time))
    }

    /// Returns `true` if the user has saved it, as far as can be known: a file that changes in each
    /// build is written by them.
    fn is_saved(&mut self, file: &Path) -> bool {
        if !self.changed_in_build(file) {
            self.in_builds.remove(file);
            return true;
        }
        let times = self.in_builds.entry(file.to_path_buf()).or_default();
        *times += 1;
        let is_written = *times > BY_BUILDS;
        if is_written {
            let file = shown(self.graph.root(), file);
            self.fs_watcher.notice(
                format!("{file} changes in each build"),
                "files that a build writes start no other build: let the build script write into \
                OUT_DIR, or save the file again",
            );
        }
        !is_written
    }
}

/// The workspace, and the graph of the functions named, or of all.
async fn read(root: &Path, names: &[String], job: &Job) -> Result<(Workspace, Graph), Failure> {
    let (workspace, metadata) = workspace::read(root, &job.cancel).await?;
    let is_named = |function: &&Function| names.is_empty() || names.contains(&function.name);
    let functions = workspace.functions.iter().filter(is_named).cloned().collect();
    let graph = Graph::new(&metadata, functions);
    Ok((workspace, graph))
}

/// `file` relative to the root; unchanged if it is outside.
fn shown(root: &Path, file: &Path) -> String {
    match file.strip_prefix(root) {
        Ok(inside) if inside.as_os_str().is_empty() => "the workspace".to_owned(),
        Ok(inside) => inside.display().to_string(),
        Err(_) => file.display().to_string(),
    }
}
