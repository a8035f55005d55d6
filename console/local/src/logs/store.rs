//! The log groups on disk: a directory each, with the group's settings and a file for each stream. Names may hold any
//! character and be 512 long, so directories and files are named by a hash. Touches the log directory only.

use super::{
    stream::{Stream, now},
    tail::Watchers,
};
use crate::{call::hexadecimal, disk, fault::Fault, service::ACCOUNT};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

/// All log groups.
pub(crate) struct Logs {
    dir: PathBuf,
    region: String,
    groups: RwLock<BTreeMap<String, Arc<Group>>>,
    /// Who follows them.
    pub(super) watchers: Arc<Watchers>,
}

/// A log group.
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    dir: PathBuf,
    settings: Mutex<Settings>,
    watchers: Arc<Watchers>,
    /// Read when first asked for: there may be thousands.
    streams: Mutex<Option<BTreeMap<String, Arc<Stream>>>>,
}

/// What is remembered of a group.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    name: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub(super) created: i64,
    /// How many days its events are kept; none: for ever.
    pub(super) retention_days: Option<i64>,
}

const SETTINGS: &str = "group.json";

impl Logs {
    /// Reads which groups there are.
    pub(crate) fn open(dir: &Path, region: String) -> io::Result<Arc<Self>> {
        disk::make_dir(dir)?;
        let watchers = Arc::<Watchers>::default();
        let mut groups = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let dir = entry?.path();
            let settings = match disk::read_json::<Settings>(&dir.join(SETTINGS)) {
                Ok(Some(settings)) => settings,
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::warn!(%error, "a log group of the local Lambda is passed over");
                    continue;
                }
                Err(error) => return Err(error),
            };
            groups.insert(settings.name.clone(), Arc::new(Group::new(dir, settings, Arc::clone(&watchers))));
        }
        Ok(Arc::new(Self { dir: dir.to_owned(), region, groups: RwLock::new(groups), watchers }))
    }

    /// The ARN of a group, without the `:*` that some answers put after it.
    pub(super) fn arn(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{ACCOUNT}:log-group:{group}", self.region)
    }

    /// All groups in the order of their names.
    pub(super) fn groups(&self) -> Vec<Arc<Group>> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// A group by its name or ARN.
    pub(super) fn group(&self, identifier: &str) -> Result<Arc<Group>, Fault> {
        let name = group_name(identifier);
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(name).cloned().ok_or_else(|| Fault::not_found("The specified log group does not exist."))
    }

    /// Makes a group; none when it is there.
    pub(super) fn create_group(&self, name: &str) -> io::Result<Option<Arc<Group>>> {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.contains_key(name) {
            return Ok(None);
        }
        let dir = self.dir.join(file_name(name));
        disk::make_dir(&dir)?;
        let settings = Settings { name: name.to_owned(), created: now(), retention_days: None };
        disk::write_json(&dir.join(SETTINGS), &settings)?;
        let group = Arc::new(Group::new(dir, settings, Arc::clone(&self.watchers)));
        groups.insert(name.to_owned(), Arc::clone(&group));
        Ok(Some(group))
    }

    /// Removes a group and all its events.
    pub(super) fn delete_group(&self, name: &str) -> Result<(), Fault> {
        let group = self.group(name)?;
        self.groups.write().unwrap_or_else(PoisonError::into_inner).remove(&group.name);
        disk::remove_dir(&group.dir).map_err(|error| Fault::service("could not remove a log group", &error))
    }

    /// A new stream for a sandbox, in a group that is made when missing.
    pub(crate) fn begin(&self, group: &str, stream: &str) -> io::Result<Arc<Stream>> {
        let group = match self.group(group) {
            Ok(group) => group,
            Err(_) => match self.create_group(group)? {
                Some(group) => group,
                None => self.group(group).map_err(|fault| io::Error::other(fault.message))?,
            },
        };
        group
            .create_stream(stream)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "the log stream is there"))
    }
}

impl Group {
    fn new(dir: PathBuf, settings: Settings, watchers: Arc<Watchers>) -> Self {
        let name = settings.name.clone();
        Self { name, dir, settings: Mutex::new(settings), watchers, streams: Mutex::new(None) }
    }

    /// Its settings.
    pub(super) fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets how long its events are kept.
    pub(super) fn set_retention(&self, days: Option<i64>) -> io::Result<()> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = Settings { retention_days: days, ..settings.clone() };
        disk::write_json(&self.dir.join(SETTINGS), &changed)?;
        *settings = changed;
        Ok(())
    }

    /// The time before which its events are no more.
    pub(super) fn horizon(&self) -> i64 {
        self.settings().retention_days.map_or(i64::MIN, |days| now() - days * 24 * 60 * 60 * 1000)
    }

    /// Its streams in the order of their names.
    pub(super) fn streams(&self) -> io::Result<Vec<Arc<Stream>>> {
        self.with_streams(|streams| Ok(streams.values().cloned().collect()))
    }

    /// A stream by its name.
    pub(super) fn stream(&self, name: &str) -> Result<Arc<Stream>, Fault> {
        self.with_streams(|streams| Ok(streams.get(name).cloned()))
            .map_err(|error| Fault::service("could not read a log group", &error))?
            .ok_or_else(|| Fault::not_found("The specified log stream does not exist."))
    }

    /// Makes a stream; none when it is there.
    pub(super) fn create_stream(&self, name: &str) -> io::Result<Option<Arc<Stream>>> {
        self.with_streams(|streams| {
            if streams.contains_key(name) {
                return Ok(None);
            }
            let path = self.dir.join(format!("{}.jsonl", file_name(name)));
            let stream = Arc::new(Stream::create(&self.name, name, &path, Arc::clone(&self.watchers))?);
            streams.insert(name.to_owned(), Arc::clone(&stream));
            Ok(Some(stream))
        })
    }

    fn with_streams<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Arc<Stream>>) -> io::Result<T>) -> io::Result<T> {
        let mut streams: MutexGuard<'_, _> = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.as_mut() {
            Some(streams) => work(streams),
            None => work(streams.insert(self.load()?)),
        }
    }

    /// Reads the streams on disk; those whose last event is past the retention go.
    fn load(&self) -> io::Result<BTreeMap<String, Arc<Stream>>> {
        let horizon = self.horizon();
        let mut streams = BTreeMap::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let Some(stream) = Stream::open(&self.name, &path, Arc::clone(&self.watchers))? else {
                tracing::warn!(path = %path.display(), "a log stream of the local Lambda is passed over: its first line is damaged");
                continue;
            };
            if stream.extent().last.unwrap_or(stream.created) < horizon {
                fs::remove_file(&path)?;
                continue;
            }
            streams.insert(stream.name.clone(), Arc::new(stream));
        }
        Ok(streams)
    }
}

/// The name in a group's name or ARN.
pub(super) fn group_name(identifier: &str) -> &str {
    let name = match identifier.split_once(":log-group:") {
        Some((start, name)) if start.starts_with("arn:") => name,
        _ => identifier,
    };
    name.strip_suffix(":*").unwrap_or(name)
}

fn file_name(name: &str) -> String {
    hexadecimal(&Sha256::digest(name.as_bytes())).chars().take(32).collect()
}
