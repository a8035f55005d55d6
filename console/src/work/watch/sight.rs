//! What is seen of the file system: the directories that are watched, and a burst of changes.
//!
//! May touch files and `git`, to read; changes nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{Config, ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::graph::{Graph, is_environment};
use crate::{message::Failure, work::command};

/// A burst has ended when nothing was written for so long: editors save in several steps, and several files.
const QUIET: Duration = Duration::from_millis(80);
/// A burst that does not end is looked at after so long.
const LONGEST: Duration = Duration::from_secs(1);
/// So many paths are asked of git in one command line.
const ASKED_AT_ONCE: usize = 500;

/// The watched directories, and what is known of the files in them.
pub(super) struct Sight {
    watcher: RecommendedWatcher,
    seen: UnboundedReceiver<notify::Result<notify::Event>>,
    /// What the files held that have changed so far; none of one that is gone.
    contents: HashMap<PathBuf, Option<u64>>,
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
    pub(super) fn new() -> Result<Self, Failure> {
        let (sender, seen) = unbounded_channel();
        let handler = move |event: notify::Result<notify::Event>| {
            if event.as_ref().map_or(true, |event| event.need_rescan() || is_change(event.kind)) {
                // The receiver is gone when nobody watches any more.
                drop(sender.send(event));
            }
        };
        let watcher = RecommendedWatcher::new(handler, Config::default()).map_err(|error| unwatched(&error))?;
        Ok(Self { watcher, seen, contents: HashMap::new() })
    }

    /// Watches what `graph` says; watching a directory twice is the same as once.
    pub(super) async fn cover(&mut self, graph: &Graph) -> Result<(), Failure> {
        for place in graph.places() {
            self.directory(&place)?;
        }
        for tree in graph.trees() {
            self.tree(graph, tree).await?;
        }
        Ok(())
    }

    /// Takes the lock file as it is: cargo brought it up to date when it was asked about the workspace.
    pub(super) fn settle(&mut self, graph: &Graph) {
        self.is_other(&graph.root().join("Cargo.lock"), false);
    }

    fn directory(&mut self, directory: &Path) -> Result<(), Failure> {
        match self.watcher.watch(directory, RecursiveMode::NonRecursive) {
            Err(error) if directory.exists() => Err(unwatched(&error)),
            // One that is not there is watched when it comes.
            _ => Ok(()),
        }
    }

    /// Watches the directory and those below it, each by itself, so that what is not looked at costs nothing; gives the
    /// files in them.
    async fn tree(&mut self, graph: &Graph, tree: &Path) -> Result<Vec<PathBuf>, Failure> {
        let (mut files, mut level) = (Vec::new(), vec![tree.to_path_buf()]);
        while !level.is_empty() {
            let mut below = Vec::new();
            for directory in &level {
                // Watched before it is read, so that what comes meanwhile is seen.
                self.directory(directory)?;
                for entry in std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
                    match entry.file_type() {
                        Ok(kind) if kind.is_dir() => below.push(entry.path()),
                        _ => files.push(entry.path()),
                    }
                }
            }
            level = looked_into(graph, tree, below).await;
        }
        Ok(files)
    }

    /// Waits for the next burst of changes.
    pub(super) async fn burst(&mut self) -> Result<Burst, Failure> {
        let mut burst = Burst::default();
        let Some(first) = self.seen.recv().await else { return Ok(burst) };
        burst.add(first)?;
        let end = Instant::now() + LONGEST;
        while Instant::now() < end
            && let Ok(Some(event)) = timeout(QUIET, self.seen.recv()).await
        {
            burst.add(event)?;
        }
        Ok(burst)
    }

    /// The files of `burst` that hold something else than before, and may be sources. Directories that are new are
    /// watched from here on.
    pub(super) async fn changed(&mut self, graph: &Graph, burst: Burst) -> Result<Vec<PathBuf>, Failure> {
        let mut candidates = BTreeMap::new();
        for (path, is_new) in burst.paths {
            if !path.is_dir() {
                candidates.insert(path, is_new);
            } else if !looked_into(graph, graph.home(&path), vec![path.clone()]).await.is_empty() {
                candidates.extend(self.tree(graph, &path).await?.into_iter().map(|file| (file, true)));
            } else if path == graph.root().join(".cargo") {
                self.directory(&path)?;
                candidates.extend(["config", "config.toml"].map(|name| (path.join(name), true)));
            }
        }
        let included = graph.included();
        candidates.retain(|path, _| {
            included.is_named(path)
                || (included.has(path) && !is_editors(path))
                || (graph.is_inside(path) && may_be_source(path))
        });
        let mut homes: BTreeMap<&Path, Vec<PathBuf>> = BTreeMap::new();
        for path in candidates.keys().filter(|path| !included.has(path)) {
            homes.entry(graph.home(path)).or_default().push(path.clone());
        }
        for (home, paths) in homes {
            let ignored = ignored(home, &paths).await;
            // Git may be told to leave out what cargo and the console read all the same.
            candidates.retain(|path, _| !ignored.contains(path) || graph.is_manifest(path));
        }
        let is_other = |(path, is_new): (PathBuf, bool)| self.is_other(&path, is_new).then_some(path);
        Ok(candidates.into_iter().filter_map(is_other).collect())
    }

    /// Whether the file holds something else than when it was last looked at. A build script that writes the same source
    /// again must not make a build follow from each build.
    fn is_other(&mut self, path: &Path, is_new: bool) -> bool {
        let content = std::fs::read(path).ok().map(|content| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            hasher.finish()
        });
        if content.is_none() && is_new && !self.contents.contains_key(path) {
            // It came and went, as editors' own files do.
            return false;
        }
        self.contents.insert(path.to_path_buf(), content) != Some(content)
    }
}

