//! A log group: its settings, a file for each stream, and its retention. Events that are too old
//! are removed when the group is accessed, once an hour at most; nothing runs in the background.
//! Touches its directory only.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{event::now, stream::Stream, tail_sessions::Watchers};
use crate::{
    http::error::ApiError,
    http::hex::hexadecimal,
    store::{damage::Damage, disk},
};

/// Name of the file with a group's settings.
pub(crate) const SETTINGS: &str = "group.json";
/// Minimum interval between two removals of events that are too old.
const SWEEP: Duration = Duration::from_hours(1);
/// A day in milliseconds.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;

/// A log group.
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    dir: PathBuf,
    settings: Mutex<Settings>,
    watchers: Arc<Watchers>,
    damage: Arc<Damage>,
    /// Streams, read on first access: there may be thousands.
    streams: Mutex<Option<Streams>>,
}

/// A group's streams.
struct Streams {
    by_name: BTreeMap<String, Arc<Stream>>,
    /// Time of the last removal of events that are too old, if any.
    swept: Option<Instant>,
}

/// Stored settings of a group.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    name: String,
    /// Time of creation, in milliseconds since the Unix epoch.
    pub(crate) created: i64,
    /// Retention of its events in days; `None` means that they never expire.
    pub(crate) retention_days: Option<i64>,
    /// Its tags.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Class, if it is not the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// ARN of the KMS key that AWS would encrypt it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

impl Settings {
    /// Creates the settings of a new group.
    pub(crate) fn new(name: &str, tags: BTreeMap<String, String>) -> Self {
        Self {
            name: name.to_owned(),
            created: now(),
            retention_days: None,
            tags,
            class: None,
            key: None,
        }
    }
}

