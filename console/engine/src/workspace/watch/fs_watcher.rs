//! File system watcher: the watched directories, and bursts of changes.
//!
//! Paths that cannot be watched or read are skipped, and reported once. May touch files, to read;
//! changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lambda_console_model::Failure;
use notify::{
    Config, ErrorKind, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher,
    event::{MetadataKind, ModifyKind},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, timeout},
};

use super::graph::{Graph, is_environment};
use crate::workspace::gitignore::{Ignored, ignored};

/// A burst ends when nothing was written for this time: editors save in several steps, and several
/// files.
const QUIET: Duration = Duration::from_millis(80);
/// A burst that does not end is processed after this time.
const LONGEST: Duration = Duration::from_secs(1);
/// Interval for polling paths that the system does not watch.
const POLLED: Duration = Duration::from_secs(1);
/// Maximum number of watched directories of one tree: sources do not have more.
const MOST_DIRECTORIES: usize = 4096;
/// Larger files are compared only by size and time.
const LARGEST_READ: u64 = 16 * 1024 * 1024;
/// Summary of the failures of this module.
const WHAT: &str = "could not watch all sources";

type Notified = notify::Result<notify::Event>;

/// The watched directories, and the known state of the files in them.
pub(super) struct FsWatcher {
    sender: UnboundedSender<Notified>,
    seen: UnboundedReceiver<Notified>,
    /// The system's watcher; `None` if its limit is reached.
    watcher: Option<RecommendedWatcher>,
    /// Polls paths that the system does not watch.
    poller: Option<PollWatcher>,
    burst: Burst,
    /// Digests of the files that have changed so far; `None` for one that no longer exists.
    contents: HashMap<PathBuf, Option<u64>>,
    /// Targets of links in watched trees.
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    notices: Vec<Failure>,
    /// Problems that were already reported.
    noticed: HashSet<String>,
}

/// Changes of one burst.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    /// The paths, with `true` for each that was created.
    paths: BTreeMap<PathBuf, bool>,
    /// `true` if the system has lost some events.
    pub(super) is_incomplete: bool,
}