impl Burst {
    fn add(&mut self, event: notify::Result<notify::Event>) -> Result<(), Failure> {
        let event = event.map_err(|error| unwatched(&error))?;
        self.is_incomplete |= event.need_rescan();
        let is_new = matches!(event.kind, EventKind::Create(_));
        for path in event.paths {
            *self.paths.entry(path).or_default() |= is_new;
        }
        Ok(())
    }
}

/// Something is written, named, made or removed; reading is no change, and neither is a new time or mode.
const fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Not what is hidden, and not what editors keep.
fn may_be_source(path: &Path) -> bool {
    (!is_hidden(path) || is_environment(path)) && !is_editors(path)
}

/// What editors keep beside the file that they write: locks, backups, files that a save goes through.
fn is_editors(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.contains("___jb_")
        || [".tmp", ".bak", ".orig", ".rej", ".swp", ".swo", ".swx"].iter().any(|end| name.ends_with(end))
}

/// Those of `directories` that are looked into: where something is included, and else what is neither hidden, nor made by
/// cargo, nor left out by git. `home` is a directory that these others are all in.
async fn looked_into(graph: &Graph, home: &Path, directories: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_included = |directory: &PathBuf| graph.included().is_around(directory);
    let (mut into, mut others): (Vec<PathBuf>, Vec<PathBuf>) = directories.into_iter().partition(is_included);
    others.retain(|directory| graph.is_inside(directory) && !is_hidden(directory) && !graph.is_foreign(directory));
    let ignored = ignored(home, &others).await;
    others.retain(|directory| !ignored.contains(directory));
    into.append(&mut others);
    into
}

/// Which of `paths` git is told to leave out; none where there is no git or no repository. `home` is a directory that
/// they are all in.
async fn ignored(home: &Path, paths: &[PathBuf]) -> HashSet<PathBuf> {
    let mut ignored = HashSet::new();
    for paths in paths.chunks(ASKED_AT_ONCE) {
        let mut git = command::command("git", home);
        git.args(["-c", "core.quotePath=false", "check-ignore", "--"]).args(paths);
        if let Ok(finished) = command::output(git, &CancellationToken::new()).await {
            ignored.extend(finished.stdout.lines().map(PathBuf::from));
        }
    }
    ignored
}

fn unwatched(error: &notify::Error) -> Failure {
    let hint = match error.kind {
        ErrorKind::MaxFilesWatch => "the system watches no more files: raise `fs.inotify.max_user_watches` with sysctl",
        _ => "",
    };
    Failure::environment("could not watch the sources", error.to_string(), hint)
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
}