impl Group {
    /// Opens a group whose directory exists.
    pub(crate) fn new(
        dir: PathBuf,
        settings: Settings,
        watchers: Arc<Watchers>,
        damage: Arc<Damage>,
    ) -> Self {
        let name = settings.name.clone();
        Self {
            name,
            dir,
            settings: Mutex::new(settings),
            watchers,
            damage,
            streams: Mutex::new(None),
        }
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Settings)) -> io::Result<()> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = settings.clone();
        change(&mut changed);
        disk::write_json(&self.dir.join(SETTINGS), &changed)?;
        *settings = changed;
        Ok(())
    }

    /// Sets the retention, and removes the events that are too old by it.
    pub(crate) fn set_retention(&self, days: Option<i64>) -> io::Result<()> {
        self.set(|settings| settings.retention_days = days)?;
        self.with_streams(|streams| {
            self.sweep(streams);
            Ok(())
        })
    }

    /// Time before which its events have expired.
    pub(crate) fn horizon(&self) -> i64 {
        self.settings().retention_days.map_or(i64::MIN, |days| now() - days * DAY)
    }

    /// Returns its streams in the order of their names.
    pub(crate) fn streams(&self) -> io::Result<Vec<Arc<Stream>>> {
        self.with_streams(|streams| Ok(streams.by_name.values().cloned().collect()))
    }

    /// Returns a stream by its name.
    pub(crate) fn stream(&self, name: &str) -> Result<Arc<Stream>, ApiError> {
        self.with_streams(|streams| Ok(streams.by_name.get(name).cloned()))
            .map_err(|error| ApiError::service("could not read a log group", &error))?
            .ok_or_else(|| ApiError::not_found("The specified log stream does not exist."))
    }

    /// Creates a stream; returns `None` if it exists.
    pub(crate) fn create_stream(&self, name: &str) -> io::Result<Option<Arc<Stream>>> {
        self.with_streams(|streams| {
            if streams.by_name.contains_key(name) {
                Ok(None)
            } else {
                self.add_stream(streams, name).map(Some)
            }
        })
    }

    /// Returns a stream for a sandbox, created if missing; [`Stream::release`] it.
    pub(crate) fn hold_stream(&self, name: &str) -> io::Result<Arc<Stream>> {
        self.with_streams(|streams| {
            let stream = match streams.by_name.get(name) {
                Some(stream) => Arc::clone(stream),
                None => self.add_stream(streams, name)?,
            };
            stream.hold();
            Ok(stream)
        })
    }

    fn add_stream(&self, streams: &mut Streams, name: &str) -> io::Result<Arc<Stream>> {
        let path = self.dir.join(format!("{}.jsonl", file_name(name)));
        let stream = Arc::new(Stream::create(&self.name, name, &path, Arc::clone(&self.watchers))?);
        streams.by_name.insert(name.to_owned(), Arc::clone(&stream));
        Ok(stream)
    }

    /// Removes a stream and its events. Returns `true` if it existed.
    pub(crate) fn delete_stream(&self, name: &str) -> io::Result<bool> {
        self.with_streams(|streams| match streams.by_name.remove(name) {
            Some(stream) => stream.remove().map(|()| true),
            None => Ok(false),
        })
    }

    /// Renames its directory to a name that [`Logs`](super::Logs) ignores, and returns the new
    /// path, which the caller has to [remove](disk::remove_dir). Its streams accept no more events.
    pub(crate) fn discard(&self) -> io::Result<PathBuf> {
        let trash = self.dir.with_file_name(format!(".{}", uuid::Uuid::new_v4().simple()));
        // Streams are not loaded for this: a stream that is not loaded has no writers.
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        fs::rename(&self.dir, &trash)?;
        for stream in streams.iter().flat_map(|streams| streams.by_name.values()) {
            stream.remove()?;
        }
        Ok(trash)
    }

    fn with_streams<T>(&self, work: impl FnOnce(&mut Streams) -> io::Result<T>) -> io::Result<T> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = match &mut *streams {
            Some(streams) => streams,
            none => none.insert(Streams { by_name: self.load()?, swept: None }),
        };
        if streams.swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            self.sweep(streams);
        }
        work(streams)
    }

    /// Removes the events, and the streams, that are too old.
    fn sweep(&self, streams: &mut Streams) {
        streams.swept = Some(Instant::now());
        let horizon = self.horizon();
        if horizon == i64::MIN {
            return;
        }
        streams.by_name.retain(|name, stream| match stream.expire(horizon) {
            Ok(removed) => !removed,
            Err(error) => {
                // Reads no longer return these events; the next sweep removes them from the disk as
                // well.
                tracing::warn!(%error, stream = name, group = self.name, "old log events could not \
                    be removed");
                true
            }
        });
    }

    /// Reads the streams on disk.
    fn load(&self) -> io::Result<BTreeMap<String, Arc<Stream>>> {
        disk::sweep(&self.dir)?;
        let mut streams = BTreeMap::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            match Stream::open(&self.name, &path, Arc::clone(&self.watchers)) {
                Ok(Some(stream)) => drop(streams.insert(stream.name.clone(), Arc::new(stream))),
                // Set aside, so that a new stream of its name does not replace it.
                Ok(None) => {
                    self.damage.set_aside(
                        &path,
                        "a log stream",
                        "its first line cannot be read",
                    )?;
                }
                Err(error) if path.is_dir() => {
                    self.damage.set_aside(&path, "a log stream", &error.to_string())?;
                }
                Err(error) => self
                    .damage
                    .record(format!("{}: a log stream is left out: {error}", path.display())),
            }
        }
        Ok(streams)
    }
}

/// Returns the file name for a name.
pub(crate) fn file_name(name: &str) -> String {
    hexadecimal(&Sha256::digest(name.as_bytes())).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_time_goes_old_events_leave_the_disk_when_the_group_is_asked_for_something() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { retention_days: Some(1), ..Settings::new("g", BTreeMap::new()) };
        let group = Group::new(dir.path().to_owned(), settings, Arc::default(), Arc::default());
        for (name, time) in [("old", now() - 2 * DAY), ("new", now())] {
            let stream = group.create_stream(name).unwrap().unwrap();
            stream.append(vec![(time, "event".to_owned())]).unwrap();
        }
        let names = || {
            group.streams().unwrap().iter().map(|stream| stream.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(), ["new", "old"], "just looked through");
        // As if an hour had passed.
        group.streams.lock().unwrap().as_mut().unwrap().swept = None;
        assert_eq!(names(), ["new"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
