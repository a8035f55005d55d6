//! What is seen of the file system: the directories that are watched, and a burst of changes.
//!
//! What cannot be watched or read is passed over, and told once. May touch files, to read; changes nothing.

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

/// A burst has ended when nothing was written for so long: editors save in several steps, and several files.
const QUIET: Duration = Duration::from_millis(80);
/// A burst that does not end is looked at after so long.
const LONGEST: Duration = Duration::from_secs(1);
/// What the system does not watch is looked at so often.
const POLLED: Duration = Duration::from_secs(1);
/// So many directories of one tree are watched: sources do not have more.
const MOST_DIRECTORIES: usize = 4096;
/// Larger files are told apart by size and time alone.
const LARGEST_READ: u64 = 16 * 1024 * 1024;
/// What a message calls the work that was not done.
const WHAT: &str = "could not watch all sources";

type Told = notify::Result<notify::Event>;

/// The watched directories, and what is known of the files in them.
pub(super) struct Sight {
    sender: UnboundedSender<Told>,
    seen: UnboundedReceiver<Told>,
    /// The system's; none where it has no more to give.
    watcher: Option<RecommendedWatcher>,
    /// For what the system does not watch.
    poller: Option<PollWatcher>,
    burst: Burst,
    /// What the files held that have changed so far; none of one that is gone.
    contents: HashMap<PathBuf, Option<u64>>,
    /// Where links lead that are in watched trees.
    links: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    notices: Vec<Failure>,
    /// What was told of already.
    noticed: HashSet<String>,
}

/// What has happened in one burst.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    /// The paths; whether each came into being.
    paths: BTreeMap<PathBuf, bool>,
    /// The system has lost some of it.
    pub(super) is_incomplete: bool,
}

impl Sight {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let (sender, seen) = unbounded_channel();
        let mut sight = Self {
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
        match RecommendedWatcher::new(sight.handler(), Config::default()) {
            Ok(watcher) => sight.watcher = Some(watcher),
            Err(error) => sight.limited(&error.to_string()),
        }
        sight
    }