impl FsWatcher {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let (sender, seen) = unbounded_channel();
        let mut fs_watcher = Self {
            sender,
            seen,
            watcher: None,
            poller: None,
            burst: Burst::default(),
            contents: HashMap::new(),
            links: BTreeMap::new(),
            notices: Vec::new(),
            noticed: HashSet::new(),
        };
        match RecommendedWatcher::new(fs_watcher.handler(), Config::default()) {
            Ok(watcher) => fs_watcher.watcher = Some(watcher),
            Err(error) => fs_watcher.limited(&error.to_string()),
        }
        fs_watcher
    }

    fn handler(&self) -> impl Fn(Notified) + Send + 'static {
        let sender = self.sender.clone();
        move |notified: Notified| {
            if notified.as_ref().map_or(true, |event| event.need_rescan() || is_change(event.kind))
            {
                // The receiver is gone when nothing is watched any more.
                drop(sender.send(notified));
            }
        }
    }

    /// Returns the problems since the last call.
    pub(super) fn notices(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.notices)
    }

    /// Reports a problem once.
    pub(super) fn notice(&mut self, why: String, hint: &str) {
        if self.noticed.insert(why.clone()) {
            self.notices.push(Failure::environment(WHAT, why, hint));
        }
    }

    /// Reports that the system's limit of watches is reached.
    fn limited(&mut self, why: &str) {
        let hint =
            "raise `fs.inotify.max_user_watches` and `fs.inotify.max_user_instances` with sysctl";
        self.notice(
            format!(
                "the system cannot watch more directories ({why}); the others are polled every \
                second"
            ),
            hint,
        );
    }

    /// Records the current content of the file.
    pub(super) fn settle(&mut self, file: &Path) {
        self.is_other(file, false);
    }

    /// Watches a single directory or file; idempotent. A missing path is watched when it is
    /// created.
    pub(super) fn watch(&mut self, path: &Path) {
        let mut error = match &mut self.watcher {
            Some(watcher) => watcher.watch(path, RecursiveMode::NonRecursive).err(),
            None => Some(notify::Error::new(ErrorKind::MaxFilesWatch)),
        };
        if error.as_ref().is_some_and(|error| matches!(error.kind, ErrorKind::MaxFilesWatch)) {
            self.limited("inotify has a limit");
            error = self.poll(path).err();
        }
        if let Some(error) = error
            && path.symlink_metadata().is_ok()
        {
            let why = format!("{}: {}", path.display(), plain(&error));
            self.notice(
                why,
                "changes there start no build; make it readable, or move it out of the package",
            );
        }
    }

    fn poll(&mut self, path: &Path) -> notify::Result<()> {
        if self.poller.is_none() {
            // The poller's times have a resolution of one second, in which there may be two saves.
            let config = Config::default().with_poll_interval(POLLED).with_compare_contents(true);
            self.poller = Some(PollWatcher::new(self.handler(), config)?);
        }
        self.poller
            .as_mut()
            .map_or(Ok(()), |poller| poller.watch(path, RecursiveMode::NonRecursive))
    }

    /// Watches the directory and those below it, each separately, so that skipped directories cost
    /// nothing; returns the files in them. Links are followed.
    pub(super) async fn tree(&mut self, graph: &Graph, tree: &Path) -> Vec<PathBuf> {
        let (mut files, mut level, mut seen) =
            (Vec::new(), vec![tree.to_path_buf()], HashSet::new());
        while !level.is_empty() {
            let mut below = Vec::new();
            for directory in &level {
                if seen.len() >= MOST_DIRECTORIES {
                    let why =
                        format!("{} has more than {MOST_DIRECTORIES} directories", tree.display());
                    self.notice(
                        why,
                        "changes in the others start no build; let git ignore files that are not \
                        sources",
                    );
                    return files;
                }
                if !seen.insert(directory.canonicalize().unwrap_or_else(|_| directory.clone())) {
                    continue;
                }
                // Watched before it is read, so that files created in the meantime are seen.
                self.watch(directory);
                for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                    let (path, kind) = (entry.path(), entry.file_type());
                    match kind {
                        Ok(kind) if kind.is_dir() => below.push(path),
                        Ok(kind) if kind.is_symlink() => {
                            below.extend(self.follow(graph, tree, path, &mut files));
                        }
                        _ => files.push(path),
                    }
                }
            }
            level = self.looked_into(graph, tree, below).await;
            tokio::task::yield_now().await;
        }
        files
    }

    /// Records the target of a link. Returns a directory that has to be watched; a file is watched
    /// here.
    fn follow(
        &mut self,
        graph: &Graph,
        tree: &Path,
        link: PathBuf,
        files: &mut Vec<PathBuf>,
    ) -> Option<PathBuf> {
        files.push(link.clone());
        let to = link.canonicalize().ok()?;
        // A directory around the link would be followed without end, and a path in the tree is
        // watched already.
        if to.starts_with(tree) || link.starts_with(&to) || to.starts_with(graph.target()) {
            return None;
        }
        self.links.entry(to.clone()).or_default().insert(link);
        if to.is_dir() {
            return Some(to);
        }
        self.watch(to.parent()?);
        None
    }

    /// Waits until something has changed. Cancel safe.
    pub(super) async fn stirred(&mut self) {
        if self.burst == Burst::default()
            && let Some(notified) = self.seen.recv().await
        {
            self.take(notified);
        }
    }

    /// Returns the changes, once nothing has changed for a moment.
    pub(super) async fn burst(&mut self) -> Burst {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end
            && let Ok(Some(notified)) = timeout(QUIET, self.seen.recv()).await
        {
            self.take(notified);
        }
        std::mem::take(&mut self.burst)
    }

    fn take(&mut self, notified: Notified) {
        match notified {
            Ok(event) => self.burst.add(event),
            Err(error) => {
                self.burst.is_incomplete = true;
                self.notice(plain(&error), "");
            }
        }
    }

    /// The paths of `burst`, with `true` for each that was created, also under the names of links
    /// to them. New directories are watched from here on, and their files are new.
    pub(super) async fn changed(&mut self, graph: &Graph, burst: Burst) -> BTreeMap<PathBuf, bool> {
        let mut changed = BTreeMap::new();
        for (path, is_new) in burst.paths {
            if path.is_dir() {
                if !self.looked_into(graph, graph.home(&path), vec![path.clone()]).await.is_empty()
                {
                    changed
                        .extend(self.tree(graph, &path).await.into_iter().map(|file| (file, true)));
                } else if path == graph.root().join(".cargo") {
                    self.watch(&path);
                    changed.extend(["config", "config.toml"].map(|name| (path.join(name), true)));
                }
            }
            changed.insert(path, is_new);
        }
        let mut by_links = BTreeMap::new();
        for (path, is_new) in &changed {
            for (to, links) in &self.links {
                let Ok(inside) = path.strip_prefix(to) else { continue };
                let named = links
                    .iter()
                    .map(|link| if to == path { link.clone() } else { link.join(inside) });
                // The targets of included paths are handled separately.
                by_links.extend(
                    named.filter(|path| !graph.included().has(path)).map(|path| (path, *is_new)),
                );
            }
        }
        changed.append(&mut by_links);
        changed
    }

    /// Returns `true` if the file's content differs from the last check. A build script that writes
    /// the same source again must not start a build after each build.
    pub(super) fn is_other(&mut self, path: &Path, is_new: bool) -> bool {
        let content = content(path);
        if content.is_none() && is_new && !self.contents.contains_key(path) {
            // It was created and removed, as editors' own files are.
            return false;
        }
        self.contents.insert(path.to_path_buf(), content) != Some(content)
    }

    /// Those of `directories` that are watched: directories with included paths, and those that are
    /// neither hidden, nor created by cargo, nor ignored by git. `home` is a directory that
    /// contains all the others.
    async fn looked_into(
        &mut self,
        graph: &Graph,
        home: &Path,
        directories: Vec<PathBuf>,
    ) -> Vec<PathBuf> {
        let is_included = |directory: &PathBuf| graph.included().is_around(directory);
        let (mut into, mut others): (Vec<PathBuf>, Vec<PathBuf>) =
            directories.into_iter().partition(is_included);
        let is_linked = |directory: &PathBuf| self.links.keys().any(|to| directory.starts_with(to));
        let is_foreign = |directory: &PathBuf| {
            graph.is_foreign(directory) || directory.ends_with("node_modules")
        };
        others.retain(|directory| {
            (graph.is_inside(directory) || is_linked(directory))
                && !is_hidden(directory)
                && !is_foreign(directory)
        });
        let ignored = self.ignored(home, &others).await;
        others.retain(|directory| !ignored.has(directory));
        into.append(&mut others);
        into
    }

    /// Returns the `paths` in `home` that git ignores; empty if it ignores the whole package, which
    /// is built nevertheless.
    pub(super) async fn ignored(&mut self, home: &Path, paths: &[PathBuf]) -> Ignored {
        let (directory, manifest) = (home.to_path_buf(), home.join("Cargo.toml"));
        let mut asked: Vec<PathBuf> =
            paths.iter().filter(|path| path.starts_with(home)).cloned().collect();
        if asked.is_empty() {
            return Ignored::default();
        }
        asked.push(manifest.clone());
        let answer = tokio::task::spawn_blocking(move || ignored(&directory, &asked))
            .await
            .unwrap_or_default();
        if let Some(why) = &answer.refusal {
            // "fatal: detected dubious ownership in repository at …": git exits with 128 for this
            // and for other errors.
            let hint = if why.contains("dubious ownership") {
                "`git config --global --add safe.directory DIRECTORY` lets git answer"
            } else {
                "files that git ignores are watched as well"
            };
            self.notice(format!("could not read what git ignores: {why}"), hint);
        }
        if answer.has(&manifest) { Ignored::default() } else { answer }
    }
}