    fn handler(&self) -> impl Fn(Told) + Send + 'static {
        let sender = self.sender.clone();
        move |told: Told| {
            if told.as_ref().map_or(true, |event| event.need_rescan() || is_change(event.kind)) {
                // The receiver is gone when nobody watches any more.
                drop(sender.send(told));
            }
        }
    }

    /// What was passed over since this was last asked.
    pub(super) fn notices(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.notices)
    }

    /// Tells it once.
    pub(super) fn notice(&mut self, why: String, hint: &str) {
        if self.noticed.insert(why.clone()) {
            self.notices.push(Failure::environment(WHAT, why, hint));
        }
    }

    /// The system watches no more.
    fn limited(&mut self, why: &str) {
        let hint = "raise `fs.inotify.max_user_watches` and `fs.inotify.max_user_instances` with sysctl";
        self.notice(
            format!("the system watches no more directories ({why}); the others are looked at each second"),
            hint,
        );
    }

    /// Takes the file as it is.
    pub(super) fn settle(&mut self, file: &Path) {
        self.is_other(file, false);
    }

    /// Watches a directory or a file by itself; watching it twice is the same as once. What is not there is watched when
    /// it comes.
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
            self.notice(why, "what is saved there starts no build; make it readable, or move it out of the package");
        }
    }

    fn poll(&mut self, path: &Path) -> notify::Result<()> {
        if self.poller.is_none() {
            // It knows times by the second, in which there may be two saves.
            let config = Config::default().with_poll_interval(POLLED).with_compare_contents(true);
            self.poller = Some(PollWatcher::new(self.handler(), config)?);
        }
        self.poller.as_mut().map_or(Ok(()), |poller| poller.watch(path, RecursiveMode::NonRecursive))
    }

    /// Watches the directory and those below it, each by itself, so that what is not looked at costs nothing; gives the
    /// files in them. Links are followed.
    pub(super) async fn tree(&mut self, graph: &Graph, tree: &Path) -> Vec<PathBuf> {
        let (mut files, mut level, mut seen) = (Vec::new(), vec![tree.to_path_buf()], HashSet::new());
        while !level.is_empty() {
            let mut below = Vec::new();
            for directory in &level {
                if seen.len() >= MOST_DIRECTORIES {
                    let why = format!("{} has more than {MOST_DIRECTORIES} directories", tree.display());
                    self.notice(why, "what is saved in the others starts no build; let git ignore what is no source");
                    return files;
                }
                if !seen.insert(directory.canonicalize().unwrap_or_else(|_| directory.clone())) {
                    continue;
                }
                // Watched before it is read, so that what comes meanwhile is seen.
                self.watch(directory);
                for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                    let (path, kind) = (entry.path(), entry.file_type());
                    match kind {
                        Ok(kind) if kind.is_dir() => below.push(path),
                        Ok(kind) if kind.is_symlink() => below.extend(self.follow(graph, tree, path, &mut files)),
                        _ => files.push(path),
                    }
                }
            }
            level = self.looked_into(graph, tree, below).await;
            tokio::task::yield_now().await;
        }
        files
    }

    /// Notes where a link leads. Gives a directory to be watched; a file is watched here.
    fn follow(&mut self, graph: &Graph, tree: &Path, link: PathBuf, files: &mut Vec<PathBuf>) -> Option<PathBuf> {
        files.push(link.clone());
        let to = link.canonicalize().ok()?;
        // A directory around the link would be watched for ever, and what is in the tree is watched already.
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

    /// Waits until something has changed. Nothing is lost where this is not waited for to the end.
    pub(super) async fn stirred(&mut self) {
        if self.burst == Burst::default()
            && let Some(told) = self.seen.recv().await
        {
            self.take(told);
        }
    }

    /// What has changed, once nothing has for a moment.
    pub(super) async fn burst(&mut self) -> Burst {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end
            && let Ok(Some(told)) = timeout(QUIET, self.seen.recv()).await
        {
            self.take(told);
        }
        std::mem::take(&mut self.burst)
    }

    fn take(&mut self, told: Told) {
        match told {
            Ok(event) => self.burst.add(event),
            Err(error) => {
                self.burst.is_incomplete = true;
                self.notice(plain(&error), "");
            }
        }
    }

    /// The paths of `burst`, each with whether it came into being, and under the names that links give them. Directories
    /// that are new are watched from here on, and their files are new.
    pub(super) async fn changed(&mut self, graph: &Graph, burst: Burst) -> BTreeMap<PathBuf, bool> {
        let mut changed = BTreeMap::new();
        for (path, is_new) in burst.paths {
            if path.is_dir() {
                if !self.looked_into(graph, graph.home(&path), vec![path.clone()]).await.is_empty() {
                    changed.extend(self.tree(graph, &path).await.into_iter().map(|file| (file, true)));
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
                let named = links.iter().map(|link| if to == path { link.clone() } else { link.join(inside) });
                // Where what is included leads to is known by itself.
                by_links.extend(named.filter(|path| !graph.included().has(path)).map(|path| (path, *is_new)));
            }
        }
        changed.append(&mut by_links);
        changed
    }

    /// Whether the file holds something else than when it was last looked at. A build script that writes the same source
    /// again must not make a build follow from each build.
    pub(super) fn is_other(&mut self, path: &Path, is_new: bool) -> bool {
        let content = content(path);
        if content.is_none() && is_new && !self.contents.contains_key(path) {
            // It came and went, as editors' own files do.
            return false;
        }
        self.contents.insert(path.to_path_buf(), content) != Some(content)
    }

    /// Those of `directories` that are looked into: where something is included, and else what is neither hidden, nor made
    /// by cargo, nor ignored by git. `home` is a directory that these others are all in.
    async fn looked_into(&mut self, graph: &Graph, home: &Path, directories: Vec<PathBuf>) -> Vec<PathBuf> {
        let is_included = |directory: &PathBuf| graph.included().is_around(directory);
        let (mut into, mut others): (Vec<PathBuf>, Vec<PathBuf>) = directories.into_iter().partition(is_included);
        let is_linked = |directory: &PathBuf| self.links.keys().any(|to| directory.starts_with(to));
        let is_foreign = |directory: &PathBuf| graph.is_foreign(directory) || directory.ends_with("node_modules");
        others.retain(|directory| {
            (graph.is_inside(directory) || is_linked(directory)) && !is_hidden(directory) && !is_foreign(directory)
        });
        let ignored = self.ignored(home, &others).await;
        others.retain(|directory| !ignored.has(directory));
        into.append(&mut others);
        into
    }

    /// What git ignores of `paths` in `home`; nothing, where it ignores the whole package: it is built all the same.
    pub(super) async fn ignored(&mut self, home: &Path, paths: &[PathBuf]) -> Ignored {
        let (directory, manifest) = (home.to_path_buf(), home.join("Cargo.toml"));
        let mut asked: Vec<PathBuf> = paths.iter().filter(|path| path.starts_with(home)).cloned().collect();
        if asked.is_empty() {
            return Ignored::default();
        }
        asked.push(manifest.clone());
        let answer = tokio::task::spawn_blocking(move || ignored(&directory, &asked)).await.unwrap_or_default();
        if let Some(why) = &answer.refusal {
            let hint = if why.contains("dubious ownership") {
                "`git config --global --add safe.directory DIRECTORY` lets git answer"
            } else {
                "what git ignores is watched as well"
            };
            self.notice(format!("git does not say what it ignores: {why}"), hint);
        }
        if answer.has(&manifest) { Ignored::default() } else { answer }
    }
}

impl Burst {
    /// Nothing has happened.
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

/// A digest of what the file holds. Reading a pipe would wait for its other end, so only files are read.
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

/// Something is written, named, made or removed; reading is no change, and neither is a new time or mode. That something
/// was looked at and had another time is one.
const fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::WriteTime)) => true,
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Not what is hidden, and not what editors keep.
pub(super) fn may_be_source(path: &Path) -> bool {
    (!is_hidden(path) || is_environment(path)) && !is_editors(path)
}

/// What editors keep beside the file that they write: locks, backups, files that a save goes through.
pub(super) fn is_editors(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.contains("___jb_")
        || [".tmp", ".bak", ".orig", ".rej", ".swp", ".swo", ".swx"].iter().any(|end| name.ends_with(end))
}

/// The system's own reason, without the paths that a message has already.
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
        for name in ["main.rs", "build.rs", "Cargo.toml", "schema.sql", ".env", ".env.local", "template.html"] {
            assert!(may_be_source(Path::new(name)), "{name}");
        }
        for name in [".main.rs.swp", ".#main.rs", "#main.rs#", "main.rs~", "main.rs___jb_tmp___", "x.tmp", ".DS_Store"]
        {
            assert!(!may_be_source(Path::new(name)), "{name}");
        }
    }

    #[tokio::test]
    async fn what_the_system_does_not_watch_is_looked_at_and_told_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("main.rs");
        fs::write(&file, "old").unwrap();
        let mut sight = Sight::new();
        sight.watcher = None;
        sight.watch(place.path());
        sight.watch(place.path());
        let notices = sight.notices();
        assert!(notices.len() == 1 && notices[0].hint.contains("fs.inotify.max_user_watches"), "{notices:?}");
        fs::write(&file, "another, of another size").unwrap();
        let seen = timeout(Duration::from_mins(1), async {
            sight.stirred().await;
            sight.burst().await
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