impl Burst {
    /// Returns `true` if there are no changes.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.is_incomplete
    }

    fn add(&mut self, event: notify::Event) {
        self.is_incomplete |= event.need_rescan();
        let is_new = matches!(event.kind, EventKind::Create(_));
        for path in event.paths {
            *self.paths.entry(path).or_default() |= is_new;
        }
    }
}

/// A digest of the file's content. Reading a pipe would wait for its other end, so only files are
/// read.
fn content(path: &Path) -> Option<u64> {
    let metadata = path.metadata().ok()?;
    let mut hasher = DefaultHasher::new();
    if !metadata.is_file() || metadata.len() > LARGEST_READ {
        (metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)).hash(&mut hasher);
    } else {
        fs::read(path).ok()?.hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// Returns `true` if something is written, renamed, created or removed; reading is no change, nor
/// is a new access time or mode. A new modification time that polling finds is one.
const fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime)) => true,
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Returns `true` unless the file is hidden or an editor's own.
pub(super) fn may_be_source(path: &Path) -> bool {
    (!is_hidden(path) || is_environment(path)) && !is_editors(path)
}

/// Returns `true` for an editor's files beside the file that it writes: locks, backups, temporary
/// files of a save.
pub(super) fn is_editors(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.contains("___jb_")
        || [".tmp", ".bak", ".orig", ".rej", ".swp", ".swo", ".swx"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The system's own reason, without the paths, which a message already contains.
fn plain(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Generic(text) => text.clone(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_keep_beside_a_file_is_no_source() {
        for name in [
            "main.rs",
            "build.rs",
            "Cargo.toml",
            "schema.sql",
            ".env",
            ".env.local",
            "template.html",
        ] {
            assert!(may_be_source(Path::new(name)), "{name}");
        }
        for name in [
            ".main.rs.swp",
            ".#main.rs",
            "#main.rs#",
            "main.rs~",
            "main.rs___jb_tmp___",
            "x.tmp",
            ".DS_Store",
        ] {
            assert!(!may_be_source(Path::new(name)), "{name}");
        }
    }

    #[tokio::test]
    async fn directories_that_the_system_does_not_watch_are_polled_and_reported_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("main.rs");
        fs::write(&file, "old").unwrap();
        let mut fs_watcher = FsWatcher::new();
        fs_watcher.watcher = None;
        fs_watcher.watch(place.path());
        fs_watcher.watch(place.path());
        let notices = fs_watcher.notices();
        assert!(
            notices.len() == 1 && notices[0].hint.contains("fs.inotify.max_user_watches"),
            "{notices:?}"
        );
        fs::write(&file, "another, of another size").unwrap();
        let seen = timeout(Duration::from_mins(1), async {
            fs_watcher.stirred().await;
            fs_watcher.burst().await
        });
        assert!(seen.await.expect("it is seen").paths.contains_key(&file));
    }

    #[test]
    fn a_pipe_is_not_read_and_a_link_to_nowhere_is_nothing() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("nowhere", place.path().join("link")).unwrap();
        assert!(content(&pipe).is_some());
        assert_eq!(content(&place.path().join("link")), None);
    }
}
